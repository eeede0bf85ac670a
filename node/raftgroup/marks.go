package raftgroup

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// mark is how far a replica had promised to be: the last log entry it had
// synced, and the newest term it had been in.
type mark struct {
	index, term uint64 // of the last log entry
	current     uint64 // Raft's current term
}

// behind reports whether a log that ends with (index, term) is shorter than the
// mark says. A suffix that another leader's entries replaced ends in a higher
// term, so only a lost tail compares lower.
func (m mark) behind(index, term uint64) bool {
	return term < m.term || term == m.term && index < m.index
}

// The marks file is an array of slots, one a group; a slot is two records that
// are written in turn, so that a torn write leaves the other one. A record:
// u8 format | 3 zero | u32 group | u64 seq | u64 index | u64 term | u64 current | u32 crc32c.
const (
	marksName   = "MARKS"
	marksFormat = 1
	recordSize  = 64
	recordUsed  = 44
	slotSize    = 2 * recordSize
	maxSlots    = 1 << 16

	// marksInterval bounds how often the file is synced, and with it how old a
	// mark can be after a crash.
	marksInterval = 200 * time.Millisecond
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// marks keeps the high-water marks of all groups in a file of their own, that
// shares no log with the entries it vouches for. Marks are raised in memory and
// written and synced in the background, only while they change.
type marks struct {
	f vfs.File

	mu      sync.Mutex
	slots   map[GroupID]*markSlot
	dirty   bool
	timer   *time.Timer // runs flush; nil when all is written
	closed  bool
	running sync.WaitGroup // flushes

	writeMu sync.Mutex // serialises writes to f
}

type markSlot struct {
	mark
	group GroupID
	pos   int64 // of the slot in the file
	seq   uint64
	dirty bool
}

// openMarks reads or creates the file in dir.
func openMarks(fs vfs.FS, dir string) (*marks, error) {
	f, err := fs.OpenReadWrite(fs.PathJoin(dir, marksName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("open the high-water marks: %w", err)
	}
	m := &marks{f: f, slots: map[GroupID]*markSlot{}}
	if err := m.load(); err != nil {
		f.Close()
		return nil, err
	}
	d, err := fs.OpenDir(dir)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		f.Close()
		return nil, fmt.Errorf("sync %s: %w", dir, err)
	}
	return m, nil
}

func (m *marks) load() error {
	buf := make([]byte, slotSize)
	for pos := int64(0); pos < maxSlots*slotSize; pos += slotSize {
		clear(buf)
		if _, err := m.f.ReadAt(buf, pos); err == io.EOF && buf[0] == 0 {
			return nil
		} else if err != nil && err != io.EOF {
			return fmt.Errorf("read the high-water marks: %w", err)
		}
		var best *markSlot
		for _, rec := range [][]byte{buf[:recordSize], buf[recordSize:]} {
			if s := decodeMark(rec); s != nil && (best == nil || s.seq > best.seq) {
				best = s
			}
		}
		if best == nil {
			// Both copies of a slot unreadable: the group it was for is not
			// known. The place stays taken.
			best = &markSlot{group: GroupID(^uint32(0)) - GroupID(pos/slotSize)}
		}
		best.pos = pos
		m.slots[best.group] = best
	}
	return nil
}

func decodeMark(b []byte) *markSlot {
	if b[0] != marksFormat || binary.BigEndian.Uint32(b[40:]) != crc32.Checksum(b[:40], castagnoli) {
		return nil
	}
	return &markSlot{
		group: GroupID(binary.BigEndian.Uint32(b[4:])),
		seq:   binary.BigEndian.Uint64(b[8:]),
		mark: mark{
			index:   binary.BigEndian.Uint64(b[16:]),
			term:    binary.BigEndian.Uint64(b[24:]),
			current: binary.BigEndian.Uint64(b[32:]),
		},
	}
}

func (s *markSlot) encode() []byte {
	b := make([]byte, recordSize)
	b[0] = marksFormat
	binary.BigEndian.PutUint32(b[4:], uint32(s.group))
	binary.BigEndian.PutUint64(b[8:], s.seq)
	binary.BigEndian.PutUint64(b[16:], s.index)
	binary.BigEndian.PutUint64(b[24:], s.term)
	binary.BigEndian.PutUint64(b[32:], s.current)
	binary.BigEndian.PutUint32(b[40:recordUsed], crc32.Checksum(b[:40], castagnoli))
	return b
}

// get returns the group's mark; ok is false if it never had one.
func (m *marks) get(id GroupID) (mk mark, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slots[id]
	if s == nil || s.mark == (mark{}) {
		return mark{}, false
	}
	return s.mark, true
}

// update changes the group's mark and has it written soon.
func (m *marks) update(id GroupID, change func(*mark)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slots[id]
	if s == nil {
		s = &markSlot{group: id, pos: int64(len(m.slots)) * slotSize}
		m.slots[id] = s
	}
	change(&s.mark)
	s.dirty, m.dirty = true, true
	if m.timer == nil && !m.closed {
		m.running.Add(1)
		m.timer = time.AfterFunc(marksInterval, m.tick)
	}
}

func (m *marks) tick() {
	defer m.running.Done()
	m.mu.Lock()
	m.timer = nil
	m.mu.Unlock()
	// An error has tripped the guard already.
	_ = m.flush()
}

// flush writes and syncs the marks changed since the last time.
func (m *marks) flush() error {
	m.writeMu.Lock()
	defer m.writeMu.Unlock()
	for pos, rec := range m.takeDirty() {
		if _, err := m.f.WriteAt(rec, pos); err != nil {
			return fmt.Errorf("write the high-water marks: %w", err)
		}
	}
	if err := m.f.SyncData(); err != nil {
		return fmt.Errorf("sync the high-water marks: %w", err)
	}
	return nil
}

// takeDirty returns the records to write, by position.
func (m *marks) takeDirty() map[int64][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[int64][]byte{}
	if !m.dirty {
		return out
	}
	for _, s := range m.slots {
		if s.dirty {
			s.seq++
			out[s.pos+int64(s.seq%2)*recordSize] = s.encode()
			s.dirty = false
		}
	}
	m.dirty = false
	return out
}

// close flushes and closes the file.
func (m *marks) close() error {
	m.mu.Lock()
	m.closed = true
	if m.timer != nil && m.timer.Stop() {
		m.running.Done()
	}
	m.timer = nil
	m.mu.Unlock()
	m.running.Wait()
	err := m.flush()
	if cerr := m.f.Close(); err == nil {
		err = cerr
	}
	return err
}
