package machine

import "cairn/store"

// Volume is what there is to know about a volume.
type Volume struct {
	Branch Branch
	State  VolumeState
	Attributes
	Created      store.Time
	Source       SnapshotID // of a clone of a snapshot
	Attachments  []Attachment
	Modification Modification
	AutoEnableIO bool
	Impaired     bool
	Until        store.Time // how long the recycle bin keeps it

	Epoch   uint64
	Owner   string     // empty: none
	Lease   store.Time // before which another owner needs force
	Flushed LSN
	Sealed  LSN // where the last sealed segment ends
	Seq     Seq

	Mapped    uint64 // pages that are not zeroes
	Stored    uint64 // pages that it and its snapshots keep, each version once
	Snapshots uint32
	Depth     uint32 // how many parents a read may have to ask; see FlattenDepth
}

// Referenced returns how many bytes of the volume are not zeroes.
func (v *Volume) Referenced() int64 { return int64(v.Mapped) * PageSize }

// Used returns how many bytes the volume keeps with its snapshots, what it
// shares with its parent's rows left out.
func (v *Volume) Used() int64 { return int64(v.Stored) * PageSize }

func (v *Volume) wire(c *coder) {
	num32(c, &v.Branch)
	enum(c, &v.State, VolumeDeleted)
	v.Attributes.wire(c)
	c.time(&v.Created)
	num32(c, &v.Source)
	list(c, &v.Attachments, MaxAttachments, func(a *Attachment) { a.wire(c) })
	v.Modification.wire(c)
	c.bool(&v.AutoEnableIO)
	c.bool(&v.Impaired)
	c.time(&v.Until)
	c.u64(&v.Epoch)
	c.str(&v.Owner, maxName)
	c.time(&v.Lease)
	c.lsn(&v.Flushed)
	c.lsn(&v.Sealed)
	num32(c, &v.Seq)
	c.u64(&v.Mapped)
	c.u64(&v.Stored)
	c.u32(&v.Snapshots)
	c.u32(&v.Depth)
}

func (v view) describe(b Branch, r *branchRec, vol *volumeRec) (Volume, error) {
	ls, err := v.lineage(r.parent, r.parentSeq)
	return Volume{
		Branch: b, State: r.state, Attributes: vol.Attributes, Created: vol.created, Source: vol.source,
		Attachments: vol.attachments, Modification: vol.modification, AutoEnableIO: vol.autoEnableIO,
		Impaired: vol.impaired, Until: vol.until,
		Epoch: r.epoch, Owner: r.owner, Lease: r.lease, Flushed: r.flushed, Sealed: r.sealed, Seq: r.seq,
		Mapped: r.mapped, Stored: r.stored, Snapshots: r.snapshots, Depth: uint32(len(ls)),
	}, err
}
