package machine

// Performance is what a volume may do. Throughput is in bytes a second.
//
// A bucket of credits lets a small volume go beyond its baseline for a while:
// it holds Credits, gains Earn a second, and loses what is used. It counts I/Os
// or, if ByBytes, bytes; it starts full. Volumes that do not burst have no
// credits, and Burst equal to the baseline.
type Performance struct {
	IOPS            uint64
	BurstIOPS       uint64
	Throughput      uint64
	BurstThroughput uint64
	Credits         uint64
	Earn            uint64
	ByBytes         bool
}

const (
	mib      = 1 << 20
	gp2Burst = 3000
)

// Performance returns the limits of the EBS user guide for the spec.
func (s *Spec) Performance() Performance {
	var p Performance
	switch s.Type {
	case TypeGP3:
		p.IOPS, p.Throughput = uint64(s.IOPS), uint64(s.Throughput)*mib
	case TypeGP2:
		return gp2Performance(uint64(s.Size))
	case TypeIO1:
		// 256 KiB an I/O up to 500 MiB/s; beyond 32,000 IOPS, 16 KiB an I/O.
		iops := uint64(s.IOPS)
		p.IOPS, p.Throughput = iops, min(max(min(iops<<18, 500*mib), iops<<14), 1000*mib)
	case TypeIO2:
		p.IOPS, p.Throughput = uint64(s.IOPS), min(uint64(s.IOPS)*256_000/1_000_000*mib, 4000*mib)
	case TypeST1:
		return hddPerformance(uint64(s.Size), 500, 40, 250, 500)
	case TypeSC1:
		return hddPerformance(uint64(s.Size), 250, 12, 80, 250)
	case TypeStandard:
		p.IOPS, p.Throughput = 200, 90*mib
	}
	p.BurstIOPS, p.BurstThroughput = p.IOPS, p.Throughput
	return p
}

// gp2Performance: 3 IOPS a GiB, at least 100, at most 16,000; below 1,000 GiB,
// bursts to 3,000 on 5.4 million credits.
func gp2Performance(size uint64) Performance {
	base := min(max(3*size, 100), 16_000)
	throughput := uint64(250 * mib)
	if size <= 170 {
		throughput = 128 * mib
	}
	p := Performance{IOPS: base, BurstIOPS: base, Throughput: throughput, BurstThroughput: throughput}
	if base < gp2Burst {
		p.BurstIOPS, p.Credits, p.Earn = gp2Burst, 5_400_000, base
	}
	return p
}

// hddPerformance: throughput in MiB/s a TiB, both below a cap; the bucket holds
// a TiB a TiB and fills at the baseline.
func hddPerformance(size, iops, base, burst, most uint64) Performance {
	scale := func(perTiB uint64) uint64 { return min(size*perTiB*mib/1024, most*mib) }
	return Performance{
		IOPS: iops, BurstIOPS: iops, Throughput: scale(base), BurstThroughput: scale(burst),
		Credits: size << 30, Earn: scale(base), ByBytes: true,
	}
}
