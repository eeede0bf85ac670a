package durability

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/placement"
	"cairn/store"
)

// TestDesignTable reproduces the modelled nines of the design from the default
// assumptions.
func TestDesignTable(t *testing.T) {
	for _, c := range []struct {
		name  string
		k     int
		zones []int
		nines float64
	}{
		{"3 copies", 1, []int{1, 1, 1}, 10.1},
		{"RS(3,3)", 3, []int{2, 2, 2}, 9.6},
		{"RS(5,4)", 5, []int{3, 3, 3}, 9.7},
		{"RS(7,5)", 7, []int{4, 4, 4}, 9.7},
		{"economy RS(4,2)", 4, []int{2, 2, 2}, 6.8},
	} {
		got, err := Defaults().Nines(c.k, c.zones)
		require.NoError(t, err)
		require.InDelta(t, c.nines, got, 0.2, c.name)
	}
}

// TestBirthDeath compares with the closed form of a chain that has one: two
// copies in two zones that are never destroyed, without bit rot. From both good,
// one dies at 2λ; then either it is rebuilt at μ or the other dies at λ. The mean
// time to loss is (3λ+μ)/(2λ²).
func TestBirthDeath(t *testing.T) {
	in := Input{AFR: 0.02, DiskRepair: 6 * time.Hour, ZoneRepair: time.Hour}
	mu := perYear(in.DiskRepair)
	want := 2 * in.AFR * in.AFR / (3*in.AFR + mu)
	got, err := in.LossRate(1, []int{1, 1})
	require.NoError(t, err)
	require.InEpsilon(t, want, got, 1e-12)
}

// TestNoCancellation: rates of 1e-60 a year keep their precision, where the
// difference of numbers near one would have none.
func TestNoCancellation(t *testing.T) {
	in := Input{AFR: 1e-10, DiskRepair: time.Hour, ZoneRepair: time.Hour}
	got, err := in.LossRate(1, []int{1, 1, 1, 1, 1})
	require.NoError(t, err)
	// Five copies: 5λ·(4λ/μ)(3λ/2μ)(2λ/3μ)(λ/4μ) to first order.
	l, mu := in.AFR, perYear(in.DiskRepair)
	require.InEpsilon(t, 5*math.Pow(l, 5)/math.Pow(mu, 4), got, 1e-6)
}

func TestWhatMatters(t *testing.T) {
	nines := func(change func(*Input), k int, zones ...int) float64 {
		in := Defaults()
		change(&in)
		n, err := in.Nines(k, zones)
		require.NoError(t, err)
		return n
	}
	same := func(*Input) {}
	noScrub := func(in *Input) { in.Scrub = 0 }
	require.Less(t, nines(noScrub, 5, 3, 3, 3), nines(same, 5, 3, 3, 3)-3, "never scrubbing costs three nines at least")

	safeZones := func(in *Input) { in.ZoneDestroyed = 0 }
	require.Greater(t, nines(safeZones, 4, 2, 2, 2), nines(same, 4, 2, 2, 2)+1, "the economy class dies by zones")

	slow := func(in *Input) { in.DiskRepair *= 10 }
	require.Less(t, nines(slow, 1, 1, 1, 1), nines(same, 1, 1, 1, 1)-0.5, "slow repair costs copies")

}

func TestRefusesNonsense(t *testing.T) {
	for _, c := range []struct {
		k     int
		zones []int
	}{{0, []int{1}}, {4, []int{1, 1, 1}}, {1, nil}, {1, []int{2, 0}}} {
		_, err := Defaults().LossRate(c.k, c.zones)
		require.True(t, store.Is(err, store.KindInvalid), "%+v: %v", c, err)
	}
	_, err := Defaults().LossRate(1, []int{1, 2, 3, 4, 5})
	require.True(t, store.Is(err, store.KindTooLarge), "%v", err)
}

func TestPrint(t *testing.T) {
	var nodes []placement.Node
	var disks []placement.Disk
	for i := range 9 {
		id := placement.NodeID(i + 1)
		nodes = append(nodes, placement.Node{ID: id, Zone: string(rune('a' + i/3))})
		disks = append(disks, placement.Disk{ID: placement.DiskID(i + 1), Node: id, Capacity: 1e12})
	}
	top, err := placement.NewTopology(nodes, disks)
	require.NoError(t, err)
	policies, err := placement.ChoosePolicies(top)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, Defaults().Print(&b, top, policies))
	require.Equal(t, `POLICY  CODE      BY ZONE  OVERHEAD  NINES A YEAR  DOMINATED BY
1       RS(5,4)   [3 3 3]  1.80      9.6           a destroyed zone
2       3 copies  [1 1 1]  3.00      10.2          dying disks
3       RS(6,3)   [3 3 3]  1.50      6.7           a destroyed zone

Assumed: 2.0 % of disks die a year and are rebuilt in 6h0m0s; 0.10 % of shards rot a year,
scrubbed every 336h0m0s; a zone is destroyed with 1e-04 a year and rebuilt in 30h0m0s.
Not modelled: software faults, deletions, batches of disks failing together, loss of metadata.
`, b.String())
}
