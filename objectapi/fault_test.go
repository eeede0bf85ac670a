package objectapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/store"
)

// fromCall returns a hook that runs f at its n-th call and at times more.
func fromCall(n, times int32, f func() error) func() error {
	var calls atomic.Int32
	return func() error {
		if c := calls.Add(1); c >= n && c < n+times {
			return f()
		}
		return nil
	}
}

func unavailable() error { return store.Errorf(store.KindUnavailable, "test", "too few shards") }

// TestFailedPlacement fails each blob of an upload in turn, then the commit: the
// old object stays.
func TestFailedPlacement(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("placement")
	e.put(b, "k", []byte("old"))
	body := pattern(20 << 20)
	for n := int32(1); n <= 4; n++ {
		e.faults.set(func(f *faults) {
			f.put = fromCall(n, 100, unavailable)
			if n == 4 {
				f.do = unavailable
			}
		})
		_, err := e.alice().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: bytes.NewReader(body)})
		code(t, "SlowDown", err)
		e.faults.set(func(f *faults) { f.put, f.do = nil, nil })
		require.Equal(t, "old", string(e.get(b, "k")))
	}
}

// TestPatience lets blobs fail for a while: neither upload nor download notices.
func TestPatience(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("patience")
	body := pattern(9 << 20)
	e.faults.set(func(f *faults) {
		f.put = fromCall(1, blobTries-1, unavailable)
		get := fromCall(1, blobTries-1, unavailable)
		f.get = func(store.Ref) error { return get() }
	})
	e.put(b, "k", body)
	require.True(t, bytes.Equal(body, e.get(b, "k")))
}

// TestBrokenUpload cuts the connection in the middle of a body.
func TestBrokenUpload(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("broken")
	e.put(b, "k", []byte("old"))
	for _, n := range []int{1000, 9 << 20} {
		body := io.MultiReader(bytes.NewReader(pattern(n)), iotest.ErrReader(errors.New("broken")))
		req := e.rawRequest("PUT", "/broken/k", body)
		req.ContentLength = 10 << 20
		e.sign(req, e.key, "UNSIGNED-PAYLOAD", time.Now())
		_, err := e.server.Client().Do(req)
		require.ErrorContains(t, err, "broken")
	}
	require.Equal(t, "old", string(e.get(b, "k")))
}

// dial sends bytes on a connection of our own.
func (e *env) dial(text string) net.Conn {
	c, err := net.Dial("tcp", e.server.Listener.Addr().String())
	require.NoError(e.t, err)
	_, err = io.WriteString(c, text)
	require.NoError(e.t, err)
	return c
}

// head returns a signed request's head as it goes over the wire.
func (e *env) head(method, target string, length int) string {
	req := e.rawRequest(method, target, nil)
	req.ContentLength = int64(length)
	e.sign(req, e.key, "UNSIGNED-PAYLOAD", time.Now())
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, target, req.URL.Host, length)
	req.Header.Write(&b)
	return b.String() + "\r\n"
}

// TestStalledUpload sends a part of a body and then nothing.
func TestStalledUpload(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.Limits.Stall = time.Second })
	e.bucket("stalled")
	c := e.dial(e.head("PUT", "/stalled/k", 1<<20) + "only this")
	defer c.Close()
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Contains(t, string(answer), "<Code>RequestTimeout</Code>")
}

// TestStalledDownload asks for an object and does not read it: the connection
// is cut and its memory given back.
func TestStalledDownload(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.Limits.Stall = time.Second })
	b := e.bucket("stalled")
	e.put(b, "k", pattern(24<<20))
	c := e.dial(e.head("GET", "/stalled/k", 0))
	defer c.Close()
	require.Eventually(t, func() bool { return e.gateway.downloads.used.Load() > 0 }, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool { return e.gateway.downloads.used.Load() == 0 }, time.Minute, time.Millisecond)
}

