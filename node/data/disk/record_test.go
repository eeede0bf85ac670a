package disk

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/internal/arena"
	"cairn/store"
)

func TestJoinedSumsEqualTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5*BlockSize).Draw(t, "n")
		body := content(ShardID{}, n, n)
		cut := rapid.IntRange(0, n).Draw(t, "cut")
		sums, whole := appendBlockCRCs(nil, [][]byte{body[:cut], nil, body[cut:]})
		require.Equal(t, CRC(body), whole)
		require.Len(t, sums, 4*blocks(n))
		got, ok := verifyBlocks(body, sums)
		require.True(t, ok)
		require.Equal(t, whole, got)
		require.Equal(t, whole, JoinCRC(CRC(body[:cut]), CRC(body[cut:]), n-cut))
	})
}

// sample returns a record of 20,000 bytes as it stands on disk.
func sample(s salt, at place) []byte {
	id := ShardID{store.MakeBlobID(7, 1234, 5, 6), 1}
	w := newWrite()
	w.shard = shardOf(id)
	w.setBody([][]byte{content(id, 20_000, 0)})
	w.seal(s, at)
	return bytes.Join([][]byte{w.hdr, w.body[0], w.sums}, nil)
}

// The formats must never change; a new one gets a new number and a new file.
func TestGoldenFormats(t *testing.T) {
	rec := sample(newSalt(testID.UUID), place{3, 8192})
	row := shardRow{place{3, 8192}, 20_000, 70, flagBad, 0xaabbccdd}
	b := blob(7, 6)
	var out bytes.Buffer
	for _, f := range []struct {
		name  string
		bytes []byte
	}{
		{"superblock", (&superblock{Identity: testID, flags: flagClean}).encode()},
		{"segment header", encodeSegmentHeader(3, testID.UUID)},
		{"record header", rec[:len(rec)-20_000-12]},
		{"record sums", rec[len(rec)-12:]},
		{"shard key", shardKey(ShardID{b, 1})},
		{"shard row", row.encode()},
		{"tombstone key", blobKey(rowTombstone, b)},
		{"tombstone row", encodeU32s(99)},
		{"age key", ageKey(99, b)},
		{"fence key", fenceKey(7)},
		{"fence row", encodeU32s(4)},
		{"checkpoint row", encodeU32s(3, 8192)},
	} {
		fmt.Fprintf(&out, "%s\n%s\n", f.name, hex.Dump(f.bytes))
	}
	path := filepath.Join("..", "..", "..", "proto", "testdata", "data-disk-v1.golden")
	if os.Getenv("CAIRN_REWRITE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

func TestUnknownFormatsHalt(t *testing.T) {
	sb := (&superblock{Identity: testID}).encode()
	sb[8] = 9
	_, err := decodeSuperblock(sb)
	require.True(t, store.Is(err, store.KindUnknownFormat))
	require.ErrorContains(t, err, "disk format 9")

	row := (&shardRow{}).encode()
	row[0] = 9
	_, err = decodeShardRow(row)
	require.True(t, store.Is(err, store.KindUnknownFormat))
	_, err = decodeU32(row, "fence")
	require.True(t, store.Is(err, store.KindUnknownFormat))
}

// A record image inside a shard's data, even a true one of this disk, is not
// taken for a record when the scan steps over a damaged header.
func TestForgedRecordsAreNotFound(t *testing.T) {
	b := newBench(t)
	b.close()
	b.opts.SegmentBytes = 1 << 20
	b.open()
	defer b.close()
	outer, forged, next := ShardID{blob(1, 1), 0}, ShardID{blob(1, 2), 0}, ShardID{blob(1, 3), 0}
	require.NoError(t, b.write(forged, content(forged, 5000, 0)))
	row := b.rowOf(forged)
	image := make([]byte, row.size())
	seg := b.d.segs.acquire(row.seg)
	defer b.d.segs.release(seg)
	_, err := seg.file.ReadAt(image, int64(row.off))
	require.NoError(t, err)

	// Aligned so that the image stands where a scan looks for records.
	var body []byte
	for shift := range smallAlign {
		body = append(append(body, make([]byte, shift)...), image...)
	}
	require.NoError(t, b.write(outer, body))
	require.NoError(t, b.write(next, []byte("behind")))
	b.fs.flip(segmentName(row.seg), int64(b.rowOf(outer).off)+10)

	sc := newScanner(seg, b.d.salt, 0, seg.size)
	defer sc.close()
	var found []ShardID
	for rec, ok := sc.next(); ok; rec, ok = sc.next() {
		found = append(found, rec.ShardID)
	}
	require.Equal(t, []ShardID{forged, next}, found)
}

func TestRotIsNeverReturned(t *testing.T) {
	id := ShardID{blob(1, 1), 0}
	body := content(id, 3*BlockSize+5, 0)
	for _, where := range []int{0, BlockSize - 1, BlockSize, 3 * BlockSize, 3*BlockSize + 4, 3*BlockSize + 5, 3*BlockSize + 5 + 15} {
		b := newBench(t)
		require.NoError(t, b.write(id, body))
		row := b.rowOf(id)
		b.fs.flip(segmentName(row.seg), int64(row.off)+int64(row.hdr)+int64(where))

		block := min(where/BlockSize, 3)
		if where >= len(body) { // the sums
			block = (where - len(body)) / 4
		}
		other := (block + 1) % 4 * BlockSize
		data, _, err := b.d.Read(bg, id, other, 5)
		require.NoError(t, err, "a block is judged by its own sum only")
		require.Equal(t, body[other:other+5], data)
		arena.Put(data)

		_, _, err = b.d.Read(bg, id, block*BlockSize+1, 3)
		require.True(t, store.Is(err, store.KindCorrupt), "flip at %d: %v", where, err)
		require.Equal(t, Bad, b.state(id))
		_, _, err = b.d.Read(bg, id, other, 5)
		require.True(t, store.Is(err, store.KindCorrupt), "a bad shard is an erasure")
		require.NoError(t, b.write(id, body), "repair replaces it")
		b.mustRead(id, body)
		b.close()
	}
}

// FuzzRecordHeader repairs the sum of what it is given, which a fuzzer cannot,
// so that the fields behind it are judged as well.
func FuzzRecordHeader(f *testing.F) {
	s := newSalt(testID.UUID)
	at := place{3, 8192}
	f.Add(sample(s, at)[:200])
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = s.decodeHeader(b, at)
		if len(b) < fixedHeader+4 {
			return
		}
		end := fixedHeader + int(binary.BigEndian.Uint16(b[41:]))
		if len(b) < end+4 {
			return
		}
		b = bytes.Clone(b)
		seed, _ := s.at(at)
		binary.BigEndian.PutUint32(b[end:], crc32.Update(seed, castagnoli, b[:end]))
		if h, ok := s.decodeHeader(b, at); ok {
			require.Equal(t, b[:h.size], s.appendHeader(nil, at, &h.Shard, h.dataLen))
			require.Empty(t, h.check())
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add((&shardRow{place{3, 8192}, 20_000, 70, 0, 1}).encode())
	f.Add((&superblock{Identity: testID}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decodeShardRow(b); err == nil {
			require.Equal(t, b, r.encode())
		}
		if s, err := decodeSuperblock(b); err == nil {
			require.Equal(t, b, s.encode())
		}
		_, _ = decodeU32(b, "fence")
		_, _ = decodePlace(b)
		_ = checkSegmentHeader(b, 1, testID.UUID)
	})
}

// Whatever stands in a segment, a scan ends, and what it calls whole is right.
func FuzzScan(f *testing.F) {
	s := newSalt(testID.UUID)
	f.Add(append(make([]byte, segmentHeader), sample(s, place{1, segmentHeader})...))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := newMemFS()
		file := &memFile{fs: fs, data: b}
		seg := &segment{num: 1, file: file, size: int64(len(b))}
		sc := newScanner(seg, s, 0, seg.size)
		defer sc.close()
		for rec, ok := sc.next(); ok; rec, ok = sc.next() {
			rec.Owner.Key = nil
			sc.verify(&rec)
			if rec.whole {
				require.LessOrEqual(t, rec.end, seg.size)
			}
		}
	})
}
