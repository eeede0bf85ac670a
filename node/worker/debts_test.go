package worker

import (
	"encoding/binary"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/node/meta"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Blobs that could lose the fewest shards are repaired first, whatever their code
// and their age.
func TestLeastRedundancyIsPaidFirst(t *testing.T) {
	c := root.StartClient(root.ClientConfig{
		Fabric: fabric.NewNetwork().Join(1), Logger: slog.New(slog.DiscardHandler), Seeds: []placement.NodeID{1},
		Session: raftgroup.NewSession(1), Beat: func() *pb.HeartbeatRequest { return nil },
	})
	defer c.Close()
	var rows []*pb.Row
	for i, p := range []placement.Policy{{ID: 1, K: 3, M: 3, Level: placement.LevelZone}, {ID: 2, K: 1, M: 2, Level: placement.LevelZone}} {
		pg := placement.PG{ID: placement.PGID(i + 1), Policy: p.ID, Gen: 1}
		for d := range p.N() {
			pg.Holders = append(pg.Holders, placement.DiskID(d+1))
		}
		rows = append(rows,
			&pb.Row{Key: binary.BigEndian.AppendUint16([]byte{'Y'}, uint16(p.ID)), Value: placement.AppendPolicy(nil, p)},
			&pb.Row{Key: binary.BigEndian.AppendUint32([]byte{'P'}, uint32(pg.ID)), Value: placement.AppendPG(nil, &pg)})
	}
	require.NoError(t, c.View().Update(rows, 1, false))
	blob := func(pg, seq uint32) store.BlobID { return store.MakeBlobID(pg, 1, 1, seq) }
	debts := []meta.Debt{
		{Blob: blob(1, 1), Missing: 0b1}, {Blob: blob(1, 2), Missing: 0b111}, {Blob: blob(1, 3), Missing: 0b11},
		{Blob: blob(2, 1), Missing: 0b1}, {Blob: blob(2, 2), Missing: 0b11},
	}
	(&Worker{cfg: Config{Root: c}}).sortByLeft(debts)
	require.Equal(t, []store.BlobID{blob(1, 2), blob(2, 2), blob(1, 3), blob(2, 1), blob(1, 1)},
		[]store.BlobID{debts[0].Blob, debts[1].Blob, debts[2].Blob, debts[3].Blob, debts[4].Blob})
}
