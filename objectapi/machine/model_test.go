package machine

import (
	"bytes"
	"crypto/md5"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// The model: plain maps that say what a bucket must look like.

type modelPart struct {
	data []byte
	sum  []byte
}

type modelObject struct {
	data     string
	etag     string
	modified store.Time
	tags     []Pair
	meta     Meta
	checksum Checksum
	upload   UploadID
	parts    []modelPart
}

type modelUpload struct {
	key   string
	id    UploadID
	meta  Meta
	alg   checksum.Algorithm
	typ   checksum.Type
	parts map[int]modelPart
}

// model runs commands on a bucket and on plain maps side by side.
type model struct {
	*env
	objects map[string]*modelObject
	uploads []*modelUpload // by initiation
	done    []doneUpload
	ranges  int
}

// doneUpload is a Complete that succeeded.
type doneUpload struct {
	key   string
	id    UploadID
	parts []CompletePart
}

// minModelPart is the smallest part that is not the last, in the model's runs.
const minModelPart = 3

var (
	modelKeys    = []string{"a", "a/", "a/b", "a/b/c", "a//", "a//b", "b", "..", "\x00", "\xff", "\xff/x", "\xff\xff", "a\xffb"}
	keys         = rapid.SampledFrom(modelKeys)
	prefixes     = rapid.SampledFrom([]string{"", "a", "a/", "a//", "b", "\xff", "zz"})
	delimiters   = rapid.SampledFrom([]string{"", "/", "//", "b", "\xff", "/b"})
	afters       = rapid.OneOf(rapid.Just(""), keys, rapid.SampledFrom([]string{"0", "a/a", "a/b/", "zz", "\xff/"}))
	tags         = rapid.SampledFrom([][]Pair{nil, {{"k", "v"}}, {{"k", ""}, {"ключ", "значение"}}})
	shortData    = rapid.SliceOfN(rapid.Byte(), 0, 12)
	cutLists     = rapid.SliceOfN(rapid.IntRange(1, 3), 0, 7)
	checksumType = rapid.SampledFrom([]Checksum{
		{}, {Algorithm: checksum.CRC32, Type: checksum.Composite}, {Algorithm: checksum.CRC32C, Type: checksum.FullObject},
		{Algorithm: checksum.CRC64NVME, Type: checksum.FullObject}, {Algorithm: checksum.SHA256, Type: checksum.Composite},
	})
)

// TestModel runs random commands on the machine and on the model: 1,500 runs of
// about 30, in a second or two, unless -rapid.checks says otherwise.
func TestModel(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set("1500"))
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &model{env: newEnv(t, minModelPart), objects: make(map[string]*modelObject)}
		splits := rapid.SampledFrom([][]string{nil, {"a/b"}, {"a/", "b", "\xff"}}).Draw(t, "splits")
		m.ranges = len(splits) + 1
		for _, at := range splits {
			m.s.Split(m.ns, []byte(at))
		}
		m.s.LoseReplies(rapid.IntRange(0, 20).Draw(t, "lost replies"))
		t.Repeat(map[string]func(*rapid.T){
			"put":           m.put,
			"delete":        m.delete,
			"tag":           m.tag,
			"create":        m.create,
			"put part":      m.putPart,
			"complete":      m.complete,
			"complete anew": m.completeAgain,
			"abort":         m.abort,
			"drain":         m.drain,
			"read":          m.read,
			"list":          m.list,
			"list uploads":  m.listUploads,
			"list parts":    m.listParts,
			"wait":          m.wait,
			"":              func(*rapid.T) { require.NoError(t, m.s.Audit()) },
		})
		m.empty(t)
	})
}

func (m *model) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
	_, err := m.s.Collect()
	require.NoError(t, err)
}

