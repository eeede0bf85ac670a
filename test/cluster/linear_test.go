package cluster

import (
	"context"
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/node/fabric"
	"cairn/objectapi/machine"
	"cairn/placement"
	"cairn/store"
)

// knownPerFault is how many operations must succeed or be refused after a fault
// before the next one comes: the cluster serves again, however slow the machine.
const knownPerFault = 40

// opsPerKey is how often a key is used before the next one takes its place: the
// checker's work grows fast with the operations of a key whose outcome is unknown.
const opsPerKey = 80

// TestObjectsAreLinearizable has clients put, get, delete and conditionally put
// objects, inline and in blobs, through all nodes, while leaders die and nodes are
// cut off, and looks for an order of the operations that explains it all.
func TestObjectsAreLinearizable(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Zones: 3, Nodes: 1, Machines: objects})
	h, stop := record(t, c, 6)
	for _, fault := range []func(*testing.T, *testcluster.Cluster, string){killed, cutOff, killed, deaf, killed, lossy} {
		fault(t, c, leaderOf(c, h.ns))
		h.awaitKnown(t, knownPerFault)
	}
	stop()
}

// record has clients work on a bucket of their own through all nodes until stop
// is called, which checks what they saw.
func record(t *testing.T, c *testcluster.Cluster, clients int) (h *history, stop func()) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	row, err := c.Node("a1").Store().CreateName(context.Background(), store.Name{Kind: store.NameBucket, Name: "linear", Owner: "o"})
	require.NoError(t, err)
	h = &history{c: c, ns: store.MakeNS(store.KindObject, row.ID), start: time.Now()}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { h.client(ctx, i, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	return h, func() {
		cancel()
		wg.Wait()
		require.Empty(t, h.lost)
		t.Logf("%d operations, %d with a known outcome", len(h.ops), h.known)
		requireLinearizable(t, h.ops)
	}
}

// history is what the clients did.
type history struct {
	c     *testcluster.Cluster
	ns    store.NS
	start time.Time
	count atomic.Int64

	mu    sync.Mutex
	ops   []porcupine.Operation
	known int      // operations whose outcome is known
	lost  []string // reads of rows whose blobs were gone
}

// awaitKnown waits until n more operations have a known outcome.
func (h *history) awaitKnown(t *testing.T, n int) {
	t.Helper()
	know := func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.known
	}
	until := know() + n
	require.Eventually(t, func() bool { return know() >= until }, time.Minute, 10*time.Millisecond)
}

