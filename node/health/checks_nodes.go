package health

import (
	"fmt"
	"slices"

	"cairn/node/root"
)

// allNodes returns the nodes of all zones.
func (s *Status) allNodes() []Node {
	var out []Node
	for _, z := range s.Zones {
		out = append(out, z.Nodes...)
	}
	return out
}

func okNodes(v *view) string { return counted(len(v.Nodes), "node") + ", all up" }

func findNodes(v *view) (out []Condition) {
	for _, n := range v.allNodes() {
		c := Condition{
			Severity: Warning, Since: n.Since, Affected: []string{n.Name},
			Next: fmt.Sprintf("look at the machine of %s; on it: systemctl status cairn. A node that is gone for good is rebuilt elsewhere by itself", n.Name),
		}
		switch n.State {
		case root.Down.String():
			c.Name, c.What = "node-down", fmt.Sprintf("node %s is down%s", n.Name, ago(v.Now, n.Since))
		case root.Suspect.String():
			c.Name, c.What = "node-suspect", fmt.Sprintf("node %s has been silent for some seconds", n.Name)
			c.Next = "wait: it is up again or down within 10 s"
		case root.Unknown.String():
			c.Name, c.What = "node-unknown", fmt.Sprintf("nothing is known of node %s%s", n.Name, ago(v.Now, n.Since))
		case root.Up.String():
			if n.Answers {
				continue
			}
			c.Name, c.Severity = "node-unreachable", Info
			c.What = fmt.Sprintf("node %s is up but does not answer %s: %s", n.Name, v.From, n.Error)
			c.Next = "check the network between the two"
		}
		out = append(out, c)
	}
	return out
}

func okZones(v *view) string { return counted(len(v.Zones), "zone") + ", none down" }

func findZones(v *view) (out []Condition) {
	for _, z := range v.Zones {
		if z.State != "down" || len(v.Zones) == 1 {
			continue
		}
		c := Condition{
			Name: "zone-down", Severity: Warning, Affected: []string{z.Name},
			What: fmt.Sprintf("zone %s is down: none of its %s answers", z.Name, counted(len(z.Nodes), "node")),
			Next: "look for what the nodes of the zone share: power, network, a switch",
		}
		for _, n := range z.Nodes {
			if n.Since != nil && (c.Since == nil || n.Since.After(*c.Since)) {
				c.Since = n.Since // the last one to go
			}
		}
		out = append(out, c)
	}
	return out
}

func okVersions(v *view) string {
	for _, n := range v.allNodes() {
		return "all nodes run " + n.Build
	}
	return "no nodes yet"
}

func findVersions(v *view) []Condition {
	by := map[string][]string{}
	for _, n := range v.allNodes() {
		by[n.Build] = append(by[n.Build], n.Name)
	}
	if len(by) < 2 {
		return nil
	}
	c := Condition{
		Name: "versions-differ", Severity: Warning, Later: true, What: "the nodes run different versions:",
		Next: "finish the upgrade: install one version on all nodes, one zone at a time",
	}
	for _, build := range sortedKeys(by) {
		c.What += fmt.Sprintf(" %s on %s;", build, list(by[build]))
		c.Affected = append(c.Affected, by[build]...)
	}
	c.What = c.What[:len(c.What)-1]
	return []Condition{c}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
