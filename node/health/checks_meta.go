package health

import (
	"fmt"
	"time"

	"cairn/placement"
)

func okRoot(v *view) string {
	for _, g := range v.Metadata.Groups {
		if g.ID == 0 {
			return fmt.Sprintf("%s leads the root group", g.Leader)
		}
	}
	return "the root group is not formed yet"
}

// findRoot is about the root group's leader: without one, topology, names and
// repairs stand still, while reads and writes of data go on.
func findRoot(v *view) []Condition {
	if v.LiveAge <= staleAfter {
		return nil
	}
	since := v.Now.Add(-v.LiveAge)
	return []Condition{{
		Name: "root-silent", Severity: Critical, Since: timeOf(since), Affected: []string{"root"},
		What: fmt.Sprintf("the root group has not answered for %s: names, topology and repairs stand still; reads and writes go on", v.LiveAge.Round(time.Second)),
		Next: "bring back nodes of the root group until a majority runs; `cairn status` shows which they are",
	}}
}

func okMetadata(v *view) string {
	return fmt.Sprintf("%s, each with a leader; the weakest %s", counted(len(v.Metadata.Groups), "group"), v.Metadata.Margin)
}

func findMetadata(v *view) (out []Condition) {
	for _, g := range v.Metadata.Groups {
		switch {
		case !g.Quorum:
			out = append(out, Condition{
				Name: "no-quorum", Severity: Critical, Affected: []string{g.Name}, Stops: true,
				What: fmt.Sprintf("%s has no majority: what it keeps can be neither read nor changed", g.Name),
				Next: fmt.Sprintf("bring back one of its nodes: %s", list(silent(g))),
			})
		case g.Leader == "":
			out = append(out, Condition{
				Name: "no-leader", Severity: Warning, Affected: []string{g.Name},
				What: fmt.Sprintf("%s has a majority but no leader yet", g.Name),
				Next: "wait for the election, some seconds; if it lasts, look at the logs of its nodes for why",
			})
		case len(silent(g)) > 0:
			out = append(out, Condition{
				Name: "group-reduced", Severity: Warning, Affected: []string{g.Name},
				What: fmt.Sprintf("%s goes on without %s; it %s", g.Name, list(silent(g)), g.Margin),
				Next: "bring the nodes back",
			})
		}
	}
	return out
}

// silent returns the voters of a group that take no part.
func silent(g Group) (names []string) {
	for _, r := range g.Replicas {
		if r.State != "leader" && r.State != "follower" {
			names = append(names, r.Node)
		}
	}
	return names
}

// maxBehind is how many entries a follower may lack before it is worth a word.
const maxBehind = 10_000

func okReplicas(v *view) string { return "no replica has stopped or lags" }

func findReplicas(v *view) (out []Condition) {
	for _, g := range v.Metadata.Groups {
		for _, r := range g.Replicas {
			what := fmt.Sprintf("the replica of %s on %s ", g.Name, r.Node)
			c := Condition{Severity: Warning, Affected: []string{r.Node}}
			switch {
			case r.State == "halted":
				c.Name, c.Severity, c.What = "replica-halted", Critical, what+"has stopped: "+r.Why
				c.Next = "if a newer version wrote its log, install that one; else replace the node: empty its directory and let it join again"
			case r.State == "muted":
				c.Name, c.What, c.Next = "replica-muted", what+r.Why, "nothing: it votes again by itself; check the disk it is on"
			case r.Behind > maxBehind:
				c.Name, c.What = "replica-behind", what+fmt.Sprintf("is %d entries behind", r.Behind)
				c.Next = "nothing, if it is catching up; else look for a slow disk or network there"
			default:
				continue
			}
			out = append(out, c)
		}
	}
	return out
}

func okMetaDisk(*view) string { return "every metadata disk has room" }

func findMetaDisk(v *view) (out []Condition) {
	for _, n := range v.Nodes {
		if r := v.Reports[placement.NodeID(n.Id)]; v.answers(placement.NodeID(n.Id)) && r.MetaFull {
			out = append(out, Condition{
				Name: "metadata-disk-full", Severity: Critical, Affected: []string{n.Name}, Stops: true,
				What: fmt.Sprintf("the metadata disk of %s is at its reserve: only deletes go through there", n.Name),
				Next: "free or add space on the filesystem of its directory",
			})
		}
	}
	return out
}
