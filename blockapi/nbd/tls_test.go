package nbd

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority is a CA for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	c := a.issue("authority")
	a.cert, a.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue makes a certificate, of the authority itself when it has none yet.
func (a *authority) issue(name string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: a.cert == nil,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(a.t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// server returns a policy under which clients need a certificate of a; its name
// is the principal, and "mallory" is refused.
func (a *authority) server(p TLSPolicy) TLS {
	return TLS{
		Policy: p,
		Config: &tls.Config{
			Certificates: []tls.Certificate{a.issue("server")},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: a.pool(),
		},
		Identify: func(s tls.ConnectionState) (string, error) {
			if name := s.VerifiedChains[0][0].Subject.CommonName; name != "mallory" {
				return name, nil
			}
			return "", errors.New("mallory")
		},
	}
}

// startTLS encrypts the connection as the holder of certs.
func (c *client) startTLS(a *authority, certs ...tls.Certificate) error {
	c.t.Helper()
	require.Equal(c.t, repAck, c.final(optStartTLS, nil))
	conn := tls.Client(c.conn, &tls.Config{RootCAs: a.pool(), ServerName: "server", Certificates: certs})
	c.conn, c.in = conn, bufio.NewReaderSize(conn, 256<<10)
	return conn.Handshake()
}

func TestTLSRequired(t *testing.T) {
	a, exports := newAuthority(t), twoVolumes()
	srv := newTestServer(t, Config{Exports: exports, TLS: a.server(TLSRequired)})
	c := dial(t, srv).newstyle()
	for _, opt := range []option{optList, optInfo, optGo, optStructuredReply, optExtendedHeaders, optListMetaContext, optSetMetaContext, 77} {
		require.Equal(t, repErrTLSReqd, c.final(opt, nil))
	}
	require.Equal(t, repErrInvalid, c.final(optStartTLS, []byte{0}))
	require.NoError(t, c.startTLS(a, a.issue("alice")))
	require.Equal(t, repErrInvalid, c.final(optStartTLS, nil), "TLS twice")
	require.Equal(t, repErrUnsup, c.final(77, nil))

	require.Equal(t, repAck, c.final(optStructuredReply, nil))
	require.Equal(t, repAck, c.final(optGo, infoData("v")))
	c.style = styleStructured
	require.Equal(t, []Peer{{Conn: 1, Remote: exports[0].attachments()[0].Remote, TLS: true, Principal: "alice"}}, exports[0].attachments())
	data := make([]byte, 3<<20)
	_, _ = rand.Read(data)
	for _, n := range []int{1, 512, 3 << 20} {
		require.Zero(t, c.errnoOfDo(cmdWrite, 0, 0, uint64(min(n, 1<<20)), data[:min(n, 1<<20)]))
		require.Equal(t, data[:min(n, 1<<20)], c.do(cmdRead, cmdFlagDF, 0, uint64(min(n, 1<<20)), nil).data)
	}
	c.send(cmdDisc, 0, 0, 0, nil)
	_, err := c.in.ReadByte()
	require.EqualError(t, err, "EOF", "the end is announced in the way of TLS")

	short := dial(t, srv).newstyle()
	short.sendOption(optExportName, []byte("v"))
	short.requireHangUp()
	ends := dial(t, srv).newstyle()
	require.Equal(t, repAck, ends.final(optAbort, nil))
}

// What was agreed on in clear is forgotten.
func TestStartTLSForgets(t *testing.T) {
	a := newAuthority(t)
	c := dial(t, newTestServer(t, Config{Exports: twoVolumes(), TLS: a.server(TLSOptional)})).newstyle()
	require.Equal(t, repAck, c.final(optExtendedHeaders, nil))
	require.Len(t, c.option(optSetMetaContext, metaData("v", ContextAllocation)), 2)
	require.NoError(t, c.startTLS(a, a.issue("alice")))
	require.Equal(t, repErrInvalid, c.final(optListMetaContext, metaData("v")), "no style is agreed on")
	require.Equal(t, exportInfo(1<<20, vFlags), c.option(optGo, infoData("v"))[0])
	require.Zero(t, c.errnoOfDo(cmdRead, 0, 0, 10, nil), "simple")
}

// Bytes sent in clear behind STARTTLS are not taken for encrypted ones.
func TestStartTLSInjection(t *testing.T) {
	a, exports := newAuthority(t), twoVolumes()
	c := dial(t, newTestServer(t, Config{Exports: exports, TLS: a.server(TLSOptional)})).newstyle()
	c.write(join(optionBytes(optStartTLS, nil, 0), optionBytes(optGo, infoData("v"), 7)))
	c.read(lenOptionReply)
	_, err := c.in.ReadByte()
	for err == nil { // an alert, then the end
		_, err = c.in.ReadByte()
	}
	require.Empty(t, exports[0].attachments())
}

func TestTLSRefusesClients(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	srv := newTestServer(t, Config{Exports: twoVolumes(), TLS: a.server(TLSRequired)})
	for name, certs := range map[string][]tls.Certificate{
		"no certificate": nil, "a stranger": {other.issue("alice")}, "refused by name": {a.issue("mallory")},
	} {
		c := dial(t, srv).newstyle()
		err := c.startTLS(a, certs...)
		if err == nil { // TLS 1.3: the client learns later
			_, err = c.in.ReadByte()
		}
		require.Error(t, err, name)
	}
}

func TestTLSOptionalGoesWithout(t *testing.T) {
	a, exports := newAuthority(t), twoVolumes()
	c := dial(t, newTestServer(t, Config{Exports: exports, TLS: a.server(TLSOptional)})).attach(styleSimple, "v")
	require.Zero(t, c.errnoOfDo(cmdRead, 0, 0, 10, nil))
	require.False(t, exports[0].attachments()[0].TLS)
}
