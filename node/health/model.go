package health

import (
	"time"

	"cairn/placement"
)

// Verdict sums a cluster up.
type Verdict string

// The verdicts, from good to bad.
const (
	Healthy     Verdict = "healthy"     // nothing to do
	Degraded    Verdict = "degraded"    // works, with less behind it than promised
	Unavailable Verdict = "unavailable" // something cannot be read or written
	Forming     Verdict = "forming"     // waits for its nodes
)

// Status is how a cluster is.
type Status struct {
	Verdict    Verdict     `json:"verdict"`
	Summary    string      `json:"summary"` // one sentence
	Conditions []Condition `json:"conditions"`

	Cluster string    `json:"cluster"` // id in hex, empty before there is one
	At      time.Time `json:"at"`
	From    string    `json:"from"` // the node that was asked
	Epoch   uint64    `json:"epoch"`
	// LivenessAge is how old the root leader's opinion is; it grows while the
	// root has no leader.
	LivenessAge Seconds `json:"liveness_age_s"`

	Zones    []Zone         `json:"zones"`
	Data     Data           `json:"data"`
	Metadata Metadata       `json:"metadata"`
	Space    Space          `json:"space"`
	Repairs  Repairs        `json:"repairs"`
	Debts    Debts          `json:"debts"`
	Deletes  Deletes        `json:"deletes"`
	Names    map[string]int `json:"names"`
}

// Seconds is a duration that JSON has in seconds.
type Seconds float64

func seconds(d time.Duration) Seconds { return Seconds(d.Seconds()) }

// Zone is a failure domain.
type Zone struct {
	Name  string `json:"name"`
	State string `json:"state"` // up, degraded (some nodes), down (all nodes)
	Nodes []Node `json:"nodes"`
}

// Node is a machine, whether it answers or not.
type Node struct {
	ID       placement.NodeID `json:"id"`
	Name     string           `json:"name"`
	Zone     string           `json:"zone"`
	State    string           `json:"state"` // up, suspect, down, unknown
	Since    *time.Time       `json:"since,omitempty"`
	Answers  bool             `json:"answers"` // it answered when it was asked just now
	Error    string           `json:"error,omitempty"`
	Build    string           `json:"build"`
	Addr     string           `json:"addr,omitempty"`
	S3       string           `json:"s3,omitempty"`
	Admin    string           `json:"admin,omitempty"`
	Started  *time.Time       `json:"started,omitempty"`
	ClockOff Seconds          `json:"clock_off_s"` // its clock minus that of the node asked
	Replicas []uint32         `json:"replicas"`    // groups it is to hold
	Leads    []uint32         `json:"leads"`
	Disks    []Disk           `json:"disks"`
}

// Disk is a place for shards.
type Disk struct {
	ID     placement.DiskID `json:"id"`
	State  string           `json:"state"`  // in, draining, out, retired
	Health string           `json:"health"` // ok, slow, full, failed, unknown
	Why    string           `json:"why,omitempty"`
	Since  *time.Time       `json:"since,omitempty"` // of State
	Class  string           `json:"class"`
	Bytes  uint64           `json:"bytes"`
	Used   uint64           `json:"used"`
	Free   uint64           `json:"free"`
	Shards uint64           `json:"shards"`
	Bad    uint64           `json:"bad_shards"`
}

// Data is what stored data still survives.
type Data struct {
	Margin   string   `json:"margin"` // of the weakest policy of the standard class, in words
	Policies []Policy `json:"policies"`
}

// Policy is a code and how its placement groups are.
type Policy struct {
	ID         placement.PolicyID `json:"id"`
	Code       string             `json:"code"`
	Class      string             `json:"class"`
	Label      string             `json:"label"`
	State      string             `json:"state"`
	Overhead   float64            `json:"overhead"`
	Promise    string             `json:"promise"` // what it survives when all is well
	Margin     string             `json:"margin"`  // what it survives now
	Zones      int                `json:"survives_zones"`
	Nodes      int                `json:"survives_nodes"` // on top of those zones
	Groups     int                `json:"groups"`
	ByLeft     []int              `json:"groups_by_redundancy_left"`
	Moving     int                `json:"groups_moving"`
	Unreadable int                `json:"groups_unreadable"`
	Worst      []placement.PGID   `json:"worst_groups"`

	margin, promise placement.Margin
}

// Metadata is how the Raft groups are.
type Metadata struct {
	Margin string  `json:"margin"` // of the weakest group, in words
	Groups []Group `json:"groups"`
}

// Group is a Raft group.
type Group struct {
	ID       uint32    `json:"id"`
	Name     string    `json:"name"` // root, meta 1, …
	Leader   string    `json:"leader"`
	Term     uint64    `json:"term"`
	Quorum   bool      `json:"quorum"` // a majority of its voters answers
	Margin   string    `json:"margin"`
	Replicas []Replica `json:"replicas"`

	margin placement.Margin
}

// Replica is one voter of a group.
type Replica struct {
	Node    string `json:"node"`
	Zone    string `json:"zone"`
	State   string `json:"state"` // leader, follower, silent, missing, halted, muted
	Why     string `json:"why,omitempty"`
	Applied uint64 `json:"applied"`
	Behind  uint64 `json:"behind"` // entries that the leader has applied and it has not
}

// Space is of the disks that are in, in bytes.
type Space struct {
	Raw      uint64  `json:"raw"`
	Used     uint64  `json:"used"`
	Free     uint64  `json:"free"`
	Fullest  float64 `json:"fullest"`  // share used of the fullest disk
	Usable   uint64  `json:"usable"`   // payload that fits, in the standard code
	Overhead float64 `json:"overhead"` // raw bytes per byte of payload, standard code
}

// Repairs are placement groups on their way to new disks. Done of Total groups
// have all their shards where they belong.
type Repairs struct {
	Done   int    `json:"groups_done"`
	Total  int    `json:"groups_total"`
	Slots  int    `json:"slots_moving"`
	Lost   int    `json:"slots_lost"` // on disks that do not count, and not yet given to another
	Copied uint64 `json:"copied_bytes"`
	Fills  []Fill `json:"fills"`
}

// Fill is a slot that a disk is being given.
type Fill struct {
	PG      uint32           `json:"pg"`
	Slot    uint32           `json:"slot"`
	Node    string           `json:"node"`
	Disk    placement.DiskID `json:"disk"`
	Looked  uint64           `json:"blobs"`
	Copied  uint64           `json:"copied"`
	Bytes   uint64           `json:"copied_bytes"`
	Waits   string           `json:"waits,omitempty"`
	Started time.Time        `json:"started"`
}

// Debts are blobs that were acknowledged with shards missing.
type Debts struct {
	Blobs  uint64            `json:"blobs"`
	ByLeft map[uint32]uint64 `json:"by_redundancy_left"`
	Oldest *time.Time        `json:"oldest,omitempty"` // creation of the oldest such blob
	Why    string            `json:"why,omitempty"`    // why they are not paid
	// Unknown are groups whose leader did not tell.
	Unknown []uint32 `json:"unknown_groups"`
}

// Deletes are dead blobs that still take space.
type Deletes struct {
	Waiting uint64 `json:"waiting"` // not due yet
	Overdue uint64 `json:"overdue"` // due, and a holder does not answer
	Bytes   uint64 `json:"payload_bytes"`
}
