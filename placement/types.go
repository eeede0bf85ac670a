package placement

// NodeID names a node for ever; a node that lost its data gets a new one of
// its disks but keeps the NodeID with a new incarnation.
type NodeID uint32

// DiskID names a disk for ever. Zero is "no disk".
type DiskID uint32

// PGID numbers a placement group.
type PGID uint32

// PolicyID numbers a policy.
type PolicyID uint16
