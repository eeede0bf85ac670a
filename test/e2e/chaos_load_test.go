package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/time/rate"
)

// chaosBuckets are more than one, so that several metadata groups own keys.
var chaosBuckets = []string{"chaos-one", "chaos-two", "chaos-three"}

// chaosSizes are those of the objects: inline, packs or copies, and blobs.
var chaosSizes = []int{100, 4 << 10, 20 << 10, 200 << 10, 1 << 20, 3 << 20}

// What a run by chance may store, so that hours of it fit on a disk of some 30 GB:
// what is deleted takes its space for a quarter of an hour more.
const (
	chaosBytes = 8 << 20 // a second
	chaosKeys  = 1500    // a worker
)

// worker writes, overwrites, deletes and reads keys that are its own, one
// operation behind the other, so that it knows what each read must give.
type worker struct {
	load   *load
	id     int
	rng    *rand.Rand
	values map[string]*value
	names  []string // of the keys in values, for picking one
}

// value is what may be read under a key: the state that was acknowledged last,
// or that of a later write whose outcome is not known. "" is absence.
type value struct {
	acked   string
	unknown []string
}

func (v *value) allows(sum string) bool {
	if sum == v.acked {
		return true
	}
	for _, u := range v.unknown {
		if sum == u {
			return true
		}
	}
	return false
}

// load is all workers together, and what went wrong.
type load struct {
	client  *balanced
	workers []*worker
	acks    *acks
	space   *rate.Limiter // bytes to store

	mu      sync.Mutex
	excused time.Time // what began before this may fail: a quorum was down
	excuses int
	failed  []string
	wrong   []string
}

const chaosWriters = 8

func newLoad(client *balanced, seed uint64, space rate.Limit) *load {
	l := &load{client: client, acks: newAcks(), space: rate.NewLimiter(space, 64<<20)}
	for i := range chaosWriters {
		l.workers = append(l.workers, &worker{
			load: l, id: i, rng: rand.New(rand.NewPCG(seed, uint64(i))), values: map[string]*value{},
		})
	}
	return l
}

// run lets the workers work until ctx ends; what they have begun they finish.
func (l *load) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, w := range l.workers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				w.step(context.WithoutCancel(ctx), i)
			}
		})
	}
	wg.Wait()
}

// step does one operation.
func (w *worker) step(ctx context.Context, i int) {
	what := w.rng.IntN(100)
	switch {
	case len(w.names) == 0 || what < 60 && len(w.names) < chaosKeys:
		key := fmt.Sprintf("%s/w%d/%06d", chaosBuckets[w.rng.IntN(len(chaosBuckets))], w.id, i)
		w.values[key] = &value{}
		w.names = append(w.names, key)
		w.write(ctx, key)
	case what < 75:
		w.write(ctx, w.some())
	case what < 80:
		w.delete(ctx, w.some())
	default:
		w.load.verify(ctx, w.some(), w.values)
	}
}

// some picks one of the worker's keys, new ones more often: what was written in
// a fault is read in the same.
func (w *worker) some() string {
	n := len(w.names)
	return w.names[n-1-min(w.rng.IntN(n), w.rng.IntN(n))]
}

func (w *worker) write(ctx context.Context, key string) {
	size := chaosSizes[min(w.rng.IntN(len(chaosSizes)), w.rng.IntN(len(chaosSizes)))] + w.rng.IntN(1000)
	if err := w.load.space.WaitN(ctx, size); err != nil {
		return // the test has ended
	}
	body := make([]byte, size)
	for j := 0; j < len(body); j += 1 + w.rng.IntN(4) {
		body[j] = byte(w.rng.Uint32())
	}
	w.change(ctx, key, sumOf(body), func(ctx context.Context, s sdk, bucket, name string) error {
		_, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &name, Body: bytes.NewReader(body)})
		return err
	})
}

func (w *worker) delete(ctx context.Context, key string) {
	w.change(ctx, key, "", func(ctx context.Context, s sdk, bucket, name string) error {
		_, err := s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &name})
		return err
	})
}

// change runs a write of one key and notes what may be read under it after.
func (w *worker) change(ctx context.Context, key, sum string, op func(ctx context.Context, s sdk, bucket, name string) error) {
	bucket, name, _ := strings.Cut(key, "/")
	v := w.values[key]
	began := time.Now()
	err := w.load.client.do(ctx, func(ctx context.Context, s sdk) error { return op(ctx, s, bucket, name) })
	if err != nil {
		v.unknown = append(v.unknown, sum)
		w.load.fail("write", key, began, err)
		return
	}
	v.acked, v.unknown = sum, nil
	w.load.acks.add(bucket, began)
}

// verify reads a key and compares with what may be there. A read that differs is
// never excused.
func (l *load) verify(ctx context.Context, key string, values map[string]*value) {
	began := time.Now()
	sum, err := l.readSum(ctx, key)
	if err != nil {
		l.fail("read", key, began, err)
		return
	}
	if v := values[key]; !v.allows(sum) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.wrong = append(l.wrong, fmt.Sprintf("%s reads as %.12q, acknowledged is %.12q, and %d are unknown", key, sum, v.acked, len(v.unknown)))
	}
}

// readSum returns the sum of an object, "" if there is none.
func (l *load) readSum(ctx context.Context, key string) (sum string, err error) {
	bucket, name, _ := strings.Cut(key, "/")
	err = l.client.do(ctx, func(ctx context.Context, s sdk) error {
		body, err := s.read(ctx, bucket, name)
		switch {
		case err == nil:
			sum = sumOf(body)
		case isNoSuchKey(err):
			sum, err = "", nil
		}
		return err
	})
	return sum, err
}

// fail notes an operation that failed after all retries.
func (l *load) fail(what, key string, began time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if began.Before(l.excused) {
		l.excuses++
		return
	}
	l.failed = append(l.failed, fmt.Sprintf("%s of %s, begun %s, ended %s: %v", what, key,
		began.Format("15:04:05.000"), time.Now().Format("15:04:05.000"), err))
}

// excuse lets what begins before t fail.
func (l *load) excuse(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.excused = t
}

// trouble returns what went wrong so far, and forgets it.
func (l *load) trouble() (failed, wrong []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	failed, wrong = l.failed, l.wrong
	l.failed, l.wrong = nil, nil
	return failed, wrong
}

// readAll reads every key back. The workers must have stopped.
func (l *load) readAll(ctx context.Context) (objects int) {
	var wg sync.WaitGroup
	for _, w := range l.workers {
		objects += len(w.names)
		wg.Go(func() {
			for _, key := range w.names {
				l.verify(ctx, key, w.values)
			}
		})
	}
	wg.Wait()
	return objects
}

func sumOf(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func isNoSuchKey(err error) bool {
	var e interface{ ErrorCode() string }
	return errors.As(err, &e) && e.ErrorCode() == "NoSuchKey"
}

func createChaosBuckets(ctx context.Context, client *balanced) error {
	for _, b := range chaosBuckets {
		err := client.do(ctx, func(ctx context.Context, s sdk) error {
			_, err := s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(b)})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
