package objectapi

import (
	"fmt"
	"strconv"
	"strings"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
)

// byteRange is a Range header with one range. The zero value is none.
type byteRange struct {
	given       bool
	first, last int64 // last < 0: to the end
	suffix      int64 // of "-n"; then first and last are not used
	isSuffix    bool
}

// parseRange reads a Range header. What is not a single range of bytes is no
// range, as S3 and RFC 9110 14.2 have it.
func parseRange(s string) (r byteRange) {
	spec, ok := strings.CutPrefix(s, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return r
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return r
	}
	if first == "" {
		n, ok := parseOffset(last)
		return byteRange{given: ok, suffix: n, isSuffix: true}
	}
	r.last = -1
	if r.first, ok = parseOffset(first); !ok {
		return byteRange{}
	}
	if last != "" {
		if r.last, ok = parseOffset(last); !ok || r.last < r.first {
			return byteRange{}
		}
	}
	r.given = true
	return r
}

// parseOffset reads a decimal number without a sign. One that is beyond any
// object stands for the largest.
func parseOffset(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}

// window returns what the machine is asked for.
func (r byteRange) window() machine.Window {
	switch {
	case !r.given:
		return machine.Whole
	case r.isSuffix:
		return machine.Window{Suffix: r.suffix}
	case r.last < 0:
		return machine.Window{Off: r.first, Len: -1}
	}
	return machine.Window{Off: r.first, Len: r.length()}
}

// length returns last-first+1 without overflow.
func (r byteRange) length() int64 { return max(r.last-r.first, r.last-r.first+1) }

// clip returns the range's place in an object of size bytes. InvalidRange, if it
// has none.
func (r byteRange) clip(size int64) (off, n int64, err error) {
	switch {
	case !r.given:
		return 0, size, nil
	case r.isSuffix:
		if n = min(r.suffix, size); n == 0 {
			return 0, 0, r.outside(size)
		}
		return size - n, n, nil
	case r.first >= size:
		return 0, 0, r.outside(size)
	case r.last < 0:
		return r.first, size - r.first, nil
	}
	return r.first, min(r.length(), size-r.first), nil
}

func (r byteRange) outside(size int64) error {
	asked := fmt.Sprintf("bytes=%d-%d", r.first, r.last)
	if r.isSuffix {
		asked = fmt.Sprintf("bytes=-%d", r.suffix)
	} else if r.last < 0 {
		asked = fmt.Sprintf("bytes=%d-", r.first)
	}
	return s3err.New(s3err.InvalidRange).
		With("RangeRequested", asked).
		With("ActualObjectSize", strconv.FormatInt(size, 10)).
		WithHeader("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
}

// contentRange is the value of Content-Range.
func contentRange(off, n, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, size)
}
