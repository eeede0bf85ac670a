package blob

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/data/disk"
	"cairn/node/root"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// fakeShards keeps shards in memory and fails as it is told to.
type fakeShards struct {
	mu     sync.Mutex
	shards map[placement.DiskID]map[disk.ShardID]fakeShard
	down   map[placement.NodeID]bool // refuses connections
	hang   map[placement.NodeID]bool // answers no writes and no reads
	bad    map[placement.DiskID]bool // reads fail their checksum
	reads  map[placement.NodeID]int  // bytes read
}

type fakeShard struct {
	disk.Shard
	data []byte
}

func newFake() *fakeShards {
	return &fakeShards{
		shards: map[placement.DiskID]map[disk.ShardID]fakeShard{},
		down:   map[placement.NodeID]bool{}, hang: map[placement.NodeID]bool{}, bad: map[placement.DiskID]bool{},
		reads: map[placement.NodeID]int{},
	}
}

func (f *fakeShards) enter(ctx context.Context, node placement.NodeID) error {
	f.mu.Lock()
	down, hang := f.down[node], f.hang[node]
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if down {
		return &store.Error{Kind: store.KindUnavailable}
	}
	return nil
}

func (f *fakeShards) Write(ctx context.Context, node placement.NodeID, d placement.DiskID, sh disk.Shard, _ uint32, body []byte, crc uint32) error {
	if err := f.enter(ctx, node); err != nil {
		return err
	}
	if disk.CRC(body) != crc {
		return store.Errorf(store.KindInvalid, "write shard", "crc of shard %d", sh.Index)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shards[d] == nil {
		f.shards[d] = map[disk.ShardID]fakeShard{}
	}
	f.shards[d][sh.ShardID] = fakeShard{sh, append([]byte(nil), body...)}
	return nil
}

func (f *fakeShards) get(d placement.DiskID, id disk.ShardID) (fakeShard, error) {
	s, ok := f.shards[d][id]
	switch {
	case !ok:
		return s, &store.Error{Kind: store.KindNotFound}
	case f.bad[d]:
		return s, &store.Error{Kind: store.KindCorrupt}
	}
	return s, nil
}

func (f *fakeShards) Read(ctx context.Context, node placement.NodeID, d placement.DiskID, id disk.ShardID, off, n int) (*store.Bytes, error) {
	if err := f.enter(ctx, node); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.get(d, id)
	if err != nil {
		return nil, err
	}
	if off+n > len(s.data) {
		return nil, fmt.Errorf("read beyond the shard")
	}
	f.reads[node] += n
	return store.NewBytes([][]byte{append([]byte(nil), s.data[off:off+n]...)}, nil), nil
}

func (f *fakeShards) Describe(ctx context.Context, node placement.NodeID, d placement.DiskID, id disk.ShardID) (disk.Shard, error) {
	if err := f.enter(ctx, node); err != nil {
		return disk.Shard{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.get(d, id)
	return s.Shard, err
}

// bench is a client over a fake cluster of 3 zones with n nodes each, node 1 in
// the first zone, and one disk a node with the node's number.
type bench struct {
	*Client
	fake *fakeShards
	live *root.Live
	n    int
}

func newBench(t *testing.T, perZone int) *bench {
	t.Helper()
	view, live := root.NewView(), &root.Live{}
	b := &bench{fake: newFake(), live: live, n: 3 * perZone}
	var rows []*pb.Row
	key := func(col byte, n int) []byte { return binary.BigEndian.AppendUint32([]byte{col}, uint32(n)) }
	for i := 1; i <= b.n; i++ {
		zone := string(rune('a' + (i-1)/perZone))
		rows = append(rows,
			&pb.Row{Key: key('N', i), Value: root.EncodeRow(&pb.NodeRow{Id: uint32(i), Name: fmt.Sprint("n", i), Zone: zone})},
			&pb.Row{Key: key('D', i), Value: root.EncodeRow(&pb.DiskRow{Id: uint32(i), Node: uint32(i), Bytes: 1 << 40})})
	}
	require.NoError(t, view.Update(rows, 1, false))
	topo, err := view.Topology()
	require.NoError(t, err)
	policies, err := placement.ChoosePolicies(topo)
	require.NoError(t, err)
	pgs, err := placement.Build(topo, policies, placement.Counts(topo, policies), 1)
	require.NoError(t, err)
	rows = nil
	for _, p := range policies {
		k := binary.BigEndian.AppendUint16([]byte{'Y'}, uint16(p.ID))
		rows = append(rows, &pb.Row{Key: k, Value: placement.AppendPolicy(nil, p)})
	}
	for i := range pgs {
		rows = append(rows, &pb.Row{Key: key('P', int(pgs[i].ID)), Value: placement.AppendPG(nil, &pgs[i])})
	}
	require.NoError(t, view.Update(rows, 2, false))
	b.setLive()
	b.Client = New(Config{Shards: b.fake, View: view, Live: live, Writer: 7, Clock: time.Now})
	t.Cleanup(b.Close)
	return b
}

// setLive publishes all nodes as up but the given ones.
func (b *bench) setLive(down ...placement.NodeID) {
	r := &pb.HeartbeatReply{}
	for i := 1; i <= b.n; i++ {
		n := &pb.NodeLiveness{Node: uint32(i)}
		for _, d := range down {
			if int(d) == i {
				n.State = uint32(root.Down)
			}
		}
		r.Nodes = append(r.Nodes, n)
		r.Disks = append(r.Disks, &pb.DiskBeat{Disk: uint32(i)})
	}
	b.live.Set(r, time.Now())
}

// payload returns a pooled buffer of n recognisable bytes.
func (b *bench) payload(n int) []byte {
	p := b.Buffer(n)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

// read gets a range and flattens it.
func (b *bench) read(t *testing.T, ref store.Ref, off, n int) []byte {
	t.Helper()
	got, err := b.Get(context.Background(), ref, off, n)
	require.NoError(t, err)
	defer got.Release()
	var out []byte
	for _, p := range got.Parts() {
		out = append(out, p...)
	}
	return out
}
