package nbd

import (
	"context"
	"encoding/binary"
)

// wantNoData refuses data with an option that has none.
func wantNoData(data []byte) error {
	if len(data) > 0 {
		return badOption(repErrInvalid, "the option takes no data, got %d bytes", len(data))
	}
	return nil
}

// list answers LIST.
func (n *negotiation) list(ctx context.Context, data []byte) error {
	if err := wantNoData(data); err != nil {
		return err
	}
	all, err := n.srv.cfg.Exports.List(ctx, n.peer)
	if err != nil {
		return optionErrorOf(err)
	}
	var out []byte
	for _, l := range all {
		name := clip(l.Name)
		payload := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
		payload = append(payload, name...)
		payload = append(payload, clip(l.Description)...)
		out = n.appendReply(out, repServer, payload)
	}
	return n.write(n.appendReply(out, repAck, nil))
}

// structuredReply answers STRUCTURED_REPLY. Asking twice does no harm.
func (n *negotiation) structuredReply(data []byte) error {
	if err := wantNoData(data); err != nil {
		return err
	}
	if n.agreed.style == styleExtended {
		return badOption(repErrExtendedHdrReqd, "extended headers are agreed on, and include structured replies")
	}
	n.agreed.style = styleStructured
	return n.reply(repAck, nil)
}

// extendedHeaders answers EXTENDED_HEADERS.
func (n *negotiation) extendedHeaders(data []byte) error {
	if err := wantNoData(data); err != nil {
		return err
	}
	n.agreed.style = styleExtended
	return n.reply(repAck, nil)
}

// exportName answers EXPORT_NAME: by the short form of an export's description,
// or by hanging up.
func (n *negotiation) exportName(ctx context.Context, data []byte) error {
	if n.agreed.style == styleExtended {
		return violation("EXPORT_NAME after extended headers were agreed on")
	}
	name, err := parseString(data)
	if err != nil {
		return err
	}
	a, err := n.attach(ctx, name)
	if err != nil {
		return err
	}
	out := binary.BigEndian.AppendUint64(nil, uint64(a.info.Size))
	out = binary.BigEndian.AppendUint16(out, transmissionFlags(a.info, a.style, a.contexts))
	if n.zeroes {
		out = append(out, make([]byte, 124)...)
	}
	n.attached = a
	return n.write(out)
}

// infoOrGo answers INFO, and GO, which also attaches.
func (n *negotiation) infoOrGo(ctx context.Context, data []byte) error {
	name, wanted, err := parseInfo(data)
	if err != nil {
		return err
	}
	var a *attachment
	if n.opt == optGo {
		a, err = n.attach(ctx, name)
	} else {
		a, err = n.describe(ctx, name)
	}
	if err != nil {
		return err
	}
	out := n.appendInfos(nil, a, wanted)
	n.attached = nil
	if n.opt == optGo {
		n.attached = a
	}
	return n.write(n.appendReply(out, repAck, nil))
}

// parseInfo takes the data of INFO and GO apart.
func parseInfo(data []byte) (name string, wanted map[infoType]bool, err error) {
	c := cursor{data}
	name, err = c.string()
	if err != nil {
		return "", nil, err
	}
	count, ok := c.uint16()
	if !ok || len(c.rest) != 2*int(count) {
		return "", nil, badOption(repErrInvalid, "%d bytes do not hold %d information requests", len(c.rest), count)
	}
	wanted = map[infoType]bool{}
	for range count {
		t, _ := c.uint16()
		wanted[infoType(t)] = true
	}
	return name, wanted, nil
}

// appendInfos appends what the client wants to know, and what it must.
func (n *negotiation) appendInfos(out []byte, a *attachment, wanted map[infoType]bool) []byte {
	info := func(t infoType, payload []byte) {
		out = n.appendReply(out, repInfo, append(binary.BigEndian.AppendUint16(nil, uint16(t)), payload...))
	}
	payload := binary.BigEndian.AppendUint64(nil, uint64(a.info.Size))
	info(infoExport, binary.BigEndian.AppendUint16(payload, transmissionFlags(a.info, a.style, a.contexts)))
	if wanted[infoName] {
		info(infoName, []byte(a.info.Name))
	}
	if wanted[infoDescription] {
		info(infoDescription, []byte(a.info.Description))
	}
	if wanted[infoBlockSize] || a.info.MinBlock > 1 {
		payload := binary.BigEndian.AppendUint32(nil, a.info.MinBlock)
		payload = binary.BigEndian.AppendUint32(payload, a.info.PreferredBlock)
		info(infoBlockSize, binary.BigEndian.AppendUint32(payload, MaxPayload))
	}
	return out
}