// cond draws a condition, and tells the error that it must give.
func (m *model) cond(t *rapid.T, key string) (c Cond, kind store.ErrKind, reason string) {
	have := m.objects[key]
	switch rapid.IntRange(0, 6).Draw(t, "cond") {
	case 0:
		c.Absent = true
		if have != nil {
			return c, store.KindPrecondition, ReasonExists
		}
	case 1:
		c.ETag = "*"
		if have == nil {
			return c, store.KindNotFound, ReasonKey
		}
	case 2:
		c.ETag = "nonsense"
		if have == nil {
			return c, store.KindNotFound, ReasonKey
		}
		return c, store.KindPrecondition, ReasonETag
	case 3:
		if have != nil {
			c.ETag = have.etag
		}
	case 4:
		c.NotETag = "nonsense"
		if have != nil && rapid.Bool().Draw(t, "same") {
			c.NotETag = have.etag
			return c, store.KindPrecondition, ReasonExists
		}
	}
	return c, 0, ""
}

func (m *model) put(t *rapid.T) {
	key, data := keys.Draw(t, "key"), shortData.Draw(t, "data")
	c, kind, reason := m.cond(t, key)
	p := &Put{
		Meta: Meta{ContentType: "text/plain", Tags: tags.Draw(t, "tags"), User: []Pair{{"n", string(data)}}},
		Body: m.body(key, data, cutLists.Draw(t, "cuts")...), Cond: c, Size: int64(len(data)), MD5: md5.Sum(data),
	}
	if rapid.Bool().Draw(t, "checksum") {
		p.Algorithm, p.Sum = checksum.CRC32C, checksum.CRC32C.Sum(data)
	}
	info, err := m.c.Put(ctx, m.ns, key, p)
	if reason != "" {
		requireFails(t, err, kind, reason)
		return
	}
	require.NoError(t, err)
	require.Equal(t, m.objects[key] != nil, info.Replaced)
	o := &modelObject{data: string(data), etag: etag(p.MD5, 0, ""), modified: store.TimeOf(m.now), meta: p.Meta}
	if p.Algorithm != 0 {
		o.checksum = Checksum{p.Algorithm, checksum.FullObject, p.Sum}
	}
	require.Equal(t, o.etag, info.ETag)
	m.objects[key] = o
}

func (m *model) delete(t *rapid.T) {
	key := keys.Draw(t, "key")
	c, kind, reason := m.cond(t, key)
	have := m.objects[key]
	if have != nil && reason == "" && rapid.Bool().Draw(t, "by size") {
		size, at := int64(len(have.data)), have.modified/1000*1000
		c.Size, c.Modified = &size, &at
		switch rapid.IntRange(0, 2).Draw(t, "wrong") {
		case 0:
			size, kind, reason = size+1, store.KindPrecondition, ReasonSize
		case 1:
			at, kind, reason = at+1000, store.KindPrecondition, ReasonModified
		}
	}
	if c.Absent && have != nil {
		c, reason = Cond{}, ""
	}
	if have == nil {
		reason = "" // what was to go is gone
	}
	d, err := m.c.Delete(ctx, m.ns, key, c)
	if reason != "" {
		requireFails(t, err, kind, reason)
		return
	}
	require.NoError(t, err)
	require.Equal(t, have != nil, d.Existed)
	delete(m.objects, key)
}

func (m *model) tag(t *rapid.T) {
	key, want := keys.Draw(t, "key"), tags.Draw(t, "tags")
	err := m.c.SetTags(ctx, m.ns, key, want)
	if m.objects[key] == nil {
		requireFails(t, err, store.KindNotFound, ReasonKey)
		return
	}
	require.NoError(t, err)
	m.objects[key].meta.Tags = want
}

func (m *model) drain(t *rapid.T) { require.NoError(t, m.c.Drain(ctx, m.ns, keys.Draw(t, "key"))) }

func (m *model) read(t *rapid.T) {
	key := keys.Draw(t, "key")
	have := m.objects[key]
	size := 0
	if have != nil {
		size = len(have.data)
	}
	w := Window{Off: rapid.Int64Range(0, int64(size)+2).Draw(t, "off"), Len: rapid.Int64Range(-1, int64(size)+2).Draw(t, "len")}
	switch rapid.IntRange(0, 3).Draw(t, "window") {
	case 0:
		w.Suffix = rapid.Int64Range(1, int64(size)+2).Draw(t, "suffix")
	case 1:
		w.Part = rapid.IntRange(1, 4).Draw(t, "part")
	}
	o, data, err := m.env.read(key, w)
	if have == nil {
		requireFails(t, err, store.KindNotFound, ReasonKey)
		return
	}
	if w.Part > max(1, len(have.parts)) {
		requireFails(t, err, store.KindInvalid, ReasonPartNumber)
		return
	}
	require.NoError(t, err)
	require.Equal(t, have.window(w), data)
	require.EqualValues(t, len(data), o.Len)
	m.compare(t, have, &o.Record)
}

