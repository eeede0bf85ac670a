package placement

import (
	"fmt"

	"cairn/store"
)

// MaxShards is the largest k+m of a policy; masks of shards are 16 bits wide.
const MaxShards = 16

// SmallBlob is the size in bytes below which a blob is kept as copies rather
// than erasure-coded: three fsyncs instead of six to twelve.
const SmallBlob = 128 << 10

// Policy is a code and what an acknowledged write in it survives.
type Policy struct {
	ID       PolicyID
	K, M     uint8
	Level    Level // the failure domain that an acknowledged write in a normal row survives
	Fallback Level // the same for fallback rows; LevelNone: the policy has none
	Class    store.Class
	State    State
	Label    string // what it survives, in words, as chosen; at most 255 bytes
}

// N returns the number of shards.
func (p Policy) N() int { return int(p.K) + int(p.M) }

// All is the mask of all shards.
func (p Policy) All() uint16 { return uint16(1<<p.N() - 1) }

// Overhead returns raw bytes per byte of payload.
func (p Policy) Overhead() float64 { return float64(p.N()) / float64(p.K) }

// Code returns the code as people write it: "RS(5,4)", "3 copies".
func (p Policy) Code() string {
	switch {
	case p.K == 1 && p.M == 0:
		return "single copy"
	case p.K == 1:
		return fmt.Sprintf("%d copies", p.N())
	}
	return fmt.Sprintf("RS(%d,%d)", p.K, p.M)
}

// Select returns the open policy for a blob of size bytes in a class: copies
// for a small one where the cluster has them, the standard class where the
// cluster has no policy of its own for class. Of several it is the newest.
func Select(policies []Policy, class store.Class, size int) (Policy, bool) {
	// Copies for what is small comes before the class: a class without copies of its
	// own takes the standard's, and what is too small to be worth a code costs little.
	best, bestRank := Policy{}, 0
	for _, p := range policies {
		rank := 0
		if p.State != StateOpen || (p.Class != class && p.Class != store.ClassStandard) {
			continue
		}
		if p.Class == class {
			rank++
		}
		if (p.K == 1) == (size < SmallBlob) {
			rank += 2
		}
		if rank++; rank > bestRank || (rank == bestRank && p.ID > best.ID) {
			best, bestRank = p, rank
		}
	}
	return best, bestRank > 0
}

// policyFormat is the first byte of a policy row.
const policyFormat = 1

// policyFixed is the length of a policy row without its label.
const policyFixed = 8

// AppendPolicy appends the policy's row value to dst; the id is in the key.
//
// Format 1: u8 format | u8 k | u8 m | u8 level | u8 fallback level | u8 class |
// u8 state | u8 n | n bytes label.
func AppendPolicy(dst []byte, p Policy) []byte {
	label := p.Label[:min(len(p.Label), 255)]
	dst = append(dst, policyFormat, p.K, p.M, byte(p.Level), byte(p.Fallback), byte(p.Class), byte(p.State), byte(len(label)))
	return append(dst, label...)
}

// DecodePolicy reads what [AppendPolicy] wrote. Damaged input gives an error of
// [store.KindCorrupt], a newer format one of [store.KindUnknownFormat].
func DecodePolicy(id PolicyID, b []byte) (Policy, error) {
	const op = "decode policy"
	if len(b) > 0 && b[0] != policyFormat {
		return Policy{}, store.Errorf(store.KindUnknownFormat, op, "policy %d has format %d", id, b[0])
	}
	if len(b) < policyFixed || len(b) != policyFixed+int(b[7]) {
		return Policy{}, store.Errorf(store.KindCorrupt, op, "policy %d has %d bytes", id, len(b))
	}
	p := Policy{
		ID: id, K: b[1], M: b[2], Level: Level(b[3]), Fallback: Level(b[4]),
		Class: store.Class(b[5]), State: State(b[6]), Label: string(b[policyFixed:]),
	}
	if err := p.Validate(); err != nil {
		return Policy{}, &store.Error{Op: op, Kind: store.KindCorrupt, Err: err}
	}
	return p, nil
}

// Validate returns an error of [store.KindInvalid] if the policy makes no sense.
func (p Policy) Validate() error {
	if p.K == 0 || p.N() > MaxShards || p.Level == LevelNone || p.Level > LevelZone ||
		p.Fallback > LevelZone || p.Class > store.ClassOneZone || p.State > StateRetired || len(p.Label) > 255 {
		return store.Errorf(store.KindInvalid, "check policy", "policy %d: %+v", p.ID, p)
	}
	return nil
}
