package pki

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// ClusterKey seals secrets at rest and authenticates join tokens. Every member
// has it.
type ClusterKey [32]byte

// NewClusterKey makes a random key.
func NewClusterKey() (ClusterKey, error) {
	var k ClusterKey
	_, err := rand.Read(k[:])
	return k, err
}

// Token is what a new node needs to join: where to ask, how to know that it is
// the right cluster, and the proof that it was invited.
type Token struct {
	Addrs   []string `json:"a"`
	CA      []byte   `json:"c"` // sha256 of the CA certificate's DER
	Expires int64    `json:"e"` // Unix seconds
	MAC     []byte   `json:"m"`
}

const tokenPrefix = "cairn-join-"

// NewToken invites to the cluster until expires.
func NewToken(key ClusterKey, caPEM []byte, addrs []string, expires time.Time) (Token, error) {
	cert, err := parseCert(caPEM)
	if err != nil {
		return Token{}, err
	}
	fp := sha256.Sum256(cert.Raw)
	t := Token{Addrs: addrs, CA: fp[:], Expires: expires.Unix()}
	t.MAC = t.mac(key)
	return t, nil
}

// mac covers what a member must trust; the addresses are only a hint.
func (t Token) mac(key ClusterKey) []byte {
	h := hmac.New(sha256.New, key[:])
	fmt.Fprintf(h, "cairn join v1\n%x\n%d", t.CA, t.Expires)
	return h.Sum(nil)
}

// Verify checks a token that a joining node presented.
func (t Token) Verify(key ClusterKey, now time.Time) error {
	if !hmac.Equal(t.MAC, t.mac(key)) {
		return fmt.Errorf("the join token is not of this cluster; make one with `cairn node token`")
	}
	if now.Unix() > t.Expires {
		return fmt.Errorf("the join token expired at %s; make a new one with `cairn node token`",
			time.Unix(t.Expires, 0).UTC().Format(time.RFC3339))
	}
	return nil
}

// String returns the token as one word to paste.
func (t Token) String() string {
	b, _ := json.Marshal(t)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseToken reads what [Token.String] wrote.
func ParseToken(s string) (Token, error) {
	var t Token
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), tokenPrefix)
	if !ok {
		return t, fmt.Errorf("a join token begins with %q", tokenPrefix)
	}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil {
		return t, fmt.Errorf("join token: %w; was it pasted whole?", err)
	}
	if err := json.Unmarshal(b, &t); err != nil || len(t.Addrs) == 0 {
		return t, fmt.Errorf("join token: damaged; was it pasted whole?")
	}
	return t, nil
}

// TLS returns the configuration to call a member with before one has a
// certificate: the member must show a certificate of the token's CA.
func (t Token) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		// The chain is checked below against the pinned CA instead of a name.
		InsecureSkipVerify: true,
		VerifyConnection:   t.verifyServer,
	}
}

// verifyServer accepts a leaf signed by the CA whose fingerprint the token has.
// The server sends its CA behind its leaf for this.
func (t Token) verifyServer(s tls.ConnectionState) error {
	for _, ca := range s.PeerCertificates {
		fp := sha256.Sum256(ca.Raw)
		if subtle.ConstantTimeCompare(fp[:], t.CA) != 1 {
			continue
		}
		pool := x509.NewCertPool()
		pool.AddCert(ca)
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool})
		return err
	}
	return fmt.Errorf("the server does not belong to the cluster of this join token")
}