// client sends requests, each through another node, until ctx ends.
func (h *history) client(ctx context.Context, id int, rng *rand.Rand) {
	seen := map[string]string{} // the ETag of a key that this client saw last
	for ctx.Err() == nil {
		n := h.c.Node(h.c.Names()[rng.IntN(len(h.c.Names()))])
		if n == nil || !isReady(n.Ready()) {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		i := h.count.Add(1)
		r := request{key: fmt.Sprintf("k%d", i/(2*opsPerKey)*2+i%2), kind: requestKind(rng.IntN(5)), value: fmt.Sprintf("%d-%d", id, i)}
		if r.etag = seen[r.key]; r.kind == reqSwap && r.etag == "" {
			r.kind = reqGet
		}
		call := time.Since(h.start).Nanoseconds()
		o, done := h.send(n.Store(), r, rng.IntN(2) == 0)
		if !done {
			continue
		}
		seen[r.key] = etagOf(r.value)
		if r.kind == reqGet {
			seen[r.key] = etagOf(o.value)
		}
		h.mu.Lock()
		if !o.unknown {
			h.known++
		}
		h.ops = append(h.ops, porcupine.Operation{ClientId: id, Input: r, Output: o, Call: call, Return: time.Since(h.start).Nanoseconds()})
		h.mu.Unlock()
	}
}

func isReady(ready <-chan struct{}) bool {
	select {
	case <-ready:
		return true
	default:
		return false
	}
}

// send runs one request. done is false if it certainly had no effect and nothing
// was learned from it.
func (h *history) send(st store.Store, r request, inline bool) (o outcome, done bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cl := machine.NewClient(st)
	var err error
	switch r.kind {
	case reqGet:
		o.value, err = h.get(ctx, st, cl, r.key)
	case reqDelete:
		_, err = cl.Delete(ctx, h.ns, r.key, machine.Cond{})
	default:
		p := &machine.Put{Size: int64(len(r.value)), MD5: md5.Sum([]byte(r.value))}
		p.Cond = machine.Cond{Absent: r.kind == reqCreate}
		if r.kind == reqSwap {
			p.Cond.ETag = r.etag
		}
		if p.Body, err = h.body(ctx, st, r, inline); err != nil {
			return o, false
		}
		_, err = cl.Put(ctx, h.ns, r.key, p)
	}
	switch {
	case err == nil:
		return o, true
	case store.Is(err, store.KindPrecondition) || store.ReasonOf(err) == machine.ReasonKey:
		o.refused = true
		return o, true
	}
	o.unknown = true
	return o, r.kind != reqGet && !store.Is(err, store.KindUnavailable)
}

func (h *history) body(ctx context.Context, st store.Store, r request, inline bool) (machine.Body, error) {
	if inline {
		return machine.Body{Inline: []byte(r.value)}, nil
	}
	p, err := st.Put(ctx, store.Owner{NS: h.ns, Key: []byte(r.key)}, store.ClassStandard, []byte(r.value))
	return machine.Body{Placed: []store.Placed{p}}, err
}

// get reads an object, blob included.
func (h *history) get(ctx context.Context, st store.Store, cl *machine.Client, key string) (string, error) {
	o, err := cl.Get(ctx, h.ns, key, machine.Whole)
	if err != nil {
		return "", err
	}
	p := o.Pieces[0]
	if p.Data != nil {
		return string(p.Data), nil
	}
	b, err := st.Get(ctx, p.Ref, p.Off, p.Len)
	if store.Is(err, store.KindNotFound) || store.Is(err, store.KindCorrupt) {
		h.mu.Lock()
		h.lost = append(h.lost, fmt.Sprintf("%s: %v", key, err))
		h.mu.Unlock()
	}
	if err != nil {
		return "", store.Errorf(store.KindUnavailable, "read blob", "%w", err)
	}
	defer b.Release()
	return string(b.Parts()[0]), nil
}

// leaderOf returns the node that leads the group of a namespace, or any.
func leaderOf(c *testcluster.Cluster, ns store.NS) string {
	for _, name := range c.Names() {
		if c.Node(name) == nil {
			continue
		}
		r, ok := c.Node(name).Root().View().RangeOf(ns, nil)
		if !ok {
			continue
		}
		for _, g := range c.Node(name).Meta().Groups() {
			if uint32(g.ID()) == r.Group && g.IsLeader() {
				return name
			}
		}
	}
	return c.Names()[0]
}

// faultTime is how long a fault lasts: longer than an election takes.
const faultTime = 1500 * time.Millisecond

// killed stops a node as kill -9 does, and starts it again.
func killed(t *testing.T, c *testcluster.Cluster, name string) {
	t.Logf("%s is killed", name)
	c.Kill(name)
	time.Sleep(faultTime)
	c.Restart(name)
}

// cutOff loses all that a node and the others send each other.
func cutOff(t *testing.T, c *testcluster.Cluster, name string) {
	withFault(t, c, name, "is cut off", func(self, from, to placement.NodeID) fabric.Fault {
		return fabric.Fault{DropRequest: from == self != (to == self)}
	})
}

// deaf loses what the others send to a node, but not what it sends.
func deaf(t *testing.T, c *testcluster.Cluster, name string) {
	withFault(t, c, name, "is deaf", func(self, from, to placement.NodeID) fabric.Fault {
		return fabric.Fault{DropRequest: from != self && to == self}
	})
}

// lossy has a node's answers lost half the time: what it was asked was done.
func lossy(t *testing.T, c *testcluster.Cluster, name string) {
	withFault(t, c, name, "loses answers", func(self, from, to placement.NodeID) fabric.Fault {
		return fabric.Fault{DropReply: from != self && to == self && rand.IntN(2) == 0}
	})
}

func withFault(t *testing.T, c *testcluster.Cluster, name, what string, f func(self, from, to placement.NodeID) fabric.Fault) {
	t.Logf("%s %s", name, what)
	self := c.Node(name).ID()
	c.Net.SetFaults(func(from, to placement.NodeID, _ fabric.Method) fabric.Fault { return f(self, from, to) })
	time.Sleep(faultTime)
	c.Net.SetFaults(nil)
}
