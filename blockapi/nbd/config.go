package nbd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// MaxPayload is the largest READ or WRITE, in bytes. Clients are told, and may
// rely on it.
const MaxPayload = 32 << 20

// Config is what a [Server] is made of.
type Config struct {
	Exports Exports
	// TLS says whether connections may or must be encrypted.
	TLS TLS
	// Limits that are zero get their defaults.
	Limits Limits
	// Logger hears of attachments and of connections that fail.
	// The default is slog.Default.
	Logger *slog.Logger
}

// TLS is a server's policy about encryption.
type TLS struct {
	Policy TLSPolicy
	// Config has the server's certificate, and in ClientAuth and ClientCAs
	// whether and how clients are verified. Versions below 1.2 are refused.
	Config *tls.Config
	// Identify maps a verified connection to the principal that acts through
	// it, an error hangs up. If nil, principals are empty.
	Identify func(tls.ConnectionState) (principal string, err error)
}

// TLSPolicy says who decides about encryption.
type TLSPolicy uint8

// The policies.
const (
	TLSOff      TLSPolicy = iota // STARTTLS is refused
	TLSOptional                  // the client may ask for it
	TLSRequired                  // before STARTTLS nothing else is answered
)

// Limits bound what clients can make a server hold.
type Limits struct {
	// Connections at a time; more are closed at once. Default 1024.
	Connections int
	// Requests in flight on a connection. Default 128, the queue depth of the
	// Linux client.
	Requests int
	// ConnectionMemory bounds the payload bytes in flight on a connection, and
	// Memory those on all of them. A connection that is at its bound is not
	// read from. Defaults 64 MiB and 1 GiB; at least MaxPayload.
	ConnectionMemory int64
	Memory           int64
	// Handshake is how long a client may take for an option, and Stall for a
	// payload it has announced or for taking a reply. A client that does
	// nothing during transmission is never cut. Defaults 60 s.
	Handshake time.Duration
	Stall     time.Duration
	// Linger is how long a connection that is being shut down goes on
	// answering requests with ESHUTDOWN. Default 250 ms.
	Linger time.Duration
}

func (c *Config) setDefaults() {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	l := &c.Limits
	setDefault(&l.Connections, 1024)
	setDefault(&l.Requests, 128)
	setDefault(&l.ConnectionMemory, 64<<20)
	setDefault(&l.Memory, 1<<30)
	setDefault(&l.Handshake, time.Minute)
	setDefault(&l.Stall, time.Minute)
	setDefault(&l.Linger, 250*time.Millisecond)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports all that is wrong with c.
func (c *Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("nbd: "+format, args...)) }
	if c.Exports == nil {
		bad("no exports")
	}
	if c.TLS.Policy > TLSRequired {
		bad("unknown TLS policy %d", c.TLS.Policy)
	}
	if c.TLS.Policy != TLSOff && c.TLS.Config == nil {
		bad("a TLS policy needs a TLS configuration")
	}
	l := c.Limits
	if l.Connections < 1 || l.Requests < 1 {
		bad("limits of %d connections and %d requests: each must be at least 1", l.Connections, l.Requests)
	}
	if l.ConnectionMemory < MaxPayload || l.Memory < l.ConnectionMemory {
		bad("memory of %d bytes a connection and %d for all: want at least %d, and the first at most the second", l.ConnectionMemory, l.Memory, MaxPayload)
	}
	if l.Handshake < 0 || l.Stall < 0 || l.Linger < 0 {
		bad("a negative time limit")
	}
	return errors.Join(errs...)
}
