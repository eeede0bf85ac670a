package disk

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"cairn/internal/arena"
	"cairn/store"
)

// Read returns bytes [off, off+n) of a shard and their crc32c; n < 0 means to
// the end of the shard. The result is pooled: give it back with [arena.Put].
//
// Only the 16 KiB blocks that the range touches are read and checked. If one
// fails twice, the shard is marked bad and the error is [store.KindCorrupt], as
// it is for a shard marked before. Other errors: [store.KindNotFound],
// [store.KindInvalid] for a range outside the shard.
func (d *Disk) Read(ctx context.Context, id ShardID, off, n int) (data []byte, crc uint32, err error) {
	if err := d.begin(); err != nil {
		return nil, 0, err
	}
	defer d.end()
	var last shardRow
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, canceled("read shard", ctx)
		}
		row, err := d.readable(id)
		if err != nil {
			return nil, 0, err
		}
		n := n
		if n < 0 {
			n = int(row.dataLen) - off
		}
		if off < 0 || n <= 0 || off > int(row.dataLen)-n {
			return nil, 0, store.Errorf(store.KindInvalid, "read shard", "range %d+%d of a shard of %d bytes", off, n, row.dataLen)
		}
		data, crc, err = d.readRow(row, off, n)
		if err == nil {
			d.count.read.Add(int64(n))
			return data, crc, nil
		}
		// The shard may have been deleted or moved meanwhile; what stays in its
		// place gets a second look.
		if row == last {
			return nil, 0, d.condemn(id, row, err)
		}
		last = row
	}
}

// readable returns the row of a shard that is there and not known to be bad.
func (d *Disk) readable(id ShardID) (shardRow, error) {
	row, exists, err := d.index.shard(id)
	switch {
	case err != nil:
		return row, err
	case !exists:
		return row, &store.Error{Op: "read shard", Kind: store.KindNotFound, Reason: "shard", Resource: id.String()}
	case row.bad():
		return row, corrupt(id, errors.New("it is marked bad"))
	}
	return row, nil
}

func corrupt(id ShardID, cause error) *store.Error {
	return &store.Error{Op: "read shard", Kind: store.KindCorrupt, Resource: id.String(), Err: cause}
}

// String returns blob id and index.
func (id ShardID) String() string { return fmt.Sprintf("%s/%d", id.Blob, id.Index) }

// errDamaged means that bytes do not match their checksums.
var errDamaged = errors.New("checksum mismatch")

// readRow reads and checks the blocks that cover the range.
func (d *Disk) readRow(row shardRow, off, n int) (data []byte, crc uint32, err error) {
	seg := d.segs.acquire(row.seg)
	if seg == nil {
		return nil, 0, fmt.Errorf("segment %s is missing", segmentName(row.seg))
	}
	defer d.segs.release(seg)
	first, last := off/BlockSize, (off+n-1)/BlockSize
	start, end := first*BlockSize, min((last+1)*BlockSize, int(row.dataLen))
	buf, sums, err := readBlocks(seg.file, row, first, last)
	if err == nil {
		var ok bool
		if crc, ok = verifyBlocks(buf[:end-start], sums); !ok {
			err = errDamaged
		}
	}
	whole := start == 0 && end == int(row.dataLen)
	if err == nil && whole && crc != row.crc {
		err = errors.New("a valid record, but of another shard")
	}
	if err != nil {
		arena.Put(buf)
		return nil, 0, err
	}
	data = buf[off-start : off-start+n : off-start+n]
	if start != off || end != off+n {
		crc = crc32.Checksum(data, castagnoli)
	}
	return data, crc, nil
}

// readBlocks reads blocks first to last and their sums into one pooled buffer.
// The sums stand right behind the data, so a read up to the last block is one
// call. The buffer is returned in any case.
func readBlocks(f io.ReaderAt, row shardRow, first, last int) (buf, sums []byte, err error) {
	base := int64(row.off) + int64(row.hdr)
	total := blocks(int(row.dataLen))
	start, end := first*BlockSize, min((last+1)*BlockSize, int(row.dataLen))
	if last == total-1 {
		buf = arena.Get(end - start + 4*total)
		_, err = f.ReadAt(buf, base+int64(start))
		return buf, buf[end-start+4*first:], err
	}
	buf = arena.Get(end - start + 4*(last-first+1))
	sums = buf[end-start:]
	if _, err = f.ReadAt(buf[:end-start], base+int64(start)); err != nil {
		return buf, nil, err
	}
	_, err = f.ReadAt(sums, base+int64(row.dataLen)+int64(4*first))
	return buf, sums, err
}

// checkRecord reads the whole data of a record and checks it.
func checkRecord(f io.ReaderAt, row shardRow) error {
	buf, sums, err := readBlocks(f, row, 0, blocks(int(row.dataLen))-1)
	defer arena.Put(buf)
	if err != nil {
		return err
	}
	if crc, ok := verifyBlocks(buf[:row.dataLen], sums); !ok || crc != row.crc {
		return errDamaged
	}
	return nil
}

// condemn marks a shard bad if its row is still the one that failed, and returns
// the reader's error. The mark is not synced: a lost one is made again by the
// next reader.
func (d *Disk) condemn(id ShardID, row shardRow, cause error) error {
	x := d.index
	x.mu.Lock()
	defer x.mu.Unlock()
	now, exists, err := x.shard(id)
	if err != nil || !exists || now != row {
		return errors.Join(err, corrupt(id, cause))
	}
	b := x.db.NewBatch()
	defer b.Close()
	row.flags |= flagBad
	if err := d.setRow(b, id, &now, row); err != nil {
		return err
	}
	if err := x.commit(b, false); err != nil {
		return errors.Join(corrupt(id, cause), err)
	}
	return corrupt(id, cause)
}

// Describe returns what a shard's record says of it, and the shard's length in
// bytes: all that repair needs to write it elsewhere. Errors as for Read.
func (d *Disk) Describe(id ShardID) (sh Shard, length int, err error) {
	if err := d.begin(); err != nil {
		return sh, 0, err
	}
	defer d.end()
	var last shardRow
	for {
		row, err := d.readable(id)
		if err != nil {
			return sh, 0, err
		}
		h, err := d.readHeader(row)
		if err == nil && h.ShardID == id {
			return h.Shard, int(row.dataLen), nil
		}
		if row == last {
			return sh, 0, d.condemn(id, row, errors.Join(errDamaged, err))
		}
		last = row
	}
}

func (d *Disk) readHeader(row shardRow) (h header, err error) {
	seg := d.segs.acquire(row.seg)
	if seg == nil {
		return h, fmt.Errorf("segment %s is missing", segmentName(row.seg))
	}
	defer d.segs.release(seg)
	b := make([]byte, row.hdr)
	if _, err := seg.file.ReadAt(b, int64(row.off)); err != nil {
		return h, err
	}
	h, ok := d.salt.decodeHeader(b, row.place)
	if !ok {
		return h, errDamaged
	}
	return h, nil
}
