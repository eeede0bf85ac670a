package placement

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

// golden compares bytes with a hex file that earlier releases wrote. It is
// never rewritten: a change of the format is a new file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("..", "proto", "testdata", name))
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(want)), hex.EncodeToString(got))
}

func TestGoldenRows(t *testing.T) {
	pg := PG{
		ID: 7, Policy: 0x0102, State: StateSealed, Class: PGFallback, Gen: 0x0a0b0c0d,
		Holders: []DiskID{1, 0x01020304, 3}, Prev: []DiskID{0, 9, 0},
	}
	golden(t, "pg_v1.hex", AppendPG(nil, &pg))
	back, err := DecodePG(7, AppendPG(nil, &pg))
	require.NoError(t, err)
	require.Equal(t, pg, back)

	p := Policy{
		ID: 2, K: 5, M: 4, Level: LevelZone, Fallback: LevelNode, Class: store.ClassOneZone,
		State: StateSealed, Label: "RS(5,4)",
	}
	golden(t, "policy_v1.hex", AppendPolicy(nil, p))
	decoded, err := DecodePolicy(2, AppendPolicy(nil, p))
	require.NoError(t, err)
	require.Equal(t, p, decoded)
}

func TestDecodeRefuses(t *testing.T) {
	row := AppendPG(nil, &PG{Holders: []DiskID{1, 2, 3}})
	require.Len(t, row, 10+8*3)
	newer := append([]byte{2}, row[1:]...)
	_, err := DecodePG(1, newer)
	require.True(t, store.Is(err, store.KindUnknownFormat), "%v", err)
	for n := range row {
		_, err := DecodePG(1, row[:n])
		require.True(t, store.Is(err, store.KindCorrupt), "%d bytes: %v", n, err)
	}
	_, err = DecodePolicy(1, AppendPolicy(nil, Policy{K: 0, M: 3, Level: LevelZone}))
	require.True(t, store.Is(err, store.KindCorrupt), "%v", err)
}

// FuzzDecodePG checks that whatever decodes encodes to the same bytes, and that
// nothing else does worse than return an error.
func FuzzDecodePG(f *testing.F) {
	f.Add(AppendPG(nil, &PG{Gen: 1, Holders: []DiskID{1, 2, 3}, Prev: []DiskID{0, 4, 0}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if pg, err := DecodePG(1, b); err == nil {
			require.Equal(t, b, AppendPG(nil, &pg))
		}
		if p, err := DecodePolicy(1, b); err == nil {
			require.Equal(t, b, AppendPolicy(nil, p))
		}
	})
}

func TestMoveLife(t *testing.T) {
	row := PG{ID: 1, Gen: 5, Holders: []DiskID{1, 2, 3}}
	moving, err := row.Begin(Move{PG: 1, Slot: 1, From: 2, To: 9})
	require.NoError(t, err)
	require.Equal(t, PG{ID: 1, Gen: 6, Holders: []DiskID{1, 9, 3}, Prev: []DiskID{0, 2, 0}}, moving)
	require.Equal(t, []DiskID{1, 2, 3}, row.Holders, "the old row is unchanged")

	for name, m := range map[string]Move{
		"the old plan again":         {PG: 1, Slot: 1, From: 2, To: 8},
		"to a disk with a shard":     {PG: 1, Slot: 1, From: 9, To: 3},
		"to the disk it is leaving":  {PG: 1, Slot: 1, From: 9, To: 2},
		"a slot that does not exist": {PG: 1, Slot: 3, From: 3, To: 8},
	} {
		_, err := moving.Begin(m)
		require.Error(t, err, name)
	}
	_, err = moving.Done(1, 2)
	require.True(t, store.Is(err, store.KindConflict), "not its holder: %v", err)

	again, err := moving.Begin(Move{PG: 1, Slot: 1, From: 9, To: 8})
	require.NoError(t, err)
	require.Equal(t, DiskID(2), again.PrevOf(1), "a second target keeps the complete disk")

	done, err := again.Done(1, 8)
	require.NoError(t, err)
	require.Equal(t, PG{ID: 1, Gen: 8, Holders: []DiskID{1, 8, 3}}, done)
}

func TestRowsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, MaxShards).Draw(t, "n")
		disks := rapid.SliceOfN(rapid.Uint32(), n, n)
		pg := PG{
			ID: 3, Policy: PolicyID(rapid.Uint16().Draw(t, "policy")), Gen: rapid.Uint32().Draw(t, "gen"),
			State: State(rapid.IntRange(0, 2).Draw(t, "state")), Class: PGClass(rapid.IntRange(0, 1).Draw(t, "class")),
		}
		for _, d := range disks.Draw(t, "holders") {
			pg.Holders = append(pg.Holders, DiskID(d))
		}
		for _, d := range disks.Draw(t, "prev") {
			pg.Prev = append(pg.Prev, DiskID(d))
		}
		if !anyDisk(pg.Prev) {
			pg.Prev = nil
		}
		back, err := DecodePG(3, AppendPG(nil, &pg))
		require.NoError(t, err)
		require.Equal(t, pg, back)
	})
}
