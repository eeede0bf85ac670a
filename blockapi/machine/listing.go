package machine

import "cairn/store"

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
