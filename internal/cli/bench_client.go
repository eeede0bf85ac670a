package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"cairn/node/gateway"
)

// benchClient is an S3 client that makes its own data.
type benchClient struct {
	s3   *s3.Client
	data []byte // random, so that nothing shrinks it
}

// benchClient finds S3 and keys: the environment first, as any S3 client does,
// then what the cluster's directory says.
func (g *global) benchClient(api *client, endpoint string) (*benchClient, error) {
	if endpoint == "" {
		endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	if endpoint == "" {
		endpoint = api.s3
	}
	if endpoint == "" {
		return nil, usagef("the address of S3 is not known: give --endpoint or set AWS_ENDPOINT_URL")
	}
	key, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if key == "" && api.dir != "" {
		c, err := gateway.ReadCredentials(filepath.Join(api.dir, "credentials"))
		if err != nil {
			return nil, err
		}
		key, secret = c.AccessKey, c.Secret
	}
	if key == "" {
		return nil, usagef("no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name the cluster's directory with --admin")
	}
	region := os.Getenv("AWS_REGION")
	if region == "" {
		region = devRegion
	}
	c := s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), Region: region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}},
	})
	data := make([]byte, largeSize+1<<20)
	chacha := rand.NewChaCha8([32]byte{})
	_, err := chacha.Read(data)
	return &benchClient{s3: c, data: data}, err
}

func (c *benchClient) createBucket(ctx context.Context, bucket string) error {
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	return err
}

// put stores size bytes that are not those of the next put.
func (c *benchClient) put(ctx context.Context, bucket, key string, size int) error {
	off := rand.IntN(len(c.data) - size)
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(c.data[off : off+size])})
	return err
}

// get reads an object and checks its size.
func (c *benchClient) get(ctx context.Context, bucket, key string, size int64) error {
	out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, out.Body)
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("%s has %d bytes, not %d", key, n, size)
	}
	return nil
}

// emptyBucket deletes everything in the bucket, and the bucket.
func (c *benchClient) emptyBucket(ctx context.Context, bucket string) error {
	for {
		page, err := c.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil {
			return fmt.Errorf("empty bucket %s: %w", bucket, err)
		}
		if len(page.Contents) == 0 {
			break
		}
		var ids []types.ObjectIdentifier
		for _, o := range page.Contents {
			ids = append(ids, types.ObjectIdentifier{Key: o.Key})
		}
		_, err = c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
		if err != nil {
			return fmt.Errorf("empty bucket %s: %w", bucket, err)
		}
	}
	_, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	return err
}

// parallel runs do for 0 ≤ i < n by so many clients; the first error ends it.
func parallel(ctx context.Context, clients, n int, do func(ctx context.Context, i int) error) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(clients, n) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := do(ctx, i); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}
