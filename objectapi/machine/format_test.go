package machine

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/objectapi/checksum"
	"cairn/store"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// format is one stored format: a value, its encoding, and its decoder, which
// must give the encoding back.
type format struct {
	name   string
	encode []byte
	again  func([]byte) ([]byte, error) // decodes and encodes
}

func testRef(n uint32) store.Ref {
	return store.Ref{Blob: store.MakeBlobID(n%3, 1000+n, 5, n), Len: 8 << 20, CRC: 0xC0FFEE00 + n}
}

var (
	testKey  = []byte("dir/key\x00\xff")
	testMeta = Meta{
		ContentType: "text/plain", CacheControl: "no-cache", ContentDisposition: "inline", ContentEncoding: "gzip",
		ContentLanguage: "en", Expires: "0", Redirect: "/x", User: []Pair{{"name", "value"}, {"empty", ""}},
		Tags: []Pair{{"k", "v"}}, Owner: "owner", StorageClass: "STANDARD_IA", Class: store.ClassEconomy,
	}
	testUpload = UploadID{1, 2, 3, 15: 16}
	testRefs   = []store.Ref{testRef(1), testRef(2), testRef(3), testRef(4), testRef(5)}
)

func testObject(b body, parts int) *objRec {
	return &objRec{Record: Record{
		Meta: testMeta, Size: 12345, Modified: 1_767_000_000_123, Version: makeVersion(1_767_000_000_123, 0xABCD),
		MD5: [16]byte{0xAA, 15: 0xBB}, Parts: parts, Override: "override",
		Checksum: Checksum{checksum.CRC32C, checksum.Composite, []byte{1, 2, 3, 4}},
	}, body: b}
}

// rowFormats are the rows, one for each kind of body.
func rowFormats() []format {
	object := func(b []byte) ([]byte, error) {
		r, err := decodeObjRec(b)
		if err != nil {
			return nil, err
		}
		return r.encode(), nil
	}
	part := func(b []byte) ([]byte, error) {
		r, err := decodePartRec(b)
		if err != nil {
			return nil, err
		}
		return r.encode(), nil
	}
	plain := &objRec{Record: Record{Modified: 1, Size: 0}}
	return []format{
		{"row object empty", plain.encode(), object},
		{"row object inline", testObject(body{kind: bodyInline, inline: []byte("data")}, 0).encode(), object},
		{"row object refs", testObject(body{kind: bodyRefs, refs: testRefs[:4]}, 0).encode(), object},
		{"row object manifest", testObject(body{kind: bodyManifest}, 0).encode(), object},
		{"row object parts", testObject(body{kind: bodyParts, upload: testUpload, pages: 3}, 1200).encode(), object},
		{"row part", (&partRec{size: 5, modified: 7, md5: [16]byte{1}, alg: checksum.CRC32, sum: []byte{1, 2, 3, 4}, body: body{kind: bodyRefs, refs: testRefs}}).encode(), part},
		{"row part inline", (&partRec{size: 1, body: body{kind: bodyInline, inline: []byte("x")}}).encode(), part},
		{"row upload", (&uploadRec{Meta: testMeta, initiated: 9, alg: checksum.SHA1, typ: checksum.Composite}).encode(), func(b []byte) ([]byte, error) {
			r, err := decodeUploadRec(b)
			if err != nil {
				return nil, err
			}
			return r.encode(), nil
		}},
		{"row manifest", encodeManifest(testRefs), func(b []byte) ([]byte, error) {
			refs, err := decodeManifest(b)
			return encodeManifest(refs), err
		}},
		{"row index", (&indexRec{start: 77, parts: []indexPart{{1, 5 << 20}, {10_000, 1}}}).encode(), func(b []byte) ([]byte, error) {
			r, err := decodeIndexRec(b)
			if err != nil {
				return nil, err
			}
			return r.encode(), nil
		}},
		{"row dead", (&deadRec{next: 3, only: bitset{0x10, 0xFF}}).encode(), func(b []byte) ([]byte, error) {
			r, err := decodeDeadRec(b)
			if err != nil {
				return nil, err
			}
			return r.encode(), nil
		}},
		{"row seal", sealRow(99), func(b []byte) ([]byte, error) {
			d := newDecoder(b)
			at := d.time()
			return sealRow(at), d.finish(store.KindCorrupt, "seal row")
		}},
	}
}

// commandFormats are the commands that have a struct of their own.
func commandFormats() []format {
	size, at := int64(5), store.Time(6000)
	cond := Cond{Absent: true, ETag: "e", NotETag: "n", Size: &size, Modified: &at}
	command := func(decode func(*decoder) ([]byte, error)) func([]byte) ([]byte, error) {
		return func(b []byte) ([]byte, error) {
			d := newDecoder(b)
			if _, err := d.opcode(); err != nil {
				return nil, err
			}
			return decode(d)
		}
	}
	put := putCmd{key: testKey, cond: cond, nonce: 9, Meta: testMeta, size: 5 * 8 << 20, md5: [16]byte{7}, content: content{refs: testRefs}, alg: checksum.CRC64NVME, sum: make([]byte, 8), override: "o"}
	create := createCmd{key: testKey, nonce: 8, Meta: testMeta, alg: checksum.CRC32, typ: checksum.FullObject}
	part := partCmd{key: testKey, upload: testUpload, number: 17, size: 4, md5: [16]byte{7}, content: content{inline: []byte("data")}, alg: checksum.SHA256, sum: make([]byte, 32)}
	complete := completeCmd{
		key: testKey, upload: testUpload, cond: cond, nonce: 3, size: &size, expect: Checksum{checksum.CRC32, checksum.FullObject, []byte{4, 3, 2, 1}},
		parts: []listedPart{{number: 1, md5: [16]byte{1}}, {number: 3, md5: [16]byte{3}, alg: checksum.CRC32, sum: []byte{1, 2, 3, 4}}},
	}
	return []format{
		{"command put", put.encode(), command(func(d *decoder) ([]byte, error) { c, err := decodePut(d); return c.encode(), err })},
		{"command create", create.encode(), command(func(d *decoder) ([]byte, error) { c, err := decodeCreate(d); return c.encode(), err })},
		{"command put part", part.encode(), command(func(d *decoder) ([]byte, error) { c, err := decodePutPart(d); return c.encode(), err })},
		{"command complete", complete.encode(), command(func(d *decoder) ([]byte, error) { c, err := decodeComplete(d); return c.encode(), err })},
	}
}

