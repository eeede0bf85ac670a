package machine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// TestRefused checks each limit from both sides: what is refused has no effect.
func TestRefused(t *testing.T) {
	e := newEnv(t, MinPart)
	pairs := func(n, name, value int) (ps []Pair) {
		for i := range n {
			ps = append(ps, Pair{fmt.Sprintf("%0*d", name, i), strings.Repeat("я", value)})
		}
		return ps
	}
	for _, c := range []struct {
		what   string
		key    string
		change func(*Put)
		kind   store.ErrKind
		reason string
	}{
		{"key", strings.Repeat("k", MaxKey), func(*Put) {}, 0, ""},
		{"key too long", strings.Repeat("k", MaxKey+1), func(*Put) {}, store.KindTooLarge, ReasonKey},
		{"key empty", "", func(*Put) {}, store.KindInvalid, ReasonKey},
		{"tags", "k", func(p *Put) { p.Tags = pairs(10, 128, 256) }, 0, ""},
		{"tags too many", "k", func(p *Put) { p.Tags = pairs(11, 3, 1) }, store.KindInvalid, ReasonTags},
		{"tag key too long", "k", func(p *Put) { p.Tags = pairs(1, 129, 1) }, store.KindInvalid, ReasonTags},
		{"tag value too long", "k", func(p *Put) { p.Tags = pairs(1, 1, 257) }, store.KindInvalid, ReasonTags},
		{"tag key empty", "k", func(p *Put) { p.Tags = []Pair{{"", "v"}} }, store.KindInvalid, ReasonTags},
		{"tag twice", "k", func(p *Put) { p.Tags = []Pair{{"a", "v"}, {"a", "w"}} }, store.KindInvalid, ReasonTags},
		{"user metadata", "k", func(p *Put) { p.User = []Pair{{"n", strings.Repeat("v", MaxUserMeta-1)}} }, 0, ""},
		{"user metadata too large", "k", func(p *Put) { p.User = []Pair{{"n", strings.Repeat("v", MaxUserMeta)}} }, store.KindTooLarge, ReasonMetadata},
		{"headers too large", "k", func(p *Put) { p.ContentType = strings.Repeat("v", MaxHeaders+1) }, store.KindTooLarge, ReasonMetadata},
		{"owner too long", "k", func(p *Put) { p.Owner = strings.Repeat("o", maxName+1) }, store.KindInvalid, ReasonMalformed},
		{"size of another body", "k", func(p *Put) { p.Size++ }, store.KindInvalid, ReasonBody},
		{"inline too large", "k", func(p *Put) { p.Inline = make([]byte, MaxInline+1); p.Size = MaxInline + 1 }, store.KindInvalid, ReasonBody},
		{"object too large", "k", func(p *Put) { p.Size = MaxSingle + 1 }, store.KindTooLarge, ReasonObject},
		{"negative size", "k", func(p *Put) { p.Size = -1 }, store.KindInvalid, ReasonBody},
		{"checksum cut short", "k", func(p *Put) { p.Algorithm, p.Sum = checksum.SHA256, []byte{1} }, store.KindInvalid, ReasonMalformed},
		{"receipt of a blob twice", "k", func(p *Put) {
			p.Body = e.body("k", []byte("xx"), 1)
			p.Placed[1] = p.Placed[0]
			p.Size = 2
		}, store.KindInvalid, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := e.s.Stats().Rows
			p := e.object("k", "body")
			c.change(p)
			_, err := e.c.Put(ctx, e.ns, c.key, p)
			if c.kind == 0 {
				require.NoError(t, err)
				return
			}
			requireFails(t, err, c.kind, c.reason)
			require.Equal(t, before, e.s.Stats().Rows)
		})
	}
}

