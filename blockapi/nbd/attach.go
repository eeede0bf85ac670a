package nbd

import (
	"context"
	"math/bits"

	"cairn/store"
)

// attachment is the outcome of a negotiation.
type attachment struct {
	export   Export
	info     Info
	style    style
	contexts []MetaContext // the one with id i is contexts[i-1]
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