// plainCommands are the commands without a struct, as the client sends them.
func plainCommands(t *testing.T) (out []format) {
	var name string
	rows := capture(func(cmd []byte) { out = append(out, format{name: name, encode: cmd}) })
	c := NewClient(rows)
	size := int64(5)
	for _, call := range []struct {
		name string
		run  func() error
	}{
		{"command delete", func() error {
			_, err := c.Delete(ctx, 7, string(testKey), Cond{ETag: "e", Size: &size})
			return err
		}},
		{"command set tags", func() error { return c.SetTags(ctx, 7, string(testKey), testMeta.Tags) }},
		{"command abort", func() error { _, err := c.Abort(ctx, 7, string(testKey), testUpload); return err }},
		{"command drain", func() error { return c.Drain(ctx, 7, string(testKey)) }},
		{"command seal", func() error { return c.Seal(ctx, 7) }},
		{"command unseal", func() error { _, err := c.walkSeal(ctx, 7, opUnseal); return err }},
	} {
		name = call.name
		require.ErrorIs(t, call.run(), errCaptured)
	}
	return out
}

var errCaptured = errors.New("captured")

// capture is rows that hand each command on and fail it.
type capture func(cmd []byte)

func (c capture) Do(_ context.Context, _ store.NS, _, cmd []byte, _ ...store.Placed) ([]byte, error) {
	c(cmd)
	return nil, errCaptured
}

func (c capture) Ask(context.Context, store.NS, []byte, []byte) ([]byte, error) {
	return nil, errCaptured
}

const golden = "../../proto/testdata/object/formats.txt"

// TestGolden compares each format with the bytes that were stored by the
// version that introduced it, and reads those back. A line that changes means
// that old data cannot be read: add a format instead.
func TestGolden(t *testing.T) {
	all := append(append(rowFormats(), commandFormats()...), plainCommands(t)...)
	if *update {
		var out bytes.Buffer
		for _, f := range all {
			out.WriteString(f.name + ": " + hex.EncodeToString(f.encode) + "\n")
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	file, err := os.ReadFile(golden)
	require.NoError(t, err)
	want := make(map[string]string)
	for line := range strings.Lines(string(file)) {
		name, bytes, _ := strings.Cut(strings.TrimSpace(line), ": ")
		want[name] = bytes
	}
	require.Len(t, want, len(all))
	for _, f := range all {
		require.Equal(t, want[f.name], hex.EncodeToString(f.encode), f.name)
		if f.again == nil {
			err := newEnv(t, 1).rawDo(f.encode)
			require.NotEqual(t, ReasonMalformed, store.ReasonOf(err), f.name)
			require.NotEqual(t, store.KindUnknownFormat, store.KindOf(err), f.name)
			continue
		}
		again, err := f.again(f.encode)
		require.NoError(t, err, f.name)
		require.Equal(t, f.encode, again, f.name)
	}
}

// TestUnknownFormat checks that what a newer version may write is refused as
// such, never guessed at.
func TestUnknownFormat(t *testing.T) {
	e := newEnv(t, 1)
	for _, f := range append(rowFormats(), commandFormats()...) {
		b := bytes.Clone(f.encode)
		b[0] = 2
		_, err := f.again(b)
		require.True(t, store.Is(err, store.KindUnknownFormat), "%s: %v", f.name, err)
		require.Equal(t, store.KindUnknownFormat, store.KindOf(e.rawDo(b)))
		for n := range f.encode {
			// A row may be whole again where an optional field was cut off.
			if again, err := f.again(f.encode[:n]); err == nil {
				require.Len(t, again, n, f.name)
			}
		}
		_, err = f.again(append(bytes.Clone(f.encode), 0))
		require.Error(t, err, "%s with a byte more", f.name)
	}
	flags := bytes.Clone(rowFormats()[0].encode)
	flags[1] |= flagEncrypted
	_, err := decodeObjRec(flags)
	require.True(t, store.Is(err, store.KindUnknownFormat))
	_, err = decodeObjRec(append(bytes.Clone(rowFormats()[0].encode), byte(tlvEncryption), 0))
	require.True(t, store.Is(err, store.KindUnknownFormat))
	require.Equal(t, store.KindUnknownFormat, store.KindOf(e.rawDo([]byte{formatV1, 77})))
	require.Equal(t, store.KindInvalid, store.KindOf(e.rawDo([]byte{formatV1})))
	require.Equal(t, store.KindInvalid, store.KindOf(e.rawDo(nil)))
}

func (e *env) rawDo(cmd []byte) error {
	_, err := e.s.Do(ctx, e.ns, testKey, cmd)
	return err
}
