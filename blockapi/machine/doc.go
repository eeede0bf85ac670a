// Package machine is the rows and the commands of block volumes: a
// deterministic [store.Machine] that the metadata host runs on every replica,
// and the typed [Client] with which a gateway speaks to it. It knows nothing of
// NBD, of the journal's bytes, or of the EC2 API.
//
// # Concepts
//
// A volume, its snapshots and its clones are a family: one namespace, one key
// ([Key]), one range. Within it a volume is a [Branch]. A branch has a present
// [Seq], which its flushes stamp on the rows they write, and points: earlier
// seqs that snapshots or clones need. A snapshot is a point with a name; a
// clone is a branch that begins at a point of another.
//
// A volume is cut into chunks of 4 MiB, a chunk into 256 pages of 16 KiB. A
// chunk row maps all pages of one chunk as of one seq. A read as of a seq takes
// the newest row that is not newer, else the parent's as of the clone, else
// zeroes.
//
// # Promises
//
// Every command is atomic: all its rows change together or, with an error, none
// does. When a method of Client returns without an error, its effect is
// committed by a majority. Apply is a pure function of rows and arguments; its
// only clock is group time.
//
// Only the owner of the newest epoch changes a volume's data (invariant 13). Its
// flushes follow each other in the order of LSNs, each at the LSN where the last
// one ended, and a journal segment goes only when it is flushed whole (invariant
// 14).
//
// A blob is referred to by the first command that names a page of it, and let go
// by the command that drops the last name, whatever that is: an overwrite, a
// trim, a step of [Client.Sweep] or [Client.Compact]. [liveRec] has the counts.
//
// The work of a command is bounded: a flush changes 256 chunks at most, a step
// of background work looks at 512 chunk rows. Deleting a snapshot or a volume
// takes one command; its rows go with the steps of Sweep after it.
//
// # When something dies in between
//
// An owner that dies after its blobs and before its Flush leaves orphans, which
// the engine collects after a day, and the journal from the flushed LSN on. One
// that dies after Flush and before Trim leaves segments that the next owner
// trims. [Claim] answers with all that a takeover needs. Step by step this is in
// docs/design/2026-11-volumes.md.
//
// Whoever runs Sweep, Flatten or Compact may die at any time and two may run at
// once: each step begins with the rows as they are and leaves them true.
//
// # Formats
//
// Every row, command and query begins with a format byte; golden files of each
// are in proto/testdata/block. Format 1 is what the wire methods of the types
// say; rows have it in words beside them. What this version does not know gives
// [store.KindUnknownFormat] and is never skipped.
package machine
