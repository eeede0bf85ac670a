package admin

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"cairn/node/health"
)

// gatherer joins what the process's parts count, what the runtime counts, and
// what a status says at the moment of the scrape.
func (s *Server) gatherer() prometheus.Gatherer {
	own := prometheus.NewRegistry()
	own.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &statusMetrics{s})
	if s.cfg.Gatherer == nil {
		return own
	}
	return prometheus.Gatherers{s.cfg.Gatherer, own}
}

// statusMetrics turns a status into metrics. Nothing is kept between scrapes.
type statusMetrics struct{ s *Server }

var (
	descUp        = prometheus.NewDesc("cairn_node_up", "1 while the node is up.", []string{"node", "zone"}, nil)
	descCondition = prometheus.NewDesc("cairn_condition", "Conditions that hold, by name.", []string{"condition", "severity"}, nil)
	descHealthy   = prometheus.NewDesc("cairn_healthy", "1 while nothing is wrong.", nil, nil)
	descQuorum    = prometheus.NewDesc("cairn_group_quorum", "1 while the metadata group has a majority.", []string{"group"}, nil)
	descZones     = prometheus.NewDesc("cairn_policy_survives_zones", "Zones that data of the policy can lose now.", []string{"policy"}, nil)
	descNodes     = prometheus.NewDesc("cairn_policy_survives_nodes", "Nodes it can lose on top of those zones.", []string{"policy"}, nil)
	descSpace     = prometheus.NewDesc("cairn_disk_bytes", "Bytes of the disks that are in.", []string{"state"}, nil)
	descSlots     = prometheus.NewDesc("cairn_repair_slots", "Shards of placement groups that are not where they belong.", []string{"state"}, nil)
	descDebts     = prometheus.NewDesc("cairn_debt_blobs", "Blobs with shards missing.", nil, nil)
	descDeletes   = prometheus.NewDesc("cairn_delete_blobs", "Deleted blobs that still take space.", []string{"state"}, nil)
	descUsage     = prometheus.NewDesc("cairn_work_total", "Work done by the nodes that answer.", []string{"what"}, nil)
)

// Describe implements prometheus.Collector.
func (m *statusMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descUp, descCondition, descHealthy, descQuorum, descZones, descNodes, descSpace, descSlots, descDebts, descDeletes, descUsage,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *statusMetrics) Collect(ch chan<- prometheus.Metric) {
	n, err := m.s.first()
	if err != nil {
		return // no node can be asked; the process's own metrics still tell
	}
	f := health.Collect(context.Background(), n.Fabric(), n.Root())
	st := health.Compute(f)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descHealthy, one(st.Verdict == health.Healthy))
	for _, z := range st.Zones {
		for _, n := range z.Nodes {
			gauge(descUp, one(n.State == "up"), n.Name, n.Zone)
		}
	}
	for _, g := range st.Metadata.Groups {
		gauge(descQuorum, one(g.Quorum), g.Name)
	}
	emitConditions(st.Conditions, gauge)
	emitData(st, gauge)
	emitUsage(sumUsage(f), ch)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

type emit func(d *prometheus.Desc, v float64, labels ...string)

// emitConditions counts conditions of the same name: labels must be unique.
func emitConditions(all []health.Condition, gauge emit) {
	type key struct{ name, severity string }
	count := map[key]int{}
	for _, c := range all {
		count[key{c.Name, string(c.Severity)}]++
	}
	for k, n := range count {
		gauge(descCondition, float64(n), k.name, k.severity)
	}
}

func emitData(st *health.Status, gauge emit) {
	for _, p := range st.Data.Policies {
		if p.Groups > 0 {
			name := fmt.Sprintf("%d %s", p.ID, p.Code)
			gauge(descZones, float64(p.Zones), name)
			gauge(descNodes, float64(p.Nodes), name)
		}
	}
	gauge(descSpace, float64(st.Space.Used), "used")
	gauge(descSpace, float64(st.Space.Free), "free")
	gauge(descSlots, float64(st.Repairs.Slots), "moving")
	gauge(descSlots, float64(st.Repairs.Lost), "lost")
	gauge(descDebts, float64(st.Debts.Blobs))
	gauge(descDeletes, float64(st.Deletes.Waiting), "waiting")
	gauge(descDeletes, float64(st.Deletes.Overdue), "overdue")
}

func emitUsage(u *Usage, ch chan<- prometheus.Metric) {
	for what, n := range map[string]uint64{
		"calls": u.Calls, "disk_fsyncs": u.DiskFsyncs, "log_fsyncs": u.LogFsyncs,
		"disk_written_bytes": u.DiskWritten, "log_written_bytes": u.LogWritten, "disk_read_bytes": u.DiskRead,
	} {
		ch <- prometheus.MustNewConstMetric(descUsage, prometheus.CounterValue, float64(n), what)
	}
}
