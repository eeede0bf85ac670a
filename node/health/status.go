package health

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Compute makes a status of facts. It is pure.
func Compute(f *Facts) *Status {
	s := build(f)
	s.Conditions = conditions(&view{f, s})
	s.Verdict, s.Summary = verdict(f, s)
	return s
}

// build makes all of a status but its conditions.
func build(f *Facts) *Status {
	s := &Status{
		Cluster: hex.EncodeToString(f.Cluster.GetClusterId()), At: f.Now.UTC(), Epoch: f.Epoch,
		LivenessAge: seconds(f.LiveAge), Names: f.Names, Conditions: []Condition{},
	}
	s.From = f.nodeName(uint32(f.Asked))
	s.Zones = f.zones()
	s.Metadata = f.metadata()
	s.Data = f.data()
	s.Space = f.space(s.Data.Policies)
	s.Repairs = f.repairs()
	s.Debts, s.Deletes = f.owed()
	return s
}

// verdict sums up: whatever stops something makes the cluster unavailable, any
// warning of what is so already makes it degraded.
func verdict(f *Facts, s *Status) (Verdict, string) {
	if !f.Cluster.GetFormed() {
		return Forming, fmt.Sprintf("the cluster waits for its nodes: %d of %d have joined", len(f.Nodes), f.Cluster.GetExpectNodes())
	}
	if i := slices.IndexFunc(s.Conditions, func(c Condition) bool { return c.Stops }); i >= 0 {
		return Unavailable, s.Conditions[i].What
	}
	if slices.ContainsFunc(s.Conditions, func(c Condition) bool { return c.Severity != Info && !c.Later }) {
		return Degraded, margins(s)
	}
	return Healthy, margins(s)
}

func margins(s *Status) string {
	return fmt.Sprintf("data: %s; metadata: %s", s.Data.Margin, s.Metadata.Margin)
}

// timeOf returns t, or nil if it is not known.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() || t.UnixMilli() == 0 {
		return nil
	}
	t = t.UTC()
	return &t
}

func timeOfMs(ms int64) *time.Time { return timeOf(time.UnixMilli(ms)) }

func (f *Facts) nodeName(id uint32) string {
	for _, n := range f.Nodes {
		if n.Id == id {
			return n.Name
		}
	}
	return fmt.Sprintf("node %d", id)
}
