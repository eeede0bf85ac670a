package placement

import "fmt"

// NodeID names a node for ever; a node that lost its data gets a new one of
// its disks but keeps the NodeID with a new incarnation.
type NodeID uint32

// DiskID names a disk for ever. Zero is "no disk".
type DiskID uint32

// PGID numbers a placement group.
type PGID uint32

// PolicyID numbers a policy.
type PolicyID uint16

// Level is a kind of failure domain. Numbers are stored.
type Level uint8

// The levels, from narrow to wide.
const (
	LevelNone Level = 0
	LevelDisk Level = 1
	LevelNode Level = 2
	LevelZone Level = 3
)

// String returns the level in a word.
func (l Level) String() string {
	return word(int(l), "none", "disk", "node", "zone")
}

// DiskClass is the kind of medium. It is shown and reported; shards are placed
// by capacity alone.
type DiskClass uint8

// The disk classes. Numbers are stored.
const (
	DiskHDD DiskClass = 0
	DiskSSD DiskClass = 1
)

// String returns the class in a word.
func (c DiskClass) String() string { return word(int(c), "hdd", "ssd") }

// AdminState is what the operator (or the automatic down_out rule) decided
// about a disk. Whether it answers at the moment is not part of it.
type AdminState uint8

// The states. Numbers are stored.
const (
	DiskIn       AdminState = 0 // takes shards
	DiskDraining AdminState = 1 // takes no new groups; its shards leave but are still read
	DiskOut      AdminState = 2 // its contents are not counted on
	DiskRetired  AdminState = 3 // gone for ever, kept so that its id is not reused
)

// String returns the state in a word.
func (s AdminState) String() string {
	return word(int(s), "in", "draining", "out", "retired")
}

// Counted reports whether shards on a disk in this state count as redundancy.
func (s AdminState) Counted() bool { return s == DiskIn || s == DiskDraining }

// State is where a policy or a placement group is in its life. Numbers are
// stored.
type State uint8

// The states.
const (
	StateOpen    State = 0 // takes new blobs
	StateSealed  State = 1 // takes none; what it has is kept and repaired
	StateRetired State = 2 // empty for ever
)

// String returns the state in a word.
func (s State) String() string { return word(int(s), "open", "sealed", "retired") }

// PGClass tells normal rows from those that wait for an outage. Numbers are
// stored.
type PGClass uint8

// The classes.
const (
	PGNormal   PGClass = 0
	PGFallback PGClass = 1
)

// String returns the class in a word.
func (c PGClass) String() string { return word(int(c), "normal", "fallback") }

func word(i int, words ...string) string {
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}
