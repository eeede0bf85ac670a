package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

func TestErrorsCrossTheWire(t *testing.T) {
	e := &store.Error{
		Op: "put", Kind: store.KindNoSpace, Reason: "r", Resource: "disk 3", Hint: "add one",
		Err: fmt.Errorf("write: %w", errors.New("full")),
	}
	got := store.DecodeError(store.AppendError(nil, fmt.Errorf("outer: %w", e)))
	require.Equal(t, e.Error(), got.Error())
	require.Equal(t, store.KindNoSpace, store.KindOf(got))
	require.Equal(t, "r", store.ReasonOf(got))
}

func TestForeignErrorsGetAKind(t *testing.T) {
	for err, want := range map[error]store.ErrKind{
		context.Canceled: store.KindCanceled, context.DeadlineExceeded: store.KindTimeout, errors.New("x"): store.KindInternal,
	} {
		require.Equal(t, want, store.KindOf(store.DecodeError(store.AppendError(nil, err))))
	}
	require.False(t, store.Is(nil, store.KindInternal))
}

func FuzzDecodeError(f *testing.F) {
	f.Add(store.AppendError(nil, &store.Error{Op: "a", Kind: 3, Hint: "h"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		require.NotEmpty(t, store.DecodeError(b).Error())
	})
}
