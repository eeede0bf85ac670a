package machine

import "cairn/store"

// The reasons refine an error's kind. With the kind in brackets, this is the
// whole table that a front end maps to its own codes.
const (
	ReasonBucket = "bucket" // [NotFound] the bucket is sealed; [NotEmpty] it has objects
	ReasonKey    = "key"    // [NotFound] no such object; [Invalid], [TooLarge] the key is empty or too long
	ReasonUpload = "upload" // [NotFound] no such upload

	ReasonExists   = "exists"   // [Precondition] Cond.Absent
	ReasonETag     = "etag"     // [Precondition] Cond.ETag
	ReasonSize     = "size"     // [Precondition] Cond.Size
	ReasonModified = "modified" // [Precondition] Cond.Modified
	ReasonChanged  = "changed"  // [Conflict] Window.Version is not the current one

	ReasonPart       = "part"        // [Invalid] a listed part does not exist, or has another ETag or checksum
	ReasonPartOrder  = "part-order"  // [Invalid] the list is not ascending
	ReasonPartSmall  = "part-small"  // [Invalid] a part that is not the last is below MinPart
	ReasonPartList   = "part-list"   // [Invalid] the list is empty or too long
	ReasonPartNumber = "part-number" // [Invalid] not 1 to MaxParts; the object has fewer parts
	ReasonObjectSize = "object-size" // [Invalid] the parts' sum is not the expected size

	ReasonChecksum     = "checksum"      // [Invalid] the checksum or its type is not the expected one
	ReasonChecksumType = "checksum-type" // [Invalid] the algorithm has no such type; a part's algorithm is not the upload's

	ReasonMetadata  = "metadata"  // [TooLarge] user metadata or headers
	ReasonTags      = "tags"      // [Invalid] too many, too long, empty or doubled
	ReasonObject    = "object"    // [TooLarge] beyond MaxObject or MaxSingle
	ReasonBody      = "body"      // [Invalid] the blobs do not add up to the size
	ReasonPage      = "page"      // [Invalid] a page of a negative length or beyond MaxPage
	ReasonMalformed = "malformed" // [Invalid] a command or query, [Corrupt] a row that does not decode
)

// fail makes the error of a command or query on key.
func fail(op string, key []byte, kind store.ErrKind, reason, hint string) error {
	return &store.Error{Op: op, Kind: kind, Reason: reason, Resource: string(key), Hint: hint}
}
