// Package raftlog keeps the Raft log of all groups of a node, and Raft's term and
// vote beside it, in files of its own. node/raftgroup stands on it.
//
// # What it promises
//
//   - A change is durable when its [Write] is done without an error. Changes of
//     all groups that come together share one write and one sync.
//   - After a crash the log holds every durable change, and of those that were
//     not told to be durable a prefix of the order in which they were called.
//   - Damage to what was durable is an error of [store.KindCorrupt], at [Open] or
//     when the entry is read, and never looks like an older state; but for the
//     last frame, of which see below.
//   - The log takes at most about twice the space of what is in it, or
//     Options.Keep files, whatever the groups do.
//
// It does not look into entries, knows nothing of terms that must not fall, and
// never tries a failed write or sync again: after one the log takes no changes.
//
// # What lies where
//
// Files NNNNNN.log of SegmentBytes. A file is a segment while it is in use; the
// segments are numbered without gaps. When nothing that it holds is in the log
// any more, the oldest goes out of use, and its file is given a new header and a
// new life: overwriting pages that exist costs a fraction of making new ones, for
// the kernel and for the file system's journal.
//
// A segment is a header and frames ([frame]); a frame is a sequence of records of
// any groups: entries, cuts, values by name. The index in memory says for each
// entry and value where its newest record lies; it is built by applying the
// frames in order, when they are written as when they are read again.
//
// # One frame after the other
//
// The writer writes frame n+1 only when frame n is synced. So with a frame that
// is damaged: if any frame of the same segment, or a later segment, follows it,
// it had been synced and was acknowledged, and Open refuses the log. If nothing
// follows, it is the one that was being written, and is dropped whole.
//
// That is also what damage to the last frame looks like after it was
// acknowledged, or the loss of a tail. node/raftgroup keeps high-water marks for
// it.
//
// What was left of an earlier life of a file is never taken for a frame: the
// checksum of a frame begins with a salt from the header, drawn anew for each
// life, so not even a client who chooses the bytes of an entry can forge one.
//
// # Crashes, step by step
//
// A frame: (1) one write, on blocks that hold nothing that was synced, (2)
// fdatasync, (3) the index is changed, (4) the callers are told. A crash before 2
// is over leaves the frame, or some of its blocks, which its checksum tells from
// the whole; nobody was told. If it is whole it counts from then on, so Open
// writes and syncs it once more: it may only be in the page cache, even after a
// sync that failed.
//
// A segment: (1) the last one is full; (2) a file that is out of use, or a new
// one, is given a header, synced, with its directory if it is new; (3) frames go
// there. A crash before 2 is over leaves the old header, or none: either way the
// file is out of use, because only such files are touched that the newest header
// which is durable already says to be so ("head", the oldest segment in use). A
// header that is there without frames is the newest segment, empty. One that is
// missing between head and the newest is damage.
//
// Taking out of use: the record that takes the last entry of a segment away is
// durable before the segment is retired in memory; the next header tells. A crash
// in between replays the segment once more.
//
// Reclaiming: what is left in the oldest segment is written again, as records
// that say so, and indexed there; then the segment is retired as above. A crash
// in the middle leaves two copies of some entries; the later counts, and they are
// equal. The records are made between two frames by the writer itself, so they
// cannot bring back what a queued record takes away.
//
// A replay starts with the oldest segment in use, in the middle of history.
// Every record adds to or takes away from a set of indexes, whatever else is in
// the set, and what is in the set in the end was added by a record that is in
// use; so the end is the same. In between there may be holes; one that stays is
// damage.
//
// # Who owns what
//
// One goroutine a log writes. It alone changes the index, under Log.mu, which is
// never held during I/O. It ends with Close, when the queue is written.
package raftlog
