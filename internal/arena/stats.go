package arena

// Stats describes the arena at one moment.
type Stats struct {
	InUse     int   // buffers handed out and not given back
	InUseSize int64 // their bytes, by size class
	Mapped    int64 // bytes of address space held; a page is resident once used
	Oversized int64 // requests above MaxBuffer so far, served by the heap
}

// ReadStats returns the current figures. Classes are read one after the other,
// so the sums are exact only while nobody else uses the arena.
func ReadStats() Stats {
	st := Stats{Oversized: oversized.Load()}
	for id := range classes {
		c := &classes[id]
		c.mu.Lock()
		st.InUse += c.mu.out
		st.InUseSize += int64(c.mu.out) * int64(classSize(id))
		st.Mapped += int64(c.mu.mapped)
		c.mu.Unlock()
	}
	return st
}

// TB is the part of testing.TB that [CheckLeaks] uses.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// CheckLeaks fails the test when, at its end, more buffers are out than now.
// Tests that run in parallel with other users of the arena cannot use it.
func CheckLeaks(t TB) {
	t.Helper()
	before := ReadStats().InUse
	t.Cleanup(func() {
		if leaked := ReadStats().InUse - before; leaked > 0 {
			t.Errorf("arena: %d buffers were not given back", leaked)
		}
	})
}
