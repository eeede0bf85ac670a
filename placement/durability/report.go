package durability

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"cairn/placement"
)

// ForPolicy returns the nines of a policy as it is placed on the topology.
func (in Input) ForPolicy(t *placement.Topology, p placement.Policy) (float64, error) {
	zones, err := placement.ZoneQuota(t, p)
	if err != nil {
		return 0, err
	}
	return in.Nines(int(p.K), zones)
}

// Print writes a table of the policies' nines, the assumptions, and what is not
// modelled.
func (in Input) Print(w io.Writer, t *placement.Topology, policies []placement.Policy) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "POLICY\tCODE\tBY ZONE\tOVERHEAD\tNINES A YEAR\tDOMINATED BY")
	for _, p := range policies {
		zones, err := placement.ZoneQuota(t, p)
		if err != nil {
			return err
		}
		nines, err := in.Nines(int(p.K), zones)
		if err != nil {
			return err
		}
		cause, err := in.dominant(int(p.K), zones)
		if err != nil {
			return err
		}
		fmt.Fprintf(tw, "%d\t%s\t%v\t%.2f\t%.1f\t%s\n", p.ID, p.Code(), zones, p.Overhead(), nines, cause)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nAssumed: %.1f %% of disks die a year and are rebuilt in %v; %.2f %% of shards rot a year,\n"+
		"scrubbed every %v; a zone is destroyed with %.0e a year and rebuilt in %v.\n"+
		"Not modelled: software faults, deletions, batches of disks failing together, loss of metadata.\n",
		100*in.AFR, in.DiskRepair, 100*in.BitRot, in.Scrub, in.ZoneDestroyed, in.ZoneRepair)
	return err
}

// dominant names the hazard whose absence would help most.
func (in Input) dominant(k int, zones []int) (string, error) {
	var without [3]Input
	for i := range without {
		without[i] = in
	}
	without[0].ZoneDestroyed = 0
	without[1].BitRot = 0
	without[2].AFR /= 1e3
	rates := make([]float64, len(without))
	for i := range without {
		var err error
		if rates[i], err = without[i].LossRate(k, zones); err != nil {
			return "", err
		}
	}
	names := []string{"a destroyed zone", "bit rot", "dying disks"}
	return names[slices.Index(rates, slices.Min(rates))], nil
}
