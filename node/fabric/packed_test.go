package fabric

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/internal/sockio"
)

// sink records writes and fails when told to.
type sink struct {
	net.Conn
	writes [][]byte
	err    error
}

func (s *sink) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.writes = append(s.writes, append([]byte(nil), b...))
	return len(b), nil
}

func TestPackerWritesTogether(t *testing.T) {
	s := &sink{}
	p := &packer{Conn: s}
	write := func(b string) { _, err := p.Write([]byte(b)); require.NoError(t, err) }
	write("alone")
	p.hold()
	write("one ")
	write("two")
	require.Len(t, s.writes, 1, "what is held is not written")
	require.NoError(t, p.release())
	require.NoError(t, p.release(), "nothing more to write")
	require.Equal(t, [][]byte{[]byte("alone"), []byte("one two")}, s.writes)
}

// TestPackerKeepsItsError sees that nothing is sent behind a hole.
func TestPackerKeepsItsError(t *testing.T) {
	s := &sink{err: errors.New("broken")}
	p := &packer{Conn: s}
	p.hold()
	_, err := p.Write([]byte("lost"))
	require.NoError(t, err)
	require.ErrorIs(t, p.release(), s.err)
	s.err = nil
	p.hold()
	_, err = p.Write([]byte("behind"))
	require.Error(t, err)
	require.Error(t, p.release())
	require.Empty(t, s.writes)
}

// TestInboundStopsAtRecords reads records, cut anywhere on their way, in pieces of
// any size: the bytes are the same, no read crosses the end of a record, and a
// record is announced only when it is here.
func TestInboundStopsAtRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		out, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer out.Close()
		raw, err := l.Accept()
		require.NoError(t, err)
		defer raw.Close()

		var sent []byte
		ends := map[int]bool{}
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			n := rapid.SampledFrom([]int{0, 1, 300, maxRecord}).Draw(t, "size")
			sent = append(sent, 23, 3, 3, byte(n>>8), byte(n))
			for i := range n {
				sent = append(sent, byte(i*7))
			}
			ends[len(sent)] = true
		}
		cut := rapid.IntRange(0, len(sent)).Draw(t, "cut")
		_, err = out.Write(sent[:cut])
		require.NoError(t, err)
		go func() { out.Write(sent[cut:]); out.Close() }()

		in := inbound{conn: sockio.Wrap(raw).(*sockio.Conn)}
		var got []byte
		for b := make([]byte, 2*maxRecord); ; {
			whole, before := in.whole(), len(got)
			n, err := in.Read(b[:rapid.IntRange(1, len(b)).Draw(t, "read")])
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			got = append(got, b[:n]...)
			for at := before + 1; at < len(got); at++ {
				require.False(t, ends[at], "a read crosses the end of a record")
			}
			if whole {
				require.True(t, before == 0 || ends[before], "announced in the middle of a record")
			}
		}
		require.Equal(t, sent, got)
		require.Nil(t, in.buf, "an empty connection holds no buffer")
	})
}
