package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/node/health"
)

// The disks fill up: writes are refused with a reason that `cairn status` gives
// as well, reads and deletes go on, and deleting makes room again.
func TestFullDisksRefuseWritesUntilSomethingIsDeleted(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{Zones: 3, Nodes: 1, DiskBytes: 48 << 20})
	body := bytes.Repeat([]byte("full"), 256<<10)
	put := func(key string) error {
		_, err := cl.PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(body),
		})
		return err
	}
	stored, err := 0, error(nil)
	for ; err == nil && stored < 100; stored++ {
		err = put(fmt.Sprint("k", stored))
	}
	stored--
	require.Greater(t, stored, 20)
	var refused smithy.APIError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "ServiceUnavailable", refused.ErrorCode())
	require.Contains(t, refused.ErrorMessage(), "out of space")

	require.Eventually(t, func() bool { return slices.ContainsFunc(conditions(c), isFull) }, patience, 50*time.Millisecond)
	for i := range stored {
		out, err := cl.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(fmt.Sprint("k", i))})
		require.NoError(t, err)
		got, err := io.ReadAll(out.Body)
		require.NoError(t, errors.Join(err, out.Body.Close()))
		require.True(t, bytes.Equal(body, got))
	}
	for i := range stored / 2 {
		_, err := cl.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(fmt.Sprint("k", i))})
		require.NoError(t, err)
	}
	c.Advance(16 * time.Minute)
	require.Eventually(t, func() bool { return put("again") == nil }, patience, 100*time.Millisecond)
	require.Eventually(t, func() bool { return !slices.ContainsFunc(conditions(c), isFull) }, patience, 50*time.Millisecond)
}

// conditions returns what `cairn status` reports.
func conditions(c *testcluster.Cluster) []health.Condition {
	n := c.Node("a1")
	return health.Compute(health.Collect(context.Background(), n.Fabric(), n.Root())).Conditions
}

func isFull(c health.Condition) bool { return c.Name == "cluster-full" }
