package objectapi

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"
)

// listingOf renders a listing as one line: keys, and prefixes in brackets.
func listingOf(t *testing.T, body string) (line string, r listResult) {
	require.NoError(t, xml.Unmarshal([]byte(body), &r))
	var parts []string
	for _, c := range r.Contents {
		parts = append(parts, c.Key)
	}
	for _, p := range r.CommonPrefixes {
		parts = append(parts, "["+p.Prefix+"]")
	}
	return strings.Join(parts, " "), r
}

type listResult struct {
	Contents              []struct{ Key string }
	CommonPrefixes        []struct{ Prefix string }
	IsTruncated           bool
	NextMarker            string
	NextContinuationToken string
	ContinuationToken     *string
	KeyCount, MaxKeys     int
	Owner                 *struct{}
}

func TestListings(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("listings")
	for _, k := range []string{"a", "b/1", "b/2", "b/c/3", "d", "e f/g"} {
		e.put(b, k, nil)
	}
	for query, want := range map[string]string{
		"":                               "a b/1 b/2 b/c/3 d e f/g",
		"prefix=b/":                      "b/1 b/2 b/c/3",
		"delimiter=/":                    "a d [b/] [e f/]",
		"delimiter=/&prefix=b/":          "b/1 b/2 [b/c/]",
		"delimiter=/&encoding-type=url":  "a d [b/] [e%20f/]",
		"max-keys=2":                     "a b/1",
		"max-keys=0":                     "",
		"marker=b/1":                     "b/2 b/c/3 d e f/g",
		"marker=b/&delimiter=/":          "d [e f/]",
		"list-type=2&start-after=b/2":    "b/c/3 d e f/g",
		"list-type=2&delimiter=2":        "a b/1 b/c/3 d e f/g [b/2]",
		"list-type=2&delimiter=/c/":      "a b/1 b/2 d e f/g [b/c/]",
		"list-type=2&continuation-token": "a b/1 b/2 b/c/3 d e f/g",
		"prefix=none":                    "",
	} {
		resp, body := e.raw("GET", "/listings?"+query, nil)
		require.Equal(t, 200, resp.StatusCode, query)
		line, _ := listingOf(t, body)
		require.Equal(t, want, line, query)
	}
	for _, bad := range []string{"max-keys=-1", "max-keys=x", "encoding-type=base64", "list-type=2&continuation-token=!"} {
		_, body := e.raw("GET", "/listings?"+bad, nil)
		require.Equal(t, "InvalidArgument", element(body, "Code"), bad)
	}
	_, body := e.raw("GET", "/listings?delimiter=/&max-keys=1", nil)
	_, r := listingOf(t, body)
	require.True(t, r.IsTruncated)
	require.Equal(t, "a", r.NextMarker)
	_, body = e.raw("GET", "/listings?list-type=2&max-keys=100000", nil)
	_, r = listingOf(t, body)
	require.Equal(t, 1000, r.MaxKeys)
	require.Equal(t, 6, r.KeyCount)
}

// TestListPaging walks a bucket whose rows lie in several ranges, page by page.
func TestListPaging(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("paging")
	var want []string
	for i := range 60 {
		key := fmt.Sprintf("%02d/k", i)
		e.put(b, key, nil)
		want = append(want, key)
	}
	for _, at := range []string{"20", "30/k", "45"} {
		e.mem.Split(e.ns(b), []byte(at))
	}
	for _, delimiter := range []*string{nil, aws.String("/")} {
		var got []string
		p := s3.NewListObjectsV2Paginator(e.alice(), &s3.ListObjectsV2Input{Bucket: &b, MaxKeys: aws.Int32(7), Delimiter: delimiter, FetchOwner: aws.Bool(true)})
		for p.HasMorePages() {
			page, err := p.NextPage(t.Context())
			require.NoError(t, err)
			for _, o := range page.Contents {
				require.Len(t, *o.Owner.ID, 64)
				got = append(got, *o.Key)
			}
			for _, c := range page.CommonPrefixes {
				got = append(got, *c.Prefix+"k")
			}
		}
		require.Equal(t, want, got)
	}
	var versions []string
	p := s3.NewListObjectVersionsPaginator(e.alice(), &s3.ListObjectVersionsInput{Bucket: &b, MaxKeys: aws.Int32(25)})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		require.NoError(t, err)
		for _, v := range page.Versions {
			require.Equal(t, "null", *v.VersionId)
			versions = append(versions, *v.Key)
		}
	}
	require.Equal(t, want, versions)
}
