package objectapi

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store/memstore"
)

// writes counts the calls of Write.
type writes struct {
	*httptest.ResponseRecorder
	n int
}

func (w *writes) Write(b []byte) (int, error) { w.n++; return w.ResponseRecorder.Write(b) }

// TestSendPiece sends parts of all sizes: they arrive in order, in few writes.
func TestSendPiece(t *testing.T) {
	g := &Gateway{store: memstore.New()}
	rapid.Check(t, func(t *rapid.T) {
		w := &writes{ResponseRecorder: httptest.NewRecorder()}
		q := g.newRequest(w, httptest.NewRequest(http.MethodGet, "/", nil))
		sizes := rapid.SliceOf(rapid.SampledFrom([]int{0, 1, 100, 16 << 10, sendStep/2 - 1, sendStep / 2, sendStep, 3 * sendStep})).Draw(t, "sizes")
		var parts [][]byte
		for i, n := range sizes {
			parts = append(parts, bytes.Repeat([]byte{byte(i + 1)}, n))
		}
		want := bytes.Join(parts, nil)
		n, err := q.sendPiece(parts)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n)
		require.True(t, bytes.Equal(want, w.Body.Bytes()))
		require.LessOrEqual(t, w.n, 2+4*len(want)/sendStep)
	})
}
