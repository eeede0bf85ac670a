package objectapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"cairn/objectapi/machine"
	"cairn/store"
)

func TestBucketLife(t *testing.T) {
	e := newEnv(t)
	c, bob := e.alice(), e.client(e.user("bob"))
	b := e.bucket("life")
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b})
	require.NoError(t, err, "in this region an owner may create again")
	_, err = bob.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b})
	code(t, "BucketAlreadyExists", err)
	out, err := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &b})
	require.NoError(t, err)
	require.Equal(t, "us-east-1", *out.BucketRegion)
	_, err = c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("no-such")})
	status(t, 404, err)

	e.put(b, "k", []byte("x"))
	_, err = c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &b})
	code(t, "BucketNotEmpty", err)
	e.put(b, "k2", []byte("still open"))
	for _, key := range []string{"k", "k2"} {
		_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b, Key: &key})
		require.NoError(t, err)
	}
	u := e.upload(b, "left over", s3.CreateMultipartUploadInput{})
	u.part(1, pattern(100_000))
	_, err = c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &b})
	require.NoError(t, err)
	_, err = c.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &b})
	code(t, "NoSuchBucket", err)
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b, Key: aws.String("k")})
	code(t, "NoSuchBucket", err)
	require.Equal(t, b, e.bucket("life"), "the name is free again")
	_, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b, Key: aws.String("k")})
	status(t, 404, err)
}

// TestResumeDeletes leaves two deletions half done, one of an empty bucket and
// one of a bucket that got an object in time.
func TestResumeDeletes(t *testing.T) {
	e := newEnv(t)
	full, empty := e.bucket("full"), e.bucket("empty")
	e.put(full, "k", []byte("x"))
	for _, b := range []string{full, empty} {
		n, err := e.mem.ReadName(t.Context(), store.NameBucket, b)
		require.NoError(t, err)
		n.State = store.NameDeleting
		_, err = e.mem.UpdateName(t.Context(), n)
		require.NoError(t, err)
	}
	require.Equal(t, "x", string(e.get(full, "k")), "reads go on")
	_, err := e.alice().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &full, Key: aws.String("k")})
	code(t, "OperationAborted", err)
	seen, err := e.gateway.resumeDeletes(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, seen, 2, "not taken over at first sight")
	seen, err = e.gateway.resumeDeletes(t.Context(), seen)
	require.NoError(t, err)
	require.Len(t, seen, 2)
	e.put(full, "k", []byte("y"))
	_, err = e.alice().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &empty})
	status(t, 404, err)
}

// TestDeleteTakenOver lets another delete the bucket while one is at it: the
// first finds its right gone and changes nothing more.
func TestDeleteTakenOver(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("contested")
	e.faults.set(func(f *faults) {
		f.do = func() error {
			n, err := e.mem.ReadName(context.Background(), store.NameBucket, b)
			if err == nil {
				_, err = e.mem.UpdateName(context.Background(), n)
			}
			return err
		}
	})
	_, err := e.alice().DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &b})
	code(t, "OperationAborted", err)
	n, err := e.mem.ReadName(t.Context(), store.NameBucket, b)
	require.NoError(t, err)
	require.Equal(t, store.NameDeleting, n.State)
}

func TestListBuckets(t *testing.T) {
	e := newEnv(t)
	e.client(e.user("bob")).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bobs")})
	var want []string
	for i := range 12 {
		want = append(want, e.bucket(fmt.Sprintf("bucket-%02d", i)))
	}
	names := func(in *s3.ListBucketsInput) (out []string) {
		p := s3.NewListBucketsPaginator(e.alice(), in)
		for p.HasMorePages() {
			page, err := p.NextPage(t.Context())
			require.NoError(t, err)
			for _, b := range page.Buckets {
				out = append(out, *b.Name)
			}
		}
		return out
	}
	require.Equal(t, want, names(&s3.ListBucketsInput{}))
	require.Equal(t, want, names(&s3.ListBucketsInput{MaxBuckets: aws.Int32(5)}))
	require.Equal(t, want[10:], names(&s3.ListBucketsInput{Prefix: aws.String("bucket-1"), MaxBuckets: aws.Int32(1)}))
	require.Empty(t, names(&s3.ListBucketsInput{BucketRegion: aws.String("elsewhere")}))
}

func TestBucketNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"abc": true, "a.b-c": true, strings.Repeat("a", 63): true, "1bc": true,
		"ab": false, strings.Repeat("a", 64): false, "Abc": false, "a_b": false, "-ab": false, "ab-": false, "a..b": false, "a.-b": false, "a-.b": false,
		"192.168.5.4": false, "xn--abc": false, "abc-s3alias": false, "abc--ol-s3": false, "a/b": false, "": false,
	} {
		require.Equal(t, ok, validBucketName(name), name)
	}
	e := newEnv(t)
	_, err := e.alice().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("No_Good")})
	code(t, "InvalidBucketName", err)
}

func TestBucketCreation(t *testing.T) {
	e := newEnv(t, func(c *Config) { c.Region = "eu-test-1" })
	c := e.alice(func(o *s3.Options) { o.Region = "eu-test-1" })
	create := func(at string) error {
		_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket: aws.String("located"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(at)},
		})
		return err
	}
	code(t, "InvalidLocationConstraint", create("us-west-2"))
	require.NoError(t, create("eu-test-1"))
	code(t, "BucketAlreadyOwnedByYou", create("eu-test-1"))
	out, err := c.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: aws.String("located")})
	require.NoError(t, err)
	require.EqualValues(t, "eu-test-1", out.LocationConstraint)
	_, err = e.alice().ListBuckets(t.Context(), &s3.ListBucketsInput{})
	code(t, "AuthorizationHeaderMalformed", err)
	_, err = c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("public"), ACL: types.BucketCannedACLPublicRead})
	code(t, "AccessControlListNotSupported", err)
	_, err = c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("locked"), ObjectLockEnabledForBucket: aws.Bool(true)})
	code(t, "NotImplemented", err)
}

// TestCreateDocument sends what a creation may say, and what it may not.
func TestCreateDocument(t *testing.T) {
	e := newEnv(t)
	const open, end = "<CreateBucketConfiguration>", "</CreateBucketConfiguration>"
	tag := "<Tag><Key>team</Key><Value>red</Value></Tag>"
	for _, c := range []struct{ doc, header, want string }{
		{"", "", ""},
		{open + end, "", ""},
		{open + "<LocationConstraint>us-east-1</LocationConstraint>" + end, "", ""},
		{open + "<LocationConstraint>EU</LocationConstraint>" + end, "", "InvalidLocationConstraint"},
		{open + "<Tags>" + tag + "</Tags>" + end, "", ""},
		{open + "<Tags>" + tag + tag + "</Tags>" + end, "", "InvalidTag"},
		{open + "<Bucket><Type>Directory</Type></Bucket>" + end, "", "NotImplemented"},
		{open, "", "MalformedXML"},
		{"<Other/>", "", "MalformedXML"},
		{"", "account-regional", "NotImplemented"},
	} {
		resp, body := e.raw("PUT", "/documented", strings.NewReader(c.doc), "X-Amz-Bucket-Namespace", c.header)
		require.Equal(t, c.want, element(body, "Code"), c.doc)
		require.Equal(t, c.want == "", resp.StatusCode == 200, c.doc)
		if c.want != "" {
			resp, _ = e.raw("HEAD", "/documented", nil)
			require.Equal(t, 404, resp.StatusCode, "a refused creation makes nothing: %s", c.doc)
			continue
		}
		_, body = e.raw("GET", "/documented?tagging", nil)
		require.Equal(t, strings.Contains(c.doc, "team"), element(body, "Value") == "red", c.doc)
		resp, body = e.raw("DELETE", "/documented", nil)
		require.Equal(t, 204, resp.StatusCode, body)
	}
}

