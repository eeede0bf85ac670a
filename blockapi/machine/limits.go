package machine

import "cairn/store"

// The grain of a volume.
const (
	// PageSize is the unit of mapping, in bytes.
	PageSize = 16 << 10
	// ChunkPages is how many pages a chunk row maps.
	ChunkPages = 256
	// ChunkSize is what a chunk row maps, in bytes: 4 MiB.
	ChunkSize = ChunkPages * PageSize
	// BlockSize is the block of the EBS direct APIs, in bytes.
	BlockSize = 512 << 10
	// BlobPages is the most pages a blob can hold.
	BlobPages = store.MaxBlob / PageSize

	blockPages  = BlockSize / PageSize
	chunkBlocks = ChunkSize / BlockSize
	gib         = 1 << 30
	gibChunks   = gib / ChunkSize
)

// Limits of what one volume may have.
const (
	// MaxSnapshots is how many snapshots a volume may have.
	MaxSnapshots = 10_000
	// MaxPending is how many snapshots may wait for a flush.
	MaxPending = 64
	// MaxAttachments is how many hosts a Multi-Attach volume may have.
	MaxAttachments = 16
	// MaxSegments is how many journal segments a volume may have registered.
	MaxSegments = 256
	// MaxTags is how many tags a volume or snapshot may have; MaxTagKey and
	// MaxTagValue bound them, in characters.
	MaxTags     = 50
	MaxTagKey   = 128
	MaxTagValue = 256
	// MaxDescription bounds a snapshot's description, in characters.
	MaxDescription = 255
	// MaxShares is how many users a snapshot may be shared with.
	MaxShares = 500
	// MaxDepth is how many clones of clones there may be on the way to a page.
	// Beyond FlattenDepth a volume should be flattened.
	MaxDepth     = 64
	FlattenDepth = 8
	// MaxRuns is how many runs a chunk may have before it should be rewritten in
	// one piece; a row has 256 at most whatever is done.
	MaxRuns = 64
	// MaxLease is the longest lease, in milliseconds.
	MaxLease = 10 * 60_000
)

// Limits of one command or query. They bound its work.
const (
	// MaxFlushChunks and MaxFlushBlobs bound one Flush.
	MaxFlushChunks = 256
	MaxFlushBlobs  = 16
	// MaxMoves bounds the moves of one Compact.
	MaxMoves = 1024
	// MaxPage is the most entries of one page of a listing.
	MaxPage = 1000
	// MaxBlocks is the most blocks in one page of a list of blocks.
	MaxBlocks = 10_000
	// MaxMapChunks is the most chunks in one reply with a page map: 1 GiB.
	MaxMapChunks = 256

	// maxName bounds ids of hosts, owners, zones and keys, in bytes.
	maxName = 256
	// maxWrapped bounds a wrapped data key, in bytes.
	maxWrapped = 4096
	// stepRows is how many chunk rows one step of Sweep, Flatten or Compact
	// looks at; stepBlobs is how many blobs it touches before it stops.
	stepRows  = 512
	stepBlobs = 2048
	// queryChunks is how many chunks one query looks at.
	queryChunks = 4096
	// maxText bounds any string of a command where nothing shorter does.
	maxText = 4096
)
