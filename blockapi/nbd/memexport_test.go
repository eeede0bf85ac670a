package nbd

import (
	"context"
	"iter"
	"slices"
	"sync"

	"cairn/internal/arena"
	"cairn/store"
)

const memBlock = 4096

// memVolume is a volume in memory. Blocks that were never written, or trimmed,
// are holes.
type memVolume struct {
	info      Info
	snapshots []string

	// before, if set, runs at the start of every request of an attachment.
	before func(ctx context.Context, cmd command, off, n int64) error

	mu struct {
		sync.RWMutex
		data     []byte
		written  []bool // by block, since ever
		changed  []bool // by block, since the snapshots
		attached map[uint64]Peer
		flushes  int
		durable  int // requests with FUA
	}
}

func newMemVolume(name string, size int64) *memVolume {
	v := &memVolume{info: Info{Name: name, Size: size, MultiConn: true, FastZero: true}}
	v.mu.data = make([]byte, size)
	v.mu.written = make([]bool, (size+memBlock-1)/memBlock)
	v.mu.changed = slices.Clone(v.mu.written)
	v.mu.attached = map[uint64]Peer{}
	return v
}

// fill makes all blocks of v written ones.
func (v *memVolume) fill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.mu.written {
		v.mu.written[i] = true
	}
}

func (v *memVolume) attachments() []Peer {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var all []Peer
	for _, p := range v.mu.attached {
		all = append(all, p)
	}
	return all
}

func (v *memVolume) contents() []byte {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Clone(v.mu.data)
}

// counts returns how many flushes there were, and how many requests with FUA.
func (v *memVolume) counts() (flushes, durable int) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.mu.flushes, v.mu.durable
}

// grow makes the volume larger.
func (v *memVolume) grow(size int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mu.data = append(v.mu.data, make([]byte, size-int64(len(v.mu.data)))...)
	blocks := make([]bool, size/memBlock-int64(len(v.mu.written)))
	v.mu.written, v.mu.changed = append(v.mu.written, blocks...), append(v.mu.changed, blocks...)
}

// memExports is a catalogue of volumes. The first is the default.
type memExports []*memVolume

func (m memExports) find(name string) (*memVolume, error) {
	for i, v := range m {
		if v.info.Name == name || name == "" && i == 0 {
			return v, nil
		}
	}
	return nil, store.Errorf(store.KindNotFound, "find volume", "%q", name)
}

func (m memExports) List(context.Context, Peer) ([]Listing, error) {
	var all []Listing
	for _, v := range m {
		all = append(all, Listing{Name: v.info.Name, Description: v.info.Description})
	}
	return all, nil
}

func (m memExports) Describe(_ context.Context, _ Peer, name string) (Info, error) {
	v, err := m.find(name)
	if err != nil {
		return Info{}, err
	}
	return v.info, nil
}

func (m memExports) Snapshots(_ context.Context, _ Peer, name string) ([]string, error) {
	v, err := m.find(name)
	if err != nil {
		return nil, err
	}
	return v.snapshots, nil
}

func (m memExports) Attach(_ context.Context, peer Peer, name string) (Export, error) {
	v, err := m.find(name)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mu.attached[peer.Conn] = peer
	return &memExport{memVolume: v, peer: peer}, nil
}

// memExport is an attachment to a memVolume.
type memExport struct {
	*memVolume
	peer Peer
}

func (e *memExport) Info() Info { return e.info }

func (e *memExport) Size() int64 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return int64(len(e.mu.data))
}

func (e *memExport) Detach() {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.mu.attached, e.peer.Conn)
}

func (e *memExport) begin(ctx context.Context, cmd command, off, n int64) error {
	if e.before == nil {
		return nil
	}
	return e.before(ctx, cmd, off, n)
}

func (e *memExport) Read(ctx context.Context, p []byte, off int64, holes *Holes) error {
	if err := e.begin(ctx, cmdRead, off, int64(len(p))); err != nil {
		return err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	for at := 0; at < len(p); {
		block := (off + int64(at)) / memBlock
		n := min(int((block+1)*memBlock-off)-at, len(p)-at)
		if e.mu.written[block] {
			copy(p[at:at+n], e.mu.data[off+int64(at):])
		} else {
			holes.Add(at, n)
		}
		at += n
	}
	return nil
}

func (e *memExport) Write(ctx context.Context, p []byte, off int64, fua bool) error {
	defer arena.Put(p)
	if err := e.begin(ctx, cmdWrite, off, int64(len(p))); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	copy(e.mu.data[off:], p)
	e.markLocked(off, int64(len(p)), true, fua)
	return nil
}

// markLocked notes a change of the blocks that a range touches.
func (e *memExport) markLocked(off, n int64, written, fua bool) {
	if fua {
		e.mu.durable++
	}
	for b := off / memBlock; b <= (off+n-1)/memBlock; b++ {
		e.mu.written[b] = written
		e.mu.changed[b] = true
	}
}

func (e *memExport) Flush(ctx context.Context) error {
	if err := e.begin(ctx, cmdFlush, 0, 0); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.flushes++
	return nil
}

func (e *memExport) Trim(ctx context.Context, off, n int64, fua bool) error {
	if err := e.begin(ctx, cmdTrim, off, n); err != nil {
		return err
	}
	return e.zero(off, n, true, fua)
}

func (e *memExport) Zero(ctx context.Context, off, n int64, how ZeroMode) error {
	if err := e.begin(ctx, cmdWriteZeroes, off, n); err != nil {
		return err
	}
	if how.Fast && !how.MayTrim {
		return ErrSlowZero
	}
	return e.zero(off, n, how.MayTrim, how.FUA)
}

func (e *memExport) zero(off, n int64, trim, fua bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.mu.data[off : off+n])
	whole := off%memBlock == 0 && n%memBlock == 0
	if whole || !trim {
		e.markLocked(off, n, !trim, fua)
	}
	return nil
}

func (e *memExport) Cache(ctx context.Context, off, n int64) error {
	return e.begin(ctx, cmdCache, off, n)
}

// Extents reports block by block, so that the server has something to merge.
func (e *memExport) Extents(ctx context.Context, about MetaContext, off, n int64) iter.Seq2[Extent, error] {
	return func(yield func(Extent, error) bool) {
		if err := e.begin(ctx, cmdBlockStatus, off, n); err != nil {
			yield(Extent{}, err)
			return
		}
		e.mu.RLock()
		defer e.mu.RUnlock()
		for at := off; at < int64(len(e.mu.data)); {
			end := (at/memBlock + 1) * memBlock
			if !yield(Extent{end - at, e.flagsLocked(about, at/memBlock)}, nil) {
				return
			}
			at = end
		}
	}
}

func (e *memExport) flagsLocked(about MetaContext, block int64) uint32 {
	switch {
	case about.Since != "" && e.mu.changed[block]:
		return ExtentChanged
	case about.Since == "" && !e.mu.written[block]:
		return ExtentHole | ExtentZero
	}
	return 0
}
