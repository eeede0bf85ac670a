package machine

import "fmt"

// Branch numbers a volume within its family, from 1. It is never reused.
type Branch uint32

// Seq numbers the times between the snapshots of a branch: rows that a flush
// writes bear the branch's present one, and taking a snapshot moves it on. The
// first is 1; rows that flattening copies from the parent bear 0.
type Seq uint32

const maxSeq = ^Seq(0)

// SnapshotID numbers a snapshot within its family, from 1. It is never reused.
type SnapshotID uint32

// LSN numbers the entries of a volume's journal, from 1, over all its owners.
type LSN uint64

func (b Branch) String() string     { return fmt.Sprintf("volume %d", uint32(b)) }
func (s SnapshotID) String() string { return fmt.Sprintf("snapshot %d", uint32(s)) }

func (b Branch) suffix() []byte     { return be32(uint32(b)) }
func (s SnapshotID) suffix() []byte { return be32(uint32(s)) }