// TestFailedRead fails each piece of an object in turn: before the first byte it
// is an S3 error, then a cut connection, never a short success.
func TestFailedRead(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("reads")
	body := pattern(20 << 20)
	e.put(b, "k", body)
	obj, err := e.gateway.objects.Get(t.Context(), e.ns(b), "k", machine.Whole)
	require.NoError(t, err)
	for i, p := range obj.Pieces {
		e.faults.set(func(f *faults) {
			f.get = func(r store.Ref) error {
				if r == p.Ref {
					return unavailable()
				}
				return nil
			}
		})
		req := e.rawRequest("GET", "/reads/k", nil)
		e.sign(req, e.key, "UNSIGNED-PAYLOAD", time.Now())
		resp, err := e.server.Client().Do(req)
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if i == 0 {
			require.Equal(t, 503, resp.StatusCode)
			continue
		}
		require.Error(t, err)
		require.Equal(t, 200, resp.StatusCode)
		require.True(t, bytes.Equal(body[:i*store.MaxBlob], got))
	}
	e.faults.set(func(f *faults) { f.get = nil })
	require.True(t, bytes.Equal(body, e.get(b, "k")))
}

// TestReplacedWhileRead replaces the object, and has its blobs collected,
// between the query and the read.
func TestReplacedWhileRead(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("replaced")
	const after = "new, and small enough for its row"
	var hours atomic.Int64
	e.mem.SetClock(func() time.Time { return time.Now().Add(time.Duration(hours.Load()) * time.Hour) })
	replace := func(store.Ref) error {
		e.faults.set(func(f *faults) { f.get = nil })
		e.put(b, "k", []byte(after))
		hours.Add(25) // longer than a read holds its blobs
		_, err := e.mem.Collect()
		return err
	}
	for range 3 {
		e.put(b, "k", pattern(100_000))
		e.faults.set(func(f *faults) { f.get = replace })
		require.Equal(t, after, string(e.get(b, "k")))

		e.put(b, "k", pattern(20<<20))
		e.faults.set(func(f *faults) { f.get = replace })
		_, err := e.alice().CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String("replaced/k")})
		require.NoError(t, err)
		require.Equal(t, after, string(e.get(b, "copy")))
	}
}

// TestDownloadErrorStays reads on behind an error: it must not look like the end.
func TestDownloadErrorStays(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("sticky")
	for _, size := range []int{100_000, 20 << 20} {
		e.put(b, "k", pattern(size))
		e.faults.set(func(f *faults) { f.get = func(store.Ref) error { return unavailable() } })
		src, err := e.gateway.openSource(t.Context(), e.ns(b), "k", machine.Whole)
		require.NoError(t, err)
		d := src.fetch(t.Context())
		for range 3 {
			_, err = d.next()
			require.True(t, store.Is(err, store.KindUnavailable), "%v", err)
		}
		d.close()
		e.faults.set(func(f *faults) { f.get = nil })
	}
}

func TestAdmission(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.Limits.Requests = 1 })
	b := e.bucket("admission")
	running, goOn := make(chan struct{}), make(chan struct{})
	e.faults.set(func(f *faults) {
		f.ask = func() error {
			close(running)
			<-goOn
			return nil
		}
	})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		e.raw("HEAD", "/admission/k", nil)
	}()
	<-running
	resp, body := e.raw("GET", "/", nil)
	require.Equal(t, 503, resp.StatusCode)
	require.Equal(t, "SlowDown", element(body, "Code"))
	close(goOn)
	wg.Wait()
	e.faults.set(func(f *faults) { f.ask = nil })
	e.put(b, "k", nil)

	e.gateway.Drain()
	resp, body = e.raw("GET", "/", nil)
	require.Equal(t, "ServiceUnavailable", element(body, "Code"))
	require.True(t, resp.Close)
}

// TestMemoryBudget runs more uploads and downloads than their memory allows at
// once: they wait for each other, and end.
func TestMemoryBudget(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.Limits.UploadMemory, c.Limits.DownloadMemory = minMemory, minMemory })
	b := e.bucket("memory")
	body := pattern(17 << 20)
	var exceeded atomic.Bool
	e.faults.set(func(f *faults) {
		look := func(b *budget) func() error {
			return func() error {
				if b.used.Load() > minMemory {
					exceeded.Store(true)
				}
				return nil
			}
		}
		f.put = look(e.gateway.uploads)
		f.get = func(store.Ref) error { return look(e.gateway.downloads)() }
	})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			key := fmt.Sprint(i)
			e.put(b, key, body)
			require.True(e.t, bytes.Equal(body, e.get(b, key)))
		}()
	}
	wg.Wait()
	require.False(t, exceeded.Load())
}

