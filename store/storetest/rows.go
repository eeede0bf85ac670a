package storetest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// row is a row as the suite compares it.
type row struct{ key, suffix, value string }

// hostileKeys and hostileSuffixes exercise the order-preserving encoding of
// row addresses: zero bytes, bytes of all ones, keys that begin with others.
var (
	hostileKeys     = []string{"a", "a\x00", "a\x00\x00", "a\x00\x01", "a\x00\xff", "a\x01", "a\xff", "a\xff\xff", "aa", "b", "\x00", "\x00\x01", "\xff", "\xff\xff"}
	hostileSuffixes = []string{"", "\x00", "\x00\xff", "\x01", "s", "\xff"}
)

func (s *suite) testRowOrder(t *testing.T) {
	ctx, ns := deadline(t), s.namespace(t)
	var rows []row
	for _, k := range hostileKeys {
		for _, x := range hostileSuffixes {
			rows = append(rows, row{k, x, k + "|" + x})
			_, err := s.Do(ctx, ns, []byte(k), request(opSet, []byte(k), []byte(x), []byte(k+"|"+x)))
			require.NoError(t, err)
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return slices.Compare([]string{a.key, a.suffix}, []string{b.key, b.suffix})
	})
	between := func(lower, upper, key, suffix string) (out []row) {
		for _, r := range rows {
			seek := slices.Compare([]string{r.key, r.suffix}, []string{key, suffix}) >= 0
			if r.key >= lower && (upper == "" || r.key < upper) && seek {
				out = append(out, r)
			}
		}
		return out
	}
	require.Equal(t, rows, s.all(t, ns, "", "", "", ""))
	for _, lower := range hostileKeys {
		for _, upper := range hostileKeys {
			require.Equal(t, between(lower, upper, "", ""), s.all(t, ns, lower, upper, "", ""), "[%q, %q)", lower, upper)
		}
		for _, suffix := range hostileSuffixes {
			require.Equal(t, between("a\x00", "b", lower, suffix), s.all(t, ns, "a\x00", "b", lower, suffix), "seek (%q, %q)", lower, suffix)
		}
	}
}

// all returns the rows of [lower, upper) from (key, suffix) on.
func (s *suite) all(t *testing.T, ns store.NS, lower, upper, key, suffix string) (out []row) {
	reply, err := s.Ask(deadline(t), ns, []byte(lower), request(askAll, []byte(lower), []byte(upper), []byte(key), []byte(suffix)))
	require.NoError(t, err)
	for f := range slices.Chunk(fields(reply), 3) {
		out = append(out, row{f[0], f[1], f[2]})
	}
	return out
}

// fields unpacks what request packed.
func fields(reply []byte) (out []string) {
	for b := reply[2:]; len(b) > 0; {
		n, w := binary.Uvarint(b)
		out = append(out, string(b[w:w+int(n)]))
		b = b[w+int(n):]
	}
	return out
}

// testRanges walks the ranges of a namespace: each begins where the one before
// ended, the first is open to the left and the last to the right.
func (s *suite) testRanges(t *testing.T) {
	ctx, ns := deadline(t), s.namespace(t)
	at := ""
	for more := true; more; {
		reply, err := s.Ask(ctx, ns, []byte(at), request(askEnd))
		require.NoError(t, err)
		f := fields(reply)
		require.Equal(t, at, f[0])
		if more = len(f) > 1; more {
			require.Greater(t, f[1], at)
			at = f[1]
		}
	}
}

func (s *suite) testTransaction(t *testing.T) {
	ctx, ns := deadline(t), s.namespace(t)
	key := []byte("k")
	reply, err := s.Do(ctx, ns, key, request(opPeek, key, nil, []byte("new")))
	require.NoError(t, err)
	require.Equal(t, "new|none", string(reply), "Get sees the command's own writes, Iter does not")
	reply, err = s.Do(ctx, ns, key, request(opPeek, key, nil, []byte("newer")))
	require.NoError(t, err)
	require.Equal(t, "newer|new", string(reply))

	other := s.namespace(t)
	_, err = s.Ask(ctx, other, key, request(askGet, key))
	requireKind(t, store.KindNotFound, err)
}

func (s *suite) testFailedCommand(t *testing.T) {
	ctx, ns := deadline(t), s.namespace(t)
	key := []byte("k")
	_, err := s.Do(ctx, ns, key, request(opSet, key, nil, []byte("old")))
	require.NoError(t, err)
	_, err = s.Do(ctx, ns, key, request(opFail, key, nil, []byte("new")))
	requireKind(t, store.KindPrecondition, err)
	require.Equal(t, reasonFail, store.ReasonOf(err), "the machine's error comes as it is")
	got, err := s.Ask(ctx, ns, key, request(askGet, key))
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
}

// testOnce counts up from many goroutines: a command that took effect twice, or
// was lost, or was not seen by the query after it, shows in the numbers.
func (s *suite) testOnce(t *testing.T) {
	ctx, ns := deadline(t), s.namespace(t)
	const writers, each = 8, 25
	key := []byte("counter")
	var mu sync.Mutex
	seen := make(map[uint64]bool)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				reply, err := s.Do(ctx, ns, key, request(opAdd, key))
				if err != nil {
					t.Errorf("add: %v", err)
					return
				}
				mine := binary.BigEndian.Uint64(reply)
				got, err := s.Ask(ctx, ns, key, request(askGet, key))
				if err != nil || binary.BigEndian.Uint64(got) < mine {
					t.Errorf("read %x after writing %d: %v", got, mine, err)
					return
				}
				mu.Lock()
				seen[mine] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got, err := s.Ask(ctx, ns, key, request(askGet, key))
	require.NoError(t, err)
	require.EqualValues(t, writers*each, binary.BigEndian.Uint64(got))
	require.Len(t, seen, writers*each)
}

func (s *suite) testTime(t *testing.T) {
	ctx, ns := deadline(t), s.namespace(t)
	key, last := []byte("k"), []byte(nil)
	for range 20 {
		reply, err := s.Do(ctx, ns, key, request(opTime))
		require.NoError(t, err)
		require.LessOrEqual(t, bytes.Compare(last, reply), 0, "group time never runs backwards")
		last = reply
	}
}
