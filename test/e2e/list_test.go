package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"cairn/internal/testproc"
)

// testList lists 10,000 keys: every one, once, in the order of their bytes.
func testList(t *testing.T, c *testproc.Cluster) {
	const count, bucket = 10_000, "ten-thousand"
	nodes := c.Nodes()
	var gateways []sdk
	for _, n := range nodes {
		gateways = append(gateways, newSDK(t, c, n.Name))
	}
	gateways[0].createBucket(t, bucket)
	keys := make([]string, count)
	began := time.Now()
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(64)
	for i := range keys {
		keys[i] = fmt.Sprintf("dir-%d/%05d", i%7, i)
		g.Go(func() error {
			_, err := gateways[i%len(gateways)].PutObject(ctx, &s3.PutObjectInput{
				Bucket: aws.String(bucket), Key: &keys[i], Body: bytes.NewReader([]byte{byte(i)}),
			})
			return err
		})
	}
	require.NoError(t, g.Wait())
	t.Logf("%d objects put in %v", count, time.Since(began).Round(time.Millisecond))
	slices.Sort(keys)
	require.Equal(t, keys, gateways[1].keys(t, bucket))

	a := newAWS(t, c, "a1")
	lines := strings.Split(strings.TrimSpace(a.run(t, "s3", "ls", "--recursive", "s3://"+bucket)), "\n")
	require.Len(t, lines, count)
	for i, line := range lines {
		require.True(t, strings.HasSuffix(line, " 1 "+keys[i]), "line %d: %s", i, line)
	}
	require.Len(t, strings.Fields(a.run(t, "s3", "ls", "s3://"+bucket)), 2*7, "seven common prefixes, each behind PRE")
	emptyBucket(t, gateways[2], bucket, keys)
}

// emptyBucket deletes keys a thousand at a time, and the bucket.
func emptyBucket(t *testing.T, s sdk, bucket string, keys []string) {
	t.Helper()
	for page := range slices.Chunk(keys, 1000) {
		var ids []types.ObjectIdentifier
		for _, key := range page {
			ids = append(ids, types.ObjectIdentifier{Key: &key})
		}
		out, err := s.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
		require.NoError(t, err)
		require.Empty(t, out.Errors)
	}
	_, err := s.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket})
	require.NoError(t, err)
}
