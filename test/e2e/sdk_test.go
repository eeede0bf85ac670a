package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

const region = "us-east-1"

// sdk is aws-sdk-go-v2 at the gateway of one node.
type sdk struct{ *s3.Client }

func newSDK(t testing.TB, c *testproc.Cluster, node string, options ...func(*s3.Options)) sdk {
	t.Helper()
	keys, err := c.Keys()
	require.NoError(t, err)
	o := s3.Options{
		BaseEndpoint: aws.String(c.Node(node).S3), Region: region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKey, keys.Secret, ""),
		HTTPClient:  httpClient(t, c),
	}
	for _, opt := range options {
		opt(&o)
	}
	return sdk{s3.New(o)}
}

// httpClient trusts the cluster's certificate and keeps connections of its own.
func httpClient(t testing.TB, c *testproc.Cluster) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(c.CertFile())
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	tr := &http.Transport{MaxIdleConnsPerHost: 64, TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (s sdk) createBucket(t testing.TB, bucket string) {
	t.Helper()
	_, err := s.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	require.NoError(t, err)
}

func (s sdk) put(t testing.TB, bucket, key string, body []byte) {
	t.Helper()
	_, err := s.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	require.NoError(t, err, "put %q", key)
}

func (s sdk) get(t testing.TB, bucket, key string) []byte {
	t.Helper()
	body, err := s.read(t.Context(), bucket, key)
	require.NoError(t, err, "get %q", key)
	return body
}

func (s sdk) read(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

// keys lists a bucket page by page. It asks for keys in URL encoding, as XML has
// no way to write some characters.
func (s sdk) keys(t testing.TB, bucket string) (keys []string) {
	t.Helper()
	in := &s3.ListObjectsV2Input{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}
	for p := s3.NewListObjectsV2Paginator(s.Client, in); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		require.NoError(t, err)
		for _, o := range page.Contents {
			key, err := url.QueryUnescape(*o.Key)
			require.NoError(t, err)
			keys = append(keys, key)
		}
	}
	return keys
}

// random returns bytes that no compression shrinks and no other seed gives.
func random(seed byte, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

// waitClean waits until the cluster is clean by itself.
func waitClean(t testing.TB, at *testproc.Node, within time.Duration) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	took, err := at.WaitClean(ctx)
	require.NoError(t, err)
	return took
}