func (o *modelObject) window(w Window) string {
	n := int64(len(o.data))
	switch {
	case w.Part > 0 && len(o.parts) > 0:
		return string(o.parts[w.Part-1].data)
	case w.Part > 0:
		return o.data
	case w.Suffix > 0:
		return o.data[n-min(n, w.Suffix):]
	}
	rest := o.data[min(n, w.Off):]
	if w.Len >= 0 {
		rest = rest[:min(int64(len(rest)), w.Len)]
	}
	return rest
}

func (m *model) compare(t *rapid.T, have *modelObject, r *Record) {
	require.Equal(t, have.etag, r.ETag())
	require.EqualValues(t, len(have.data), r.Size)
	require.Equal(t, have.modified, r.Modified)
	require.Equal(t, have.meta, r.Meta)
	require.Equal(t, len(have.parts), r.Parts)
	require.Equal(t, have.checksum.Algorithm, r.Checksum.Algorithm)
	require.Equal(t, have.checksum.Type, r.Checksum.Type)
	require.True(t, bytes.Equal(have.checksum.Sum, r.Checksum.Sum))
}

// naive lists keys the slow way: every key behind after, rolled up, each common
// prefix once and not again if after names it.
func naive(all []string, l List) (items []string) {
	for _, k := range all {
		if k <= l.After || !strings.HasPrefix(k, l.Prefix) {
			continue
		}
		if before, _, ok := strings.Cut(k[len(l.Prefix):], l.Delimiter); ok && l.Delimiter != "" {
			k = l.Prefix + before + l.Delimiter
			if k == l.After {
				continue
			}
		}
		if n := len(items); n == 0 || items[n-1] != k || !strings.HasSuffix(k, l.Delimiter) || l.Delimiter == "" {
			items = append(items, k)
		}
	}
	return items
}

func (m *model) list(t *rapid.T) {
	l := List{Prefix: prefixes.Draw(t, "prefix"), Delimiter: delimiters.Draw(t, "delimiter"), After: afters.Draw(t, "after"), Max: rapid.IntRange(0, 5).Draw(t, "max")}
	var all []string
	for k := range m.objects {
		all = append(all, k)
	}
	slices.Sort(all)
	want := naive(all, l)
	var got []string
	for page := (&ListPage{More: true, Next: l.After}); page.More; {
		l.After = page.Next
		var err error
		page, err = m.c.List(ctx, m.ns, l)
		require.NoError(t, err)
		items := slices.Clone(page.Prefixes)
		for _, e := range page.Entries {
			items = append(items, e.Key)
			have := m.objects[e.Key]
			require.NotNil(t, have, "%q", e.Key)
			require.Equal(t, have.etag, e.ETag())
			require.EqualValues(t, len(have.data), e.Size)
			require.Equal(t, have.checksum.Algorithm, e.Algorithm)
		}
		slices.Sort(items)
		require.Equal(t, page.More, l.Max > 0 && len(want)-len(got) > l.Max, "truncation")
		require.Len(t, items, min(l.Max, len(want)-len(got)))
		got = append(got, items...)
	}
	if l.Max > 0 {
		require.Equal(t, want, got)
	}
}

// empty ends everything and checks that nothing refers to any blob.
func (m *model) empty(t *rapid.T) {
	for _, key := range modelKeys {
		_, err := m.c.Delete(ctx, m.ns, key, Cond{})
		require.NoError(t, err)
	}
	require.NoError(t, m.c.Seal(ctx, m.ns))
	require.NoError(t, m.s.Audit())
	require.Zero(t, m.s.Stats().Referenced)
	require.Equal(t, m.ranges, m.s.Stats().Rows, "only the seals are left")
	_, err := m.c.Head(ctx, m.ns, "a")
	requireFails(t, err, store.KindNotFound, ReasonBucket)
}
