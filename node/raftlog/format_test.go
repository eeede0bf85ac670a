package raftlog

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"cairn/store"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares b with a file of hex in proto/testdata.
func golden(t *testing.T, name string, b []byte) {
	path := filepath.Join("..", "..", "proto", "testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(b)+"\n"), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(want)), hex.EncodeToString(b), "the format on disk changed")
}

// payload holds a record of each kind.
func payload() []byte {
	b := appendEntry(nil, kindEntry, 7, &Entry{Index: 300, Term: 9, Type: 1, Data: []byte("put")})
	b = appendEntry(b, kindFirst, 7, &Entry{Index: 301, Term: 9})
	b = appendEntry(b, kindMoved, 7, &Entry{Index: 299, Term: 8, Type: 4})
	b = appendValue(b, 7, "CurrentTerm", []byte{0, 9})
	b = appendCut(b, 7, 298)
	return appendHead(b, kindDrop, 8)
}

func TestGoldenFormats(t *testing.T) {
	s := &segment{}
	s.begin(5, 0x1122334455667788, 1000, 3)
	golden(t, "raft-log-header-v1.hex", s.header()[:headerUsed])
	frame := sealFrame(append(make([]byte, frameHeader), payload()...), s, 1000)
	golden(t, "raft-log-frame-v1.hex", frame[:frameHeader+len(payload())])
}

func TestUnknownFormatIsNamed(t *testing.T) {
	fs := vfs.NewMem()
	l, err := Open("/d", testOptions(fs))
	require.NoError(t, err)
	s := *l.newest()
	require.NoError(t, l.Close())
	f, err := fs.OpenReadWrite("/d/000001.log", vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	b := s.header()
	for _, c := range [][]byte{b[:headerUsed], b[headerCopy : headerCopy+headerUsed]} {
		c[8] = 9
		putSum(c)
	}
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	_, err = Open("/d", testOptions(fs))
	require.Equal(t, store.KindUnknownFormat, store.KindOf(err))
	require.ErrorContains(t, err, "format 9")

	_, _, err = decodeRecord([]byte{9, 0, 0, 0, 1})
	require.Equal(t, store.KindUnknownFormat, store.KindOf(err))
	require.ErrorContains(t, err, "kind 9")
}

// FuzzRecords feeds payloads that a damaged disk may hand us: they are refused,
// or are what encodes to the same bytes, and they cost no more than they are.
func FuzzRecords(f *testing.F) {
	f.Add(payload())
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			r, n, err := decodeRecord(b)
			if err != nil {
				return
			}
			require.LessOrEqual(t, n, len(b))
			var again []byte
			switch r.kind {
			case kindEntry, kindFirst, kindMoved:
				again = appendEntry(nil, r.kind, r.group, &r.entry)
				copy(again[recordHead:entryCRC], b[recordHead:]) // the checksum may be wrong
			case kindValue:
				again = appendValue(nil, r.group, r.name, r.value)
			case kindCut:
				again = appendCut(nil, r.group, r.entry.Index)
			case kindDrop:
				again = appendHead(nil, kindDrop, r.group)
			}
			require.Equal(t, b[:n], again)
			b = b[n:]
		}
	})
}

// FuzzApply replays arbitrary records into an index.
func FuzzApply(f *testing.F) {
	f.Add(payload())
	f.Add(appendEntry(appendCut(nil, 1, 1<<63), kindMoved, 1, &Entry{Index: 1<<64 - 1}))
	f.Add(appendEntry(appendEntry(nil, kindFirst, 1, &Entry{Index: 1}), kindMoved, 1, &Entry{Index: 1<<63 + 2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &segment{size: 1 << 30}
		l := &Log{groups: map[uint32]*group{}, segs: []*segment{s}}
		if l.applyLocked(s, 0, b) != nil {
			return
		}
		for id := range l.groups {
			l.groups[id].drop()
		}
		require.Zero(t, s.live, "what was claimed is released")
	})
}
