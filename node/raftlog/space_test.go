package raftlog

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// A group that does not write holds no more space than it has entries, however
// much others write: its entries and values move along. Files are used again.
func TestIdleGroupsDoNotHoldSpace(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l, err := Open("/d", testOptions(fs))
	require.NoError(t, err)
	defer func() { l.Close() }()
	idle := map[uint32]*modelGroup{}
	for id := uint32(10); id < 14; id++ {
		g := &modelGroup{first: 5, values: map[string]string{"term": fmt.Sprint(id), "vote": "x"}}
		for i := range uint64(6) {
			g.entries = append(g.entries, Entry{Index: 5 + i, Term: 2, Data: make([]byte, 1000)})
		}
		require.NoError(t, l.Append(id, true, g.entries).Wait())
		require.NoError(t, l.Set(id, "term", []byte(g.values["term"])).Wait())
		require.NoError(t, l.Set(id, "vote", []byte("x")).Wait())
		idle[id] = g
	}
	for i := range uint64(1000) {
		require.NoError(t, l.Append(1, false, []Entry{{Index: i + 1, Term: 1, Data: make([]byte, 3000)}}).Wait())
		if i%10 == 9 {
			require.NoError(t, l.Cut(1, i-5).Wait())
		}
		if i%100 == 99 { // frees trail by a frame
			image := fs.CrashClone(vfs.CrashCloneCfg{})
			require.NoError(t, l.Close())
			fs = image
			l, err = Open("/d", testOptions(fs))
			require.NoError(t, err)
			for id, g := range idle {
				require.NoError(t, differs(l, id, g))
			}
		}
		require.LessOrEqual(t, l.Stats().Size, int64(6*testSegment))
	}
	names, err := fs.List("/d")
	require.NoError(t, err)
	require.LessOrEqual(t, len(names), 6+maxFree)
	require.Equal(t, []uint32{1, 10, 11, 12, 13}, l.Groups())
}

// What is read is not taken away under the reader.
func TestReadersHoldFiles(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l, err := Open("/d", testOptions(fs))
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, l.Append(1, false, []Entry{{Index: 1, Term: 1, Data: []byte("kept")}}).Wait())
	l.mu.Lock()
	p := l.groups[1].at[0]
	p.seg.readers++
	l.mu.Unlock()
	require.NoError(t, l.Drop(1).Wait())
	for i := range uint64(500) {
		require.NoError(t, l.Append(2, true, []Entry{{Index: i + 1, Term: 1, Data: make([]byte, 3000)}}).Wait())
	}
	e, err := readEntry(p, 1, 1)
	require.NoError(t, err)
	require.Equal(t, "kept", string(e.Data))
}
