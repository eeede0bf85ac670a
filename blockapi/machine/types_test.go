package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// TestTypeLimits has each limit of the volume types from both sides.
func TestTypeLimits(t *testing.T) {
	for _, c := range []struct {
		spec   Spec
		reason string // "": allowed
	}{
		{Spec{Size: 1}, ""},
		{Spec{Size: 0}, ReasonSize},
		{Spec{Size: 65_536, IOPS: 80_000, Throughput: 2000}, ""},
		{Spec{Size: 65_537}, ReasonSize},
		{Spec{Size: 1000, IOPS: 80_001}, ReasonIOPS},
		{Spec{Size: 1, IOPS: 2999}, ReasonIOPS},
		{Spec{Size: 7, IOPS: 3500}, ""},
		{Spec{Size: 7, IOPS: 3501}, ReasonIOPS},
		{Spec{Size: 1, Throughput: 750}, ""},
		{Spec{Size: 1, Throughput: 751}, ReasonThroughput},
		{Spec{Size: 1, Throughput: 124}, ReasonThroughput},
		{Spec{Size: 16_384, Type: TypeGP2}, ""},
		{Spec{Size: 16_385, Type: TypeGP2}, ReasonSize},
		{Spec{Size: 100, Type: TypeGP2, IOPS: 300}, ReasonIOPS},
		{Spec{Size: 100, Type: TypeGP2, Throughput: 125}, ReasonThroughput},
		{Spec{Size: 4, Type: TypeIO1}, ReasonIOPS},
		{Spec{Size: 4, Type: TypeIO1, IOPS: 200, MultiAttach: true}, ""},
		{Spec{Size: 4, Type: TypeIO1, IOPS: 201}, ReasonIOPS},
		{Spec{Size: 3, Type: TypeIO2, IOPS: 100}, ReasonSize},
		{Spec{Size: 256, Type: TypeIO2, IOPS: 256_000}, ""},
		{Spec{Size: 300, Type: TypeIO2, IOPS: 256_001}, ReasonIOPS},
		{Spec{Size: 124, Type: TypeST1}, ReasonSize},
		{Spec{Size: 125, Type: TypeSC1}, ""},
		{Spec{Size: 1024, Type: TypeStandard}, ""},
		{Spec{Size: 1, MultiAttach: true}, ReasonMultiAttach},
	} {
		err := c.spec.complete()
		if c.reason == "" {
			require.NoError(t, err, "%+v", c.spec)
			continue
		}
		requireFails(t, err, store.KindInvalid, c.reason)
	}
	for typ := TypeGP3; typ <= TypeStandard; typ++ {
		again, err := ParseType(typ.String())
		require.NoError(t, err)
		require.Equal(t, typ, again)
	}
	_, err := ParseType("gp4")
	requireFails(t, err, store.KindInvalid, ReasonType)
}

// TestPerformance has the examples of the EBS user guide.
func TestPerformance(t *testing.T) {
	gp2 := func(size uint32) Performance { return (&Spec{Size: size, Type: TypeGP2}).Performance() }
	p := gp2(100)
	require.EqualValues(t, 300, p.IOPS)
	require.EqualValues(t, 2000, p.Credits/(p.BurstIOPS-p.Earn), "seconds of burst")
	require.EqualValues(t, 18_000, p.Credits/p.Earn, "seconds to refill")
	p = gp2(33)
	require.EqualValues(t, 100, p.IOPS)
	require.EqualValues(t, 1862, p.Credits/(p.BurstIOPS-p.Earn))
	require.EqualValues(t, 54_000, p.Credits/p.Earn)
	require.EqualValues(t, 7200, gp2(750).Credits/(3000-gp2(750).Earn))
	require.Zero(t, gp2(1000).Credits)
	require.EqualValues(t, 16_000, gp2(16_384).BurstIOPS)

	for _, c := range []struct {
		typ         Type
		size        uint32
		base, burst float64 // MiB/s
	}{
		{TypeST1, 128, 5, 31.25}, {TypeST1, 1024, 40, 250}, {TypeST1, 2048, 80, 500}, {TypeST1, 12_800, 500, 500},
		{TypeSC1, 128, 1.5, 10}, {TypeSC1, 16_384, 192, 250},
	} {
		p := (&Spec{Size: c.size, Type: c.typ}).Performance()
		require.EqualValues(t, c.base*mib, p.Throughput)
		require.EqualValues(t, c.burst*mib, p.BurstThroughput)
		require.EqualValues(t, uint64(c.size)<<30, p.Credits)
	}
	for iops, want := range map[uint32]uint64{100: 25, 2000: 500, 32_000: 500, 64_000: 1000} {
		require.Equal(t, want*mib, (&Spec{Type: TypeIO1, IOPS: iops}).Performance().Throughput)
	}
	require.EqualValues(t, 4000*mib, (&Spec{Type: TypeIO2, IOPS: 16_000}).Performance().Throughput)
}

