// Package pki makes the certificates that nodes know each other by, and the
// tokens that new nodes join with. It does no I/O.
//
// The first node of a cluster makes the CA and the cluster key. A node has one
// certificate, whose DNS name is its node id; every connection between nodes is
// TLS 1.3 with both sides verified against the CA. A join token carries the
// fingerprint of the CA, so that a joining node cannot be fooled, and a MAC
// under the cluster key, so that any member can check it without a lookup.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"cairn/node/fabric"
	"cairn/placement"
)

// Validity of the CA, which is private to one cluster and outlives any plausible
// deployment, and of what it signs, which is renewed in time.
const (
	caLife   = 20 * 365 * 24 * time.Hour
	NodeLife = 365 * 24 * time.Hour
)

// CA signs the certificates of one cluster.
type CA struct {
	CertPEM []byte
	KeyPEM  []byte // secret
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

// NewCA makes a CA with a fresh P-256 key.
func NewCA(now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := template("cairn cluster CA", now, caLife)
	tmpl.IsCA, tmpl.BasicConstraintsValid = true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return LoadCA(encodeCert(der), keyPEM)
}

// LoadCA reads a CA that was stored as PEM.
func LoadCA(certPEM, keyPEM []byte) (*CA, error) {
	cert, err := parseCert(certPEM)
	if err != nil {
		return nil, fmt.Errorf("cluster CA certificate: %w", err)
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, fmt.Errorf("cluster CA key: not PEM")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cluster CA key: %w", err)
	}
	return &CA{CertPEM: certPEM, KeyPEM: keyPEM, cert: cert, key: key}, nil
}

// NewKey makes the key pair of a node; it never leaves the node.
func NewKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	p, err := encodeKey(key)
	return key, p, err
}

// PublicKey returns the DER form of key's public half, which a joining node
// sends.
func PublicKey(key *ecdsa.PrivateKey) ([]byte, error) {
	return x509.MarshalPKIXPublicKey(key.Public())
}

// SignNode returns the certificate (PEM) of a node for the public key (DER).
func (ca *CA) SignNode(id placement.NodeID, public []byte, now time.Time) ([]byte, error) {
	pub, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("public key of node %d: %w", id, err)
	}
	tmpl := template(fmt.Sprintf("cairn node %d", id), now, NodeLife)
	tmpl.DNSNames = []string{fabric.NodeName(id)}
	tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, pub, ca.key)
	if err != nil {
		return nil, err
	}
	return encodeCert(der), nil
}

func template(name string, now time.Time, life time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(life),
	}
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func parseCert(p []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(p)
	if block == nil {
		return nil, fmt.Errorf("not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
