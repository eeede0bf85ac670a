// Package disk stores the shards of one disk: append-only segments that hold
// the bytes, and a Pebble index that says where they are.
//
// # Contract
//
//   - [Disk.Write] returns nil when the shard is on stable storage: one
//     fdatasync covered it. The same shard with the same content again is
//     acknowledged without a second copy; with other content it is refused.
//   - [Disk.Read] returns only bytes that passed their crc32c. A shard that
//     fails is marked bad, so that listings show it to repair; nothing short or
//     zero-filled is ever returned.
//   - [Disk.Delete] and [Disk.Fence] are durable when they return.
//   - A failed fsync, or an index that cannot be written, fails the disk for
//     good: writes are refused from then on and a mark in the superblock keeps it
//     from being opened again. The kernel forgets dirty pages after a failed
//     fsync, so a retry that succeeds proves nothing. Reads go on.
//   - The disk trusts nobody: sizes, offsets and keys are checked, every decoder
//     is bounded, and a rejected request changes nothing.
//
// It never overwrites a byte of a segment, never decides where a shard belongs,
// and never starts a timer: expiry and compaction run in [Disk.Maintain], which
// the owner calls.
//
// # Who owns what
//
// One writer goroutine owns the active segment, the append offset and the
// decision whether a write is admitted, so that fences, tombstones and
// duplicates are checked in one order. index.mu orders every change of an index
// row with the accounting of live bytes. No file I/O happens under either; a
// Pebble commit that does not wait for its log does.
//
// # On disk
//
//	superblock        who this disk is, and whether it was closed or has failed
//	lock              flock: one process at a time
//	%08x.seg          a header of 64 bytes, then records
//	index/            Pebble
//
// A record is, with integers big-endian and sums crc32c:
//
//	magic u32 | fmt u8 | shard u8 | k u8 | m u8 | blobID 16 | blob_len u32 |
//	shard_len u32 | kind u8 | ns u64 | key_len u16 | key | hdr_crc u32 |
//	data | crc u32 per 16 KiB block | rec_crc u32
//
// hdr_crc covers the header, rec_crc the header and the block sums; both begin
// with parts of the disk's uuid and with the record's position. A record is
// therefore valid in one place only: an old one that turns up elsewhere, or one
// that a client forged inside its own data, is not taken for a record when
// recovery searches for the next one behind damage. Shards of 64 KiB and more
// start on a page, so that punching frees whole pages; smaller ones on 64 bytes.
//
// Index rows:
//
//	s | pg u32 | blob tail 12 | shard u8 → fmt, seg u32, off u32, len u32, hdr u16, flags u8, crc u32
//	t | pg u32 | blob tail 12            → fmt, deleted u32 (seconds since 2020)
//	x | deleted u32 | pg u32 | blob tail 12    the tombstones by age
//	f | pg u32                           → fmt, gen u32
//	c                                    → fmt, seg u32, off u32: the checkpoint
//
// # Crashes, step by step
//
// Write: records appended → fdatasync → index rows and the new checkpoint in one
// batch, not synced → acknowledged. Pebble recovers a prefix of its batches, so
// the checkpoint it comes back with is exact: every record before it is
// accounted for, and those behind it are found by scanning. The checkpoint is
// synced each 256 MiB, which bounds that scan. Lost before the fdatasync: the
// record is torn or gone and was never acknowledged. A torn tail is cut off;
// damage with good records behind it is stepped over, and if its header is
// readable it is indexed as bad, because it may have been acknowledged before it
// rotted. Before records found by scanning are served, their segments are
// synced: after a killed process they may still be in the page cache only, and a
// retried write must not be acknowledged on their strength.
//
// Delete: rows removed and tombstone written in one synced batch → hole punched.
// A crash in between leaks the space until the segment is compacted. Scanning
// skips the records of tombstoned blobs.
//
// Compaction: live records of the victim are verified and appended like writes
// (append, fdatasync) → rows switched, each only if it still names the old place
// → index synced → victim removed. Before the switch is durable the victim is
// still there and a scan may take either copy; after it nothing names the
// victim, which is removed by the next compaction if a crash came first.
//
// Index damaged or missing at open: a new one is made and every segment scanned,
// as after a crash before the first checkpoint; a crash meanwhile goes on from the
// checkpoint of the last whole segment. All shards come back, but tombstones and
// fences are lost: small shards of deleted blobs return until a scan for orphans
// finds them, and fences return with the next fill. The other holders' fences
// keep stale writers from being acknowledged meanwhile.
//
// New segment: header written and synced, directory synced, then used.
package disk
