package raftgroup

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"cairn/store"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares b with a file of hex in proto/testdata.
func golden(t *testing.T, name string, b []byte) {
	path := filepath.Join("..", "..", "proto", "testdata", name)
	text := hex.EncodeToString(b) + "\n"
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(want)), hex.EncodeToString(b), "the format on disk changed")
}

func TestGoldenFormats(t *testing.T) {
	cmds := []Command{{Client: 7, Seq: 300, Low: 299, Data: []byte("put")}, {Data: []byte{}}}
	entry := appendEntryHeader(nil, 1_700_000_000_123, len(cmds))
	for i := range cmds {
		entry = appendCommand(entry, &cmds[i])
	}
	golden(t, "raft-entry-v1.hex", entry)
	at, got, err := decodeEntry(entry)
	require.NoError(t, err)
	require.EqualValues(t, 1_700_000_000_123, at)
	require.Equal(t, cmds, got)

	golden(t, "raft-applied-v1.hex", position{index: 5, term: 2, time: 77}.encode())
	golden(t, "raft-reply-v1.hex", appendDedupeRow(77, 4, []byte("reply")))
	slot := &markSlot{group: 7, seq: 3, mark: mark{index: 10, term: 2, current: 4}}
	golden(t, "raft-mark-v1.hex", slot.encode())
	require.Equal(t, slot, decodeMark(slot.encode()))
	conf := groupConfig{index: 3, conf: raft.Configuration{Servers: []raft.Server{{ID: "1/aa", Address: "1/aa"}}}}
	golden(t, "raft-members-v1.hex", conf.encode())
}

func TestUnknownEntryFormatIsNamed(t *testing.T) {
	_, _, err := decodeEntry([]byte{9, 0, 0})
	require.Equal(t, store.KindUnknownFormat, store.KindOf(err))
	require.ErrorContains(t, err, "raft entry format 9")
}

func TestServerID(t *testing.T) {
	id := serverID(12, Incarnation{1, 2})
	n, inc, err := parseServerID(string(id))
	require.NoError(t, err)
	require.EqualValues(t, 12, n)
	require.Equal(t, Incarnation{1, 2}, inc)
	for _, bad := range []string{"", "1", "x/00", "1/zz", "1/" + strings.Repeat("0", 31), "99999999999/" + strings.Repeat("0", 32)} {
		_, _, err := parseServerID(bad)
		require.Error(t, err, bad)
	}
}

// FuzzDecoders feeds everything that a peer or a damaged disk may hand us.
func FuzzDecoders(f *testing.F) {
	e := envelope{group: 1}
	head, body := appendCall{req: &raft.AppendEntriesRequest{Term: 1, Entries: []*raft.Log{{Term: 1, Data: []byte("abc")}}}}.encode(e.encode())
	f.Add(head, bytes.Join(body, nil))
	f.Add(voteCall{term: 3}.encode(e.encode()), []byte{})
	f.Add(pageCall{req: &raft.InstallSnapshotRequest{Configuration: raft.EncodeConfiguration(raft.Configuration{})}}.encode(e.encode()), []byte{})
	f.Add(encodeBeats(e.encode(), []beat{{kind: beatHeart, group: 2, term: 3}}), []byte{})
	f.Add(appendCommand(appendEntryHeader(nil, 5, 1), &Command{Data: []byte("x")}), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		_, _, _ = decodeEntry(a)
		_, _ = decodePosition(a)
		_, _ = decodeConfig(a)
		_, _, _, _ = decodeDedupeRow(a)
		_, _, _ = decodeVoteReply(a)
		_, _ = decodeAppendReply(a, new(raft.AppendEntriesResponse))
		_, _ = decodeBeatReplies(a, 1)
		for _, fn := range []func(*decoder){
			func(d *decoder) {
				if c, err := decodeAppend(d, [][]byte{b}); err == nil {
					require.LessOrEqual(t, len(c.req.Entries), maxEntries)
				}
			},
			func(d *decoder) { _, _ = decodeVote(d) },
			func(d *decoder) { _, _ = decodePage(d) },
			func(d *decoder) { _, _ = decodeBeats(d) },
		} {
			d := &decoder{b: a}
			if _, err := decodeEnvelope(d); err == nil {
				fn(d)
			}
		}
		p := streamParser{onHeader: func(store.Time) error { return nil }, onRow: func(_, _ []byte) error { return nil }}
		if p.write(a) == nil {
			_ = p.write(b)
		}
	})
}

// A stream survives any cutting into pieces and no damage.
func TestStream(t *testing.T) {
	r := replicaWithRows(t, 200)
	defer r.h.Kill()
	snap := r.h.db.NewSnapshot()
	s, err := newStreamReader(snap, testGroup, 42)
	require.NoError(t, err)
	var whole bytes.Buffer
	_, err = whole.ReadFrom(s)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	rows := 0
	parse := func(b []byte, piece int) error {
		rows = 0
		p := streamParser{
			onHeader: func(at store.Time) error { require.EqualValues(t, 42, at); return nil },
			onRow:    func(_, _ []byte) error { rows++; return nil },
		}
		for len(b) > 0 {
			n := min(piece, len(b))
			if err := p.write(b[:n]); err != nil {
				return err
			}
			b = b[n:]
		}
		if !p.ended {
			return badStream("broke off")
		}
		return nil
	}
	for _, piece := range []int{1, 7, 1 << 20} {
		require.NoError(t, parse(whole.Bytes(), piece))
		require.Equal(t, 202, rows)
	}
	for i := streamHeader; i < whole.Len(); i += 97 {
		bad := bytes.Clone(whole.Bytes())
		bad[i] ^= 4
		require.Error(t, parse(bad, 1000), "byte %d", i)
		require.Error(t, parse(whole.Bytes()[:i], 1000), "cut at %d", i)
	}
}
