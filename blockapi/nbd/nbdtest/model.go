package nbdtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/blockapi/nbd"
)

// model is a volume as bytes.
type model struct {
	t       *rapid.T
	export  nbd.Export
	align   int64
	bytes   []byte
	unknown []bool // trimmed and not written since
	steps   int
}

// runModel compares an export with a model after every step.
func runModel(t *rapid.T, open func(t TB) nbd.Export) {
	m := &model{t: t, export: attach(t, open), bytes: make([]byte, span), unknown: make([]bool, span)}
	m.align = max(1, int64(m.export.Info().MinBlock))
	t.Repeat(map[string]func(*rapid.T){
		"write": m.write, "zero": m.zero, "trim": m.trim, "flush": m.flush,
		"cache": m.cache, "read": m.read, "extents": m.extents,
	})
	m.compare(0, span)
}

// rangeOf draws a range. Short ones are likely, and ones of whole pages.
func (m *model) rangeOf(t *rapid.T) (off, n int64) {
	unit := rapid.SampledFrom([]int64{m.align, max(m.align, 512), max(m.align, 16<<10)}).Draw(t, "unit")
	off = rapid.Int64Range(0, span/unit-1).Draw(t, "at") * unit
	most := min((span-off)/unit, 1+(80<<10)/unit)
	return off, rapid.Int64Range(1, most).Draw(t, "units") * unit
}

// set notes what a range reads as from now on.
func (m *model) set(off int64, data []byte) {
	copy(m.bytes[off:], data)
	clear(m.unknown[off : off+int64(len(data))])
}

func (m *model) write(t *rapid.T) {
	off, n := m.rangeOf(t)
	m.steps++
	data := stamp(n, fmt.Sprintf("step %d ", m.steps))
	require.NoError(t, write(context.Background(), m.export, data, off, rapid.Bool().Draw(t, "fua")))
	m.set(off, data)
}

func (m *model) zero(t *rapid.T) {
	off, n := m.rangeOf(t)
	how := nbd.ZeroMode{
		MayTrim: rapid.Bool().Draw(t, "may trim"), FUA: rapid.Bool().Draw(t, "fua"),
		Fast: m.export.Info().FastZero && rapid.Bool().Draw(t, "fast"),
	}
	err := m.export.Zero(context.Background(), off, n, how)
	if how.Fast && errors.Is(err, nbd.ErrSlowZero) {
		m.compare(off, n) // nothing has changed
		return
	}
	require.NoError(t, err)
	m.set(off, make([]byte, n))
}

func (m *model) trim(t *rapid.T) {
	off, n := m.rangeOf(t)
	require.NoError(t, m.export.Trim(context.Background(), off, n, rapid.Bool().Draw(t, "fua")))
	for i := off; i < off+n; i++ {
		m.unknown[i] = true
	}
}

func (m *model) flush(t *rapid.T) { require.NoError(t, m.export.Flush(context.Background())) }

func (m *model) cache(t *rapid.T) {
	off, n := m.rangeOf(t)
	require.NoError(t, m.export.Cache(context.Background(), off, n))
}

func (m *model) read(t *rapid.T) { m.compare(m.rangeOf(t)) }

// compare reads a range and wants what the model has.
func (m *model) compare(off, n int64) {
	for i, b := range read(m.t, m.export, off, n) {
		if at := off + int64(i); b != m.bytes[at] && !m.unknown[at] {
			require.Fail(m.t, "wrong byte", "at %d: %#x instead of %#x", at, b, m.bytes[at])
		}
	}
}

// extents wants extents without gaps, of which those that claim zeros are.
func (m *model) extents(t *rapid.T) {
	off, n := m.rangeOf(t)
	at := off
	for e, err := range m.export.Extents(context.Background(), nbd.MetaContext{}, off, n) {
		require.NoError(t, err)
		require.Positive(t, e.Length)
		end := min(at+e.Length, off+n)
		for ; at < end && e.Flags&nbd.ExtentZero != 0; at++ {
			if m.bytes[at] != 0 && !m.unknown[at] {
				require.Fail(t, "not a zero", "at %d: %#x", at, m.bytes[at])
			}
		}
		if at = end; at == off+n {
			return
		}
	}
	require.Greater(t, at, off, "no extent")
}