// TestExpectContinue refuses a request before its body is sent.
func TestExpectContinue(t *testing.T) {
	e := newEnv(t)
	e.bucket("expect")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute, DisableKeepAlives: true}}
	send := func(target string, size int64, body io.Reader) *http.Response {
		req := e.rawRequest("PUT", target, body, "Expect", "100-continue")
		req.ContentLength = size
		e.sign(req, e.key, "UNSIGNED-PAYLOAD", time.Now())
		resp, err := client.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		return resp
	}
	unread := io.MultiReader(readerFunc(func([]byte) (int, error) { return 0, errors.New("the body was asked for") }))
	require.Equal(t, 404, send("/no-such-bucket/k", 5, unread).StatusCode)
	require.Equal(t, 400, send("/expect/k", machine.MaxSingle+1, unread).StatusCode, "EntityTooLarge")
	require.Equal(t, 200, send("/expect/k", 5, io.MultiReader(strings.NewReader("hello"))).StatusCode)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestKeepAlive makes a Complete and a copy so slow that their answers begin
// early, with success and with failure.
func TestKeepAlive(t *testing.T) {
	e := newEnv(t)
	e.gateway.keepAliveAfter = time.Millisecond
	b := e.bucket("slow")
	u := e.upload(b, "k", s3.CreateMultipartUploadInput{})
	u.part(1, []byte("x"))
	slow := func(err error) func() error {
		return func() error {
			time.Sleep(20 * time.Millisecond)
			return err
		}
	}
	e.faults.set(func(f *faults) { f.do = slow(unavailable()) })
	_, err := u.complete()
	code(t, "SlowDown", err)
	e.faults.set(func(f *faults) { f.do = slow(nil) })
	_, err = u.complete()
	require.NoError(t, err)
	_, err = e.alice().CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &b, Key: aws.String("copy"), CopySource: aws.String("slow/k")})
	require.NoError(t, err)
	require.Contains(t, e.log.String(), "code=SlowDown")
}

func TestLostReply(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("lost")
	e.mem.LoseReplies(1)
	e.put(b, "k", []byte("x"))
	require.Equal(t, "x", string(e.get(b, "k")))
}

// TestErrorTable checks what the table promises of kinds without a reason.
func TestErrorTable(t *testing.T) {
	for kind, want := range map[store.ErrKind]s3err.Code{
		store.KindInternal: s3err.InternalError, store.KindNotFound: s3err.InternalError, store.KindUnavailable: s3err.SlowDown,
		store.KindCorrupt: s3err.InternalError, store.KindTimeout: s3err.InternalError, store.KindNoSpace: s3err.ServiceUnavailable,
		store.KindUnknownFormat: s3err.InternalError, store.KindTooOld: s3err.RequestTimeout, store.KindCanceled: clientGone,
	} {
		e := toS3(&store.Error{Op: "test", Kind: kind})
		require.Equal(t, want, e.Code, kind)
		require.Error(t, e.Cause)
	}
	require.Equal(t, clientGone, toS3(context.Canceled).Code)
}

func TestObservation(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("observed")
	e.put(b, "k", pattern(100_000))
	e.get(b, "k")
	_, err := e.alice().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b, Key: aws.String("none")})
	code(t, "NoSuchKey", err)
	e.raw("GET", "/observed?inventory", nil)
	got := map[string]float64{}
	families, err := e.metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue()
		}
	}
	require.EqualValues(t, 1, got["cairn_s3_requests_total PutObject 200"])
	require.EqualValues(t, 1, got["cairn_s3_requests_total GetObject 404"])
	require.EqualValues(t, 1, got["cairn_s3_errors_total NoSuchKey GetObject"])
	require.EqualValues(t, 1, got["cairn_s3_requests_total NotOffered 501"])
	require.GreaterOrEqual(t, got["cairn_s3_received_bytes_total"], 100_000.0)
	require.GreaterOrEqual(t, got["cairn_s3_sent_bytes_total"], 100_000.0)
	require.Contains(t, e.log.String(), "user=alice access_key="+e.key.ID+" op=PutObject bucket=observed key=k status=200")
}
