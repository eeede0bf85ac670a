package cluster

import (
	"context"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/objectapi/machine"
	"cairn/store"
	"cairn/store/memstore"
)

// TestEngineAgainstMemory runs one random history on the engine and on the store
// in memory, while nodes of the engine die and come back, and compares every
// answer.
func TestEngineAgainstMemory(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	c := testcluster.Start(t, testcluster.Options{Zones: 3, Nodes: 1, Machines: objects})
	mem := memstore.New(machine.New())
	create := func(st store.Store) store.NS {
		row, err := st.CreateName(context.Background(), store.Name{Kind: store.NameBucket, Name: "b", Owner: "o"})
		require.NoError(t, err)
		return store.MakeNS(store.KindObject, row.ID)
	}
	inMemory, inEngine := create(mem), create(c.Node("a1").Store())
	down := ""
	for i := range 250 {
		if i%50 == 49 {
			if down != "" {
				c.Restart(down)
				c.WaitReady()
			}
			if down = c.Names()[rng.IntN(3)]; rng.IntN(2) == 0 {
				c.Kill(down)
			} else {
				c.Stop(down)
			}
		}
		at := c.Names()[rng.IntN(3)]
		for at == down {
			at = c.Names()[rng.IntN(3)]
		}
		op := drawOp(rng, i)
		want := op(mem, inMemory)
		require.Equal(t, want, op(c.Node(at).Store(), inEngine), "operation %d at %s, %s is down", i, at, down)
	}
	c.Restart(down)
	c.WaitReady()
	for _, name := range c.Names() {
		all := func(st store.Store, ns store.NS) (out []string) {
			for i := range 6 {
				out = append(out, read(st, ns, fmt.Sprint("k", i), machine.Whole))
			}
			return append(out, list(st, ns, machine.List{Max: 100}))
		}
		require.Equal(t, all(mem, inMemory), all(c.Node(name).Store(), inEngine))
	}
}

// drawOp draws an operation. It returns what it answers, times left out, in text.
func drawOp(rng *rand.Rand, i int) func(store.Store, store.NS) string {
	key := fmt.Sprint("k", rng.IntN(6))
	size := []int{0, 10, 5000, 100_000, 300_000}[rng.IntN(5)]
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}).Read(data)
	kind, absent := rng.IntN(8), rng.IntN(3) == 0
	off, n := rng.Int64N(100_000), 1+rng.Int64N(100_000)
	return func(st store.Store, ns store.NS) string {
		cl := machine.NewClient(st)
		switch kind {
		case 0, 1, 2:
			return put(st, ns, key, data, absent)
		case 3:
			d, err := cl.Delete(context.Background(), ns, key, machine.Cond{})
			return fmt.Sprint(d, kindOf(err))
		case 4:
			return read(st, ns, key, machine.Window{Off: off, Len: n})
		case 5:
			return read(st, ns, key, machine.Window{Suffix: n})
		case 6:
			return list(st, ns, machine.List{Max: 3, After: key})
		}
		return read(st, ns, key, machine.Whole)
	}
}

func kindOf(err error) string {
	if err == nil {
		return "ok"
	}
	return fmt.Sprint(store.KindOf(err), " ", store.ReasonOf(err))
}

func put(st store.Store, ns store.NS, key string, data []byte, absent bool) string {
	p := &machine.Put{Size: int64(len(data)), MD5: md5.Sum(data), Cond: machine.Cond{Absent: absent}}
	if len(data) <= machine.MaxInline {
		p.Body.Inline = data
	} else {
		placed, err := st.Put(context.Background(), store.Owner{NS: ns, Key: []byte(key)}, store.ClassStandard, data)
		for tries := 0; store.Is(err, store.KindUnavailable) && tries < 400; tries++ { // until a node that came back is known to be up
			time.Sleep(50 * time.Millisecond)
			placed, err = st.Put(context.Background(), store.Owner{NS: ns, Key: []byte(key)}, store.ClassStandard, data)
		}
		if err != nil {
			return "blob: " + kindOf(err)
		}
		p.Body.Placed = []store.Placed{placed}
	}
	_, err := machine.NewClient(st).Put(context.Background(), ns, key, p)
	return kindOf(err)
}

func read(st store.Store, ns store.NS, key string, w machine.Window) string {
	o, err := machine.NewClient(st).Get(context.Background(), ns, key, w)
	if err != nil {
		return kindOf(err)
	}
	sum := md5.New()
	for _, p := range o.Pieces {
		if p.Data != nil {
			sum.Write(p.Data)
			continue
		}
		b, err := st.Get(context.Background(), p.Ref, p.Off, p.Len)
		if err != nil {
			return "blob: " + kindOf(err)
		}
		for _, part := range b.Parts() {
			sum.Write(part)
		}
		b.Release()
	}
	return fmt.Sprintf("%s %d %d+%d %x", o.ETag(), o.Size, o.Off, o.Len, sum.Sum(nil))
}

func list(st store.Store, ns store.NS, q machine.List) (out string) {
	page, err := machine.NewClient(st).List(context.Background(), ns, q)
	if err != nil {
		return kindOf(err)
	}
	for _, e := range page.Entries {
		out += fmt.Sprintf("%s %s %d, ", e.Key, e.ETag(), e.Size)
	}
	return fmt.Sprint(out, page.More)
}
