package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
	"strconv"
	"strings"
	"sync"

	"cairn/store"
)

const (
	segmentMagic  = "CAIRNSEG"
	segmentFormat = 1
	segmentHeader = 64
)

// encodeSegmentHeader returns magic 8 | fmt u8 | 3 zero | seg u32 | uuid 16 |
// crc u32, padded to 64 bytes.
func encodeSegmentHeader(num uint32, uuid [16]byte) []byte {
	b := append(make([]byte, 0, segmentHeader), segmentMagic...)
	b = append(b, segmentFormat, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, num)
	b = append(b, uuid[:]...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return b[:segmentHeader]
}

// checkSegmentHeader refuses a format of a newer version and a segment of
// another disk. Damage is not its business: the records have sums of their own.
func checkSegmentHeader(b []byte, num uint32, uuid [16]byte) error {
	if len(b) != segmentHeader || crc32.Checksum(b[:32], castagnoli) != binary.BigEndian.Uint32(b[32:]) {
		return nil
	}
	if b[8] != segmentFormat {
		return unknownFormat("open segment", "segment", b[8])
	}
	if string(b) != string(encodeSegmentHeader(num, uuid)) {
		return &store.Error{Op: "open segment", Kind: store.KindCorrupt, Resource: segmentName(num),
			Hint: "the file belongs to another disk; move it out of the directory"}
	}
	return nil
}

func segmentName(num uint32) string { return fmt.Sprintf("%08x.seg", num) }

func parseSegmentName(name string) (num uint32, ok bool) {
	hex, ok := strings.CutSuffix(name, ".seg")
	v, err := strconv.ParseUint(hex, 16, 32)
	return uint32(v), ok && err == nil && v > 0 && segmentName(uint32(v)) == name
}

// segment is one open segment file. Fields behind num and file are owned by
// segments.mu.
type segment struct {
	num  uint32
	file File

	size    int64 // where the last record ends
	live    int64 // bytes of records that index rows name
	punched int64 // bytes given back to the filesystem
	refs    int   // users of file, one of them the set itself
}

// segments is the set of open segment files.
type segments struct {
	fs FS
	mu struct {
		sync.Mutex
		byNum map[uint32]*segment
	}
}

func newSegments(fs FS) *segments {
	s := &segments{fs: fs}
	s.mu.byNum = map[uint32]*segment{}
	return s
}

// load opens every segment of the directory.
func (s *segments) load(uuid [16]byte) error {
	names, err := s.fs.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		num, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		if err := s.open(num, uuid); err != nil {
			return fmt.Errorf("segment %s: %w", name, err)
		}
	}
	return nil
}

func (s *segments) open(num uint32, uuid [16]byte) error {
	f, err := s.fs.Open(segmentName(num))
	if err != nil {
		return err
	}
	size, allocated, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	b := make([]byte, segmentHeader)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return errors.Join(err, f.Close())
	}
	if err := checkSegmentHeader(b[:n], num, uuid); err != nil {
		return errors.Join(err, f.Close())
	}
	s.add(&segment{num: num, file: f, size: size, punched: max(0, size-allocated)})
	return nil
}

func (s *segments) add(seg *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.refs = 1
	s.mu.byNum[seg.num] = seg
}

// create makes segment num, durable with its name when it returns.
func (s *segments) create(num uint32, uuid [16]byte) (*segment, error) {
	f, err := s.fs.Create(segmentName(num))
	if err != nil {
		return nil, err
	}
	err = errors.Join(f.WriteVec([][]byte{encodeSegmentHeader(num, uuid)}, 0), f.Sync(), s.fs.SyncDir())
	if err != nil {
		return nil, errors.Join(err, f.Close(), s.fs.Remove(segmentName(num)))
	}
	seg := &segment{num: num, file: f, size: segmentHeader}
	s.add(seg)
	return seg, nil
}

// acquire returns segment num with its file held open, or nil. Release it.
func (s *segments) acquire(num uint32) *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg := s.mu.byNum[num]
	if seg != nil {
		seg.refs++
	}
	return seg
}

func (s *segments) release(seg *segment) {
	s.mu.Lock()
	seg.refs--
	last := seg.refs == 0
	s.mu.Unlock()
	if last {
		seg.file.Close()
	}
}

// remove deletes a segment; readers that hold it finish undisturbed.
func (s *segments) remove(seg *segment) error {
	s.mu.Lock()
	delete(s.mu.byNum, seg.num)
	s.mu.Unlock()
	s.release(seg)
	return s.fs.Remove(segmentName(seg.num))
}

func (s *segments) closeAll() {
	for _, seg := range s.all() {
		s.release(seg)
	}
}

// all returns the segments in the order of their numbers.
func (s *segments) all() []*segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*segment, 0, len(s.mu.byNum))
	for _, seg := range s.mu.byNum {
		out = append(out, seg)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].num < out[j].num })
	return out
}

// addLive accounts for rows that begin (n > 0) or cease to name a segment.
// REQUIRES index.mu, which orders it with the row.
func (s *segments) addLive(num uint32, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seg := s.mu.byNum[num]; seg != nil {
		seg.live += n
	}
}

// forgetLive takes back all accounting of rows.
func (s *segments) forgetLive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.mu.byNum {
		seg.live = 0
	}
}

func (s *segments) setSize(seg *segment, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.size = size
}

// punch gives the whole pages of a dead record back. Not every filesystem can;
// compaction gets the space in the end.
func (s *segments) punch(row shardRow) {
	start := (int64(row.off) + pageSize - 1) &^ (pageSize - 1)
	end := (int64(row.off) + row.size()) &^ (pageSize - 1)
	seg := s.acquire(row.seg)
	if seg == nil {
		return
	}
	defer s.release(seg)
	if end <= start || seg.file.Punch(start, end-start) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.punched += end - start
}

// usage sums the bytes that the segments occupy and those that rows name.
func (s *segments) usage() (used, live int64, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.mu.byNum {
		used += seg.size - seg.punched
		live += seg.live
	}
	return used, live, len(s.mu.byNum)
}
