package machine

import (
	"crypto/md5"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/objectapi/checksum"
	"cairn/store"
)

func (m *model) create(t *rapid.T) {
	key, c := keys.Draw(t, "key"), checksumType.Draw(t, "checksum")
	u := &modelUpload{key: key, alg: c.Algorithm, typ: c.Type, parts: make(map[int]modelPart)}
	u.meta = Meta{ContentType: "x/y", Tags: tags.Draw(t, "tags"), StorageClass: "STANDARD_IA", Class: store.ClassEconomy}
	var err error
	u.id, err = m.c.CreateUpload(ctx, m.ns, key, &Upload{Meta: u.meta, Algorithm: u.alg, Type: u.typ})
	require.NoError(t, err)
	m.uploads = append(m.uploads, u)
}

// pick draws an upload; the test case ends early if there is none.
func (m *model) pick(t *rapid.T) *modelUpload {
	if len(m.uploads) == 0 {
		t.Skip("no upload")
	}
	return rapid.SampledFrom(m.uploads).Draw(t, "upload")
}

func (m *model) putPart(t *rapid.T) {
	u := m.pick(t)
	n := rapid.SampledFrom([]int{1, 2, 3, 7, MaxParts}).Draw(t, "number")
	data := shortData.Draw(t, "data")
	p := &PutPart{Body: m.body(u.key, data, cutLists.Draw(t, "cuts")...), Number: n, Size: int64(len(data)), MD5: md5.Sum(data)}
	if u.alg != checksum.None {
		p.Algorithm, p.Sum = u.alg, u.alg.Sum(data)
	}
	_, err := m.c.PutPart(ctx, m.ns, u.key, u.id, p)
	require.NoError(t, err)
	u.parts[n] = modelPart{data, p.Sum}
}

// complete draws a list of parts, right or wrong, and completes with it.
func (m *model) complete(t *rapid.T) {
	u := m.pick(t)
	c, kind, reason := m.cond(t, u.key)
	in := &Complete{Cond: c}
	var chosen []modelPart
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		if rapid.IntRange(0, 4).Draw(t, "leave out") > 0 {
			p := u.parts[n]
			chosen = append(chosen, p)
			in.Parts = append(in.Parts, CompletePart{Number: n, ETag: etag(md5.Sum(p.data), 0, ""), Algorithm: u.alg, Sum: p.sum})
		}
	}
	o := u.object(chosen)
	if reason == "" {
		kind, reason = store.KindInvalid, smallPart(chosen)
	}
	kind, reason = m.spoil(t, in, o, kind, reason)
	info, err := m.c.Complete(ctx, m.ns, u.key, u.id, in)
	if reason != "" {
		requireFails(t, err, kind, reason)
		return
	}
	require.NoError(t, err)
	require.Equal(t, o.etag, info.ETag)
	o.modified, o.upload = store.TimeOf(m.now), u.id
	m.objects[u.key] = o
	m.forget(u)
	m.done = append(m.done, doneUpload{u.key, u.id, in.Parts})
}

// spoil perhaps makes the command wrong, and tells the error it must give.
func (m *model) spoil(t *rapid.T, in *Complete, o *modelObject, kind store.ErrKind, reason string) (store.ErrKind, string) {
	if len(in.Parts) == 0 {
		return store.KindInvalid, ReasonPartList
	}
	size, wrong := int64(len(o.data)), checksum.CRC32.Sum([]byte("wrong"))
	switch rapid.IntRange(0, 12).Draw(t, "spoil") {
	case 0:
		in.Parts = append(in.Parts, in.Parts[0])
		return store.KindInvalid, ReasonPartOrder
	case 1:
		if reason == "" {
			in.Parts[0].ETag = strings.Repeat("0", 32)
			return store.KindInvalid, ReasonPart
		}
	case 2:
		if reason == "" {
			in.Parts = append(in.Parts, CompletePart{Number: MaxParts - 1, ETag: strings.Repeat("0", 32)})
			slices.SortFunc(in.Parts, func(a, b CompletePart) int { return a.Number - b.Number })
			if smallest := smallPart(append(slices.Clone(o.parts), modelPart{})); smallest != "" {
				// Whether the small or the missing one is met first depends on the order.
				in.Parts = in.Parts[:0]
				return store.KindInvalid, ReasonPartList
			}
			return store.KindInvalid, ReasonPart
		}
	case 3:
		size++
		in.Size = &size
		if reason == "" {
			return store.KindInvalid, ReasonObjectSize
		}
	case 4:
		in.Size = &size
	case 5:
		in.Checksum = Checksum{Algorithm: checksum.CRC32, Type: o.checksum.Type, Sum: wrong}
		if reason == "" {
			return store.KindInvalid, ReasonChecksum
		}
	case 6:
		in.Checksum = o.checksum
	}
	return kind, reason
}

// smallPart returns the reason for which the parts are refused, if they are.
func smallPart(parts []modelPart) string {
	for i, p := range parts {
		if i < len(parts)-1 && len(p.data) < minModelPart {
			return ReasonPartSmall
		}
	}
	return ""
}

