package raftgroup

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cpu is the processor time this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPropose measures commands of 256 B on three replicas in this process,
// on disk. cpu-µs/op is the processor time of all three.
func BenchmarkPropose(b *testing.B) {
	for _, proposers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("proposers=%d", proposers), func(b *testing.B) {
			c := newCluster(b, 3)
			c.dirs, c.hb = true, 0
			defer c.close()
			c.startAll()
			g := c.leader().g
			pad := make([]byte, 240)
			for i := range pad {
				pad[i] = 'x'
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			start := cpu()
			var wg sync.WaitGroup
			for p := range proposers {
				wg.Go(func() {
					s := NewSession(uint64(p + 1))
					for left.Add(-1) >= 0 {
						cmd := s.Begin()
						cmd.Data = fmt.Appendf(nil, "add k%d %s", p, pad)
						_, err := g.Propose(context.Background(), cmd)
						require.NoError(b, err)
						s.End(cmd.Seq)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
		})
	}
}

// BenchmarkRead measures linearizable reads of one row.
func BenchmarkRead(b *testing.B) {
	for _, readers := range []int{1, 64} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			c := newCluster(b, 3)
			c.dirs, c.hb = true, 0
			defer c.close()
			c.startAll()
			c.add1(NewSession(1), "a")
			g := c.leader().g
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			start := cpu()
			var wg sync.WaitGroup
			for range readers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						_, err := readOn(g, "a")
						require.NoError(b, err)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
		})
	}
}

// BenchmarkIdle measures what groups cost that do nothing: three hosts in this
// process, ten seconds.
func BenchmarkIdle(b *testing.B) {
	for _, groups := range []int{0, 4, 64} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			c := newCluster(b, 3)
			c.dirs, c.hb = true, 0
			defer c.close()
			var all []*Group
			for _, n := range c.nodes {
				c.startHost(n)
				for i := range groups {
					g, err := n.Host.Start(GroupConfig{ID: GroupID(i), Members: c.founders()}, &counters{})
					require.NoError(b, err)
					all = append(all, g)
				}
			}
			eventually(b, "leaders", func() bool {
				n := 0
				for _, g := range all {
					if g.IsLeader() {
						n++
					}
				}
				return n == groups
			})
			time.Sleep(3 * time.Second) // the elections' echoes
			b.ResetTimer()
			const window = 10 * time.Second
			start := cpu()
			for range b.N {
				time.Sleep(window)
			}
			used := cpu() - start
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
			b.ReportMetric(float64(m.HeapInuse+m.StackInuse)/(1<<20), "MiB")
			b.ReportMetric(100*used.Seconds()/(window.Seconds()*float64(b.N)), "%core")
		})
	}
}
