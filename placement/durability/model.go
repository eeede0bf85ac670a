package durability

import (
	"fmt"
	"math"
	"slices"
	"time"

	"cairn/store"
)

// Input are the rates of the model. Measured values replace the defaults where
// a cluster has them.
type Input struct {
	AFR           float64       // annual failure rate of a disk
	BitRot        float64       // shards that become unreadable unnoticed, per shard and year
	Scrub         time.Duration // interval in which every shard is read; 0: never
	DiskRepair    time.Duration // mean time from a disk's death to its shards being rebuilt
	ZoneDestroyed float64       // probability a year that a zone is destroyed
	ZoneRepair    time.Duration // mean time from there until a group is rebuilt elsewhere
}

// Defaults are the published assumptions: 2 % of disks a year (Backblaze's long
// averages are 1-2 %), one shard in a thousand rotting a year, one destroyed zone
// in ten thousand zone-years; repair times are those of a cluster with some
// hundred disks.
func Defaults() Input {
	return Input{
		AFR: 0.02, BitRot: 0.001, Scrub: 14 * 24 * time.Hour,
		DiskRepair: 6 * time.Hour, ZoneDestroyed: 1e-4, ZoneRepair: 30 * time.Hour,
	}
}

// maxStates bounds the chain: elimination takes states³ steps.
const maxStates = 1500

const year = 365.25 * 24 * time.Hour

// LossRate returns how often a year a group of k data shards is lost whose
// shards are spread over zones as given (zones[i] shards in zone i). It fails
// with [store.KindInvalid] for rates that make no sense and with
// [store.KindTooLarge] for a layout with too many states.
func (in Input) LossRate(k int, zones []int) (float64, error) {
	if err := in.validate(k, zones); err != nil {
		return 0, err
	}
	c, err := newChain(in, k, zones)
	if err != nil {
		return 0, err
	}
	return c.lossRate(), nil
}

// Nines returns the number of nines of a blob's yearly survival: 9.7 means that
// one in 10^9.7 is lost.
func (in Input) Nines(k int, zones []int) (float64, error) {
	rate, err := in.LossRate(k, zones)
	return -math.Log10(-math.Expm1(-rate)), err
}

func (in Input) validate(k int, zones []int) error {
	n := 0
	for _, z := range zones {
		n += z
	}
	bad := in.AFR <= 0 || in.BitRot < 0 || in.Scrub < 0 || in.DiskRepair <= 0 || in.ZoneDestroyed < 0 ||
		in.ZoneRepair <= 0 || k < 1 || n < k || slices.ContainsFunc(zones, func(z int) bool { return z <= 0 })
	if bad {
		return &store.Error{Op: "compute durability", Kind: store.KindInvalid,
			Err: fmt.Errorf("%d data shards in zones %v with %+v", k, zones, in)}
	}
	return nil
}

// perYear turns a mean time into a rate.
func perYear(mean time.Duration) float64 { return float64(year) / float64(mean) }
