package fabric

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
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
