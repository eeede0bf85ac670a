package fabric

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"

	"cairn/internal/sockio"
)

// packedTLS is TLS with fewer and larger system calls. A record has 16 KiB at
// most, and crypto/tls gives and takes records one by one: bulk data would cost
// a read and a write for each, which is more than its encryption. Here all
// records of one Write go out together, and what has arrived is read together.
type packedTLS struct {
	credentials.TransportCredentials
}

func newPackedTLS(cfg *tls.Config) credentials.TransportCredentials {
	cfg = cfg.Clone()
	cfg.DynamicRecordSizingDisabled = true // small first records are for web pages
	return packedTLS{credentials.NewTLS(cfg)}
}

func (c packedTLS) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return pack(raw, func(p *packer) (net.Conn, credentials.AuthInfo, error) {
		return c.TransportCredentials.ClientHandshake(ctx, authority, p)
	})
}

func (c packedTLS) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return pack(raw, func(p *packer) (net.Conn, credentials.AuthInfo, error) {
		return c.TransportCredentials.ServerHandshake(p)
	})
}

func (c packedTLS) Clone() credentials.TransportCredentials {
	return packedTLS{c.TransportCredentials.Clone()}
}

// pack puts a packer below a handshake's connection.
func pack(raw net.Conn, handshake func(*packer) (net.Conn, credentials.AuthInfo, error)) (net.Conn, credentials.AuthInfo, error) {
	tcp, ok := sockio.Wrap(raw).(*sockio.Conn)
	if !ok {
		return nil, nil, fmt.Errorf("fabric: a connection of %T is not TCP", raw)
	}
	p := &packer{Conn: tcp, in: inbound{conn: tcp}}
	conn, info, err := handshake(p)
	if err != nil {
		return nil, nil, err
	}
	return &packedConn{Conn: conn, packer: p}, info, nil
}

// packedConn is a TLS connection over a packer. Its reader is one goroutine.
type packedConn struct {
	net.Conn
	packer *packer

	plain []byte // of ioBuffers: decrypted and not read yet
	r     int    // how much of it was
}

// Read implements [net.Conn]. All whole records that are here are decrypted at
// once: gRPC wakes the receiver of a stream for each of its frames, and for one
// that is still awake it need not.
func (c *packedConn) Read(b []byte) (int, error) {
	if c.plain == nil {
		if !c.packer.in.whole() {
			return c.Conn.Read(b)
		}
		if err := c.decrypt(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.plain[c.r:])
	if c.r += n; c.r == len(c.plain) {
		ioBuffers.Put(c.plain)
		c.plain = nil
	}
	return n, nil
}

// decrypt reads while crypto/tls need not wait for the peer. That takes a peer for
// granted which sends data in each record, as ours do once they are connected;
// another delays what it sends itself.
func (c *packedConn) decrypt() error {
	buf, n := ioBuffers.Get(), 0
	for len(buf)-n >= maxRecord && c.packer.in.whole() {
		m, err := c.Conn.Read(buf[n:])
		if n += m; err != nil && n == 0 {
			ioBuffers.Put(buf)
			return err
		} else if err != nil {
			break // it comes again
		}
	}
	c.plain, c.r = buf[:n], 0
	return nil
}

func (c *packedConn) Write(b []byte) (int, error) {
	c.packer.hold()
	n, err := c.Conn.Write(b)
	if perr := c.packer.release(); err == nil && perr != nil {
		return 0, perr
	}
	return n, err
}

// packer collects what is written while it is held. Its writers are the one
// goroutine that holds it and crypto/tls's own answers, such as alerts.
type packer struct {
	net.Conn
	in inbound

	mu   sync.Mutex
	held bool
	out  []byte // of ioBuffers; nil: nothing was written since hold
	err  error  // of a write in between
}

func (p *packer) Read(b []byte) (int, error) { return p.in.Read(b) }

func (p *packer) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = true
}

// release writes what was collected.
func (p *packer) release() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = false
	p.flushLocked()
	return p.err
}

func (p *packer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.held {
		return p.Conn.Write(b)
	}
	if p.out == nil {
		p.out = ioBuffers.Get()[:0]
	}
	if len(p.out)+len(b) > cap(p.out) {
		p.flushLocked()
		p.out = ioBuffers.Get()[:0]
	}
	p.out = append(p.out, b...)
	return len(b), p.err
}

// flushLocked keeps the first error: the stream has a hole behind it.
func (p *packer) flushLocked() {
	if p.out == nil {
		return
	}
	if p.err == nil {
		_, p.err = p.Conn.Write(p.out)
	}
	ioBuffers.Put(p.out)
	p.out = nil
}