// object returns what the parts make.
func (u *modelUpload) object(parts []modelPart) *modelObject {
	o := &modelObject{meta: u.meta, parts: parts}
	var md5s []byte
	var sums [][]byte
	for _, p := range parts {
		sum := md5.Sum(p.data)
		md5s, sums = append(md5s, sum[:]...), append(sums, p.sum)
		o.data += string(p.data)
	}
	o.etag = etag(md5.Sum(md5s), len(parts), "")
	switch u.typ {
	case checksum.Composite:
		o.checksum = Checksum{u.alg, u.typ, checksum.CompositeOf(u.alg, sums...)}
	case checksum.FullObject:
		o.checksum = Checksum{u.alg, u.typ, u.alg.Sum([]byte(o.data))}
	}
	return o
}

// completeAgain repeats a Complete: it succeeds if its object is still there,
// and has no effect.
func (m *model) completeAgain(t *rapid.T) {
	if len(m.done) == 0 {
		t.Skip("nothing completed")
	}
	d := rapid.SampledFrom(m.done).Draw(t, "done")
	info, err := m.c.Complete(ctx, m.ns, d.key, d.id, &Complete{Parts: d.parts, Cond: Cond{Absent: true}})
	have := m.objects[d.key]
	if have == nil || have.upload != d.id {
		requireFails(t, err, store.KindNotFound, ReasonUpload)
		return
	}
	require.NoError(t, err)
	require.Equal(t, have.etag, info.ETag)
	require.Equal(t, have.modified, info.Modified)
}

func (m *model) abort(t *rapid.T) {
	u := m.pick(t)
	_, err := m.c.Abort(ctx, m.ns, u.key, u.id)
	require.NoError(t, err)
	m.forget(u)
	_, err = m.c.Abort(ctx, m.ns, u.key, u.id)
	requireFails(t, err, store.KindNotFound, ReasonUpload)
}

func (m *model) forget(u *modelUpload) {
	m.uploads = slices.DeleteFunc(m.uploads, func(x *modelUpload) bool { return x == u })
}

func (m *model) listUploads(t *rapid.T) {
	l := ListUploads{Prefix: prefixes.Draw(t, "prefix"), Delimiter: delimiters.Draw(t, "delimiter"), After: afters.Draw(t, "after"), Max: rapid.IntRange(1, 4).Draw(t, "max")}
	ids := make(map[string][]UploadID)
	for _, u := range m.uploads {
		ids[u.key] = append(ids[u.key], u.id)
	}
	var want []string
	for _, k := range naive(slices.Sorted(maps.Keys(ids)), List{Prefix: l.Prefix, Delimiter: l.Delimiter, After: l.After}) {
		slices.SortFunc(ids[k], func(a, b UploadID) int { return strings.Compare(string(a[:]), string(b[:])) })
		for _, id := range ids[k] {
			want = append(want, k+"="+id.String())
		}
		// A key that is also a common prefix of this listing was rolled up.
		if l.Delimiter != "" && strings.Contains(k[min(len(l.Prefix), len(k)):], l.Delimiter) {
			want = append(want[:len(want)-len(ids[k])], k)
		}
	}
	var got []string
	for more := true; more; {
		p, err := m.c.ListUploads(ctx, m.ns, l)
		require.NoError(t, err)
		items := slices.Clone(p.Prefixes)
		for _, e := range p.Entries {
			items = append(items, e.Key+"="+e.ID.String())
		}
		slices.Sort(items)
		require.LessOrEqual(t, len(items), l.Max)
		got = append(got, items...)
		more, l.After, l.AfterID = p.More, p.Next, p.NextID
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}

func (m *model) listParts(t *rapid.T) {
	limit := rapid.IntRange(1, 3).Draw(t, "max")
	if len(m.uploads) > 0 {
		u := rapid.SampledFrom(m.uploads).Draw(t, "upload")
		want := slices.Sorted(maps.Keys(u.parts))
		var got []int
		for after, more := 0, true; more; {
			up, parts, left, err := m.c.ListParts(ctx, m.ns, u.key, u.id, after, limit)
			require.NoError(t, err)
			require.Equal(t, u.meta, up.Meta)
			for _, p := range parts {
				require.EqualValues(t, len(u.parts[p.Number].data), p.Size)
				got, after = append(got, p.Number), p.Number
			}
			more = left
		}
		require.Equal(t, want, got)
	}
	key := keys.Draw(t, "key")
	if have := m.objects[key]; have != nil {
		var got []int64
		for more := true; more; {
			_, parts, left, err := m.c.ObjectParts(ctx, m.ns, key, len(got), limit)
			require.NoError(t, err)
			for _, p := range parts {
				got = append(got, p.Size)
			}
			more = left
		}
		require.Len(t, got, len(have.parts))
		for i, p := range have.parts {
			require.EqualValues(t, len(p.data), got[i])
		}
	}
}
