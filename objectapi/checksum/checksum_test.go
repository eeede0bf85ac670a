package checksum

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestVectors(t *testing.T) {
	for data, want := range map[string][5]string{
		"":          {"AAAAAA==", "AAAAAA==", "AAAAAAAAAAA=", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
		"hello":     {"NhCmhg==", "mnG7TA==", "M3eFcAZSQlc=", "qvTGHdzF6KLavt4PO0gs2a6pQ00=", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},
		"123456789": {"y/Q5Jg==", "4waSgw==", "rosUhgp5mIg=", "98O8HYCOBHMq32eZZczDTKeuNEE=", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
	} {
		for i, a := range All {
			sum := a.Sum([]byte(data))
			require.Equal(t, want[i], Encode(sum), "%s of %q", a, data)
			back, ok := a.Decode(want[i])
			require.True(t, ok)
			require.Equal(t, sum, back)
		}
	}
}

func TestMultipartVectors(t *testing.T) {
	a, b := bytes.Repeat([]byte("a"), 5<<20), []byte("b")
	crcA, crcB := CRC32.Sum(a), CRC32.Sum(b)
	require.Equal(t, "dYPmEQ==-2", EncodeComposite(CompositeOf(CRC32, crcA, crcB), 2))
	require.Equal(t, "rBxv8Q==", Encode(join(CRC32, crcA, crcB, 5<<20, 1)))
	require.Equal(t, "tfmzeY9XeH2OXmxrtS4iDWlNIKUTAFv0/csHs2lsoD8=-2",
		EncodeComposite(CompositeOf(SHA256, SHA256.Sum(a), SHA256.Sum(b)), 2))
}

func TestJoinEqualsChecksumOfWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom([]Algorithm{CRC32, CRC32C, CRC64NVME}).Draw(t, "algorithm")
		first := rapid.SliceOf(rapid.Byte()).Draw(t, "first")
		second := rapid.SliceOf(rapid.Byte()).Draw(t, "second")
		whole := append(append([]byte(nil), first...), second...)
		require.Equal(t, a.Sum(whole), join(a, a.Sum(first), a.Sum(second), uint64(len(first)), uint64(len(second))))
	})
}

func TestNames(t *testing.T) {
	for _, a := range All {
		require.Equal(t, a, Parse(strings.ToLower(a.String())))
		require.Equal(t, a, ParseHeader(strings.ToUpper(a.Header())))
		require.Len(t, a.Sum(nil), a.Size())
	}
	require.Equal(t, None, Parse(""))
	require.Equal(t, None, ParseHeader("x-amz-checksum-algorithm"))
	for _, s := range []string{"", "AAAAAA", "AAAAAAA=", "AAAAAA==AAAA", strings.Repeat("A", 1000)} {
		_, ok := CRC32.Decode(s)
		require.False(t, ok, s)
	}
}

// TestStreams runs enough streams side by side that some use lanes and some do
// not, and checks that results are right and every piece is given back.
func TestStreams(t *testing.T) {
	h := NewHasher()
	defer h.Close()
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			data := bytes.Repeat([]byte{byte(i), 7, 9}, 10_000*(i+1))
			var done atomic.Int32
			s := h.Start(int64(len(data)), CRC32C, None, SHA256, CRC32C)
			defer s.Close()
			pieces := int32(0)
			for rest := data; len(rest) > 0; pieces++ {
				n := min(len(rest), 7919)
				s.Write(rest[:n], func() { done.Add(1) })
				rest = rest[n:]
			}
			got, want := s.Sum(), md5.Sum(data)
			require.Equal(t, hex.EncodeToString(want[:]), hex.EncodeToString(got.MD5[:]))
			require.Equal(t, CRC32C.Sum(data), got.Of(CRC32C))
			require.Equal(t, SHA256.Sum(data), got.Of(SHA256))
			require.Nil(t, got.Of(SHA1))
			require.Equal(t, pieces, done.Load())
		}()
	}
	wg.Wait()
	require.Empty(t, h.md5.mu.streams)
}

func TestCloseWithoutSumGivesPiecesBack(t *testing.T) {
	h := NewHasher()
	defer h.Close()
	s := h.Start(1<<20, SHA1)
	var done atomic.Int32
	for range queued * 2 {
		s.Write(make([]byte, 100), func() { done.Add(1) })
	}
	s.Close()
	s.Close()
	require.EqualValues(t, queued*2, done.Load())
}

// TestFlush sees that a stream which waits for company, and for which none comes,
// is hashed when it is flushed.
func TestFlush(t *testing.T) {
	h := NewHasher()
	defer h.Close()
	silent := h.Start(1 << 20)
	defer silent.Close()
	s := h.Start(1 << 20)
	defer s.Close()
	done := make(chan struct{}, 2)
	for range 2 {
		s.Write(make([]byte, 100), func() { done <- struct{}{} })
	}
	require.Empty(t, done)
	s.Flush()
	<-done
	<-done
}

// join returns the CRC of two pieces from theirs.
func join(a Algorithm, first, second []byte, firstLen, secondLen uint64) []byte {
	j := NewJoiner(a)
	j.Add(first, firstLen)
	j.Add(second, secondLen)
	return j.Sum()
}

func BenchmarkJoiner(b *testing.B) {
	one := CRC64NVME.Sum([]byte("x"))
	for n, j := uint64(0), NewJoiner(CRC64NVME); b.Loop(); n++ {
		j.Add(one, 8<<20+n/10_000)
	}
}
