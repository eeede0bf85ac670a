package nbd

import (
	"context"
	"errors"
	"iter"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

func TestBlockStatus(t *testing.T) {
	const hole, block = ExtentHole | ExtentZero, memBlock
	v := newMemVolume("v", 40*block)
	v.snapshots = []string{"monday"}
	for _, b := range []int{3, 4, 10} {
		v.mu.written[b] = true
	}
	v.mu.changed[4] = true
	srv := newTestServer(t, Config{Exports: memExports{v}})
	for _, test := range []struct {
		name   string
		flags  uint16
		off, n uint64
		want   []Extent
	}{
		{"everything", 0, 0, 40 * block, []Extent{{3 * block, hole}, {2 * block, 0}, {5 * block, hole}, {block, 0}, {29 * block, hole}}},
		{"up to a border", 0, 0, 3 * block, []Extent{{3 * block, hole}}},
		{"the last reaches further", 0, 0, 4 * block, []Extent{{3 * block, hole}, {2 * block, 0}}},
		{"from within", 0, block + 7, 3 * block, []Extent{{2*block - 7, hole}, {2 * block, 0}}},
		{"one", cmdFlagReqOne, 0, 40 * block, []Extent{{3 * block, hole}}},
		{"one, no further", cmdFlagReqOne, 11 * block, block + 1, []Extent{{block + 1, hole}}},
	} {
		for _, s := range []style{styleStructured, styleExtended} {
			c := dial(t, srv).attach(s, "v", ContextAllocation)
			r := c.do(cmdBlockStatus, test.flags, test.off, test.n, nil)
			require.Zero(t, r.errno, test.name)
			require.Equal(t, map[uint32][]Extent{1: test.want}, r.status, test.name)
		}
	}
	for _, s := range []style{styleStructured, styleExtended} {
		c := dial(t, srv).attach(s, "v", ContextAllocation, ContextChanged+"monday")
		r := c.do(cmdBlockStatus, cmdFlagReqOne, 4*block, 40, nil)
		require.Equal(t, map[uint32][]Extent{1: {{40, 0}}, 2: {{40, ExtentChanged}}}, r.status)
		require.Equal(t, eInval, c.errnoOfDo(cmdBlockStatus, 0, 40*block, 1, nil))
		require.Equal(t, eInval, c.errnoOfDo(cmdBlockStatus, 0, 0, 0, nil))
	}
}

// The form with a payload asks about some of the contexts.
func TestBlockStatusPayload(t *testing.T) {
	v := newMemVolume("v", 40*memBlock)
	v.snapshots = []string{"monday"}
	c := dial(t, newTestServer(t, Config{Exports: memExports{v}})).attach(styleExtended, "v", ContextAllocation, ContextChanged+"monday")
	ask := func(off uint64, payload []byte) reply {
		return c.do(cmdBlockStatus, cmdFlagReqOne, off, uint64(len(payload)), payload)
	}
	require.Equal(t, map[uint32][]Extent{2: {{5, 0}}}, ask(0, binaryStatus(5, 2)).status)
	require.Len(t, ask(0, binaryStatus(5, 2, 1)).status, 2)
	for name, payload := range map[string][]byte{
		"unknown":    binaryStatus(5, 3),
		"id 0":       binaryStatus(5, 0),
		"far id":     binaryStatus(5, 1<<31),
		"twice":      binaryStatus(5, 1, 1),
		"none":       binaryStatus(5),
		"too many":   binaryStatus(5, 1, 2, 1),
		"beyond":     binaryStatus(1<<40, 1),
		"nothing":    binaryStatus(0, 1),
		"cut short":  binaryStatus(5, 1)[:10],
		"no length":  {1, 2, 3, 4},
		"very large": make([]byte, 1<<20),
	} {
		require.Equal(t, eInval, ask(0, payload).errno, name)
	}
	require.Len(t, c.do(cmdBlockStatus, 0, 0, 5, nil).status, 2, "without a payload, all")
}

// scripted has an export's extents scripted.
type scripted struct {
	*memExport
	size    int64
	extents []Extent
	err     error
}

func (s *scripted) Size() int64 { return s.size }

func (s *scripted) Extents(context.Context, MetaContext, int64, int64) iter.Seq2[Extent, error] {
	return func(yield func(Extent, error) bool) {
		for _, e := range s.extents {
			if !yield(e, nil) {
				return
			}
		}
		if s.err != nil {
			yield(Extent{}, s.err)
		}
	}
}

type scriptedExports struct {
	memExports
	export *scripted
}

func (s scriptedExports) Attach(context.Context, Peer, string) (Export, error) { return s.export, nil }

// What an export may do in Extents, and what it must not.
func TestExtentsContract(t *testing.T) {
	const size = 1 << 45
	short := int64(maxShortExtent)
	many := make([]Extent, 2*maxExtents)
	for i := range many {
		many[i] = Extent{512, uint32(i % 2)}
	}
	for name, test := range map[string]struct {
		extents    []Extent
		err        error
		short, ext []Extent // what structured and extended clients get; nil is EIO
	}{
		"nothing":       {},
		"an error":      {err: errors.New("broken")},
		"a late error":  {extents: []Extent{{512, 1}}, err: store.Errorf(store.KindCorrupt, "x", "y")},
		"empty extent":  {extents: []Extent{{512, 1}, {0, 1}}},
		"ends early":    {extents: []Extent{{512, 1}}, short: []Extent{{512, 1}}, ext: []Extent{{512, 1}}},
		"beyond":        {extents: []Extent{{512, 1}, {math.MaxInt64, 0}}, short: []Extent{{512, 1}, {short, 0}}, ext: []Extent{{512, 1}, {size - 512, 0}}},
		"large and far": {extents: []Extent{{1 << 40, 1}, {1 << 40, 0}}, short: []Extent{{short, 1}}, ext: []Extent{{1 << 40, 1}}},
		"adds up":       {extents: []Extent{{1 << 31, 1}, {1 << 31, 1}, {1 << 31, 1}}, short: []Extent{{short, 1}}, ext: []Extent{{3 << 31, 1}}},
		"many":          {extents: many, short: many[:maxExtents], ext: many[:maxExtents]},
	} {
		v := newMemVolume("v", memBlock)
		export := &scripted{memExport: &memExport{memVolume: v}, size: size, extents: test.extents, err: test.err}
		srv := newTestServer(t, Config{Exports: scriptedExports{memExports{v}, export}})
		for s, want := range map[style][]Extent{styleStructured: test.short, styleExtended: test.ext} {
			c := dial(t, srv).attach(s, "v", ContextAllocation)
			r := c.do(cmdBlockStatus, 0, 0, 1<<31, nil)
			if want == nil {
				require.Equal(t, eIO, r.errno, name)
				continue
			}
			require.Equal(t, map[uint32][]Extent{1: want}, r.status, name)
		}
	}
}
