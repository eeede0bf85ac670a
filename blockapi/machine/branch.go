package machine

import (
	"cairn/store"
)

// VolumeState is where a volume is in its life. Numbers are stored.
type VolumeState uint8

// The states.
const (
	// VolumeActive: it can be attached and written. EC2 calls it available, or
	// in-use when it has attachments.
	VolumeActive VolumeState = 0
	// VolumeFilling: it is not a volume but the blocks of a snapshot that is
	// started and not completed.
	VolumeFilling VolumeState = 1
	// VolumeRecoverable: it is in the recycle bin.
	VolumeRecoverable VolumeState = 2
	// VolumeDeleted: only its snapshots and clones need its rows.
	VolumeDeleted VolumeState = 3
)

// branchRec is the moving part of a volume.
//
// Format 1: u8 format | u8 state | u32 parent, u32 its seq | u32 seq | u64
// flushed LSN | u64 epoch | owner | u64 lease's end ms | u32 last segment | u64
// end LSN of the last sealed segment | u64 mapped pages | u64 stored pages |
// u32 snapshots | pending, each u32 snapshot, u64 LSN | u32 next chunk to
// flatten.
type branchRec struct {
	state     VolumeState
	parent    Branch // 0: none
	parentSeq Seq
	seq       Seq // what the next flush writes
	flushed   LSN
	epoch     uint64
	owner     string // empty: none
	lease     store.Time
	segment   uint32 // the last one registered
	sealed    LSN    // where the last sealed segment ends
	mapped    uint64 // pages of the head that are not zeroes
	stored    uint64 // stretches of this branch, see liveRec
	snapshots uint32 // that are not deleted
	pending   []pending
	flatten   uint32 // chunks below are independent of the parent
}

// pending is a snapshot that waits until the journal up to its LSN is flushed.
type pending struct {
	snapshot SnapshotID
	lsn      LSN
}

func (r *branchRec) wire(c *coder) {
	enum(c, &r.state, VolumeDeleted)
	num32(c, &r.parent)
	num32(c, &r.parentSeq)
	num32(c, &r.seq)
	c.lsn(&r.flushed)
	c.u64(&r.epoch)
	c.str(&r.owner, maxName)
	c.time(&r.lease)
	c.u32(&r.segment)
	c.lsn(&r.sealed)
	c.u64(&r.mapped)
	c.u64(&r.stored)
	c.u32(&r.snapshots)
	list(c, &r.pending, MaxPending, func(p *pending) {
		num32(c, &p.snapshot)
		c.lsn(&p.lsn)
	})
	c.u32(&r.flatten)
}

func (c *coder) lsn(v *LSN) { c.u64((*uint64)(v)) }

// headLives reports whether the newest version of each chunk is wanted.
func (r *branchRec) headLives() bool { return r.state != VolumeDeleted }

func noVolume(b Branch) error {
	return refuse(store.KindNotFound, ReasonVolume, "", "%v", b)
}

// branch reads a volume's moving part, whatever its state.
func (v view) branch(b Branch) (*branchRec, error) {
	r, err := load[branchRec](v, colBranch, b.suffix(), "branch row")
	if err == nil && r == nil {
		err = noVolume(b)
	}
	return r, err
}

// head reads the moving part of a volume that has a head. To everything but
// snapshots and clones, a deleted volume is gone.
func (v view) head(b Branch) (*branchRec, error) {
	r, err := v.branch(b)
	if err == nil && !r.headLives() {
		err = noVolume(b)
	}
	return r, err
}

// active reads the moving part of a volume that is neither in the recycle bin
// nor being filled.
func (v view) active(b Branch) (*branchRec, error) {
	r, err := v.head(b)
	if err == nil && r.state != VolumeActive {
		err = refuse(store.KindConflict, ReasonState, "it is in the recycle bin, or not a volume", "%v", b)
	}
	return r, err
}

// owned reads the moving part of a volume that its owner of the given epoch
// wants to change (invariant 13).
func (v view) owned(b Branch, epoch uint64) (*branchRec, error) {
	r, err := v.active(b)
	switch {
	case err != nil:
		return nil, err
	case r.epoch != epoch:
		return nil, staleEpoch(b, r, epoch)
	case r.owner == "":
		return nil, refuse(store.KindPrecondition, ReasonOwner, "claim it first", "%v", b)
	}
	return r, nil
}

func staleEpoch(b Branch, r *branchRec, epoch uint64) error {
	return refuse(store.KindPrecondition, ReasonEpoch, "another owner took over; stop serving it", "%v epoch %d, now %d", b, epoch, r.epoch)
}

func (c *change) putBranch(b Branch, r *branchRec) { c.put(colBranch, b.suffix(), r) }
