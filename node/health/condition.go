package health

import (
	"cmp"
	"slices"
	"time"
)

// Severity is how urgent a condition is.
type Severity string

// The severities, from low to high.
const (
	Info     Severity = "info"     // worth knowing
	Warning  Severity = "warning"  // less behind the data than promised, or soon so
	Critical Severity = "critical" // something cannot be read or written, or nearly so
)

func (s Severity) rank() int { return slices.Index([]Severity{Info, Warning, Critical}, s) }

// Condition is something that is not as it should be.
type Condition struct {
	Name     string     `json:"name"` // stable, for alerts
	Severity Severity   `json:"severity"`
	Since    *time.Time `json:"since,omitempty"` // not known if absent
	What     string     `json:"what"`            // one sentence
	Affected []string   `json:"affected"`        // nodes, disks, groups
	Next     string     `json:"next"`            // what to do, with the command
	// Stops is set when reads or writes fail because of it.
	Stops bool `json:"stops"`
	// Later is set when it takes nothing away yet: the verdict stays as it is.
	Later bool `json:"later"`
}

// CheckResult is what `cairn doctor` prints of one check.
type CheckResult struct {
	Name       string      `json:"name"`
	OK         bool        `json:"ok"`
	What       string      `json:"what"` // what was found, also when all is well
	Conditions []Condition `json:"conditions"`
}

// check looks for conditions of one kind. ok says what is well if it finds none.
type check struct {
	name string
	ok   func(*view) string
	find func(*view) []Condition
}

// view is what checks look at: the facts and the status made of them so far.
type view struct {
	*Facts
	*Status
}

// Doctor runs all checks.
func Doctor(f *Facts) []CheckResult {
	s := build(f)
	v := &view{f, s}
	var out []CheckResult
	for _, c := range checks {
		r := CheckResult{Name: c.name, Conditions: c.find(v)}
		r.OK = !slices.ContainsFunc(r.Conditions, func(c Condition) bool { return c.Severity != Info })
		if len(r.Conditions) == 0 {
			r.Conditions = []Condition{}
			r.What = c.ok(v)
		} else {
			r.What = r.Conditions[0].What
		}
		out = append(out, r)
	}
	return out
}

// conditions runs all checks and returns what they found, the worst first.
func conditions(v *view) []Condition {
	out := []Condition{}
	for _, c := range checks {
		out = append(out, c.find(v)...)
	}
	slices.SortStableFunc(out, func(a, b Condition) int { return cmp.Compare(b.Severity.rank(), a.Severity.rank()) })
	return out
}
