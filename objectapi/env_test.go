package objectapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"cairn/iam"
	"cairn/objectapi/machine"
	"cairn/objectapi/uri"
	"cairn/store"
	"cairn/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// env is a gateway on an in-memory store, behind a real HTTP server.
type env struct {
	t       testing.TB
	mem     *memstore.Store
	iam     *iam.Service
	gateway *Gateway
	server  *httptest.Server
	metrics *prometheus.Registry
	log     *lockedBuffer
	key     iam.Key // of alice
	faults  faults
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// faults are hooks that may be set while requests run. Each is asked before the
// call it is named after; its error is the call's.
type faults struct {
	mu           sync.Mutex
	do, ask, put func() error
	get          func(store.Ref) error
}

// set changes the hooks.
func (f *faults) set(change func(*faults)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// answer returns a hook's answer; the hook runs outside the lock.
func (f *faults) answer(which func(*faults) func() error) error {
	f.mu.Lock()
	hook := which(f)
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook()
}

func (f *faults) wrap(s store.Store) *memstore.Faulty {
	return &memstore.Faulty{
		Store: s,
		BeforeDo: func(context.Context, []byte, []byte) error {
			return f.answer(func(f *faults) func() error { return f.do })
		},
		BeforeAsk: func(context.Context, []byte, []byte) error {
			return f.answer(func(f *faults) func() error { return f.ask })
		},
		BeforePut: func(context.Context, store.Owner, []byte) error {
			return f.answer(func(f *faults) func() error { return f.put })
		},
		BeforeGet: func(_ context.Context, ref store.Ref, _, _ int) error {
			return f.answer(func(f *faults) func() error {
				if f.get == nil {
					return nil
				}
				get := f.get
				return func() error { return get(ref) }
			})
		},
	}
}

func newEnv(t testing.TB, change ...func(*Config)) *env {
	mem := memstore.New(machine.New())
	e := &env{t: t, mem: mem, metrics: prometheus.NewRegistry(), log: &lockedBuffer{}}
	e.iam = iam.New(mem, [32]byte{7})
	e.key = e.user("alice")
	cfg := Config{
		Store: e.faults.wrap(mem), IAM: e.iam, Domains: []string{"s3.test"}, Registerer: e.metrics,
		Logger: slog.New(slog.NewTextHandler(e.log, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	e.gateway, err = New(cfg)
	require.NoError(t, err)
	e.gateway.retryAfter = time.Millisecond
	e.server = httptest.NewUnstartedServer(nil)
	e.server.Config = NewServer(e.gateway, slog.New(slog.DiscardHandler))
	e.server.Start()
	e.server.Client().Transport.(*http.Transport).DisableCompression = true
	t.Cleanup(e.close)
	return e
}

// close checks, beside ending everything, that no memory was lost.
func (e *env) close() {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	e.server.Close()
	e.gateway.Close()
	require.Zero(e.t, e.gateway.uploads.used.Load(), "upload memory")
	require.Zero(e.t, e.gateway.downloads.used.Load(), "download memory")
	require.Zero(e.t, e.mem.Stats().Buffers, "buffers of the store")
	require.Zero(e.t, e.gateway.inFlight.Load())
	require.NoError(e.t, e.mem.Audit())
}

func (e *env) user(name string) iam.Key {
	_, err := e.iam.CreateUser(context.Background(), name)
	require.NoError(e.t, err)
	key, err := e.iam.CreateKey(context.Background(), name)
	require.NoError(e.t, err)
	return key
}

// client is an S3 client with a key, addressing by path and without retries.
func (e *env) client(key iam.Key, change ...func(*s3.Options)) *s3.Client {
	o := s3.Options{
		BaseEndpoint: aws.String(e.server.URL), Region: "us-east-1", UsePathStyle: true,
		Credentials:      credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
		RetryMaxAttempts: 1,
		HTTPClient:       e.server.Client(),
	}
	for _, f := range change {
		f(&o)
	}
	return s3.New(o)
}

func (e *env) alice(change ...func(*s3.Options)) *s3.Client { return e.client(e.key, change...) }

func (e *env) bucket(name string) string {
	_, err := e.alice().CreateBucket(e.t.Context(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(e.t, err)
	return name
}

func (e *env) put(bucket, key string, body []byte) *s3.PutObjectOutput {
	out, err := e.alice().PutObject(e.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	require.NoError(e.t, err)
	return out
}

func (e *env) get(bucket, key string) []byte {
	out, err := e.alice().GetObject(e.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	require.NoError(e.t, err)
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	require.NoError(e.t, err)
	return b
}

func (e *env) ns(bucket string) store.NS {
	n, err := e.mem.ReadName(context.Background(), store.NameBucket, bucket)
	require.NoError(e.t, err)
	return bucketNS(n)
}

// code requires that err is an API error of the code.
func code(t testing.TB, want string, err error) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, want, api.ErrorCode(), "%v", err)
}

// status requires the HTTP status of err, for answers without a body.
func status(t testing.TB, want int, err error) {
	t.Helper()
	var r interface{ HTTPStatusCode() int }
	require.ErrorAs(t, err, &r)
	require.Equal(t, want, r.HTTPStatusCode(), "%v", err)
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// raw sends a request of our own making, signed by alice with the payload
// unsigned, and returns the answer with its body read.
func (e *env) raw(method, target string, body io.Reader, headers ...string) (*http.Response, string) {
	req := e.rawRequest(method, target, body, headers...)
	e.sign(req, e.key, "UNSIGNED-PAYLOAD", time.Now())
	return e.send(req)
}

// rawRequest makes a request whose target goes on the wire as it is.
func (e *env) rawRequest(method, target string, body io.Reader, headers ...string) *http.Request {
	req, err := http.NewRequestWithContext(context.Background(), method, e.server.URL+target, body)
	require.NoError(e.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

func (e *env) sign(req *http.Request, key iam.Key, payload string, at time.Time) {
	req.Header.Set("X-Amz-Content-Sha256", payload)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	err := signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, req, payload, "s3", "us-east-1", at)
	require.NoError(e.t, err)
}

func (e *env) send(req *http.Request) (*http.Response, string) {
	resp, err := e.server.Client().Do(req)
	require.NoError(e.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	return resp, string(b)
}

// pattern returns n bytes that differ from place to place. Do not change them.
func pattern(n int) []byte { return patternBytes()[:n:n] }

var patternBytes = sync.OnceValue(func() []byte {
	b := make([]byte, 24<<20)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
})

// element returns the text of the first element of that name in a document.
func element(doc, name string) string {
	_, rest, ok := strings.Cut(doc, "<"+name+">")
	if !ok {
		return ""
	}
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// decodeListed undoes encoding-type=url.
func decodeListed(s string) (string, error) { return uri.DecodeForm(s) }
