package machine

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// format is one stored format: a value's encoding, and its decoding and
// encoding again.
type format struct {
	name   string
	encode []byte
	again  func([]byte) ([]byte, error)
}

func testRef(n uint32) store.Ref {
	return store.Ref{Blob: store.MakeBlobID(n%3, 1000+n, 5, n), Len: n * PageSize, CRC: 0xC0FFEE00 + n}
}

var (
	testTags = []Tag{{"Name", "database"}, {"empty", ""}}
	testSpec = Spec{Size: 100, Type: TypeIO2, IOPS: 5000, MultiAttach: true}
	testKey  = Encryption{KeyID: "key-1", Wrapped: []byte{1, 2, 3}, Default: true}
	testAttr = Attributes{Spec: testSpec, Zone: "zone-a", Encryption: testKey, Tags: testTags}
	testHash = tokenHash{1, 15: 16}
	testSnap = SnapshotAttributes{Description: "nightly", Owner: "owner", Tags: testTags}
	yes      = true
)

func testContent() *content {
	c := &content{}
	c.set(0, 3, testRef(9), 5)
	c.set(7, 1, testRef(2), 0)
	c.set(254, 2, testRef(9), 1)
	return c
}

// row makes the format of a row.
func row[T any, P interface {
	*T
	wirer
}](name string, v P) format {
	return format{"row " + name, encode(v), func(b []byte) ([]byte, error) {
		again := P(new(T))
		if err := decode(b, again, store.KindCorrupt, name); err != nil {
			return nil, err
		}
		return encode(again), nil
	}}
}

func rowFormats() []format {
	return []format{
		row("family", &familyRec{3, 4, 5, 6, 7}),
		row("branch", &branchRec{
			state: VolumeRecoverable, parent: 1, parentSeq: 2, seq: 3, flushed: 4, epoch: 5, owner: "gw", lease: 6, segment: 7,
			sealed: 8, mapped: 9, stored: 10, snapshots: 11, pending: []pending{{12, 13}}, flatten: 14,
		}),
		row("volume", &volumeRec{
			Attributes: testAttr, created: 1, source: 2, attachments: []Attachment{{"host", "/dev/sdf", 3, true}},
			modification: Modification{ModificationOptimizing, testSpec, testSpec, 4, 5}, modified: []store.Time{6, 7},
			autoEnableIO: true, impaired: true, until: 8, token: testHash,
		}),
		row("volume plain", &volumeRec{}),
		row("snapshot", &Snapshot{
			Branch: 1, Seq: 2, LSN: 3, State: SnapshotCompleted, Started: 4, Completed: 5, Size: 6, Mapped: 7,
			Description: "d", Owner: "o", Tags: testTags, Source: 8, Encryption: testKey, Public: true, Users: []string{"a", "b"},
			Lock: Lock{LockCompliance, 9, 10, 11}, Tier: Tier{TemporaryCompleted, 12, 13, 14, 15}, Until: 16, token: testHash,
		}),
		row("snapshot plain", &Snapshot{}),
		row("chunk", testContent()),
		row("chunk of zeroes", &content{}),
		row("live", &liveRec{len: 5 * PageSize, crc: 7, counts: []uint32{0, 0, 1, 1 << 20, 0}}),
		row("home", &homeRec{[]home{{1, 2, 3, 4}, {1 << 20, 255, 0, 511}}}),
		row("segment", &Segment{Epoch: 1, Holders: []uint32{2, 3, 4}, Sealed: true, End: 5}),
		row("point", &pointRec{3}),
		row("sweep", &sweepRec{1, 2}),
		row("token", &tokenRec{testHash, 1, 2}),
	}
}

