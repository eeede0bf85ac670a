package nbd

// rule is what a command may come with.
type rule struct {
	flags  uint16 // besides FUA, which is allowed with all of them
	writes bool   // refused on a read-only export
	ranged bool   // offset and length are a range of the export, else both are 0
	beyond errno  // the error for a range beyond the end
}

var rules = map[command]rule{
	cmdRead:        {flags: cmdFlagDF, ranged: true, beyond: eInval},
	cmdWrite:       {writes: true, ranged: true, beyond: eNoSpc},
	cmdFlush:       {},
	cmdTrim:        {writes: true, ranged: true, beyond: eInval},
	cmdCache:       {ranged: true, beyond: eInval},
	cmdWriteZeroes: {flags: cmdFlagNoHole | cmdFlagFastZero, writes: true, ranged: true, beyond: eNoSpc},
	cmdBlockStatus: {flags: cmdFlagReqOne, ranged: true, beyond: eInval},
}

// check refuses a request that cannot be carried out, as the protocol wants each
// mistake answered: ENOSPC for writing beyond the end, EPERM for writing where one
// may not, EINVAL for nearly all else. It looks at nothing that follows the header.
func (s *session) check(h *header) error {
	rule, known := rules[h.cmd]
	switch {
	case !known:
		return refuse(eInval, "%s is not known here", h.cmd)
	case s.srv.draining.Load():
		return refuse(eShutdown, "the server is shutting down; connect again")
	case h.flags&^s.allowed(h.cmd, rule.flags) != 0:
		return refuse(eInval, "%s with flags %#x", h.cmd, h.flags)
	case rule.writes && s.info.ReadOnly:
		return refuse(ePerm, "the export is read-only")
	case !rule.ranged && (h.offset != 0 || h.length != 0):
		return refuse(eInval, "%s with a range", h.cmd)
	case h.cmd == cmdWrite && s.style == styleExtended && !h.has(cmdFlagPayloadLen):
		return refuse(eInval, "WRITE without a payload")
	case h.cmd == cmdBlockStatus && len(s.contexts) == 0:
		return refuse(eInval, "no metadata context was selected")
	case h.cmd == cmdBlockStatus && h.has(cmdFlagPayloadLen), !rule.ranged:
		return nil // the range is in the payload
	}
	return s.checkRange(h)
}

// allowed returns the flags that may come with a command on this connection: those
// of the command, without what was not announced to the client.
func (s *session) allowed(cmd command, flags uint16) uint16 {
	flags |= cmdFlagFUA
	if s.style == styleSimple {
		flags &^= cmdFlagDF
	}
	if !s.info.FastZero {
		flags &^= cmdFlagFastZero
	}
	if s.style == styleExtended && (cmd == cmdWrite || cmd == cmdBlockStatus) {
		flags |= cmdFlagPayloadLen
	}
	return flags
}

// checkRange refuses a range that is empty, unaligned, too long or beyond the
// end of the export as it is now.
func (s *session) checkRange(h *header) error {
	size, align := uint64(s.export.Size()), uint64(s.info.MinBlock)
	switch {
	case h.length == 0:
		return refuse(eInval, "%s of no bytes", h.cmd)
	case h.offset > size || h.length > size-h.offset:
		return refuse(rules[h.cmd].beyond, "%s beyond the end at %d", h.cmd, size)
	case h.offset%align != 0 || h.length%align != 0:
		return refuse(eInval, "%s not aligned to %d bytes", h.cmd, align)
	case h.length <= MaxPayload:
		return nil
	case h.cmd == cmdRead && s.style != styleSimple:
		return refuse(eOverflow, "READ of more than %d bytes", MaxPayload)
	case h.cmd == cmdRead, h.cmd == cmdWrite:
		return refuse(eInval, "%s of more than %d bytes", h.cmd, MaxPayload)
	}
	return nil
}