// TestModify goes through a modification's states, and its limits.
func TestModify(t *testing.T) {
	e := newEnv(t)
	b, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Attributes: Attributes{Spec: Spec{Size: 500, Type: TypeGP2}}})
	require.NoError(t, err)
	step := func(s ModificationState) error {
		_, err := e.c.AdvanceModification(ctx, e.ns, &AdvanceModification{b, s})
		return err
	}
	_, err = e.c.Modify(ctx, e.ns, &Modify{Branch: b, Size: 499})
	requireFails(t, err, store.KindInvalid, ReasonSize)
	requireFails(t, step(ModificationOptimizing), store.KindConflict, ReasonState)

	m, err := e.c.Modify(ctx, e.ns, &Modify{Branch: b, Size: 600, ChangeType: true, Type: TypeGP3})
	require.NoError(t, err)
	require.Equal(t, Spec{Size: 600, Type: TypeGP3, IOPS: 3000, Throughput: 250}, m.Target, "not below what it had")
	require.EqualValues(t, 500, e.volume(b).Size, "not yet")
	_, err = e.c.Modify(ctx, e.ns, &Modify{Branch: b, Size: 700})
	requireFails(t, err, store.KindConflict, ReasonModifying)
	require.NoError(t, step(ModificationOptimizing))
	require.Equal(t, m.Target, e.volume(b).Spec)
	e.now = e.now.Add(time.Minute)
	require.NoError(t, step(ModificationCompleted))
	require.Equal(t, store.TimeOf(e.now), e.volume(b).Modification.End)

	for range 3 {
		_, err = e.c.Modify(ctx, e.ns, &Modify{Branch: b, IOPS: 5000})
		require.NoError(t, err)
		require.NoError(t, step(ModificationFailed))
	}
	require.EqualValues(t, 3000, e.volume(b).IOPS)
	_, err = e.c.Modify(ctx, e.ns, &Modify{Branch: b, IOPS: 4000})
	requireFails(t, err, store.KindConflict, ReasonRate)
	e.now = e.now.Add(24 * time.Hour)
	_, err = e.c.Modify(ctx, e.ns, &Modify{Branch: b, IOPS: 4000})
	require.NoError(t, err)
}

// TestAttach has what attachments are refused for.
func TestAttach(t *testing.T) {
	e := newEnv(t)
	create := func(s Spec) Branch {
		b, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Attributes: Attributes{Spec: s, Zone: "a"}})
		require.NoError(t, err)
		return b
	}
	attach := func(b Branch, host string) error {
		return e.c.Attach(ctx, e.ns, &Attach{Branch: b, Host: host, Device: "/dev/sdf", Zone: "a"})
	}
	single := create(Spec{Size: 1})
	requireFails(t, e.c.Attach(ctx, e.ns, &Attach{Branch: single, Host: "h", Zone: "b"}), store.KindInvalid, ReasonZone)
	requireFails(t, e.c.Detach(ctx, e.ns, &Detach{Branch: single}), store.KindNotFound, ReasonAttachment)
	require.NoError(t, attach(single, "h"))
	requireFails(t, attach(single, "h"), store.KindExists, ReasonAttached)
	requireFails(t, attach(single, "i"), store.KindConflict, ReasonInUse)
	requireFails(t, e.c.DeleteVolume(ctx, e.ns, &DeleteVolume{Branch: single}), store.KindConflict, ReasonInUse)
	require.NoError(t, e.c.SetVolume(ctx, e.ns, &SetVolume{Branch: single, Host: "h", DeleteOnTermination: true, Impaired: &yes}))
	require.True(t, e.volume(single).Attachments[0].DeleteOnTermination)
	require.True(t, e.volume(single).Impaired)

	// Force takes the volume from its owner too.
	e.claim(single)
	before := e.volume(single)
	require.NoError(t, e.c.Detach(ctx, e.ns, &Detach{Branch: single, Force: true}))
	_, err := e.c.Flush(ctx, e.ns, &Flush{Branch: single, Epoch: before.Epoch})
	requireFails(t, err, store.KindPrecondition, ReasonEpoch)
	require.Empty(t, e.volume(single).Owner)

	many := create(Spec{Size: 4, Type: TypeIO2, IOPS: 100, MultiAttach: true})
	for i := range MaxAttachments {
		require.NoError(t, attach(many, string(rune('a'+i))))
	}
	requireFails(t, attach(many, "z"), store.KindTooLarge, ReasonLimit)
	off := false
	_, err = e.c.Modify(ctx, e.ns, &Modify{Branch: many, MultiAttach: &off})
	requireFails(t, err, store.KindInvalid, ReasonMultiAttach)
	_, err = e.c.Modify(ctx, e.ns, &Modify{Branch: many, ChangeType: true, Type: TypeGP3})
	requireFails(t, err, store.KindInvalid, ReasonMultiAttach)
}
