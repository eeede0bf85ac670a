package raftgroup

import (
	"container/list"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cairn/store"
)

// dedupe remembers the replies of commands that took effect, so that a command
// that is sent again gets its first reply and no second effect. A reply is a row
// (client, seq) until the client says, with a later command, that it waits for
// nothing below some seq; rows of a client that fell silent go after clientExpiry
// of group time.
//
// The index in memory says which rows exist and is a function of them, so
// replicas agree on every decision. Failed commands change nothing here either:
// a retry of one is evaluated anew.
type dedupe struct {
	id      GroupID
	clients map[uint64]*dedupeClient
	order   *list.List // of *dedupeClient, by last
}

type dedupeClient struct {
	id   uint64
	low  uint64     // replies below it are forgotten
	last store.Time // of its last success
	seqs map[uint64]struct{}
	elem *list.Element
}

const (
	clientExpiry = 10 * time.Minute

	// maxRemembered bounds the replies kept for one client.
	maxRemembered = 4096
)

// Row format 1: u8 format | i64 time | uvarint low | reply.
const dedupeFormat = 1

func dedupeKey(id GroupID, client, seq uint64) []byte {
	k := rowKey(id, []byte{colDedupe})
	k = binary.BigEndian.AppendUint64(k, client)
	return binary.BigEndian.AppendUint64(k, seq)
}

func appendDedupeRow(at store.Time, low uint64, reply []byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{dedupeFormat}, uint64(at))
	return append(binary.AppendUvarint(b, low), reply...)
}

func decodeDedupeRow(b []byte) (at store.Time, low uint64, reply []byte, err error) {
	d := decoder{b: b}
	if f := d.u8(); f != dedupeFormat && !d.bad {
		return 0, 0, nil, store.Errorf(store.KindUnknownFormat, "apply", "reply row format %d", f)
	}
	at, low = store.Time(d.u64()), d.uvarint()
	if d.bad {
		return 0, 0, nil, store.Errorf(store.KindCorrupt, "apply", "reply row of %d bytes", len(b))
	}
	return at, low, d.b, nil
}

// loadDedupe builds the index from the rows.
func loadDedupe(r pebble.Reader, id GroupID) (*dedupe, error) {
	d := &dedupe{id: id, clients: map[uint64]*dedupeClient{}, order: list.New()}
	it, err := r.NewIter(&pebble.IterOptions{
		LowerBound: rowKey(id, []byte{colDedupe}), UpperBound: rowKey(id, []byte{colDedupe + 1}),
	})
	if err != nil {
		return nil, fmt.Errorf("read reply rows: %w", err)
	}
	defer it.Close()
	var all []*dedupeClient
	for ok := it.First(); ok; ok = it.Next() {
		k := decoder{b: it.Key()[5:]}
		client, seq := k.u64(), k.u64()
		at, low, _, err := decodeDedupeRow(it.Value())
		if err != nil {
			return nil, err
		}
		c := d.clients[client]
		if c == nil {
			c = &dedupeClient{id: client, seqs: map[uint64]struct{}{}}
			d.clients[client], all = c, append(all, c)
		}
		c.low, c.last = max(c.low, low), max(c.last, at)
		c.seqs[seq] = struct{}{}
	}
	slices.SortFunc(all, func(a, b *dedupeClient) int { return int(a.last - b.last) })
	for _, c := range all {
		c.elem = d.order.PushBack(c)
	}
	return d, it.Error()
}

// first reports whether cmd has not taken effect yet. If it has, reply is what
// it got; if that is no longer known, or must not be, err says so.
func (d *dedupe) first(r pebble.Reader, cmd *Command) (first bool, reply []byte, err error) {
	c := d.clients[cmd.Client]
	switch {
	case cmd.Client == 0 || c == nil:
		return true, nil, nil
	case cmd.Seq < c.low:
		return false, nil, &store.Error{
			Op: "apply", Kind: store.KindTimeout, Resource: fmt.Sprintf("client %d command %d", cmd.Client, cmd.Seq),
			Err: fmt.Errorf("the client no longer waits below %d; its outcome is forgotten", c.low),
		}
	}
	if _, known := c.seqs[cmd.Seq]; known {
		err := readRow(r, dedupeKey(d.id, cmd.Client, cmd.Seq), func(b []byte) error {
			_, _, v, err := decodeDedupeRow(b)
			reply = append([]byte(nil), v...)
			return err
		})
		return false, reply, err
	}
	if len(c.seqs) >= maxRemembered {
		return false, nil, &store.Error{
			Op: "apply", Kind: store.KindUnavailable, Resource: fmt.Sprintf("client %d", cmd.Client),
			Err: fmt.Errorf("%d replies are kept for it", len(c.seqs)), Hint: "the client must raise Low as replies arrive",
		}
	}
	return true, nil, nil
}

// record remembers the reply of a command that took effect at time at, and
// forgets what its client no longer waits for.
func (d *dedupe) record(b *pebble.Batch, at store.Time, cmd *Command, reply []byte) error {
	if cmd.Client == 0 {
		return nil
	}
	c := d.clients[cmd.Client]
	if c == nil {
		c = &dedupeClient{id: cmd.Client, seqs: map[uint64]struct{}{}}
		d.clients[cmd.Client] = c
		c.elem = d.order.PushBack(c)
	}
	d.order.MoveToBack(c.elem)
	c.last = at
	if low := min(cmd.Low, cmd.Seq); low > c.low {
		c.low = low
		for seq := range c.seqs {
			if seq < low {
				delete(c.seqs, seq)
				if err := b.Delete(dedupeKey(d.id, c.id, seq), nil); err != nil {
					return fmt.Errorf("forget reply: %w", err)
				}
			}
		}
	}
	c.seqs[cmd.Seq] = struct{}{}
	if err := b.Set(dedupeKey(d.id, c.id, cmd.Seq), appendDedupeRow(at, c.low, reply), nil); err != nil {
		return fmt.Errorf("remember reply: %w", err)
	}
	return nil
}

// expire forgets the clients that were silent for clientExpiry at time at.
func (d *dedupe) expire(b *pebble.Batch, at store.Time) error {
	for e := d.order.Front(); e != nil; e = d.order.Front() {
		c := e.Value.(*dedupeClient)
		if at-c.last <= store.Time(clientExpiry.Milliseconds()) {
			return nil
		}
		for seq := range c.seqs {
			if err := b.Delete(dedupeKey(d.id, c.id, seq), nil); err != nil {
				return fmt.Errorf("forget reply: %w", err)
			}
		}
		d.order.Remove(e)
		delete(d.clients, c.id)
	}
	return nil
}
