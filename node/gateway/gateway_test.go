package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/iam"
	"cairn/node/gateway"
	"cairn/objectapi/machine"
	"cairn/store"
	"cairn/store/memstore"
)

// certificate writes a self-signed certificate with a serial number.
func certificate(t *testing.T, dir string, serial int64) (cert, key string) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "s3"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(k)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	return cert, key
}

// served returns the serial number of the certificate that a client gets.
func served(t *testing.T, url string) int64 {
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Get(url)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusForbidden, resp.StatusCode, "unsigned")
	return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, err := gateway.LoadCertificate(certificate(t, dir, 1))
	require.NoError(t, err)
	st := memstore.New(machine.New())
	s, err := gateway.Start(gateway.Config{
		Addr: "127.0.0.1:0", Cert: cert, Store: st, IAM: iam.New(st, [32]byte{1}), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.EqualValues(t, 1, served(t, s.URL()))

	certificate(t, dir, 2)
	require.NoError(t, cert.Reload())
	require.EqualValues(t, 2, served(t, s.URL()))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), []byte("x"), 0o600))
	require.Error(t, cert.Reload())
	require.EqualValues(t, 2, served(t, s.URL()), "a bad file changes nothing")
}

func TestCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	first, fresh, err := gateway.EnsureCredentials(path)
	require.NoError(t, err)
	require.True(t, fresh)
	require.Len(t, first.AccessKey, 20)
	again, fresh, err := gateway.EnsureCredentials(path)
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, first, again)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode().Perm())

	require.NoError(t, os.WriteFile(path, []byte("[default]\naws_access_key_id = A\n"), 0o600))
	_, _, err = gateway.EnsureCredentials(path)
	require.True(t, store.Is(err, store.KindCorrupt), "half a file is not replaced: %v", err)
}
