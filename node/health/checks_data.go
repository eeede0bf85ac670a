package health

import (
	"fmt"
	"time"

	"cairn/placement"
)

func okRedundancy(v *view) string { return "data: " + v.Data.Margin }

// findRedundancy is about rows that survive less than they were built for.
func findRedundancy(v *view) (out []Condition) {
	for _, p := range v.Data.Policies {
		switch {
		case p.Groups == 0:
		case p.Unreadable > 0:
			out = append(out, Condition{
				Name: "data-unreadable", Severity: Critical, Affected: []string{p.Code}, Stops: true,
				What: fmt.Sprintf("%s of %s cannot be read: too few of their disks answer", counted(p.Unreadable, "placement group"), p.Code),
				Next: "bring back the nodes that are down; nothing is lost while their disks are whole",
			})
		case p.margin.Below(p.promise):
			out = append(out, Condition{
				Name: "redundancy-reduced", Severity: Warning, Affected: []string{p.Code},
				What: fmt.Sprintf("%s now: %s; when all is well: %s", p.Code, p.Margin, p.Promise),
				Next: "bring back what is down; what stays away for " + downOut + " is rebuilt elsewhere by itself",
			})
		}
	}
	return out
}

// downOut is the usual time until silent disks are given up, in words.
const downOut = "10 minutes (down_out)"

func okPromise(v *view) string { return "the standard class survives the loss of a zone" }

// findPromise tells people whose cluster cannot survive a zone at its best.
func findPromise(v *view) []Condition {
	for _, p := range v.Data.Policies {
		if p.Class != "standard" || p.State != placement.StateOpen.String() || p.promise.Zones() > 0 {
			continue
		}
		return []Condition{{
			Name: "no-zone-tolerance", Severity: Info, Affected: []string{p.Code},
			What: fmt.Sprintf("%s (%s) does not survive the loss of a zone even when all is well", p.Code, p.Label),
			Next: "add nodes so that there are three zones",
		}}
	}
	return nil
}

func okRepairs(v *view) string {
	return fmt.Sprintf("nothing is moving; all %s are where they belong", counted(v.Repairs.Total, "placement group"))
}

func findRepairs(v *view) []Condition {
	r := v.Repairs
	if r.Slots == 0 && r.Lost == 0 {
		return nil
	}
	c := Condition{
		Name: "repairing", Severity: Info, Affected: []string{},
		What: fmt.Sprintf("%d of %d placement groups are settled; %d shards on their way, %d waiting for a disk", r.Done, r.Total, r.Slots, r.Lost),
		Next: "wait; `cairn status` shows the progress",
	}
	for _, f := range r.Fills {
		if f.Waits != "" {
			c.Severity = Warning
			c.What += "; " + f.Waits
			c.Affected = append(c.Affected, f.Node)
			break
		}
	}
	return []Condition{c}
}

func okDebts(*view) string { return "every blob has all its shards" }

func findDebts(v *view) []Condition {
	d := v.Debts
	if d.Blobs == 0 {
		return nil
	}
	left := -1
	for l := range d.ByLeft {
		if left < 0 || int(l) < left {
			left = int(l)
		}
	}
	c := Condition{
		Name: "debts", Severity: Warning, Since: d.Oldest, Affected: []string{},
		What: fmt.Sprintf("%s written with shards missing; the weakest can lose %d more", counted(int(d.Blobs), "blob"), left),
		Next: "nothing, if the number falls; else bring back the nodes that are down",
	}
	if d.Why != "" {
		c.What += ": " + d.Why
	}
	return []Condition{c}
}

func okDeletes(v *view) string {
	return fmt.Sprintf("%d deleted blobs wait for their time", v.Deletes.Waiting)
}

func findDeletes(v *view) []Condition {
	if v.Deletes.Overdue == 0 {
		return nil
	}
	return []Condition{{
		Name: "deletes-wait", Severity: Info, Affected: []string{},
		What: fmt.Sprintf("%d deleted blobs still take space: a disk that has shards of them does not answer", v.Deletes.Overdue),
		Next: "bring back the nodes that are down",
	}}
}

// maxSkew is what clocks may differ by. Correctness does not rest on them, but
// signatures, expiry dates and logs do.
const maxSkew = 500 * time.Millisecond

func okClocks(v *view) string {
	worst := time.Duration(0)
	for _, r := range v.Reports {
		if r.Err == nil {
			worst = max(worst, r.Skew.Abs())
		}
	}
	return fmt.Sprintf("clocks differ by %s at most", worst.Round(time.Millisecond))
}

func findClocks(v *view) (out []Condition) {
	for _, n := range v.allNodes() {
		r := v.Reports[n.ID]
		if !n.Answers || r.Skew.Abs() <= maxSkew+r.RTT/2 {
			continue
		}
		c := Condition{
			Name: "clock-skew", Severity: Warning, Affected: []string{n.Name},
			What: fmt.Sprintf("the clock of %s is %s off that of %s", n.Name, r.Skew.Round(time.Millisecond), v.From),
			Next: "run a time service on both (chrony, systemd-timesyncd)",
		}
		if r.Skew.Abs() > time.Minute {
			c.Severity = Critical // signed requests are refused at 15 minutes
		}
		out = append(out, c)
	}
	return out
}
