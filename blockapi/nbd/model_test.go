package nbd

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	modelConns = 3
	modelSize  = 64 * memBlock
)

// model drives several connections to one volume. Requests that are in flight
// together touch different blocks, and are carried out in an order that the test
// draws.
type model struct {
	t       *rapid.T
	clients []*client
	arrived chan chan error // requests that wait in the export
	bytes   []byte          // what the volume holds
	flying  []flight
}

// flight is a request that was sent and not answered.
type flight struct {
	conn    int
	cookie  uint64
	header  header
	payload []byte
	off, n  int
}

// A volume behind three connections of different styles answers each request
// once, with what the requests before it have written, whatever their order.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := newMemVolume("v", modelSize)
		m := &model{t: rt, arrived: make(chan chan error, 1024), bytes: make([]byte, modelSize)}
		v.before = func(context.Context, command, int64, int64) error {
			let := make(chan error)
			m.arrived <- let
			return <-let
		}
		srv := newTestServer(rt, Config{Exports: memExports{v}})
		for i := range modelConns {
			m.clients = append(m.clients, dial(rt, srv).attach(style(i), "v"))
		}
		for range rapid.IntRange(1, 12).Draw(rt, "rounds") {
			m.round()
		}
		require.Equal(rt, m.bytes, v.contents())
		for _, c := range m.clients {
			c.send(cmdDisc, 0, 0, 0, nil)
			c.requireHangUp()
		}
	})
}

// round sends some requests that do not conflict, lets them finish in some
// order, and compares the answers.
func (m *model) round() {
	used := map[int]bool{} // blocks that a request in flight touches
	for range rapid.IntRange(1, 10).Draw(m.t, "requests") {
		f := m.draw()
		blocks := blocksOf(f)
		if f.n > 0 && slices.ContainsFunc(blocks, func(b int) bool { return used[b] }) {
			continue
		}
		for _, b := range blocks {
			used[b] = true
		}
		f.cookie = m.clients[f.conn].send(f.header.cmd, f.header.flags, uint64(f.off), uint64(f.n), f.payload)
		m.flying = append(m.flying, f)
	}
	var waiting []chan error
	for range m.flying {
		waiting = append(waiting, <-m.arrived)
	}
	for _, let := range rapid.Permutation(waiting).Draw(m.t, "order") {
		let <- nil
	}
	m.collect()
}

func blocksOf(f flight) []int {
	var blocks []int
	for b := f.off / memBlock; f.n > 0 && b <= (f.off+f.n-1)/memBlock; b++ {
		blocks = append(blocks, b)
	}
	return blocks
}

// draw makes up a request.
func (m *model) draw() flight {
	f := flight{conn: rapid.IntRange(0, modelConns-1).Draw(m.t, "conn")}
	cmd := rapid.SampledFrom([]command{cmdRead, cmdRead, cmdWrite, cmdWrite, cmdTrim, cmdWriteZeroes, cmdFlush, cmdCache}).Draw(m.t, "cmd")
	f.header = header{cmd: cmd}
	if rapid.Bool().Draw(m.t, "fua") {
		f.header.flags = cmdFlagFUA
	}
	if cmd == cmdFlush {
		return f
	}
	f.off = rapid.IntRange(0, modelSize-1).Draw(m.t, "off")
	f.n = rapid.IntRange(1, min(5*memBlock, modelSize-f.off)).Draw(m.t, "n")
	switch cmd {
	case cmdTrim, cmdWriteZeroes: // whole blocks, so that they become holes
		f.off = f.off / memBlock * memBlock
		f.n = (f.n + memBlock - 1) / memBlock * memBlock
	case cmdWrite:
		stamp := fmt.Sprintf("%d.%d ", f.conn, m.clients[f.conn].last)
		f.payload = bytes.Repeat([]byte(stamp), f.n/len(stamp)+1)[:f.n]
	}
	return f
}

// collect takes every answer, compares it, and applies what was written.
func (m *model) collect() {
	byCookie := make([]map[uint64]flight, modelConns)
	for _, f := range m.flying {
		if byCookie[f.conn] == nil {
			byCookie[f.conn] = map[uint64]flight{}
		}
		byCookie[f.conn][f.cookie] = f
	}
	for conn, flights := range byCookie {
		for range len(flights) {
			r := m.clients[conn].recv()
			f, ok := flights[r.cookie]
			require.True(m.t, ok, "answered twice")
			delete(flights, r.cookie)
			require.Zero(m.t, r.errno, "%+v", f.header)
			m.apply(f, r)
		}
		require.Empty(m.t, slices.Collect(maps.Keys(flights)))
	}
	m.flying = nil
}

func (m *model) apply(f flight, r reply) {
	area := m.bytes[f.off : f.off+f.n]
	switch f.header.cmd {
	case cmdRead:
		require.Equal(m.t, area, r.data)
	case cmdWrite:
		copy(area, f.payload)
	case cmdTrim, cmdWriteZeroes:
		clear(area)
	}
}