// TestProbes asks what clients ask of a bucket before they use it.
func TestProbes(t *testing.T) {
	e := newEnv(t)
	e.bucket("probes")
	for sub, want := range map[string]string{
		"policy": "NoSuchBucketPolicy", "policyStatus": "NoSuchBucketPolicy", "lifecycle": "NoSuchLifecycleConfiguration",
		"cors": "NoSuchCORSConfiguration", "tagging": "NoSuchTagSet", "website": "NoSuchWebsiteConfiguration",
		"encryption": "ServerSideEncryptionConfigurationNotFoundError", "object-lock": "ObjectLockConfigurationNotFoundError",
		"replication": "ReplicationConfigurationNotFoundError", "inventory": "NotImplemented", "analytics&id=1": "NotImplemented",
		"versioning": "", "location": "", "acl": "", "logging": "", "notification": "", "accelerate": "", "requestPayment": "",
		"publicAccessBlock": "", "ownershipControls": "", "versions": "", "uploads": "", "unknown-key": "",
	} {
		resp, body := e.raw("GET", "/probes?"+sub, nil)
		require.Equal(t, want, element(body, "Code"), sub)
		require.Equal(t, want == "", resp.StatusCode == 200, sub)
	}
	for sub, want := range map[string]int{"policy": 204, "lifecycle": 204, "cors": 204, "inventory&id=1": 501} {
		resp, _ := e.raw("DELETE", "/probes?"+sub, nil)
		require.Equal(t, want, resp.StatusCode, sub)
	}
	for _, sub := range []string{"versioning", "lifecycle", "policy", "object-lock"} {
		resp, body := e.raw("PUT", "/probes?"+sub, strings.NewReader("<x/>"))
		require.Equal(t, 501, resp.StatusCode, sub)
		require.Contains(t, element(body, "Message"), sub)
	}
	e.put("probes", "k", nil)
	for target, want := range map[string]int{"?torrent": 501, "?retention": 400, "?legal-hold": 400, "?versionId=null": 200, "?versionId=abc": 404, "?versionId=": 400} {
		resp, _ := e.raw("GET", "/probes/k"+target, nil)
		require.Equal(t, want, resp.StatusCode, target)
	}
	resp, body := e.raw("PATCH", "/probes/k", nil)
	require.Equal(t, 405, resp.StatusCode)
	require.Equal(t, "MethodNotAllowed", element(body, "Code"))
}

func TestBucketAttrs(t *testing.T) {
	_, err := decodeAttrs([]byte{9})
	require.True(t, store.Is(err, store.KindUnknownFormat))
	_, err = decodeAttrs([]byte{attrsFormat, 77, 0})
	require.True(t, store.Is(err, store.KindUnknownFormat))
	for _, b := range [][]byte{{attrsFormat, fieldTags}, {attrsFormat, fieldTags, 5, 1}, {attrsFormat, fieldTags, 1, 9}} {
		_, err = decodeAttrs(b)
		require.True(t, store.Is(err, store.KindCorrupt), b)
	}
	golden := []byte{1, 1, 5, 1, 'a', 2, 'b', 'c'}
	a := bucketAttrs{tags: []machine.Pair{{Name: "a", Value: "bc"}}}
	require.Equal(t, golden, a.encode())
	back, err := decodeAttrs(golden)
	require.NoError(t, err)
	require.Equal(t, a, back)
}

func TestConfigReportsAllProblems(t *testing.T) {
	_, err := New(Config{Domains: []string{"Bad:80"}, Limits: Limits{UploadMemory: 1, Requests: -1}})
	var joined interface{ Unwrap() []error }
	require.True(t, errors.As(err, &joined))
	require.Len(t, joined.Unwrap(), 4)
}
