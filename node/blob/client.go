package blob

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"cairn/internal/arena"
	"cairn/node/data"
	"cairn/node/data/disk"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

// Shards is what the client needs of the data nodes; [data.Client] is one.
type Shards interface {
	// Write stores one shard at a disk and returns when it is fsynced; crc is the
	// [disk.CRC] of body. Writing it again with the same bytes is no error.
	// [store.KindStaleMap] means that gen, of the placement group's row, is older
	// than the holder's.
	Write(ctx context.Context, node placement.NodeID, d placement.DiskID, sh disk.Shard, gen uint32, body []byte, crc uint32) error

	// Read returns n bytes of a shard from off, each checked in this process. A
	// shard that is not there gives [store.KindNotFound], a damaged one
	// [store.KindCorrupt].
	Read(ctx context.Context, node placement.NodeID, d placement.DiskID, id disk.ShardID, off, n int) (*store.Bytes, error)

	// Describe returns what a shard's header says of its blob. Errors as Read.
	Describe(ctx context.Context, node placement.NodeID, d placement.DiskID, id disk.ShardID) (disk.Shard, error)
}

var _ Shards = (*data.Client)(nil)

const (
	// maxInFlight bounds the payload bytes being put at a time by one process.
	maxInFlight = 16 * store.MaxBlob
	// maxHedging bounds the bytes of reads beyond those that were asked for: to
	// rebuild what cannot be read, and to overtake what is late. Without a bound,
	// a disk that is slow because it has much to read would be given several
	// times as much.
	maxHedging = 64 << 20
)

// Client puts and gets blobs. It is safe for concurrent use.
type Client struct {
	shards Shards
	view   *root.View
	live   *root.Live
	writer uint32
	clock  func() time.Time

	seq     atomic.Uint32
	room    *semaphore.Weighted // payload bytes of puts
	hedging *semaphore.Weighted // bytes of reads beyond those asked for
	table   tableCache
	peers   peers
	codes   codes

	// running are shard writes that outlive their Put.
	running sync.WaitGroup
	reads   readers
	stop    context.CancelFunc
	life    context.Context
}

var _ store.Blobs = (*Client)(nil)

// Config is what a client is made of.
type Config struct {
	Shards Shards
	View   *root.View
	Live   *root.Live
	// Writer is the number the root gave to this process; ids are made of it.
	Writer uint32
	Clock  func() time.Time
}

// New returns a client. Close it.
func New(cfg Config) *Client {
	life, stop := context.WithCancel(context.Background())
	return &Client{
		shards: cfg.Shards, view: cfg.View, live: cfg.Live, writer: cfg.Writer, clock: cfg.Clock,
		room: semaphore.NewWeighted(maxInFlight), hedging: semaphore.NewWeighted(maxHedging), stop: stop, life: life,
	}
}

// Close breaks off what still runs and waits for it.
func (c *Client) Close() {
	c.stop()
	c.running.Wait()
}

// newID makes a blob id in a placement group. The id is unique as long as the
// writer number is: the sequence restarts only with a new number.
func (c *Client) newID(pg placement.PGID) store.BlobID {
	created := store.TimeOf(c.clock()).CreatedSeconds()
	return store.MakeBlobID(uint32(pg), uint32(max(created, 0)), c.writer, c.seq.Add(1))
}

// Buffer implements [store.Blobs].
func (c *Client) Buffer(n int) []byte { return Buffer(n) }

// FreeBuffer implements [store.Blobs].
func (c *Client) FreeBuffer(b []byte) { FreeBuffer(b) }

// Buffer returns a buffer that any client of the process can be given.
func Buffer(n int) []byte { return arena.Get(n + slack)[:n] }

// FreeBuffer gives back a buffer, whichever clients it was given to.
func FreeBuffer(b []byte) { pinned.free(b) }