// samples are a command and a query of each number, with every field set.
var samples = map[opcode]wirer{
	opCreateVolume: &CreateVolume{"token", testAttr, 1, 2, 3, 4}, opDeleteVolume: &DeleteVolume{1, 30},
	opModify:              &Modify{1, 200, TypeIO1, true, 300, 400, &yes},
	opAdvanceModification: &AdvanceModification{1, ModificationCompleted},
	opSetVolume:           &SetVolume{1, &yes, new(bool), "host", true},
	opAttach:              &Attach{1, "host", "/dev/sdf", "zone-a", true}, opDetach: &Detach{1, "host", true},
	opClaim: &Claim{1, "gw", 2, 3, true}, opRenew: &Renew{1, 2, 3}, opRecovered: &Recovered{1, 2, 3},
	opRegister: &Register{1, 2, [][]uint32{{1, 2, 3}, {4}}}, opSeal: &Seal{1, 2, 3, 4, []uint32{5, 6, 7}}, opTrim: &Trim{1, 2},
	opFlush: &Flush{
		1, 2, 3, 4, true,
		[]ChunkRuns{{5, []Run{{Page: 1, Pages: 2, Blob: testRef(9), Off: 3}, {Page: 4, Pages: 200}}}}, []store.Placed{{Ref: testRef(9)}},
	},
	opCreateSnapshot: &CreateSnapshot{"token", 1, 2, 3, testSnap}, opStartSnapshot: &StartSnapshot{"token", 1, 2, testKey, testSnap},
	opCompleteSnapshot: &CompleteSnapshot{1}, opCopySnapshot: &CopySnapshot{"token", 1, testKey, testSnap},
	opDeleteSnapshot: &DeleteSnapshot{1, 2}, opShareSnapshot: &ShareSnapshot{1, true, []string{"a"}, []string{"b"}, &yes},
	opLockSnapshot: &LockSnapshot{1, LockGovernance, 2, 3, 4}, opUnlockSnapshot: &UnlockSnapshot{1},
	opSetTier: &SetTier{1, TemporaryInProgress, 2}, opRetag: &Retag{1, 2, testTags, []string{"k"}},
	opRestore: &Restore{1, 2}, opPurge: &Purge{1, 2}, opSweep: &sweep{}, opFlatten: &Flatten{1},
	opCompact: &Compact{store.Placed{Ref: testRef(9)}, []Move{{1, 2, 3, testRef(8).Blob, 4, 5}}, Place{1, 2, 3}},

	queryVolumes: &askVolumes{1, 2}, querySnapshots: &askSnapshots{1, 2, 3}, querySnapshot: &askSnapshot{1},
	queryTakeover: &askTakeover{1}, queryMap: &askMap{Target{1, 2}, 3, 4}, queryBlocks: &askBlocks{Target{1, 0}, Target{0, 2}, 3, 4},
	queryUnique: &askUnique{Target{1, 0}, Place{1, 2, 3}}, querySparse: &askSparse{testRef(1).Blob, 40, 5},
	queryFragmented: &askFragmented{1, 2}, queryFamily: &askFamily{},
}

func messageFormats(t require.TestingT) (out []format) {
	require.Len(t, samples, len(commands)+len(queries), "a sample of each")
	for op := range opcode(255) {
		name, make := "", func() wirer { return nil }
		if c, ok := commands[op]; ok {
			name, make = "command "+c.name, func() wirer { return c.make() }
		} else if q, ok := queries[op]; ok {
			name, make = "query "+q.name, func() wirer { return q.make() }
		} else {
			continue
		}
		out = append(out, format{name, encode(&message{op, samples[op]}), func(b []byte) ([]byte, error) {
			r := newReader(b)
			if _, err := r.opcode(); err != nil {
				return nil, err
			}
			x := make()
			x.wire(r)
			if err := r.finish(store.KindInvalid, name); err != nil {
				return nil, err
			}
			return encode(&message{op, x}), nil
		}})
	}
	return out
}

const golden = "../../proto/testdata/block/formats.txt"

// TestGolden compares each format with the bytes that were stored by the
// version that introduced it, and reads those back. A line that changes means
// that old data cannot be read: add a format instead.
func TestGolden(t *testing.T) {
	all := append(rowFormats(), messageFormats(t)...)
	if *update {
		var out bytes.Buffer
		for _, f := range all {
			fmt.Fprintf(&out, "%s: %x\n", f.name, f.encode)
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	file, err := os.ReadFile(golden)
	require.NoError(t, err)
	want := make(map[string]string)
	for line := range strings.Lines(string(file)) {
		name, bytes, _ := strings.Cut(strings.TrimSpace(line), ": ")
		want[name] = bytes
	}
	require.Len(t, want, len(all))
	for _, f := range all {
		require.Equal(t, want[f.name], hex.EncodeToString(f.encode), f.name)
		again, err := f.again(f.encode)
		require.NoError(t, err, f.name)
		require.Equal(t, f.encode, again, f.name)
	}
}

// TestUnknownFormat checks that what a newer version may write is refused as
// such, and that nothing cut short or too long is taken for whole.
func TestUnknownFormat(t *testing.T) {
	e := newEnv(t)
	for _, f := range append(rowFormats(), messageFormats(t)...) {
		b := bytes.Clone(f.encode)
		b[0] = 2
		_, err := f.again(b)
		require.True(t, store.Is(err, store.KindUnknownFormat), "%s: %v", f.name, err)
		_, err = e.s.Do(ctx, e.ns, Key, b)
		require.Equal(t, store.KindUnknownFormat, store.KindOf(err))
		for n := range f.encode {
			_, err := f.again(f.encode[:n])
			require.Error(t, err, "%s cut to %d bytes", f.name, n)
		}
		_, err = f.again(append(bytes.Clone(f.encode), 0))
		require.Error(t, err, "%s with a byte more", f.name)
	}
	m := New()
	for _, b := range [][]byte{nil, {formatV1}} {
		_, err := m.Inspect(b)
		requireFails(t, err, store.KindInvalid, ReasonMalformed)
	}
	_, err := m.Inspect([]byte{formatV1, 120})
	require.True(t, store.Is(err, store.KindUnknownFormat))
	frees, err := m.Inspect(encode(&message{opSweep, &sweep{}}))
	require.NoError(t, err)
	require.True(t, frees)
}
