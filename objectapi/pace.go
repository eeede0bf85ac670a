package objectapi

import (
	"io"
	"sync"
	"time"

	"cairn/objectapi/machine"
	"cairn/store"
)

const (
	// fillTime is how long a buffer should take to fill. A client that fills one
	// of 8 MiB in more gets smaller ones, down to leastBlob: otherwise a dozen
	// slow clients would hold all the memory of uploads.
	fillTime  = 5 * time.Second
	leastBlob = 1 << 20

	// headSize is how much is read before the first buffer is taken, to know the
	// pace. It is not charged to the budget.
	headSize = 64 << 10
)

var heads = sync.Pool{New: func() any { return new([headSize]byte) }}

// pace reads a body and measures how fast it arrives, leaving out the time in
// which nobody reads.
type pace struct {
	io.Reader
	bytes   int64
	reading time.Duration
}

func (p *pace) Read(b []byte) (int, error) {
	began := time.Now()
	n, err := p.Reader.Read(b)
	p.reading += time.Since(began)
	p.bytes += int64(n)
	return n, err
}

// blobSize returns how large the next blob should be when left bytes of the body
// are still to come and blobs were cut.
func (p *pace) blobSize(left int64, blobs int) int {
	size := int64(store.MaxBlob)
	if p.reading > 0 {
		size = min(size, int64(float64(p.bytes)/p.reading.Seconds()*fillTime.Seconds()))
	}
	// What is left must fit the number of blobs that a body may have.
	may := int64(machine.MaxRefs - blobs)
	size = max(size, leastBlob, (left+may-1)/may)
	return int(min(size, left, store.MaxBlob))
}
