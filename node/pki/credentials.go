package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"
)

// Credentials are a node's certificate and key as its connections use them. They
// can be replaced while connections are made; those that exist keep what they
// began with, and TLS does not look at it again.
type Credentials struct {
	ca    []byte
	pool  *x509.CertPool
	clock func() time.Time
	pair  atomic.Pointer[tls.Certificate]
}

// NewCredentials reads a node's certificate and key and the CA's certificate, all
// PEM. By clock the certificates of others are valid or not.
func NewCredentials(caPEM, certPEM, keyPEM []byte, clock func() time.Time) (*Credentials, error) {
	c := &Credentials{ca: caPEM, pool: x509.NewCertPool(), clock: clock}
	if !c.pool.AppendCertsFromPEM(caPEM) {
		return nil, fmt.Errorf("cluster CA certificate: not PEM")
	}
	return c, c.Replace(certPEM, keyPEM)
}

// Replace has new connections use another certificate. One that does not fit its
// key, or that the CA did not sign, changes nothing.
func (c *Credentials) Replace(certPEM, keyPEM []byte) error {
	// The CA is sent along, so that a joining node can compare it with its token.
	pair, err := tls.X509KeyPair(append(append([]byte(nil), certPEM...), c.ca...), keyPEM)
	if err != nil {
		return fmt.Errorf("node certificate: %w", err)
	}
	opts := x509.VerifyOptions{Roots: c.pool, CurrentTime: pair.Leaf.NotBefore, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := pair.Leaf.Verify(opts); err != nil {
		return fmt.Errorf("node certificate: %w", err)
	}
	c.pair.Store(&pair)
	return nil
}

// TLS is the configuration of a member for both directions. Callers without a
// certificate are let in as far as the fabric's open methods.
func (c *Credentials) TLS() *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.Load(), nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return c.pair.Load(), nil
		},
		Time:       c.clock,
		RootCAs:    c.pool,
		ClientCAs:  c.pool,
		ClientAuth: tls.VerifyClientCertIfGiven,
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
	}
}

// RenewAt returns when the certificate is to be renewed: when two thirds of its
// life are over.
func (c *Credentials) RenewAt() time.Time {
	leaf := c.pair.Load().Leaf
	return leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
}

// NotAfter returns when the certificate expires.
func (c *Credentials) NotAfter() time.Time { return c.pair.Load().Leaf.NotAfter }