func TestRefusedParts(t *testing.T) {
	e := newEnv(t, MinPart)
	for _, typ := range []Checksum{
		{Algorithm: checksum.SHA256, Type: checksum.FullObject}, {Algorithm: checksum.CRC64NVME, Type: checksum.Composite},
		{Algorithm: checksum.CRC32}, {Type: checksum.Composite},
	} {
		_, err := e.c.CreateUpload(ctx, e.ns, "k", &Upload{Algorithm: typ.Algorithm, Type: typ.Type})
		requireFails(t, err, store.KindInvalid, ReasonChecksumType)
	}
	id, err := e.c.CreateUpload(ctx, e.ns, "k", &Upload{Algorithm: checksum.CRC32, Type: checksum.Composite})
	require.NoError(t, err)
	put := func(n int, alg checksum.Algorithm) error {
		_, err := e.c.PutPart(ctx, e.ns, "k", id, &PutPart{Number: n, Algorithm: alg, Sum: make([]byte, alg.Size())})
		return err
	}
	requireFails(t, put(0, checksum.CRC32), store.KindInvalid, ReasonPartNumber)
	requireFails(t, put(MaxParts+1, checksum.CRC32), store.KindInvalid, ReasonPartNumber)
	requireFails(t, put(1, checksum.CRC32C), store.KindInvalid, ReasonChecksumType)
	requireFails(t, put(1, checksum.None), store.KindInvalid, ReasonChecksumType)
	require.NoError(t, put(MaxParts, checksum.CRC32))

	for _, etag := range []string{"", "zz", strings.Repeat("0", 33), strings.Repeat("0", 31) + "g"} {
		_, err = e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: []CompletePart{{Number: MaxParts, ETag: etag}}})
		requireFails(t, err, store.KindInvalid, ReasonPart)
	}
	for _, s := range []string{"", "00", strings.Repeat("0", 33), strings.Repeat("x", 32)} {
		_, err := ParseUploadID(s)
		requireFails(t, err, store.KindNotFound, ReasonUpload)
	}
	parsed, err := ParseUploadID(id.String())
	require.NoError(t, err)
	require.Equal(t, id, parsed)
	_, err = e.c.List(ctx, e.ns, List{Max: MaxPage + 1})
	requireFails(t, err, store.KindInvalid, ReasonPage)
}

// TestSmallParts has a part of one byte less than 5 MiB, as the last and not.
func TestSmallParts(t *testing.T) {
	e := newEnv(t, MinPart)
	almost := strings.Repeat("a", 5<<20-1)
	id, list := e.upload("k", almost, "b")
	_, err := e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: list})
	requireFails(t, err, store.KindInvalid, ReasonPartSmall)
	_, err = e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: list[:1]})
	require.NoError(t, err)
}

// TestMissingPart lists a part that does not exist, with the ETag of one that
// does.
func TestMissingPart(t *testing.T) {
	e := newEnv(t, 1)
	id, list := e.upload("k", "same")
	list = append(list, e.putPart("k", id, 3, "same"))
	list[1].Number = 2
	_, err := e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: list})
	requireFails(t, err, store.KindInvalid, ReasonPart)
}

// TestVectors checks the published values of an object of two parts: 5 MiB of
// "a", and "b".
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		alg  checksum.Algorithm
		typ  checksum.Type
		want string
	}{
		{checksum.CRC32, checksum.Composite, "dYPmEQ=="},
		{checksum.CRC32, checksum.FullObject, "rBxv8Q=="},
		{checksum.SHA256, checksum.Composite, "tfmzeY9XeH2OXmxrtS4iDWlNIKUTAFv0/csHs2lsoD8="},
	} {
		e := newEnv(t, MinPart)
		id, err := e.c.CreateUpload(ctx, e.ns, "k", &Upload{Algorithm: c.alg, Type: c.typ})
		require.NoError(t, err)
		var list []CompletePart
		for i, data := range []string{strings.Repeat("a", MinPart), "b"} {
			o := e.object("k", data, len(data))
			_, err := e.c.PutPart(ctx, e.ns, "k", id, &PutPart{
				Body: o.Body, Number: i + 1, Size: o.Size, MD5: o.MD5, Algorithm: c.alg, Sum: c.alg.Sum([]byte(data)),
			})
			require.NoError(t, err)
			list = append(list, CompletePart{Number: i + 1, ETag: etag(o.MD5, 0, "")})
		}
		info, err := e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: list})
		require.NoError(t, err)
		require.Equal(t, "e5a8c5272b26fc10581a21089559b006-2", info.ETag)
		require.Equal(t, c.want, checksum.Encode(info.Checksum.Sum))
		require.Equal(t, c.typ, info.Checksum.Type)
	}
}
