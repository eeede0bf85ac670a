package cluster

import (
	"crypto/md5"
	"encoding/hex"
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// The register that each key must look like: it holds a value or nothing.

// request is one operation on a key.
type request struct {
	key   string
	kind  requestKind
	value string // put, create, swap
	etag  string // swap: of the value that is to be replaced
}

type requestKind int

const (
	reqGet requestKind = iota
	reqPut
	reqDelete
	reqCreate // put if there is nothing
	reqSwap   // put if there is the value with etag
)

// outcome is what a client learned of a request. With unknown it learned nothing.
type outcome struct {
	value   string // get: what was there
	refused bool   // get: nothing was there; create, swap: the condition did not hold
	unknown bool
}

var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) (out [][]porcupine.Operation) {
		at := map[string]int{}
		for _, op := range history {
			key := op.Input.(request).key
			if _, ok := at[key]; !ok {
				at[key] = len(out)
				out = append(out, nil)
			}
			out[at[key]] = append(out[at[key]], op)
		}
		return out
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		return step(state.(string), input.(request), output.(outcome))
	},
}

// step says whether a request may have the outcome in a state, and what follows.
// The empty string is nothing.
func step(has string, r request, o outcome) (legal bool, next string) {
	holds := true
	switch r.kind {
	case reqGet:
		return o.unknown || o.refused == (has == "") && o.value == has, has
	case reqPut:
		return true, r.value
	case reqDelete:
		return true, ""
	case reqCreate:
		holds = has == ""
	case reqSwap:
		holds = has != "" && etagOf(has) == r.etag
	}
	if !holds {
		return o.unknown || o.refused, has
	}
	return o.unknown || !o.refused, r.value
}

func etagOf(value string) string {
	sum := md5.Sum([]byte(value))
	return hex.EncodeToString(sum[:])
}

// requireLinearizable fails the test if no order of the operations explains what
// the clients saw. One whose outcome is unknown may have had its effect at any
// time since.
func requireLinearizable(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	for i := range history {
		if history[i].Output.(outcome).unknown {
			history[i].Return = math.MaxInt64
		}
	}
	for _, part := range register.Partition(history) {
		if res := porcupine.CheckOperationsTimeout(register, part, 20*time.Second); res != porcupine.Ok {
			for _, op := range part {
				t.Logf("%12d %20d client %d %+v → %+v", op.Call, op.Return, op.ClientId, op.Input, op.Output)
			}
			require.Equal(t, porcupine.Ok, res, part[0].Input.(request).key)
		}
	}
}

// The checker is no rubber stamp: it refuses a stale read, a lost write, and two
// winners of one name.
func TestRegisterRefusesWhatIsNotLinearizable(t *testing.T) {
	op := func(call, ret int64, r request, o outcome) porcupine.Operation {
		return porcupine.Operation{Input: r, Output: o, Call: call, Return: ret}
	}
	put := func(v string) request { return request{kind: reqPut, value: v} }
	get := request{kind: reqGet}
	for name, h := range map[string][]porcupine.Operation{
		"stale read": {op(0, 1, put("a"), outcome{}), op(2, 3, put("b"), outcome{}), op(4, 5, get, outcome{value: "a"})},
		"lost write": {op(0, 1, put("a"), outcome{}), op(2, 3, get, outcome{refused: true})},
		"two winners": {op(0, 5, request{kind: reqCreate, value: "a"}, outcome{}),
			op(0, 5, request{kind: reqCreate, value: "b"}, outcome{})},
		"from nowhere": {op(0, 1, get, outcome{value: "x"})},
	} {
		require.NotEqual(t, porcupine.Ok, porcupine.CheckOperationsTimeout(register, h, time.Second), name)
	}
	unknown := []porcupine.Operation{
		op(0, math.MaxInt64, put("a"), outcome{unknown: true}), op(2, 3, get, outcome{refused: true}), op(4, 5, get, outcome{value: "a"}),
	}
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(register, unknown, time.Second))
}
