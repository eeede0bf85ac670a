package machine

import (
	"cairn/store"
)

const (
	// modificationsPerDay is how many modifications may begin in 24 hours.
	modificationsPerDay = 4
	day                 = store.Time(24 * 3600_000)
)

// ModificationState is where a modification is. Numbers are stored.
type ModificationState uint8

// The states. The new size and performance hold from ModificationOptimizing on.
const (
	ModificationNone       ModificationState = 0
	ModificationModifying  ModificationState = 1
	ModificationOptimizing ModificationState = 2
	ModificationCompleted  ModificationState = 3
	ModificationFailed     ModificationState = 4
)

// Modification is the last change of a volume's spec.
type Modification struct {
	State            ModificationState
	Original, Target Spec
	Start, End       store.Time // End: of completed and failed ones
}

func (m *Modification) wire(c *coder) {
	enum(c, &m.State, ModificationFailed)
	if m.State == ModificationNone {
		return
	}
	m.Original.wire(c)
	m.Target.wire(c)
	c.time(&m.Start)
	c.time(&m.End)
}

// running reports whether the modification is under way.
func (m *Modification) running() bool {
	return m.State == ModificationModifying || m.State == ModificationOptimizing
}

// Modify begins a change of size, type or performance; zero values stay as they
// are, or become the new type's default. Sizes only grow. One modification runs
// at a time, and four may begin in 24 hours. The owner of the volume makes it
// happen and reports so with [AdvanceModification].
type Modify struct {
	Branch      Branch
	Size        uint32
	Type        Type
	ChangeType  bool // else Type is not looked at
	IOPS        uint32
	Throughput  uint32
	MultiAttach *bool
}

func (x *Modify) wire(c *coder) {
	num32(c, &x.Branch)
	c.u32(&x.Size)
	enum(c, &x.Type, TypeStandard)
	c.bool(&x.ChangeType)
	c.u32(&x.IOPS)
	c.u32(&x.Throughput)
	c.maybe(&x.MultiAttach)
}

func (x *Modify) apply(c *change) (wirer, error) {
	_, vol, err := c.activeVolume(x.Branch)
	if err != nil {
		return nil, err
	}
	if vol.modification.running() {
		return nil, refuse(store.KindConflict, ReasonModifying, "wait until it is completed", "%v", x.Branch)
	}
	for len(vol.modified) > 0 && vol.modified[0]+day <= c.at {
		vol.modified = vol.modified[1:]
	}
	if len(vol.modified) >= modificationsPerDay {
		return nil, refuse(store.KindConflict, ReasonRate, "four modifications may begin in 24 hours", "%v", x.Branch)
	}
	target, err := x.target(vol)
	if err != nil {
		return nil, err
	}
	vol.modification = Modification{State: ModificationModifying, Original: vol.Spec, Target: target, Start: c.at}
	vol.modified = append(vol.modified, c.at)
	c.putVolume(x.Branch, vol)
	return &vol.modification, nil
}

// target returns the spec that is asked for, if the volume may have it.
func (x *Modify) target(vol *volumeRec) (Spec, error) {
	old, s := vol.Spec, vol.Spec
	if x.Size != 0 {
		s.Size = x.Size
	}
	if s.Size < old.Size {
		return s, refuse(store.KindInvalid, ReasonSize, "a volume only grows", "%v from %d to %d GiB", x.Branch, old.Size, s.Size)
	}
	if x.ChangeType && x.Type != old.Type {
		s.Type = x.Type
		s.carry(&old)
	}
	if x.IOPS != 0 {
		s.IOPS = x.IOPS
	}
	if x.Throughput != 0 {
		s.Throughput = x.Throughput
	}
	if x.MultiAttach != nil {
		s.MultiAttach = *x.MultiAttach
	}
	if err := checkMultiAttach(vol, &s); err != nil {
		return s, err
	}
	return s, s.complete()
}

// carry takes what performance the old type had to the new one, as far as the
// new one is provisioned: gp2 to gp3 keeps at least the old baseline.
func (s *Spec) carry(old *Spec) {
	p := old.Performance()
	rule := &typeRules[s.Type]
	s.IOPS, s.Throughput = 0, 0
	if rule.maxIOPS > 0 {
		s.IOPS = max(uint32(p.IOPS), rule.freeIOPS)
	}
	if rule.maxThroughput > 0 {
		s.Throughput = max(min(uint32(p.Throughput/mib), rule.maxThroughput), rule.minThroughput)
	}
}

// checkMultiAttach: a Multi-Attach io2 volume keeps its type and a Multi-Attach
// io1 volume all it has; io2 may change the flag while it is detached.
func checkMultiAttach(vol *volumeRec, s *Spec) error {
	old := &vol.Spec
	toggled := s.MultiAttach != old.MultiAttach
	switch {
	case old.MultiAttach && old.Type == TypeIO1 && *s != *old,
		old.MultiAttach && s.Type != old.Type,
		toggled && (old.Type != TypeIO2 || s.Type != TypeIO2),
		toggled && len(vol.attachments) > 0:
		return refuse(store.KindInvalid, ReasonMultiAttach, "", "%v with Multi-Attach %v to %v with %v", old.Type, old.MultiAttach, s.Type, s.MultiAttach)
	}
	return nil
}

// AdvanceModification reports how far the modification is: optimizing when the
// volume has its new size and performance, then completed; or failed, which
// gives up one that is not yet optimizing.
type AdvanceModification struct {
	Branch Branch
	State  ModificationState
}

func (x *AdvanceModification) wire(c *coder) {
	num32(c, &x.Branch)
	enum(c, &x.State, ModificationFailed)
}

func (x *AdvanceModification) apply(c *change) (wirer, error) {
	_, vol, err := c.activeVolume(x.Branch)
	if err != nil {
		return nil, err
	}
	m := &vol.modification
	switch {
	case m.State == ModificationModifying && x.State == ModificationOptimizing:
		vol.Spec = m.Target
	case m.State == ModificationModifying && x.State == ModificationFailed,
		m.State == ModificationOptimizing && x.State == ModificationCompleted:
		m.End = c.at
	default:
		return nil, refuse(store.KindConflict, ReasonState, "", "modification of %v from state %d to %d", x.Branch, m.State, x.State)
	}
	m.State = x.State
	c.putVolume(x.Branch, vol)
	return m, nil
}
