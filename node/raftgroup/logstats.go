package raftgroup

import (
	dto "github.com/prometheus/client_model/go"
)

// LogWrites returns how often the host's write-ahead log was fsynced and how
// many bytes were written to it since the host was opened. All groups of the
// node share it.
func (h *Host) LogWrites() (fsyncs, bytes uint64) {
	m := h.db.Metrics()
	var d dto.Metric
	if m.LogWriter.FsyncLatency != nil && m.LogWriter.FsyncLatency.Write(&d) == nil {
		fsyncs = d.GetHistogram().GetSampleCount()
	}
	return fsyncs, m.WAL.BytesWritten
}
