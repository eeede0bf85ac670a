package disk

import (
	"context"
	"encoding/binary"
	"sync"

	"cairn/store"
)

// fences holds the lowest generation that each placement group may be written
// with. Groups without one take any.
type fences struct {
	raise sync.Mutex // held while a fence is made durable, so that they only grow

	mu     sync.RWMutex
	m      map[uint32]uint32
	newest map[uint32]uint32 // generation that a write or a fence named; not durable
}

func (f *fences) load(x *index) error {
	f.m, f.newest = map[uint32]uint32{}, map[uint32]uint32{}
	return x.scan([]byte{rowFence}, []byte{rowFence + 1}, func(k, v []byte) (bool, error) {
		if len(k) != 5 {
			return false, store.Errorf(store.KindCorrupt, "read index", "fence key %x", k)
		}
		gen, err := decodeU32(v, "fence")
		pg := binary.BigEndian.Uint32(k[1:])
		f.m[pg], f.newest[pg] = gen, gen
		return true, err
	})
}

func (f *fences) get(pg uint32) uint32 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.m[pg]
}

// note remembers the newest generation that the disk has heard of.
func (f *fences) note(pg, gen uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest[pg] = max(f.newest[pg], gen)
}

// heard returns the newest generation that the disk has heard of.
func (f *fences) heard(pg uint32) uint32 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.newest[pg]
}

// set raises the fence in memory and reports whether it was lower.
func (f *fences) set(pg, gen uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest[pg] = max(f.newest[pg], gen)
	if f.m[pg] >= gen {
		return false
	}
	f.m[pg] = gen
	return true
}

// Fence refuses, for good, writes of a placement group with a generation below
// gen, and returns the fence that holds now: gen or a higher one. When it
// returns, the fence is durable, every write that was accepted under an older
// generation is in the index, and no eviction under one is under way, so a List
// that begins now misses none and shows none that is about to go.
func (d *Disk) Fence(ctx context.Context, pg, gen uint32) (uint32, error) {
	if err := d.begin(); err != nil {
		return 0, err
	}
	defer d.end()
	if err := d.Failed(); err != nil {
		return 0, err
	}
	if err := d.raiseFence(pg, gen); err != nil {
		return 0, err
	}
	if err := d.barrier(ctx); err != nil {
		return 0, err
	}
	d.index.mu.Lock() // an eviction that did not see the fence ends before this
	defer d.index.mu.Unlock()
	return d.fences.get(pg), nil
}

func (d *Disk) raiseFence(pg, gen uint32) error {
	d.fences.raise.Lock()
	defer d.fences.raise.Unlock()
	if !d.fences.set(pg, gen) {
		return nil
	}
	b := d.index.db.NewBatch()
	defer b.Close()
	if err := b.Set(fenceKey(pg), encodeU32s(gen), nil); err != nil {
		return err
	}
	if err := d.index.commit(b, true); err != nil {
		return d.fail(err)
	}
	return nil
}
