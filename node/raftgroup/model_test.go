package raftgroup

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/node/fabric"
	"cairn/store"
)

// replica is an fsm alone, fed by hand.
type replica struct {
	mem *vfs.MemFS
	h   *Host
	f   *fsm
	app *counters
}

func (r *replica) open(t require.TestingT) { r.openOn(t, r.mem) }

// openOn opens the replica on a view of its disk.
func (r *replica) openOn(t require.TestingT, fs vfs.FS) {
	h, err := Open(Options{Dir: "d", FS: fs, Fabric: fabric.NewNetwork().Join(1), Incarnation: Incarnation{1}})
	require.NoError(t, err)
	stab := openStableStore(h, testGroup)
	r.h, r.app = h, &counters{}
	r.f = &fsm{
		h: h, id: testGroup, app: r.app, snaps: &snapshotStore{h: h, id: testGroup, stable: stab},
		onHalt: func(error) {}, onConf: func(raft.Configuration) {}, onApply: func() {},
	}
	require.NoError(t, r.f.load())
}

// crash reopens from what was synced, or, gently, from all that was written.
func (r *replica) crash(t require.TestingT, powerCut bool) {
	image := r.mem
	if powerCut {
		image = r.mem.CrashClone(vfs.CrashCloneCfg{})
	}
	r.h.Kill()
	r.mem = image
	r.open(t)
}

func (r *replica) rows(t require.TestingT) []byte {
	lo, hi := groupBounds(testGroup)
	it, err := r.h.db.NewIter(iterBounds(lo, hi))
	require.NoError(t, err)
	defer it.Close()
	var out bytes.Buffer
	for ok := it.First(); ok; ok = it.Next() {
		fmt.Fprintf(&out, "%x=%x\n", it.Key(), it.Value())
	}
	return out.Bytes()
}

// model is what the clients may rely on.
type model struct {
	value   map[string]uint64
	replies map[[2]uint64]uint64
	low     map[uint64]uint64
	last    map[uint64]store.Time
	now     store.Time
}

// TestDedupeModel drives two replicas with random entries, one of which crashes
// again and again, and compares both with a model and with each other.
func TestDedupeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steady, shaky := &replica{mem: vfs.NewCrashableMem()}, &replica{mem: vfs.NewCrashableMem()}
		steady.open(t)
		shaky.open(t)
		defer func() { steady.h.Kill(); shaky.h.Kill() }()
		m := &model{
			value: map[string]uint64{}, replies: map[[2]uint64]uint64{},
			low: map[uint64]uint64{}, last: map[uint64]store.Time{}, now: 0,
		}
		var log []*raft.Log
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			at := max(m.now, 1e12) + store.Time(rapid.SampledFrom([]int64{-5000, 0, 1, 1000, 400_000, 700_000}).Draw(t, "dt"))
			cmds := rapid.SliceOfN(rapid.Custom(drawCommand), 1, 6).Draw(t, "cmds")
			entry := appendEntryHeader(nil, at, len(cmds))
			for i := range cmds {
				entry = appendCommand(entry, &cmds[i])
			}
			log = append(log, &raft.Log{Index: uint64(len(log) + 1), Term: 1, Type: raft.LogCommand, Data: entry})
			res := steady.f.ApplyBatch(log[len(log)-1:])[0].([]result)
			m.now = max(m.now, at)
			for i := range cmds {
				m.check(t, &cmds[i], res[i])
			}
			switch rapid.IntRange(0, 4).Draw(t, "fault") {
			case 0:
				shaky.crash(t, true)
			case 1:
				shaky.crash(t, false)
			}
			// As after a restart, the log is handed out again from some index.
			from := rapid.IntRange(0, int(shaky.f.pos.Load().index)).Draw(t, "from")
			shaky.f.ApplyBatch(log[from:])
			if rapid.Bool().Draw(t, "sync") {
				require.NoError(t, shaky.h.commit(shaky.h.db.NewBatch(), logSync))
			}
			require.Equal(t, string(steady.rows(t)), string(shaky.rows(t)))
			require.Equal(t, steady.f.Time(), m.now)
		}
	})
}

// Time returns the group time of the rows.
func (f *fsm) Time() store.Time { return f.pos.Load().time }

