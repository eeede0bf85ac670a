package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"cairn/store"
)

// position says what a group's rows contain. It is written in the same Pebble
// batch as the rows. Row format 1: u8 format | u64 index | u64 term | i64 time.
type position struct {
	index, term uint64
	time        store.Time // of the last entry; group time never goes below it
}

const positionFormat = 1

func (p position) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{positionFormat}, p.index)
	b = binary.BigEndian.AppendUint64(b, p.term)
	return binary.BigEndian.AppendUint64(b, uint64(p.time))
}

func decodePosition(b []byte) (position, error) {
	d := decoder{b: b}
	if f := d.u8(); f != positionFormat && !d.bad {
		return position{}, store.Errorf(store.KindUnknownFormat, "start group", "applied row format %d", f)
	}
	p := position{index: d.u64(), term: d.u64(), time: store.Time(d.u64())}
	if d.bad {
		return p, store.Errorf(store.KindCorrupt, "start group", "applied row of %d bytes", len(b))
	}
	return p, nil
}

// groupConfig is the membership that the rows' log prefix ends with. Row format
// 1: u8 format | u64 index | configuration as hashicorp/raft encodes it.
type groupConfig struct {
	index uint64
	conf  raft.Configuration
}

const configFormat = 1

func configKey(id GroupID) []byte { return rowKey(id, []byte{colApplied, 'c'}) }

func (c groupConfig) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{configFormat}, c.index)
	return append(b, raft.EncodeConfiguration(c.conf)...)
}

func decodeConfig(b []byte) (groupConfig, error) {
	d := decoder{b: b}
	if f := d.u8(); f != configFormat && !d.bad {
		return groupConfig{}, store.Errorf(store.KindUnknownFormat, "start group", "membership row format %d", f)
	}
	c := groupConfig{index: d.u64()}
	if d.bad {
		return c, store.Errorf(store.KindCorrupt, "start group", "membership row of %d bytes", len(b))
	}
	conf, err := decodeConfiguration(d.b)
	c.conf = conf
	return c, err
}

// decodeConfiguration is raft.DecodeConfiguration with an error in place of a
// panic.
func decodeConfiguration(b []byte) (c raft.Configuration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = store.Errorf(store.KindCorrupt, "decode raft configuration", "%v", p)
		}
	}()
	return raft.DecodeConfiguration(b), nil
}

// readPosition reads the position and membership rows of a group. A group
// without rows gives zeroes.
func readPosition(r pebble.Reader, id GroupID) (pos position, conf groupConfig, err error) {
	err = readRow(r, appliedKey(id), func(b []byte) (err error) { pos, err = decodePosition(b); return })
	if err == nil {
		err = readRow(r, configKey(id), func(b []byte) (err error) { conf, err = decodeConfig(b); return })
	}
	return pos, conf, err
}

// readRow hands the value of a physical key, if there is one, to decode.
func readRow(r pebble.Reader, key []byte, decode func([]byte) error) error {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	defer closer.Close()
	return decode(v)
}
