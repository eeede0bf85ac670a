package cli

import (
	"fmt"
	"runtime"
	"slices"
	"text/tabwriter"

	"cairn/node"
)

// benchReport is the JSON of `cairn bench objects`.
type benchReport struct {
	Version   string        `json:"version"`
	CPUs      int           `json:"cpus"`
	Processes int           `json:"server_processes"`
	Rounds    int           `json:"rounds"`
	Keys      int           `json:"keys_listed"`
	Results   []benchResult `json:"results"`
}

// benchResult is one figure with its budget.
type benchResult struct {
	Name     string  `json:"name"`
	Unit     string  `json:"unit"`
	Budget   float64 `json:"budget,omitempty"` // 0: none, for information
	Measured float64 `json:"measured"`         // median of the rounds
	Least    float64 `json:"least"`
	Most     float64 `json:"most"`
	Within   bool    `json:"within"`
}

// figure says how a sample becomes a number.
type figure struct {
	phase, name, unit string
	one, many         float64 // budget in one process, in several
	of                func(sample) float64
}

func (s sample) cpu() float64       { return s.after.CPUSeconds - s.before.CPUSeconds }
func (s sample) per() float64       { return float64(max(s.ops, 1)) }
func cpuPerGB(s sample) float64     { return s.cpu() / (float64(s.bytes) / 1e9) }
func cpuMicros(s sample) float64    { return s.cpu() * 1e6 / s.per() }
func cpuMillis(s sample) float64    { return s.cpu() * 1e3 / s.per() }
func wallMillis(s sample) float64   { return float64(s.wall.Microseconds()) / 1e3 / s.per() }
func perSecond(s sample) float64    { return s.per() / s.wall.Seconds() }
func megabytes(s sample) float64    { return float64(s.bytes) / 1e6 / s.wall.Seconds() }
func callsPerOp(s sample) float64   { return float64(s.after.Calls-s.before.Calls) / s.per() }
func rssAfter(s sample) float64     { return float64(s.after.RSS) / (1 << 20) }
func cpuShare(s sample) float64     { return 100 * s.cpu() / s.wall.Seconds() }
func fsyncsPerOp(s sample) float64  { return float64(s.fsyncs()) / s.per() }
func writtenShare(s sample) float64 { return float64(s.written()) / float64(s.bytes) }

func (s sample) fsyncs() uint64 {
	return s.after.DiskFsyncs + s.after.LogFsyncs - s.before.DiskFsyncs - s.before.LogFsyncs
}

func (s sample) written() uint64 {
	return s.after.DiskWritten + s.after.LogWritten - s.before.DiskWritten - s.before.LogWritten
}

// figures are the budgets of the fixed set (3 zones of 2 nodes, fully synced).
var figures = []figure{
	{"idle", "idle", "% of a core", 3, 0, cpuShare},
	{"idle", "idle", "MiB resident", 400, 0, rssAfter},
	{"put-8mib", "PUT 8 MiB", "cpu-s/GB", 4.5, 6.5, cpuPerGB},
	{"put-8mib", "PUT 8 MiB", "MB/s", 0, 0, megabytes},
	{"put-8mib", "PUT 8 MiB", "bytes written a byte", 0, 0, writtenShare},
	{"put-8mib", "PUT 8 MiB", "fsyncs", 0, 0, fsyncsPerOp},
	{"put-8mib", "PUT 8 MiB", "calls", 0, 0, callsPerOp},
	{"get-8mib", "GET 8 MiB", "cpu-s/GB", 1.5, 2.5, cpuPerGB},
	{"get-8mib", "GET 8 MiB", "MB/s", 0, 0, megabytes},
	{"put-4kib", "PUT 4 KiB", "µs CPU", 250, 0, cpuMicros},
	{"put-4kib", "PUT 4 KiB", "fsyncs", 0.2, 0.2, fsyncsPerOp},
	{"put-4kib", "PUT 4 KiB", "objects/s", 0, 0, perSecond},
	{"put-4kib", "PUT 4 KiB", "calls", 0, 0, callsPerOp},
	{"get-4kib", "GET 4 KiB", "µs CPU", 120, 0, cpuMicros},
	{"get-4kib", "GET 4 KiB", "objects/s", 0, 0, perSecond},
	{"list-1000", "LIST 1,000", "ms", 8, 8, wallMillis},
	{"list-1000", "LIST 1,000", "ms CPU", 0, 0, cpuMillis},
}

// results takes the medians.
func (b *bench) results() benchReport {
	r := benchReport{Version: node.Version, CPUs: runtime.NumCPU(), Rounds: b.o.rounds, Keys: b.made, Results: []benchResult{}}
	r.Processes = len(b.samples["idle"][0].after.Processes)
	for _, f := range figures {
		var all []float64
		for _, s := range b.samples[f.phase] {
			all = append(all, f.of(s))
		}
		if len(all) == 0 {
			continue // left out
		}
		slices.Sort(all)
		budget := f.one
		if r.Processes > 1 {
			budget = f.many
		}
		m := all[len(all)/2]
		r.Results = append(r.Results, benchResult{
			Name: f.name, Unit: f.unit, Budget: budget, Measured: m, Least: all[0], Most: all[len(all)-1],
			Within: budget == 0 || m <= budget,
		})
	}
	return r
}

func (b *bench) report() error {
	r := b.results()
	if b.g.json {
		return writeJSON(b.g.out, r)
	}
	p := newPaint(b.g.out)
	fmt.Fprintf(b.g.out, "cairn %s, %d server processes, %d CPUs, medians of %d rounds, %d keys listed\n\n",
		r.Version, r.Processes, r.CPUs, r.Rounds, r.Keys)
	printTable(b.g.out, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "WHAT\tMEASURED\tBUDGET\tRANGE\tUNIT\t")
		for _, x := range r.Results {
			budget, verdict := "", ""
			if x.Budget > 0 {
				budget, verdict = short(x.Budget), p.green("within")
				if !x.Within {
					verdict = p.red("OVER")
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s - %s\t%s\t%s\n",
				x.Name, short(x.Measured), budget, short(x.Least), short(x.Most), x.Unit, verdict)
		}
	})
	return nil
}

// short writes three digits, or all of a large number.
func short(f float64) string {
	if f >= 1000 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}
