// Package store is the narrow waist of Cairn: the nouns, the error kinds and
// the small interfaces that the three services (objects, volumes, files) are
// written against, and that the engine below implements. It imports the
// standard library only, and nothing of the engine, so that a service can be
// run and tested on the in-memory implementation (store/memstore).
//
// # Nouns
//
// A namespace ([NS]) is one bucket, one filesystem or one family of volumes.
// Its rows are kept in columns ([Col]) and ordered by key; every row of one
// key lives in one range, and a range is owned by one replicated group, so a
// command on one key is atomic.
//
// A blob ([BlobID]) is up to [MaxBlob] bytes that never change. Rows point at
// blobs with a [Ref]. A blob carries the [Owner] key it was written for; if no
// row of that key refers to it a day after it was made, it is an orphan and is
// collected.
//
// A service brings its rows and commands as a [Machine]: deterministic
// functions over a [Txn] and a [Reader]. Preconditions (If-Match, O_EXCL, an
// epoch) are evaluated inside [Machine.Apply], never before it.
//
// # What is durable when
//
//   - [Blobs.Put] returns when the acknowledgement rule of the class holds for
//     shards that were fsynced: losing any one zone leaves the blob readable.
//   - [Rows.Do] returns when the command is committed by a majority of the
//     group's voters, each of which fsynced it, and applied on the leader.
//   - [Names] mutations return when the root group committed them.
//
// A caller therefore puts blobs first, then commits the row that refers to
// them; a crash between the two leaves an orphan, never a dangling row.
package store
