package testproc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Status is what tests read of `cairn status --json`.
type Status struct {
	Verdict    string `json:"verdict"`
	Summary    string `json:"summary"`
	Conditions []struct {
		Name, Severity, What string
	} `json:"conditions"`
	Metadata struct {
		Groups []Group `json:"groups"`
	} `json:"metadata"`
	Repairs struct {
		Done  int `json:"groups_done"`
		Total int `json:"groups_total"`
		Slots int `json:"slots_moving"`
		Lost  int `json:"slots_lost"`
	} `json:"repairs"`
	Debts struct {
		Blobs   uint64   `json:"blobs"`
		Unknown []uint32 `json:"unknown_groups"`
	} `json:"debts"`
}

// Group is a Raft group; Name is root, meta 1, …, Leader a node's name or empty.
type Group struct {
	ID       uint32 `json:"id"`
	Name     string `json:"name"`
	Leader   string `json:"leader"`
	Replicas []struct {
		Node   string `json:"node"`
		State  string `json:"state"`
		Behind uint64 `json:"behind"`
	} `json:"replicas"`
}

// maxBehind is how many entries a follower may be behind its leader under load
// and still count as one that follows.
const maxBehind = 1000

// Unsettled says what keeps the metadata from bearing its next loss: a group
// without a leader, or a replica that does not follow. It is empty if nothing
// does.
func (s *Status) Unsettled() string {
	for _, g := range s.Metadata.Groups {
		if g.Leader == "" {
			return g.Name + " has no leader"
		}
		for _, r := range g.Replicas {
			if r.State != "leader" && r.State != "follower" || r.Behind > maxBehind {
				return fmt.Sprintf("%s: the replica at %s is %s, %d entries behind", g.Name, r.Node, r.State, r.Behind)
			}
		}
	}
	return ""
}

// Dirt says what keeps the cluster from being clean; it is empty if everything
// is where it belongs, with all its shards, and nothing is owed.
func (s *Status) Dirt() string {
	switch {
	case s.Verdict != "healthy":
		return s.Verdict + ": " + s.Summary + s.warnings()
	case s.Debts.Blobs > 0 || len(s.Debts.Unknown) > 0:
		return fmt.Sprintf("%d blobs lack shards, groups %v do not tell", s.Debts.Blobs, s.Debts.Unknown)
	case s.Repairs.Done != s.Repairs.Total || s.Repairs.Slots > 0 || s.Repairs.Lost > 0:
		return fmt.Sprintf("%d of %d placement groups complete, %d slots moving, %d lost",
			s.Repairs.Done, s.Repairs.Total, s.Repairs.Slots, s.Repairs.Lost)
	}
	return ""
}

func (s *Status) warnings() string {
	var b strings.Builder
	for _, c := range s.Conditions {
		if c.Severity != "info" {
			b.WriteString("\n  " + c.Name + ": " + c.What)
		}
	}
	return b.String()
}

// Status asks a node how the cluster is, with the command line.
func (n *Node) Status(ctx context.Context) (*Status, error) {
	out, err := n.Cairn(ctx, "status", "--json")
	if err != nil {
		return nil, err
	}
	s := &Status{}
	return s, json.Unmarshal(out, s)
}

// Cairn runs a command of the command line against a node and returns its
// stdout.
func (n *Node) Cairn(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, n.bin, append(args, "--admin", n.Dir)...)
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errw, environ()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("cairn %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(errw.Bytes()))
	}
	return out.Bytes(), nil
}

// WaitClean polls the status at a node until the cluster is clean, and returns
// how long that took. The error says what was still not.
func (n *Node) WaitClean(ctx context.Context) (time.Duration, error) {
	return n.waitStatus(ctx, (*Status).Dirt)
}

// WaitSettled is WaitClean for metadata alone; see [Status.Unsettled].
func (n *Node) WaitSettled(ctx context.Context) (time.Duration, error) {
	return n.waitStatus(ctx, (*Status).Unsettled)
}

// waitStatus polls until missing finds nothing missing.
func (n *Node) waitStatus(ctx context.Context, missing func(*Status) string) (time.Duration, error) {
	began := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	last := "no status was had"
	for {
		s, err := n.Status(ctx)
		switch {
		case ctx.Err() != nil: // the call was cut off
		case err != nil:
			last = err.Error()
		default:
			if last = missing(s); last == "" {
				return time.Since(began), nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return time.Since(began), fmt.Errorf("after %v: %s", time.Since(began).Round(time.Second), last)
		}
	}
}

// environ is the environment without settings of Cairn, which would reach every
// node.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "CAIRN_") })
}
