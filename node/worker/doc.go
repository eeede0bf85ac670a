// Package worker does what the leader of a metadata group owes its rows: it
// deletes blobs that nobody refers to any more, and brings in shards that were
// owed when a write was acknowledged. On the nodes' own disks it looks for
// orphans and for shards that belong elsewhere by now.
//
// # The delete queue
//
// A row falls due 15 minutes after its blob lost its last reference, and waits
// longer while any read that began before that runs anywhere (the read horizon,
// at most 24 hours). The leader then has the blob deleted at every holder of its
// placement group and at the disks its slots are leaving. The row ends then, and
// each present holder that did not confirm gets a row of its own, which waits for
// that disk alone: however long it is away, it holds up nothing else. Deletion
// leaves tombstones, so a disk that returns does not bring the blob back.
//
// # Debts
//
// A debt row lists the shards of a blob that were not written in time. The
// leader asks the nodes that should have them to get them, blobs with the least
// redundancy left first. A row ends when its shards are there.
//
// # Orphans
//
// Each placement group's first live holder lists the shards of all of them once a
// day, takes the blobs older than 24 hours, and asks the key each was written for. Only a
// committed "dead" (see package meta) deletes one. An owner that cannot be asked
// keeps its blobs.
//
// # Strays
//
// A disk that is no holder of a group any more drops its shards of it after a
// quarter of an hour. Its slot was complete elsewhere before, or it was given up
// for lost; as it may have been the last to have a blob, each shard that its
// holder lacks is written there before it is dropped here.
//
// # Two leaders, crashes
//
// Every step may be done twice: deleting a deleted blob, bringing in a shard
// that is there, ending a row that has ended. Nothing is remembered outside the
// rows. Each job fails closed: an error anywhere keeps the blob.
package worker
