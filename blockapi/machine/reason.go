package machine

import (
	"fmt"

	"cairn/store"
)

// The reasons refine an error's kind. With the kind in brackets, this is the
// whole table that a front end maps to its own codes; behind the dash, EC2's.
const (
	ReasonVolume   = "volume"   // [NotFound] no such volume - InvalidVolume.NotFound
	ReasonSnapshot = "snapshot" // [NotFound] no such snapshot - InvalidSnapshot.NotFound
	ReasonState    = "state"    // [Conflict] not in the state that this needs - IncorrectState
	ReasonInUse    = "in-use"   // [Conflict] the volume has attachments - VolumeInUse
	ReasonShared   = "shared"   // [Conflict] the snapshot's state forbids or lacks sharing - InvalidParameterCombination
	ReasonToken    = "token"    // [Conflict] the token made something else - IdempotentParameterMismatch
	ReasonLimit    = "limit"    // [TooLarge] too many of them - …LimitExceeded
	ReasonDepth    = "depth"    // [Conflict] too many clones of clones; it is flattened

	ReasonAttached    = "attached"     // [Exists] to this host already - VolumeInUse
	ReasonAttachment  = "attachment"   // [NotFound] no such attachment - IncorrectState
	ReasonZone        = "zone"         // [Invalid] the host is in another zone - InvalidVolume.ZoneMismatch
	ReasonMultiAttach = "multi-attach" // [Invalid] not with this type or now - InvalidParameterCombination

	ReasonType       = "type"       // [Invalid] unknown, or not from the present type - InvalidParameterValue
	ReasonSize       = "size"       // [Invalid] outside the type's limits, or smaller than before - InvalidParameterValue
	ReasonIOPS       = "iops"       // [Invalid] missing, not for the type, or outside its limits
	ReasonThroughput = "throughput" // [Invalid] likewise
	ReasonModifying  = "modifying"  // [Conflict] one at a time - IncorrectModificationState
	ReasonRate       = "rate"       // [Conflict] four in 24 hours - VolumeModificationRateExceeded
	ReasonEncryption = "encryption" // [Invalid] not the source's key; a public encrypted snapshot

	ReasonLocked   = "locked"   // [Conflict] the snapshot is locked - SnapshotLocked
	ReasonLock     = "lock"     // [Invalid] the lock cannot become that; [NotFound] there is none
	ReasonRetained = "retained" // [Conflict] the recycle bin keeps it longer
	ReasonArchived = "archived" // [Conflict] the snapshot is in the archive tier

	ReasonEpoch     = "epoch"     // [Precondition] another owner's epoch: stop serving the volume
	ReasonOwned     = "owned"     // [Conflict] the owner's lease has not ended
	ReasonOwner     = "owner"     // [Precondition] nobody owns the volume
	ReasonGap       = "gap"       // [Precondition] the flush does not follow the flushed LSN
	ReasonBarrier   = "barrier"   // [Precondition] the flush goes beyond a pending snapshot
	ReasonUnflushed = "unflushed" // [Conflict] the journal holds what the rows need first
	ReasonSegment   = "segment"   // [NotFound], [Invalid] no such open segment; not the first one
	ReasonUnrelated = "unrelated" // [Invalid] the snapshots have no common lineage - UNRELATED_SNAPSHOTS

	ReasonRuns      = "runs"      // [Invalid] runs out of order, out of the volume, out of the blob
	ReasonBlob      = "blob"      // [Invalid] a new blob that no run names, or twice
	ReasonTags      = "tags"      // [Invalid] too long, empty or doubled; [TooLarge] too many
	ReasonPage      = "page"      // [Invalid] a page of a negative length or beyond its limit
	ReasonMalformed = "malformed" // [Invalid] a command or query, [Corrupt] a row that does not decode
)

// refuse makes the error of a command or query; the resource is formatted.
func refuse(kind store.ErrKind, reason, hint, resource string, args ...any) error {
	return &store.Error{Kind: kind, Reason: reason, Resource: fmt.Sprintf(resource, args...), Hint: hint}
}

// named sets the operation of an error that was made without one.
func named(op string, err error) error {
	if e, ok := err.(*store.Error); ok && e.Op == "" {
		e.Op = op
	}
	return err
}
