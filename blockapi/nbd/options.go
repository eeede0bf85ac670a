package nbd

import (
	"context"
	"encoding/binary"
	"math/bits"

	"cairn/store"
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

// describe looks an export up as transmission would find it.
func (n *negotiation) describe(ctx context.Context, name string) (*attachment, error) {
	info, err := n.srv.cfg.Exports.Describe(ctx, n.peer, name)
	if err != nil {
		return nil, optionErrorOf(err)
	}
	return n.attachment(nil, info, name)
}

// attach attaches to an export.
func (n *negotiation) attach(ctx context.Context, name string) (*attachment, error) {
	export, err := n.srv.cfg.Exports.Attach(ctx, n.peer, name)
	if err != nil {
		return nil, optionErrorOf(err)
	}
	a, err := n.attachment(export, export.Info(), name)
	if err != nil {
		export.Detach()
	}
	return a, err
}

// attachment puts together what is known of the export that the client calls
// name. Contexts that were selected for another name do not count.
func (n *negotiation) attachment(export Export, info Info, name string) (*attachment, error) {
	setDefault(&info.MinBlock, 1)
	setDefault(&info.PreferredBlock, max(4096, info.MinBlock))
	if err := checkInfo(info); err != nil {
		n.srv.cfg.Logger.Error("nbd: an export describes itself wrongly", "export", name, "error", err)
		return nil, optionErrorOf(err)
	}
	a := &attachment{export: export, info: info, style: n.agreed.style}
	if n.agreed.selected == name {
		a.contexts = n.agreed.contexts
	}
	return a, nil
}

// checkInfo holds an export to what the protocol allows.
func checkInfo(i Info) error {
	wrong := func(format string, args ...any) error {
		return store.Errorf(store.KindInternal, "describe export", format, args...)
	}
	switch {
	case clip(i.Name) != i.Name, clip(i.Description) != i.Description:
		return wrong("name or description longer than %d bytes or not UTF-8", maxString)
	case i.Size < 0:
		return wrong("size %d", i.Size)
	case bits.OnesCount32(i.MinBlock) != 1 || i.MinBlock > 64<<10:
		return wrong("minimum block size %d", i.MinBlock)
	case bits.OnesCount32(i.PreferredBlock) != 1 || i.PreferredBlock < max(512, i.MinBlock) || i.PreferredBlock > MaxPayload:
		return wrong("preferred block size %d", i.PreferredBlock)
	}
	return nil
}

// transmissionFlags says what an export can do, in the style agreed on.
func transmissionFlags(i Info, s style, contexts []MetaContext) uint16 {
	flags := flagHasFlags | flagSendFlush | flagSendFUA | flagSendCache
	set := func(cond bool, f uint16) {
		if cond {
			flags |= f
		}
	}
	set(i.ReadOnly, flagReadOnly)
	set(!i.ReadOnly, flagSendTrim|flagSendWriteZeroes)
	set(!i.ReadOnly && i.FastZero, flagSendFastZero)
	set(i.Rotational, flagRotational)
	set(i.MultiConn, flagCanMultiConn)
	set(s >= styleStructured, flagSendDF)
	set(s == styleExtended && len(contexts) > 0, flagBlockStatusPayload)
	return flags
}
