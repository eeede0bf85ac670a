package fabric

import (
	"fmt"

	"cairn/placement"
	"cairn/store"
)

// unreachable is the error of a call that was certainly not executed.
func unreachable(to placement.NodeID, why string) error {
	return &store.Error{
		Op: "call", Kind: store.KindUnavailable, Resource: fmt.Sprintf("node %d", to),
		Err: fmt.Errorf("%s", why),
	}
}

// callEnded is the error of a call whose outcome is unknown.
func callEnded(to placement.NodeID, err error) error {
	return &store.Error{
		Op: "call", Kind: store.KindOf(err), Resource: fmt.Sprintf("node %d", to), Err: err,
	}
}

// noHandler is the error of a call that a node does not serve, mostly because it
// is still starting: it was certainly not executed, and another node, or this
// one a little later, may.
func noHandler(to placement.NodeID, m Method) error {
	return &store.Error{
		Op: "call", Kind: store.KindUnavailable, Resource: fmt.Sprintf("node %d", to),
		Err:  fmt.Errorf("method %#x is not served there", uint16(m)),
		Hint: "the node is starting, or runs an older version",
	}
}
