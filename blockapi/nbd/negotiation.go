package nbd

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

const (
	// maxOption is the most option data that is read into memory.
	maxOption = 64 << 10
	// maxSkipped is the most option data that is read and thrown away; who
	// announces more is hung up on.
	maxSkipped = 1 << 20
)

// negotiation is a connection before transmission. Everything is read exactly
// to its end and never ahead, so that no byte sent in clear can be taken for
// one sent after STARTTLS.
type negotiation struct {
	*connection
	conn   net.Conn // raw, or TLS over it
	zeroes bool     // pad the answer to EXPORT_NAME
	opt    option   // the option that is being answered

	// What the client has negotiated; STARTTLS forgets it.
	agreed agreement

	attached *attachment // set when transmission may begin
}

// agreement is how transmission will be.
type agreement struct {
	style style
	// contexts were selected for the export of that name, with the ids 1, 2, ….
	contexts []MetaContext
	selected string
}

// close ends a negotiation that came to nothing.
func (n *negotiation) close() {
	_ = n.raw.SetWriteDeadline(time.Now().Add(n.srv.cfg.Limits.Linger)) // for TLS's goodbye
	n.conn.Close()
}

// run greets the client and answers its options until one of them ends the
// handshake: with an attachment, or with an error.
func (n *negotiation) run() error {
	if err := n.greet(); err != nil {
		return err
	}
	for {
		opt, size, err := n.readOption()
		if err != nil {
			return err
		}
		n.opt = opt
		if err := n.answer(size); err != nil || n.attached != nil {
			return err
		}
	}
}

// greet sends the greeting and reads the client's flags.
func (n *negotiation) greet() error {
	hello := binary.BigEndian.AppendUint64(nil, magicGreeting)
	hello = binary.BigEndian.AppendUint64(hello, magicOption)
	hello = binary.BigEndian.AppendUint16(hello, flagFixedNewstyle|flagNoZeroes)
	if err := n.write(hello); err != nil {
		return err
	}
	var b [4]byte
	if err := n.read(b[:]); err != nil {
		return err
	}
	flags := binary.BigEndian.Uint32(b[:])
	if flags&flagFixedNewstyle == 0 {
		return violation("the client does not speak fixed newstyle, the only handshake there is here")
	}
	if unknown := flags &^ (flagFixedNewstyle | flagNoZeroes); unknown != 0 {
		return violation("unknown client flags %#x", unknown)
	}
	n.zeroes = flags&flagNoZeroes == 0
	return nil
}

// readOption reads the header of an option.
func (n *negotiation) readOption() (opt option, size uint32, err error) {
	var b [lenOptionHeader]byte
	if err := n.read(b[:]); err != nil {
		return 0, 0, err
	}
	if magic := binary.BigEndian.Uint64(b[:]); magic != magicOption {
		return 0, 0, violation("option magic %#x", magic)
	}
	return option(binary.BigEndian.Uint32(b[8:])), binary.BigEndian.Uint32(b[12:]), nil
}

// answer reads an option's data and answers the option. Only an error that ends
// the connection is returned.
func (n *negotiation) answer(size uint32) error {
	data, refused, err := n.readData(size)
	if err != nil {
		return err
	}
	if refused == nil {
		refused = n.mayAsk()
	}
	if refused == nil {
		ctx, cancel := context.WithTimeout(n.ctx, n.srv.cfg.Limits.Handshake)
		defer cancel()
		err = n.handle(ctx, data)
		if !errors.As(err, &refused) {
			return err
		}
	}
	if n.opt == optExportName {
		return refused // has no error reply
	}
	return n.reply(refused.code, []byte(clip(refused.text)))
}

// readData reads an option's data, or throws it away if it is too much.
func (n *negotiation) readData(size uint32) ([]byte, *optionError, error) {
	switch {
	case size > maxSkipped:
		return nil, nil, violation("option %d with %d bytes of data", n.opt, size)
	case size > maxOption:
		_, err := io.CopyN(io.Discard, n.conn, int64(size))
		return nil, badOption(repErrTooBig, "more than %d bytes of option data", maxOption), err
	}
	data := make([]byte, size)
	return data, nil, n.read(data)
}

// mayAsk refuses what cannot be answered in the connection's present state.
func (n *negotiation) mayAsk() *optionError {
	switch {
	case n.opt == optAbort:
		return nil
	case n.srv.draining.Load():
		return badOption(repErrShutdown, "the server is shutting down")
	case n.srv.cfg.TLS.Policy == TLSRequired && !n.peer.TLS && n.opt != optStartTLS:
		return badOption(repErrTLSReqd, "this server wants TLS: send STARTTLS first")
	}
	return nil
}

// handle answers an option that may be asked. An [optionError] refuses it; any
// other error ends the connection.
func (n *negotiation) handle(ctx context.Context, data []byte) error {
	switch n.opt {
	case optExportName:
		return n.exportName(ctx, data)
	case optAbort:
		_ = n.reply(repAck, nil) // the client may have gone already
		return errDisconnected
	case optList:
		return n.list(ctx, data)
	case optStartTLS:
		return n.startTLS(ctx, data)
	case optInfo, optGo:
		return n.infoOrGo(ctx, data)
	case optStructuredReply:
		return n.structuredReply(data)
	case optExtendedHeaders:
		return n.extendedHeaders(data)
	case optListMetaContext:
		return n.listMetaContext(ctx, data)
	case optSetMetaContext:
		return n.setMetaContext(ctx, data)
	}
	return badOption(repErrUnsup, "option %d is not known here", n.opt)
}

// read fills p within the time for an option.
func (n *negotiation) read(p []byte) error {
	n.deadline.set(time.Now().Add(n.srv.cfg.Limits.Handshake))
	_, err := io.ReadFull(n.conn, p)
	return err
}

// write sends p within the time for an option.
func (n *negotiation) write(p []byte) error {
	_ = n.raw.SetWriteDeadline(time.Now().Add(n.srv.cfg.Limits.Handshake))
	_, err := n.conn.Write(p)
	return err
}

// reply sends one reply to the current option.
func (n *negotiation) reply(code replyCode, payload []byte) error {
	return n.write(n.appendReply(nil, code, payload))
}

// appendReply appends a reply to the current option, for sending several at once.
func (n *negotiation) appendReply(b []byte, code replyCode, payload []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, magicOptionReply)
	b = binary.BigEndian.AppendUint32(b, uint32(n.opt))
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}
