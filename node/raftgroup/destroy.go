package raftgroup

import "fmt"

// Destroy stops the replica of a group, if it runs, and deletes all that this
// node stores of the group. Only a replica that was removed from the group's
// configuration may be destroyed. A crash in the middle is made up for when the
// host is opened.
func (h *Host) Destroy(id GroupID) error {
	if g := h.Group(id); g != nil {
		if err := g.Close(); err != nil {
			return err
		}
	}
	if err := h.logged(h.rlog.Set(uint32(id), keyDestroying, []byte{1})); err != nil {
		return fmt.Errorf("destroy group %d: %w", id, err)
	}
	return h.destroy(id)
}

// resumeDestroy completes what a crash interrupted.
func (h *Host) resumeDestroy() error {
	for _, id := range h.Stored() {
		if h.rlog.Value(uint32(id), keyDestroying) != nil {
			if err := h.destroy(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// destroy deletes a group that is marked. The rows go first and for good: rows
// without a log would be taken for those of a replica that lost it.
func (h *Host) destroy(id GroupID) error {
	if err := h.deleteRows(id); err != nil {
		return fmt.Errorf("destroy group %d: %w", id, err)
	}
	if err := h.logged(h.rlog.Drop(uint32(id))); err != nil {
		return fmt.Errorf("destroy group %d: %w", id, err)
	}
	h.marks.update(id, func(m *mark) { *m = mark{} })
	return nil
}

// deleteRows deletes a group's rows, durably.
func (h *Host) deleteRows(id GroupID) error {
	b := h.db.NewBatch()
	defer b.Close()
	lo, hi := groupBounds(id)
	if err := b.DeleteRange(lo, hi, nil); err != nil {
		return fmt.Errorf("delete rows: %w", err)
	}
	if err := h.commit(b); err != nil {
		return err
	}
	return h.flush()
}
