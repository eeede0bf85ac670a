package nbd

import (
	"context"
	"iter"
)

// Exports is the catalogue that a [Server] serves from. Its methods are called
// concurrently and return store.Error kinds: NotFound, Denied and the rest
// become the error replies of the handshake.
type Exports interface {
	// List returns the exports that peer may know of, for NBD_OPT_LIST.
	List(ctx context.Context, peer Peer) ([]Listing, error)

	// Describe returns what an attachment of peer to the named export would
	// report, without attaching. An empty name asks for the default export.
	Describe(ctx context.Context, peer Peer, name string) (Info, error)

	// Snapshots returns the names of the snapshots that the named export's
	// changes can be asked against; each makes a metadata context
	// [ContextChanged] + name.
	Snapshots(ctx context.Context, peer Peer, name string) ([]string, error)

	// Attach gives a connection its export. It is where access is decided and
	// where the engine learns who attaches; every success is followed by one
	// [Export.Detach], even if the client hears nothing of it. ctx ends with the
	// call. A volume that may not be attached now is Conflict or Precondition.
	Attach(ctx context.Context, peer Peer, name string) (Export, error)
}

// Export is one connection's attachment to a volume.
//
// Its methods are called concurrently, in any order, as requests come. The
// server has checked that a range lies within Size, is aligned to the minimum
// block size, is not empty, and that the export is not read-only if the method
// writes. A context ends when the connection dies or the server gives up
// waiting; a method should then return soon, with any error.
type Export interface {
	// Info is what Describe returned, for this peer. It does not change.
	Info() Info

	// Size returns the current size in bytes: cheap, never blocks, and never
	// less than before. Requests beyond it are refused.
	Size() int64

	// Read fills p with the bytes at off. A part that reads as zeros need not
	// be filled if it is told to holes. p holds arbitrary bytes before, maybe
	// of another volume, so after success each of its bytes must be filled or
	// in a hole. p and holes are the server's: they must not be used after
	// Read returns.
	Read(ctx context.Context, p []byte, off int64, holes *Holes) error

	// Write stores p at off. From the call on p belongs to the export, whether
	// it returns an error or not: it keeps p as long as it likes, may change
	// it, and gives it back with arena.Put; its capacity may be up to a third
	// more than its length. What is kept after Write has returned no longer
	// counts towards Limits.Memory. On success the bytes are seen by every later
	// Read on any attachment; with fua they are also durable.
	Write(ctx context.Context, p []byte, off int64, fua bool) error

	// Flush makes durable what every Write, Trim and Zero that returned before
	// Flush was called has done; on any attachment if Info.MultiConn.
	Flush(ctx context.Context) error

	// Trim says that n bytes at off are no longer needed; what they read as
	// afterwards is the export's choice.
	Trim(ctx context.Context, off, n int64, fua bool) error

	// Zero makes n bytes at off read as zeros.
	Zero(ctx context.Context, off, n int64, how ZeroMode) error

	// Cache says that n bytes at off will be read soon. It may do nothing.
	Cache(ctx context.Context, off, n int64) error

	// Extents describes n bytes at off in order, beginning at off and without
	// gaps. Extents are not empty. The last one may reach beyond the range, and
	// the sequence may end early, but not before the first extent; it may be
	// abandoned at any point. An error ends it.
	Extents(ctx context.Context, about MetaContext, off, n int64) iter.Seq2[Extent, error]

	// Detach ends the attachment: the last call, made when no other is running.
	Detach()
}

// Peer is who is at the other end of a connection.
type Peer struct {
	// Conn numbers the connections of one server, from 1.
	Conn uint64
	// Remote is the peer's address; for a unix socket it is mostly empty.
	Remote string
	// TLS says that the connection is encrypted.
	TLS bool
	// Principal is what [TLS.Identify] made of the client's certificate;
	// empty without one.
	Principal string
}

// Listing is an export as LIST reports it.
type Listing struct {
	Name        string
	Description string
}

// Info is what a client is told about an export.
type Info struct {
	// Name is the canonical name, which may differ from what the client asked
	// for. At most 4096 bytes of UTF-8, as is Description.
	Name        string
	Description string
	// Size in bytes.
	Size int64
	// MinBlock is the alignment that requests must have: a power of two, at
	// most 64 KiB; 0 means 1. PreferredBlock is the alignment that makes
	// requests cheap: a power of two, at least 512 and at least MinBlock; 0
	// means 4096.
	MinBlock       uint32
	PreferredBlock uint32
	// ReadOnly refuses everything that writes with EPERM.
	ReadOnly bool
	// Rotational tells clients to schedule as for a disk that seeks.
	Rotational bool
	// MultiConn promises that what one connection wrote is seen by all, and
	// that a Flush covers what was completed on any of them. Clients then may
	// open several.
	MultiConn bool
	// FastZero offers [ZeroMode.Fast] to clients.
	FastZero bool
}

// ZeroMode says how zeros are to be made.
type ZeroMode struct {
	// MayTrim allows the range to become a hole.
	MayTrim bool
	// Fast wants [ErrSlowZero], at once and with nothing changed, if zeroing
	// would take as long as writing zeros. It is set only if Info.FastZero.
	Fast bool
	// FUA wants the zeros to be durable on return.
	FUA bool
}

// MetaContext is what BLOCK_STATUS is asked about. The zero value is allocation.
type MetaContext struct {
	// Since, if not empty, asks which bytes changed since that snapshot.
	Since string
}

// The metadata contexts by their names on the wire.
const (
	// ContextAllocation has the flags [ExtentHole] and [ExtentZero].
	ContextAllocation = "base:allocation"
	// ContextChanged, followed by a snapshot's name, has the flag
	// [ExtentChanged]. As a query by itself it lists the snapshots.
	ContextChanged = "x-cairn:changed:"
)

// Extent is a run of bytes with the same status.
type Extent struct {
	Length int64
	Flags  uint32
}

// Flags of extents. Of allocation: a hole uses no space, zero reads as zeros.
// Of changes: changed since the snapshot.
const (
	ExtentHole    uint32 = 1 << 0
	ExtentZero    uint32 = 1 << 1
	ExtentChanged uint32 = 1 << 0
)
