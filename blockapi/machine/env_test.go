package machine

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
	"cairn/store/memstore"
)

var ctx = context.Background()

// env is a family of volumes in memory. Its clock stands still unless a test
// moves it.
type env struct {
	t     require.TestingT
	s     *memstore.Store
	c     *Client
	ns    store.NS
	now   time.Time
	probe *probe
	// stamps are what the pages of each blob hold.
	stamps map[store.BlobID][]uint64
	stamp  uint64 // the last one used
}

// probe is the machine with a query that runs a function of the test on the
// rows.
type probe struct {
	Machine
	f func(view) error
}

func (p *probe) Read(rd store.Reader, query []byte) ([]byte, error) {
	if len(query) == 0 {
		return nil, p.f(view{rd})
	}
	return p.Machine.Read(rd, query)
}

func newEnv(t require.TestingT) *env {
	e := &env{
		t: t, ns: store.MakeNS(store.KindBlock, 7), now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		probe: &probe{}, stamps: make(map[store.BlobID][]uint64),
	}
	e.s = memstore.New(e.probe)
	e.s.SetClock(func() time.Time { return e.now })
	e.c = NewClient(e.s)
	return e
}

// inspect runs f on the rows.
func (e *env) inspect(f func(view) error) {
	e.probe.f = f
	_, err := e.s.Ask(ctx, e.ns, Key, nil)
	require.NoError(e.t, err)
}

// blob stores pages of new stamps.
func (e *env) blob(pages int) store.Placed {
	data := make([]byte, pages*PageSize)
	stamps := make([]uint64, pages)
	for i := range stamps {
		e.stamp++
		stamps[i] = e.stamp
		binary.BigEndian.PutUint64(data[i*PageSize:], e.stamp)
	}
	p, err := e.s.Put(ctx, store.Owner{NS: e.ns, Key: Key}, store.ClassStandard, data)
	require.NoError(e.t, err)
	e.stamps[p.Blob] = stamps
	return p
}

// create makes a gp3 volume and claims it.
func (e *env) create(size uint32) Branch {
	b, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Attributes: Attributes{Spec: Spec{Size: size}}})
	require.NoError(e.t, err)
	e.claim(b)
	return b
}

// claim makes "gw" the owner, whoever was.
func (e *env) claim(b Branch) *Takeover {
	t, err := e.c.Claim(ctx, e.ns, &Claim{Branch: b, Owner: "gw", Epoch: e.volume(b).Epoch, Lease: 10_000, Force: true})
	require.NoError(e.t, err)
	return t
}

func (e *env) volume(b Branch) *Volume {
	t, err := e.c.Volume(ctx, e.ns, b)
	require.NoError(e.t, err)
	return &t.Volume
}

// at is a page of a volume.
type at struct{ chunk, page uint32 }

// flush writes pages of new stamps at the given places, which ascend, in one
// blob, and one LSN.
func (e *env) flush(b Branch, places ...at) *Flushed {
	f, err := e.tryFlush(b, places...)
	require.NoError(e.t, err)
	return f
}

func (e *env) tryFlush(b Branch, places ...at) (*Flushed, error) {
	v := e.volume(b)
	f := &Flush{Branch: b, Epoch: v.Epoch, From: v.Flushed, Upto: v.Flushed + 1}
	if len(places) > 0 {
		f.Blobs = []store.Placed{e.blob(len(places))}
	}
	for i, p := range places {
		if n := len(f.Chunks); n == 0 || f.Chunks[n-1].Chunk != p.chunk {
			f.Chunks = append(f.Chunks, ChunkRuns{Chunk: p.chunk})
		}
		x := &f.Chunks[len(f.Chunks)-1]
		x.Runs = append(x.Runs, Run{Page: int(p.page), Pages: 1, Blob: f.Blobs[0].Ref, Off: i})
	}
	return e.c.Flush(ctx, e.ns, f)
}

// snapshot takes a snapshot at the flushed LSN.
func (e *env) snapshot(b Branch) SnapshotID {
	v := e.volume(b)
	id, err := e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: v.Epoch, LSN: v.Flushed})
	require.NoError(e.t, err)
	return id
}

func (e *env) clone(id SnapshotID) Branch {
	b, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Snapshot: id})
	require.NoError(e.t, err)
	e.claim(b)
	return b
}

func (e *env) deleteSnapshot(id SnapshotID) {
	require.NoError(e.t, e.c.DeleteSnapshot(ctx, e.ns, &DeleteSnapshot{Snapshot: id}))
}

// deleteVolume releases and deletes a volume.
func (e *env) deleteVolume(b Branch) {
	if v := e.volume(b); v.Owner != "" {
		require.NoError(e.t, e.c.Renew(ctx, e.ns, &Renew{Branch: b, Epoch: v.Epoch}))
	}
	require.NoError(e.t, e.c.DeleteVolume(ctx, e.ns, &DeleteVolume{Branch: b}))
}

// sweep frees all that is dead and returns how many blobs went.
func (e *env) sweep() (blobs int) {
	for {
		p, err := e.c.Sweep(ctx, e.ns)
		require.NoError(e.t, err)
		blobs += p.Blobs
		if !p.More {
			return blobs
		}
	}
}

// read returns the stamps of the target's pages that are not zeroes.
func (e *env) read(t Target) map[at]uint64 {
	out := make(map[at]uint64)
	for from := uint32(0); ; from += MaxMapChunks {
		p, err := e.c.PageMap(ctx, e.ns, t, from, MaxMapChunks)
		require.NoError(e.t, err)
		for _, x := range p.Chunks {
			for _, r := range x.Runs {
				for i := range r.Pages {
					out[at{x.Chunk, uint32(r.Page + i)}] = e.stamps[r.Blob.Blob][r.Off+i]
				}
			}
		}
		if from+MaxMapChunks >= p.Size*gibChunks {
			return out
		}
	}
}

// requireFails checks an error's kind and reason.
func requireFails(t require.TestingT, err error, kind store.ErrKind, reason string) {
	require.Error(t, err)
	require.Equal(t, kind, store.KindOf(err), "%v", err)
	require.Equal(t, reason, store.ReasonOf(err), "%v", err)
}
