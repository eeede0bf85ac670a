package machine

// Limits of what a command may carry. Those of S3 are named in the S3 user
// guide; the others bound the work of one command.
const (
	// MaxKey is the longest key, in bytes.
	MaxKey = 1024
	// MaxObject is the largest object, in bytes: 5 TiB.
	MaxObject = 5 << 40
	// MaxSingle is the largest body of one PUT or one part, in bytes: 5 GiB.
	MaxSingle = 5 << 30
	// MinPart is the smallest part that is not the last, in bytes.
	MinPart = 5 << 20
	// MaxParts is the number of the last part.
	MaxParts = 10_000
	// MaxInline is the largest body kept in its row, in bytes.
	MaxInline = 4 << 10
	// MaxRefs is how many blobs one PUT or one part may consist of.
	MaxRefs = 1024
	// MaxUserMeta bounds the user metadata: names and values, in bytes.
	MaxUserMeta = 2 << 10
	// MaxHeaders bounds the standard headers kept with an object, in bytes.
	MaxHeaders = 8 << 10
	// MaxTags is how many tags an object may have; MaxTagKey and MaxTagValue
	// bound them, in characters.
	MaxTags     = 10
	MaxTagKey   = 128
	MaxTagValue = 256
	// MaxPage is the most entries of one page of a listing.
	MaxPage = 1000

	// maxName bounds an owner's id, a storage class and an ETag override.
	maxName = 128
	// maxPieces is how many pieces one reply to a Get names: 8 GiB of full blobs.
	maxPieces = 1024
	// inlineFree is how many refs of a replaced multipart object are freed in
	// the command that replaces it, before the rest is left to Drain.
	inlineFree = 256
	// drainPage is how many refs one Drain frees.
	drainPage = 1024
	// drainUploads is how many uploads of a sealed bucket one Drain aborts.
	drainUploads = 64
	// indexPage is how many parts one row of a multipart object's index names.
	indexPage = 512
)

// Compile-time check: one object's refs fit one Drain.
var _ [drainPage - MaxRefs]struct{}