func drawCommand(t *rapid.T) Command {
	c := Command{
		Client: uint64(rapid.IntRange(0, 2).Draw(t, "client")),
		Seq:    uint64(rapid.IntRange(1, 8).Draw(t, "seq")),
		Low:    uint64(rapid.IntRange(0, 6).Draw(t, "low")),
	}
	verb := rapid.SampledFrom([]string{"add", "add", "add", "fail"}).Draw(t, "verb")
	c.Data = []byte(verb + " " + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"))
	return c
}

// check compares one outcome with the model and moves the model on.
func (m *model) check(t *rapid.T, c *Command, r result) {
	for client, last := range m.last {
		if m.now-last > store.Time(clientExpiry.Milliseconds()) {
			delete(m.last, client)
			delete(m.low, client)
			for id := range m.replies {
				if id[0] == client {
					delete(m.replies, id)
				}
			}
		}
	}
	id := [2]uint64{c.Client, c.Seq}
	if c.Client != 0 && c.Seq < m.low[c.Client] {
		require.Equal(t, store.KindTimeout, store.KindOf(r.err))
		return
	}
	if old, again := m.replies[id]; again && c.Client != 0 {
		require.NoError(t, r.err)
		require.Equal(t, old, binary.BigEndian.Uint64(r.reply), "a repeated command gets its first reply")
		return
	}
	key := string(c.Data[len(c.Data)-1:])
	if bytes.HasPrefix(c.Data, []byte("fail")) {
		require.Equal(t, store.KindPrecondition, store.KindOf(r.err))
		return
	}
	m.value[key]++
	require.NoError(t, r.err)
	require.Equal(t, m.value[key], binary.BigEndian.Uint64(r.reply))
	if c.Client == 0 {
		return
	}
	m.last[c.Client] = m.now
	m.replies[id] = m.value[key]
	m.low[c.Client] = max(m.low[c.Client], min(c.Low, c.Seq))
	for old := range m.replies {
		if old[0] == c.Client && old[1] < m.low[c.Client] {
			delete(m.replies, old)
		}
	}
}

// Replies are bounded: one row a command at most, none for what nobody waits
// for, none at all once a client is gone for ten minutes.
func TestDedupeIsBounded(t *testing.T) {
	r := &replica{mem: vfs.NewCrashableMem()}
	r.open(t)
	defer r.h.Kill()
	index := uint64(0)
	apply := func(at time.Duration, cmds ...Command) []result {
		index++
		e := appendEntryHeader(nil, store.Time(at.Milliseconds()), len(cmds))
		for i := range cmds {
			e = appendCommand(e, &cmds[i])
		}
		return r.f.ApplyBatch([]*raft.Log{{Index: index, Type: raft.LogCommand, Data: e}})[0].([]result)
	}
	count := func() (n int) {
		for _, c := range r.f.dedupe.clients {
			n += len(c.seqs)
		}
		return n
	}
	s := NewSession(5)
	for range 100 {
		c := s.Begin()
		c.Data = []byte("add a")
		require.NoError(t, apply(time.Second, c)[0].err)
		s.End(c.Seq)
		require.Equal(t, 1, count())
	}
	for seq := range uint64(maxRemembered) {
		require.NoError(t, apply(time.Second, Command{Client: 6, Seq: seq + 1, Data: []byte("add a")})[0].err)
	}
	over := apply(time.Second, Command{Client: 6, Seq: maxRemembered + 1, Data: []byte("add a")})[0].err
	require.Equal(t, store.KindUnavailable, store.KindOf(over))
	apply(time.Second+clientExpiry, Command{Data: []byte("add a")})
	require.NotZero(t, count())
	apply(2*time.Second+clientExpiry, Command{Data: []byte("add a")})
	require.Zero(t, count())
	require.NotContains(t, string(r.rows(t)), fmt.Sprintf("%x%x", appendGroup(nil, testGroup), colDedupe))
}

// A transaction sees its own writes and deletions, and its iterators do not.
func TestTxn(t *testing.T) {
	r := &replica{mem: vfs.NewCrashableMem()}
	r.open(t)
	defer r.h.Kill()
	b := r.h.db.NewIndexedBatch()
	defer b.Close()
	tx := newTxn(testGroup, b)
	key := func(s string) []byte { return append([]byte{0x10}, s...) }
	get := func(s string) string {
		v, ok, err := tx.Get(key(s))
		require.NoError(t, err)
		if !ok {
			return "-"
		}
		return string(v)
	}
	for _, k := range []string{"a", "b", "c"} {
		tx.Put(key(k), []byte("old"))
	}
	require.NoError(t, tx.apply(b))
	tx.reset()
	tx.Put(key("a"), []byte("new"))
	tx.DeleteRange(key("a"), key("c"))
	tx.Put(key("b"), nil)
	tx.Delete(key("c"))
	require.Equal(t, []string{"-", "", "-", "-"}, []string{get("a"), get("b"), get("c"), get("d")})
	it, err := tx.Iter([]byte{0x10}, nil)
	require.NoError(t, err)
	n := 0
	for it.Next() {
		require.Equal(t, "old", string(it.Value()))
		n++
	}
	require.Equal(t, 3, n)
	tx.release() // closes the iterator that was left open
	require.NoError(t, tx.apply(b))
	tx.reset()
	require.Equal(t, []string{"-", "", "-"}, []string{get("a"), get("b"), get("c")})
	require.Panics(t, func() { tx.Put([]byte{colDedupe, 1}, nil) })
	require.Panics(t, func() { tx.DeleteRange([]byte{0x02}, []byte{0x10}) })
	tx.release()
}
