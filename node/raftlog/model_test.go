package raftlog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

const testSegment = 16 * blockSize

func testOptions(fs vfs.FS) Options {
	return Options{FS: fs, SegmentBytes: testSegment, Keep: 3}
}

// modelGroup is what a group must hold.
type modelGroup struct {
	first   uint64
	entries []Entry
	values  map[string]string
}

func (g *modelGroup) clone() *modelGroup {
	c := &modelGroup{first: g.first, entries: append([]Entry(nil), g.entries...), values: map[string]string{}}
	for k, v := range g.values {
		c.values[k] = v
	}
	return c
}

func (g *modelGroup) last() uint64 { return g.first + uint64(len(g.entries)) - 1 }

// step is one change, of the log and of the model.
type step struct {
	id    uint32
	log   func(l *Log) *Write
	model func(g *modelGroup)
}

func drawStep(t *rapid.T, groups map[uint32]*modelGroup, n uint64) step {
	id := uint32(rapid.IntRange(1, 4).Draw(t, "group"))
	g := groups[id]
	switch k := rapid.IntRange(0, 20).Draw(t, "kind"); {
	case k == 0:
		return step{id, func(l *Log) *Write { return l.Drop(id) }, func(g *modelGroup) {
			*g = modelGroup{values: map[string]string{}}
		}}
	case k <= 3 && len(g.entries) > 0:
		at := g.first + uint64(rapid.IntRange(0, len(g.entries)).Draw(t, "cut"))
		return step{id, func(l *Log) *Write { return l.Cut(id, at) }, func(g *modelGroup) {
			g.entries = g.entries[at-g.first:]
			g.first = at
		}}
	case k <= 6:
		name, value := rapid.SampledFrom([]string{"term", "vote"}).Draw(t, "name"), fmt.Sprint(n)
		if rapid.IntRange(0, 5).Draw(t, "unset") == 0 {
			value = ""
		}
		return step{id, func(l *Log) *Write { return l.Set(id, name, []byte(value)) }, func(g *modelGroup) {
			g.values[name] = value
		}}
	}
	return drawAppend(t, id, g, n)
}

func drawAppend(t *rapid.T, id uint32, g *modelGroup, n uint64) step {
	from, reset := uint64(1), false
	if len(g.entries) > 0 {
		from = g.last() + 1
	}
	switch k := rapid.IntRange(0, 9).Draw(t, "where"); {
	case k == 0:
		from, reset = from+uint64(rapid.IntRange(0, 50).Draw(t, "gap")), true
	case k <= 2 && len(g.entries) > 0:
		from -= uint64(rapid.IntRange(0, len(g.entries)).Draw(t, "back"))
	}
	var es []Entry
	for i := range uint64(rapid.IntRange(1, 4).Draw(t, "count")) {
		size := rapid.SampledFrom([]int{0, 10, 3000, 9000, testSegment / 2}).Draw(t, "size")
		es = append(es, Entry{Index: from + i, Term: n, Type: uint8(n), Data: bytes.Repeat([]byte{byte(n), byte(i)}, size/2)})
	}
	return step{id, func(l *Log) *Write { return l.Append(id, reset, es) }, func(g *modelGroup) {
		if reset || len(g.entries) == 0 || from < g.first {
			g.first, g.entries = from, nil
		}
		g.entries = append(g.entries[:from-g.first:from-g.first], es...)
	}}
}

// TestModel drives a log of small, few files with changes of several groups and
// crashes, which lose none, some or all of what was not synced, and compares it
// with a model. What was not acknowledged may have happened in part, but only as
// a prefix of the order of the calls.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := &hookFS{FS: vfs.NewCrashableMem()}
		l, err := Open("/d", testOptions(fs))
		require.NoError(t, err)
		defer func() { l.Close() }()
		groups := map[uint32]*modelGroup{}
		for id := uint32(1); id <= 4; id++ {
			groups[id] = &modelGroup{values: map[string]string{}}
		}
		for n := range uint64(rapid.IntRange(1, 60).Draw(t, "rounds")) {
			steps := drawRound(t, groups, n+1)
			run := func() {
				var writes []*Write
				for _, s := range steps {
					writes = append(writes, s.log(l))
				}
				for _, w := range writes {
					require.NoError(t, w.Wait())
				}
			}
			if rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
				image := crashDuring(t, fs, run)
				require.NoError(t, l.Close())
				fs = &hookFS{FS: image}
				l, err = Open("/d", testOptions(fs))
				require.NoError(t, err)
				for _, s := range steps {
					groups[s.id] = settleModel(t, l, s, groups[s.id])
				}
			} else {
				run()
				for _, s := range steps {
					s.model(groups[s.id])
				}
			}
			for id, g := range groups {
				require.NoError(t, differs(l, id, g))
			}
		}
	})
}

// drawRound draws changes of different groups that are made at once.
func drawRound(t *rapid.T, groups map[uint32]*modelGroup, n uint64) (out []step) {
	for range rapid.IntRange(1, 3).Draw(t, "at once") {
		s := drawStep(t, groups, n)
		if !slices.ContainsFunc(out, func(o step) bool { return o.id == s.id }) {
			out = append(out, s)
		}
	}
	return out
}

// hookFS calls hook before each sync of a file.
type hookFS struct {
	vfs.FS
	mu   sync.Mutex // the log goes on writing behind a call
	hook func()
}

