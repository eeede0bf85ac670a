package machine

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// counting wraps the machine and counts what each command and query touches.
type counting struct {
	*Machine
	writes int // rows written and blobs referred to or freed, by the last command
	most   int // the largest writes so far
	reads  int // rows that the last query read by Get
	moves  int // of the last query's iterators
}

func (c *counting) Apply(tx store.Txn, at store.Time, cmd []byte) ([]byte, error) {
	c.writes = 0
	reply, err := c.Machine.Apply(countingTxn{tx, c}, at, cmd)
	c.most = max(c.most, c.writes)
	return reply, err
}

func (c *counting) Read(rd store.Reader, query []byte) ([]byte, error) {
	c.reads, c.moves = 0, 0
	return c.Machine.Read(countingReader{rd, c}, query)
}

type countingTxn struct {
	store.Txn
	c *counting
}

func (t countingTxn) Put(col store.Col, key, suffix, value []byte) {
	t.c.writes++
	t.Txn.Put(col, key, suffix, value)
}

func (t countingTxn) Delete(col store.Col, key, suffix []byte) {
	t.c.writes++
	t.Txn.Delete(col, key, suffix)
}

func (t countingTxn) Ref(b store.BlobID) error { t.c.writes++; return t.Txn.Ref(b) }
func (t countingTxn) Unref(r store.Ref)        { t.c.writes++; t.Txn.Unref(r) }

type countingReader struct {
	store.Reader
	c *counting
}

func (r countingReader) Get(col store.Col, key, suffix []byte) ([]byte, bool, error) {
	r.c.reads++
	return r.Reader.Get(col, key, suffix)
}

func (r countingReader) Iter(col store.Col, lower, upper []byte) (store.Iterator, error) {
	it, err := r.Reader.Iter(col, lower, upper)
	return countingIter{it, r.c}, err
}

type countingIter struct {
	store.Iterator
	c *counting
}

func (i countingIter) Next() bool { i.c.moves++; return i.Iterator.Next() }
func (i countingIter) SeekGE(key, suffix []byte) bool {
	i.c.moves++
	return i.Iterator.SeekGE(key, suffix)
}

// TestListSeeks lists common prefixes without visiting what they stand for.
func TestListSeeks(t *testing.T) {
	m := &counting{Machine: New()}
	e := newEnvOn(t, m)
	for i := range 900 {
		e.put(fmt.Sprintf("group%d/%03d", i%3, i), "")
	}
	p, err := e.c.List(ctx, e.ns, List{Delimiter: "/", Max: MaxPage})
	require.NoError(t, err)
	require.Equal(t, []string{"group0/", "group1/", "group2/"}, p.Prefixes)
	require.Empty(t, p.Entries)
	require.LessOrEqual(t, m.moves, 5)
}

// bigUpload makes an upload of n parts of three blobs with two bytes each.
func bigUpload(e *env, key string, n int) (id UploadID, list []CompletePart, data string) {
	up := &Upload{Algorithm: checksum.CRC64NVME, Type: checksum.FullObject}
	id, err := e.c.CreateUpload(ctx, e.ns, key, up)
	require.NoError(e.t, err)
	var all strings.Builder
	for i := 1; i <= n; i++ {
		part := fmt.Sprintf("%06d", i)
		p := &PutPart{Body: e.body(key, []byte(part), 2, 2), Number: i, Size: 6, MD5: md5.Sum([]byte(part)),
			Algorithm: checksum.CRC64NVME, Sum: checksum.CRC64NVME.Sum([]byte(part))}
		_, err := e.c.PutPart(ctx, e.ns, key, id, p)
		require.NoError(e.t, err)
		list = append(list, CompletePart{Number: i, ETag: etag(p.MD5, 0, "")})
		all.WriteString(part)
	}
	return id, list, all.String()
}

// TestLargestUpload completes 10,000 parts, reads of them, and ends them: the
// commands stay bounded.
func TestLargestUpload(t *testing.T) {
	m := &counting{Machine: &Machine{minPart: 1}}
	e := newEnvOn(t, m)
	id, list, data := bigUpload(e, "k", MaxParts)
	info, err := e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: list})
	require.NoError(t, err)
	require.Less(t, m.writes, 50, "completing moves no parts")
	require.EqualValues(t, len(data), info.Size)
	require.Equal(t, checksum.CRC64NVME.Sum([]byte(data)), info.Checksum.Sum)

	_, got, err := e.read("k", Whole)
	require.NoError(t, err)
	require.Equal(t, data, got)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		off, n := r.IntN(len(data)), r.IntN(40)
		_, got, err := e.read("k", Window{Off: int64(off), Len: int64(n)})
		require.NoError(t, err)
		require.Equal(t, data[off:min(len(data), off+n)], got)
		require.Less(t, m.reads, 25, "a range read does not read all parts")
	}
	for _, part := range []int{1, indexPage, indexPage + 1, MaxParts} {
		o, got, err := e.read("k", Window{Part: part})
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%06d", part), got)
		require.EqualValues(t, (part-1)*6, o.Off)
	}

	info = e.put("k", "small")
	require.True(t, info.Drain)
	require.NoError(t, e.c.Drain(ctx, e.ns, "k"))
	require.Zero(t, e.s.Stats().Referenced)
	require.Equal(t, 1, e.s.Stats().Rows, "only the new object's row is left")
	require.LessOrEqual(t, m.most, 1300, "no command is large")
}

// TestUnlistedParts completes with every second part only; the others are freed
// by Drain, whatever happens to the object meanwhile.
func TestUnlistedParts(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		e := newEnv(t, 1)
		id, all, _ := bigUpload(e, "k", 400)
		var list []CompletePart
		want := ""
		for i := 0; i < len(all); i += 2 {
			list, want = append(list, all[i]), want+fmt.Sprintf("%06d", i+1)
		}
		info, err := e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: list})
		require.NoError(t, err)
		require.True(t, info.Drain)
		require.NoError(t, e.s.Audit())
		if overwrite {
			e.put("k", "x", 1)
			require.NoError(t, e.s.Audit())
			require.NoError(t, e.c.Sweep(ctx, e.ns))
			require.Equal(t, 1, e.s.Stats().Referenced)
			continue
		}
		require.NoError(t, e.c.Drain(ctx, e.ns, "k"))
		require.Equal(t, 200*3, e.s.Stats().Referenced)
		_, got, err := e.read("k", Whole)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.NoError(t, e.s.Audit())
	}
}

// TestLargestPut has as many blobs as a PUT may have.
func TestLargestPut(t *testing.T) {
	m := &counting{Machine: New()}
	e := newEnvOn(t, m)
	data := strings.Repeat("abc", MaxRefs/3) + "d"
	cuts := make([]int, MaxRefs-1)
	for i := range cuts {
		cuts[i] = 1
	}
	for range 3 {
		e.put("k", data, cuts...)
	}
	require.LessOrEqual(t, m.most, 2*MaxRefs+10)
	o, got, err := e.read("k", Window{Off: 500, Len: 100})
	require.NoError(t, err)
	require.Len(t, o.Pieces, 100)
	require.Equal(t, data[500:600], got)
	_, got, err = e.read("k", Whole)
	require.NoError(t, err)
	require.Equal(t, data, got)
	_, err = e.c.Get(ctx, e.ns, "k", Window{Version: VersionID{1}})
	requireFails(t, err, store.KindConflict, ReasonChanged)
	require.Equal(t, MaxRefs, e.s.Stats().Referenced)
	require.NoError(t, e.s.Audit())
}
