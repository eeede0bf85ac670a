package machine

import (
	"cairn/store"
)

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

// askVolumes lists the volumes behind one, in order; those that are deleted are
// left out.
type askVolumes struct {
	After Branch
	Max   uint32
}

func (x *askVolumes) wire(c *coder) {
	num32(c, &x.After)
	c.u32(&x.Max)
	c.require(x.Max <= MaxPage)
}

// Volumes is a page of volumes.
type Volumes struct {
	Volumes []Volume
	More    bool
}

func (p *Volumes) wire(c *coder) {
	list(c, &p.Volumes, MaxPage, func(v *Volume) { v.wire(c) })
	c.bool(&p.More)
}

func (x *askVolumes) read(v view) (wirer, error) {
	p := &Volumes{}
	err := v.walk(colVolume, nil, (x.After + 1).suffix(), func(suffix, value []byte) (bool, error) {
		if len(p.Volumes) >= int(x.Max) {
			p.More = true
			return true, nil
		}
		b, vol := Branch(suffix32(suffix, 0)), &volumeRec{}
		if err := decode(value, vol, store.KindCorrupt, "volume row"); err != nil {
			return false, err
		}
		r, err := v.branch(b)
		if err != nil {
			return false, err
		}
		d, err := v.describe(b, r, vol)
		p.Volumes = append(p.Volumes, d)
		return false, err
	})
	return p, err
}

// askSnapshots lists the snapshots behind one, in order.
type askSnapshots struct {
	Branch Branch // 0: of all volumes
	After  SnapshotID
	Max    uint32
}

func (x *askSnapshots) wire(c *coder) {
	num32(c, &x.Branch)
	num32(c, &x.After)
	c.u32(&x.Max)
	c.require(x.Max <= MaxPage)
}

// Snapshots is a page of snapshots. It may be empty and yet not be the last.
type Snapshots struct {
	Snapshots []Snapshot
	More      bool
	Next      SnapshotID // behind which the next page begins
}

func (p *Snapshots) wire(c *coder) {
	list(c, &p.Snapshots, MaxPage, func(s *Snapshot) {
		num32(c, &s.ID)
		s.wire(c)
	})
	c.bool(&p.More)
	num32(c, &p.Next)
}

func (x *askSnapshots) read(v view) (wirer, error) {
	p := &Snapshots{Next: x.After}
	looked := 0
	err := v.walk(colSnapshot, nil, (x.After + 1).suffix(), func(suffix, value []byte) (bool, error) {
		if looked++; looked > queryChunks || len(p.Snapshots) >= int(x.Max) {
			p.More = true
			return true, nil
		}
		s := Snapshot{ID: SnapshotID(suffix32(suffix, 0))}
		if err := decode(value, &s, store.KindCorrupt, "snapshot row"); err != nil {
			return false, err
		}
		p.Next = s.ID
		if x.Branch == 0 || s.Branch == x.Branch {
			p.Snapshots = append(p.Snapshots, s)
		}
		return false, nil
	})
	return p, err
}

// askSnapshot reads one snapshot.
type askSnapshot struct{ ID SnapshotID }

func (x *askSnapshot) wire(c *coder) { num32(c, &x.ID) }

func (x *askSnapshot) read(v view) (wirer, error) {
	s, err := v.snapshot(x.ID)
	if err != nil {
		return nil, err
	}
	return &Snapshots{Snapshots: []Snapshot{*s}}, nil
}

// askFamily reads what is known of all volumes together.
type askFamily struct{}

func (*askFamily) wire(*coder) {}

// Family is what all volumes of a family are together.
type Family struct {
	Blobs    uint64 // that rows refer to
	Bytes    uint64 // their payloads
	Live     uint64 // pages of them that rows name
	Sweeping bool   // dead rows wait for Sweep
}

func (f *Family) wire(c *coder) {
	c.u64(&f.Blobs)
	c.u64(&f.Bytes)
	c.u64(&f.Live)
	c.bool(&f.Sweeping)
}

func (*askFamily) read(v view) (wirer, error) {
	rec, err := load[familyRec](v, colFamily, nil, "family row")
	if err != nil || rec == nil {
		return &Family{}, err
	}
	f := &Family{Blobs: rec.blobs, Bytes: rec.bytes, Live: rec.live}
	err = v.walk(colSweep, nil, nil, func(_, _ []byte) (bool, error) {
		f.Sweeping = true
		return true, nil
	})
	return f, err
}
