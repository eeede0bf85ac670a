package health

import (
	"fmt"

	"cairn/placement"
)

// quorumWords says what a group of voters survives; a margin's own words are
// about shards.
func quorumWords(m placement.Margin) string {
	switch {
	case m.Disks < 0:
		return "has no majority: it takes no changes"
	case m.After[1] > 0:
		return fmt.Sprintf("survives the loss of 1 zone and %s", counted(m.After[1], "more node"))
	case m.After[1] == 0:
		return "survives the loss of 1 zone, no more"
	case m.After[0] > 0:
		return fmt.Sprintf("survives the loss of %s, not of a zone", counted(m.After[0], "node"))
	}
	return "works, and survives no further loss"
}
