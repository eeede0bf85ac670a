package nbd

import (
	"context"
	"crypto/tls"

	"cairn/store"
)

// serverTLS returns cfg as connections use it: with the versions that the protocol
// allows, and for bulk data.
func serverTLS(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	// Small records first are for browsers that render early.
	cfg.DynamicRecordSizingDisabled = true
	return cfg
}

// startTLS answers STARTTLS and encrypts the connection. After the ACK there is
// no way back: a failure ends the connection.
func (n *negotiation) startTLS(ctx context.Context, data []byte) error {
	if err := wantNoData(data); err != nil {
		return err
	}
	switch {
	case n.peer.TLS:
		return badOption(repErrInvalid, "TLS is on already")
	case n.srv.cfg.TLS.Policy == TLSOff:
		return badOption(repErrPolicy, "this server has no TLS")
	}
	if err := n.reply(repAck, nil); err != nil {
		return err
	}
	conn := tls.Server(n.raw, n.srv.cfg.TLS.Config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return store.Errorf(store.KindDenied, "start tls", "%w", err)
	}
	if identify := n.srv.cfg.TLS.Identify; identify != nil {
		principal, err := identify(conn.ConnectionState())
		if err != nil {
			conn.Close()
			return store.Errorf(store.KindDenied, "identify client", "%w", err)
		}
		n.peer.Principal = principal
	}
	n.conn, n.peer.TLS = conn, true
	n.agreed = agreement{} // what was said in clear may be forged
	return nil
}
