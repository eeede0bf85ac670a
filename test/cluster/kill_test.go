package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"cairn/iam"
	"cairn/internal/testcluster"
	"cairn/objectapi"
	"cairn/objectapi/machine"
	"cairn/store"
)

func objects() []store.Machine { return []store.Machine{machine.New()} }

const bucket = "kill-test"

const accessKey, secretKey = "AKIACLUSTERTEST00001", "cluster-test-secret-key-0123456789abcdef"

// gateway serves S3 on a node's store and returns a client that does not retry.
func gateway(t *testing.T, c *testcluster.Cluster, name string) *s3.Client {
	n := c.Node(name)
	ids := iam.New(n.Store(), n.ClusterKey())
	require.NoError(t, ids.EnsureRoot(context.Background(), accessKey, secretKey))
	g, err := objectapi.New(objectapi.Config{Store: n.Store(), IAM: ids})
	require.NoError(t, err)
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(srv.URL), Region: "us-east-1", UsePathStyle: true,
		Credentials:      credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		RetryMaxAttempts: 1,
	})
}

// load writes objects of many sizes and remembers the sum of each that was
// acknowledged.
type load struct {
	mu     sync.Mutex
	sums   map[string][32]byte
	failed map[string]error
}

func (l *load) writer(ctx context.Context, cl *s3.Client, id int) {
	rng := rand.New(rand.NewPCG(uint64(id), 1))
	sizes := []int{100, 4 << 10, 20 << 10, 200 << 10, 1 << 20, 3 << 20}
	for i := 0; ctx.Err() == nil; i++ {
		key := fmt.Sprintf("w%d/%06d", id, i)
		body := make([]byte, sizes[rng.IntN(len(sizes))]+rng.IntN(1000))
		for j := range body {
			body[j] = byte(rng.Uint32())
		}
		_, err := cl.PutObject(context.WithoutCancel(ctx), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(body),
		})
		l.mu.Lock()
		if err == nil {
			l.sums[key] = sha256.Sum256(body)
		} else {
			l.failed[key] = err
		}
		l.mu.Unlock()
	}
}

// check reads back everything that was acknowledged.
func (l *load) check(t *testing.T, cl *s3.Client) {
	t.Helper()
	for key, want := range l.sums {
		out, err := cl.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		require.NoError(t, err, key)
		body, err := io.ReadAll(out.Body)
		require.NoError(t, err, key)
		require.Equal(t, want, sha256.Sum256(body), key)
	}
}

// Nodes and a zone die under load and come back; nothing acknowledged is lost,
// nothing fails, and what is owed is paid by itself.
func TestNodesDieUnderLoad(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Machines: objects})
	cl := gateway(t, c, "a1")
	_, err := cl.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	require.NoError(t, err)

	w := write(cl, 8)
	step := func(what string, f func()) {
		t.Logf("%s", what)
		f()
		w.await(t, 60)
	}
	step("all up", func() {})
	step("b1 dies", func() { c.Kill("b1") })
	step("b1 returns", func() { c.Restart("b1") })
	step("zone c dies", func() { c.Kill("c1"); c.Kill("c2") })
	step("zone c returns", func() { c.Restart("c1"); c.Restart("c2") })
	l := w.stop()
	for key, err := range l.failed {
		t.Errorf("put %s: %v", key, err)
	}
	waitPaid(t, c)
	c.Kill("a2") // in each metadata group a majority is left
	c.Kill("b1")
	l.check(t, cl) // a forgotten debt would be one shard too few
}

// waitPaid waits until no group owes a shard.
func waitPaid(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	require.Eventually(t, func() bool {
		groups, debts := 0, 0
		for _, name := range c.Names() {
			if n := c.Node(name); n != nil && n.Worker() != nil {
				for _, s := range n.Worker().Stats() {
					groups++
					debts += s.Debts
				}
			}
		}
		t.Logf("%d groups owe %d", groups, debts)
		return groups == 3 && debts == 0
	}, patience, time.Second)
}

// The disks of a zone and of one more node are lost for good: everything
// acknowledged can still be read, and is rebuilt on the new disks.
func TestZoneAndOneMoreNodeLoseTheirDisks(t *testing.T) {
	c := testcluster.Start(t, testcluster.Options{Machines: objects, DownOut: 4 * time.Second})
	cl := gateway(t, c, "a1")
	_, err := cl.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	require.NoError(t, err)
	w := write(cl, 8)
	w.await(t, 60)
	l := w.stop()
	require.Empty(t, l.failed)
	lost := []string{"c1", "c2", "b2"}
	for _, name := range lost {
		c.Kill(name)
		c.WipeDisk(name)
	}
	for _, name := range lost {
		c.Restart(name)
	}
	l.check(t, cl)
}
