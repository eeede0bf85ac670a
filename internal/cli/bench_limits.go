package cli

import (
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// limits are what the machine gives at best, to read other figures by.
type limits struct {
	MD5    float64 `json:"md5_gb_per_s"`    // of one core
	SHA256 float64 `json:"sha256_gb_per_s"` // of one core
	Fsync  float64 `json:"fsync_4kib_ms"`   // median of a write of 4 KiB and its fsync
}

func newBenchLimitsCommand(g *global) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "limits",
		Short: "Measure what bounds the rest: the hashes of S3 on one core, and an fsync",
		Long: `Measure MD5 and SHA-256 on one core and the median time of appending 4 KiB to a
file and syncing it. Needs no cluster. Times are this machine's under its load.`,
		Example: "  cairn bench limits --dir /var/lib/cairn",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runBenchLimits(g, dir) },
	}
	c.Flags().StringVar(&dir, "dir", ".", "directory on the disk to measure")
	return c
}

func runBenchLimits(g *global, dir string) error {
	l := limits{MD5: hashSpeed(md5.New()), SHA256: hashSpeed(sha256.New())}
	var err error
	if l.Fsync, err = fsyncTime(dir); err != nil {
		return err
	}
	if g.json {
		return writeJSON(g.out, l)
	}
	printTable(g.out, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "MD5\t%s GB/s\t\n", short(l.MD5))
		fmt.Fprintf(w, "SHA-256\t%s GB/s\t\n", short(l.SHA256))
		fmt.Fprintf(w, "write of 4 KiB and fsync\t%s ms\t\n", short(l.Fsync))
	})
	return nil
}

// hashSpeed returns the best of some rounds, in GB a second: others on the
// machine only make it slower.
func hashSpeed(h hash.Hash) (best float64) {
	b := make([]byte, 8<<20)
	for range 10 {
		began := time.Now()
		h.Write(b)
		best = max(best, float64(len(b))/1e9/time.Since(began).Seconds())
	}
	return best
}

// fsyncTime returns the median time of a synced append in dir, in milliseconds.
func fsyncTime(dir string) (ms float64, err error) {
	f, err := os.CreateTemp(dir, "limits-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	b := make([]byte, 4<<10)
	times := make([]time.Duration, 301)
	for i := range times {
		began := time.Now()
		if _, err := f.Write(b); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1e3, nil
}
