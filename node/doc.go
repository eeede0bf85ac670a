// Package node puts one node of a cluster together: its identity, its replicas
// of the Raft groups, its disks, its view of the cluster, and the clients that
// make a [store.Store] of it. It decides nothing itself; what each part
// promises stands in that part's package.
//
// # Life
//
// [Found] makes the first node's identity, [Join] or [Node.Invite] that of any
// other. [Open] starts a node that has an identity: first what serves others
// and needs no quorum (Raft replicas, shards), then what needs the root: the
// registration of the node and its disks, a writer number, and the services. A
// node that restarts while the root has no quorum therefore serves its shards
// and votes at once, and the rest follows when there is one.
//
// [Node.Close] stops in the opposite order and flushes. [Node.Kill] stops like
// kill -9: what was not synced may be lost, and the next Open recovers.
package node
