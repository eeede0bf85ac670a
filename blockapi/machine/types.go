package machine

import "cairn/store"

// Type is a volume type. Numbers are stored.
type Type uint8

// The types.
const (
	TypeGP3      Type = 0
	TypeGP2      Type = 1
	TypeIO1      Type = 2
	TypeIO2      Type = 3
	TypeST1      Type = 4
	TypeSC1      Type = 5
	TypeStandard Type = 6
)

// typeRule is what a type allows. Sizes are GiB, throughput is MiB/s.
type typeRule struct {
	name             string
	minSize, maxSize uint32
	minIOPS, maxIOPS uint32 // 0: not for the user to say
	freeIOPS         uint32 // what is allowed whatever the size; also the default
	perGiB           uint32 // IOPS a GiB at most
	minThroughput    uint32 // also the default; 0: not for the user to say
	maxThroughput    uint32
	multiAttach      bool
}

// typeRules are those of the EBS user guide, "Amazon EBS volume types".
var typeRules = [...]typeRule{
	TypeGP3:      {name: "gp3", minSize: 1, maxSize: 65_536, minIOPS: 3000, maxIOPS: 80_000, freeIOPS: 3000, perGiB: 500, minThroughput: 125, maxThroughput: 2000},
	TypeGP2:      {name: "gp2", minSize: 1, maxSize: 16_384},
	TypeIO1:      {name: "io1", minSize: 4, maxSize: 16_384, minIOPS: 100, maxIOPS: 64_000, perGiB: 50, multiAttach: true},
	TypeIO2:      {name: "io2", minSize: 4, maxSize: 65_536, minIOPS: 100, maxIOPS: 256_000, perGiB: 1000, multiAttach: true},
	TypeST1:      {name: "st1", minSize: 125, maxSize: 16_384},
	TypeSC1:      {name: "sc1", minSize: 125, maxSize: 16_384},
	TypeStandard: {name: "standard", minSize: 1, maxSize: 1024},
}

// String returns the type's name in the EC2 API.
func (t Type) String() string {
	if int(t) < len(typeRules) {
		return typeRules[t].name
	}
	return "unknown"
}

// ParseType reads what [Type.String] wrote: [store.KindInvalid], [ReasonType].
func ParseType(s string) (Type, error) {
	for t, r := range typeRules {
		if r.name == s {
			return Type(t), nil
		}
	}
	return 0, refuse(store.KindInvalid, ReasonType, "gp3, gp2, io2, io1, st1, sc1 or standard", "%q", s)
}

// Spec is the size and the performance of a volume.
type Spec struct {
	Size       uint32 // GiB
	Type       Type
	IOPS       uint32 // provisioned: of gp3, io1 and io2; else 0
	Throughput uint32 // provisioned, in MiB/s: of gp3; else 0
	// MultiAttach lets up to 16 hosts attach the volume: io1 and io2.
	MultiAttach bool
}

func (s *Spec) wire(c *coder) {
	c.u32(&s.Size)
	enum(c, &s.Type, TypeStandard)
	c.u32(&s.IOPS)
	c.u32(&s.Throughput)
	c.bool(&s.MultiAttach)
}

// complete fills in the type's defaults for zeroes and checks the limits.
func (s *Spec) complete() error {
	bad := func(reason, hint string) error {
		return refuse(store.KindInvalid, reason, hint, "%v of %d GiB, %d IOPS, %d MiB/s", s.Type, s.Size, s.IOPS, s.Throughput)
	}
	rule := &typeRules[s.Type]
	if s.Size < rule.minSize || s.Size > rule.maxSize {
		return bad(ReasonSize, "see the limits of the volume type")
	}
	if s.IOPS == 0 {
		s.IOPS = rule.freeIOPS
	}
	if s.Throughput == 0 {
		s.Throughput = rule.minThroughput
	}
	most := min(rule.maxIOPS, max(rule.freeIOPS, rule.perGiB*s.Size))
	switch {
	case s.IOPS < rule.minIOPS || s.IOPS > most:
		return bad(ReasonIOPS, "see the limits of the volume type")
	case s.Throughput < rule.minThroughput || s.Throughput > rule.maxThroughput:
		return bad(ReasonThroughput, "see the limits of the volume type")
	case rule.maxThroughput > 0 && s.Throughput > rule.minThroughput && 4*s.Throughput > s.IOPS:
		return bad(ReasonThroughput, "at most 0.25 MiB/s for each of the IOPS")
	case s.MultiAttach && !rule.multiAttach:
		return bad(ReasonMultiAttach, "io1 and io2 can have several attachments")
	}
	return nil
}