func (h *hookFS) set(hook func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = hook
}

func (h *hookFS) call() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hook != nil {
		h.hook()
	}
}

type hookFile struct {
	vfs.File
	fs *hookFS
}

func (h *hookFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := h.FS.OpenReadWrite(name, c, o...)
	return &hookFile{File: f, fs: h}, err
}

func (f *hookFile) Sync() error {
	f.fs.call()
	return f.File.Sync()
}

func (f *hookFile) SyncData() error { return f.Sync() }

// crashDuring returns the image of a crash before one of the syncs of run, or
// after it.
func crashDuring(t *rapid.T, fs *hookFS, run func()) *vfs.MemFS {
	cfg := vfs.CrashCloneCfg{
		UnsyncedDataPercent: rapid.SampledFrom([]int{0, 30, 70, 100}).Draw(t, "kept"),
		RNG:                 rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
	}
	var image *vfs.MemFS
	at := rapid.IntRange(0, 3).Draw(t, "sync")
	fs.set(func() {
		if at--; at < 0 && image == nil {
			image = fs.FS.(*vfs.MemFS).CrashClone(cfg)
		}
	})
	run()
	fs.set(nil)
	if image == nil {
		image = fs.FS.(*vfs.MemFS).CrashClone(cfg)
	}
	return image
}

// settleModel returns the model of what became of a step: entries that were
// appended are there up to one of them.
func settleModel(t require.TestingT, l *Log, s step, before *modelGroup) *modelGroup {
	after := before.clone()
	s.model(after)
	for len(after.entries) > 0 {
		if differs(l, s.id, after) == nil {
			return after
		}
		if e := after.entries[len(after.entries)-1]; len(before.entries) >= len(after.entries) && before.entries[len(after.entries)-1].Term == e.Term {
			break
		}
		after.entries = after.entries[:len(after.entries)-1]
	}
	if differs(l, s.id, after) == nil {
		return after
	}
	require.NoError(t, differs(l, s.id, before))
	return before
}

// differs compares a group of the log with a model.
func differs(l *Log, id uint32, g *modelGroup) error {
	first, last := l.Bounds(id)
	if len(g.entries) == 0 {
		if last != 0 {
			return fmt.Errorf("group %d has entries %d to %d, want none", id, first, last)
		}
	} else if first != g.first || last != g.last() {
		return fmt.Errorf("group %d has entries %d to %d, want %d to %d", id, first, last, g.first, g.last())
	}
	for _, want := range g.entries {
		e, err := l.Entry(id, want.Index)
		if err != nil {
			return err
		}
		if e.Index != want.Index || e.Term != want.Term || e.Type != want.Type || !bytes.Equal(e.Data, want.Data) {
			return fmt.Errorf("group %d: entry %d of term %d differs from that of term %d", id, e.Index, e.Term, want.Term)
		}
	}
	for _, name := range []string{"term", "vote"} {
		if got := l.Value(id, name); string(got) != g.values[name] {
			return fmt.Errorf("group %d: %s is %q, want %q", id, name, got, g.values[name])
		}
	}
	return nil
}

// A bit that flips anywhere in the files is refused when they are opened, or
// found when the entry is read, or is in the frame written last, or changes
// nothing.
func TestFlippedBits(t *testing.T) {
	mem := vfs.NewCrashableMem()
	l, err := Open("/d", testOptions(mem))
	require.NoError(t, err)
	data := make([]byte, 2500)
	for i := range uint64(60) {
		require.NoError(t, l.Append(1, false, []Entry{{Index: i + 1, Term: 1, Data: data}}).Wait())
		if i%7 == 0 {
			require.NoError(t, l.Set(2, "term", fmt.Append(nil, i)).Wait())
			require.NoError(t, l.Cut(1, i-min(i, 20)).Wait())
		}
	}
	first, last := l.Bounds(1)
	term := string(l.Value(2, "term"))
	require.NoError(t, l.Close())
	names, err := mem.List("/d")
	require.NoError(t, err)
	refused := 0
	for _, name := range names {
		for at := 0; at < testSegment; at += 509 {
			image := mem.CrashClone(vfs.CrashCloneCfg{})
			if !flip(t, image, "/d/"+name, at) {
				continue
			}
			l, err := Open("/d", testOptions(image))
			if err != nil {
				require.Equal(t, store.KindCorrupt, store.KindOf(err), "%s at %d: %v", name, at, err)
				refused++
				continue
			}
			f, n := l.Bounds(1)
			require.Equal(t, first, f, "%s at %d", name, at)
			require.GreaterOrEqual(t, n, last-1, "%s at %d", name, at)
			require.Equal(t, term, string(l.Value(2, "term")), "%s at %d", name, at)
			for i := f; i <= n; i++ {
				_, err := l.Entry(1, i)
				require.NoError(t, err)
			}
			require.NoError(t, l.Close())
		}
	}
	require.Greater(t, refused, 100)
}

// flip flips a bit of a file, if it reaches so far.
func flip(t *testing.T, fs *vfs.MemFS, name string, at int) bool {
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	defer f.Close()
	b := make([]byte, 1)
	if n, _ := f.ReadAt(b, int64(at)); n == 0 {
		return false
	}
	b[0] ^= 4
	_, err = f.WriteAt(b, int64(at))
	require.NoError(t, err)
	return true
}
