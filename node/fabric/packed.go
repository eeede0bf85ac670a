package fabric

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"sync"

	"google.golang.org/grpc/credentials"
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
	p := &packer{Conn: raw, in: bufio.NewReaderSize(raw, ioBuffer)}
	conn, info, err := handshake(p)
	if err != nil {
		return nil, nil, err
	}
	return &packedConn{Conn: conn, packer: p}, info, nil
}

// packedConn is a TLS connection over a packer.
type packedConn struct {
	net.Conn
	packer *packer
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
	in *bufio.Reader

	mu   sync.Mutex
	held bool
	out  *[]byte // nil: nothing was written since hold
	err  error   // of a write in between
}

// outBuffers are as large as what gRPC writes at a time, encrypted.
var outBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, ioBuffer+ioBuffer/64)
	return &b
}}

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
		p.out = outBuffers.Get().(*[]byte)
	}
	if len(*p.out)+len(b) > cap(*p.out) {
		p.flushLocked()
		p.out = outBuffers.Get().(*[]byte)
	}
	*p.out = append(*p.out, b...)
	return len(b), p.err
}

// flushLocked keeps the first error: the stream has a hole behind it.
func (p *packer) flushLocked() {
	if p.out == nil {
		return
	}
	if p.err == nil {
		_, p.err = p.Conn.Write(*p.out)
	}
	*p.out = (*p.out)[:0]
	outBuffers.Put(p.out)
	p.out = nil
}
