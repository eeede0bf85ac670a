package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"cairn/node/health"
	"cairn/node/root"
)

// renderStatus writes a status for people. It is pure: times are relative to the
// status's own.
func renderStatus(s *health.Status, p paint) string {
	var b textBuffer
	fmt.Fprintf(&b, "%s: %s\n", p.bold(verdictWord(p, s.Verdict)), s.Summary)
	if s.LivenessAge > 5 {
		fmt.Fprintf(&b, "the root group has been silent for %.0f s: states are what nodes answered to %s\n", s.LivenessAge, s.From)
	}
	renderConditions(&b, s.Conditions, p)
	renderTree(&b, s)
	renderData(&b, s)
	renderMetadata(&b, s)
	renderWork(&b, s)
	return b.String()
}

func renderConditions(b *textBuffer, all []health.Condition, p paint) {
	for _, c := range all {
		if c.Severity == health.Info {
			continue
		}
		fmt.Fprintf(b, "\n%s %s: %s\n         → %s\n", severityWord(p, c.Severity), c.Name, c.What, c.Next)
	}
}

// renderTree shows zones, nodes and disks.
func renderTree(b *textBuffer, s *health.Status) {
	b.WriteString("\n")
	printTable(b, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ZONE\tNODE\tSTATE\tSINCE\tDISK\tHEALTH\tUSED\tSIZE\tSHARDS\tLEADS")
		for _, z := range s.Zones {
			for i, n := range z.Nodes {
				zone := ""
				if i == 0 {
					zone = z.Name
				}
				renderNode(w, s, zone, n)
			}
		}
	})
}

func renderNode(w *tabwriter.Writer, s *health.Status, zone string, n health.Node) {
	state := n.State
	if n.State == root.Up.String() && !n.Answers {
		state = "up, silent"
	}
	head := fmt.Sprintf("%s\t%s\t%s\t%s", zone, n.Name, state, since(s.At, n.Since))
	leads := leadNames(n.Leads)
	if len(n.Disks) == 0 {
		fmt.Fprintf(w, "%s\tnone\t\t\t\t\t%s\n", head, leads)
	}
	for _, d := range n.Disks {
		health := d.Health
		if d.State != "in" {
			health = d.State
		}
		used, shards := "?", "?"
		if d.Health != "unknown" {
			used = fmt.Sprintf("%s (%s)", size(d.Used), percent(1-ratio(d.Free, d.Bytes)))
		}
		if n.Answers {
			shards = fmt.Sprint(d.Shards)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", head, d.ID, health, used, size(d.Bytes), shards, leads)
		head, leads = "\t\t\t", ""
	}
}

func leadNames(groups []uint32) string {
	var names []string
	for _, g := range groups {
		name := "root"
		if g != 0 {
			name = fmt.Sprintf("meta %d", g)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func renderData(b *textBuffer, s *health.Status) {
	if len(s.Data.Policies) == 0 {
		return
	}
	b.WriteString("\n")
	printTable(b, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "DATA\tCLASS\tGROUPS\tALL SHARDS\tNOW")
		for _, p := range s.Data.Policies {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", p.Code, p.Class, p.Groups, complete(p), p.Margin)
		}
	})
}

// complete tells how many groups have all their shards.
func complete(p health.Policy) string {
	if p.Groups == 0 {
		return "-"
	}
	return percent(float64(p.ByLeft[len(p.ByLeft)-1]) / float64(p.Groups))
}

func renderMetadata(b *textBuffer, s *health.Status) {
	if len(s.Metadata.Groups) == 0 {
		return
	}
	b.WriteString("\n")
	printTable(b, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "METADATA\tLEADER\tREPLICAS\tNOW")
		for _, g := range s.Metadata.Groups {
			leader := g.Leader
			if leader == "" {
				leader = "none"
			}
			var nodes []string
			for _, r := range g.Replicas {
				name := r.Node
				if r.State != "leader" && r.State != "follower" {
					name += " (" + r.State + ")"
				}
				nodes = append(nodes, name)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", g.Name, leader, strings.Join(nodes, " "), g.Margin)
		}
	})
}

func renderWork(b *textBuffer, s *health.Status) {
	fmt.Fprintf(b, "\nspace    %s of %s used; about %s more can be stored (× %.3g raw)\n",
		size(s.Space.Used), size(s.Space.Raw), size(s.Space.Usable), s.Space.Overhead)
	r := s.Repairs
	if r.Slots+r.Lost == 0 {
		b.WriteString("repair   nothing is moving")
	} else {
		fmt.Fprintf(b, "repair   %d of %d placement groups are settled; %d shards moving (%s copied), %d waiting for a disk",
			r.Done, r.Total, r.Slots, size(r.Copied), r.Lost)
	}
	fmt.Fprintf(b, "\ndebts    %d blobs lack shards", s.Debts.Blobs)
	if len(s.Debts.Unknown) > 0 {
		fmt.Fprintf(b, ", not counting %d groups whose leader did not tell", len(s.Debts.Unknown))
	}
	fmt.Fprintf(b, "\ndeletes  %d waiting, %d overdue, %s\n", s.Deletes.Waiting, s.Deletes.Overdue, size(s.Deletes.Bytes))
	fmt.Fprintf(b, "names    %d buckets, %d users\n", s.Names["buckets"], s.Names["users"])
}

func since(now time.Time, t *time.Time) string {
	if t == nil {
		return "-"
	}
	d := now.Sub(*t)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", max(d.Seconds(), 0))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// size writes bytes with the binary units that tools use.
func size(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	i := -1
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return fmt.Sprintf("%.3g %ciB", f, units[i])
}

func ratio(a, b uint64) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

func percent(f float64) string { return fmt.Sprintf("%.3g %%", 100*f) }
