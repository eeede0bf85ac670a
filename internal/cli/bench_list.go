package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// emptyHash is the hash of a body without bytes.
var emptyHash = hex.EncodeToString(sha256.New().Sum(nil))

// list reads one full page behind a key, to its last byte. It signs the request
// itself: the SDK takes longer to decode a page than the server to make it, and
// that is no part of what is measured.
func (c *benchClient) list(ctx context.Context, bucket, after string) error {
	o := c.s3.Options()
	query := url.Values{"list-type": {"2"}, "max-keys": {"1000"}, "start-after": {after}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, *o.BaseEndpoint+"/"+bucket+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	creds, err := o.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	if err := v4.NewSigner().SignHTTP(ctx, creds, r, emptyHash, "s3", o.Region, time.Now()); err != nil {
		return err
	}
	resp, err := o.HTTPClient.Do(r)
	if err != nil {
		return err
	}
	page, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("list behind %s: %s: %.300s", after, resp.Status, page)
	}
	if n := bytes.Count(page, []byte("<Key>")); n < 999 {
		return fmt.Errorf("a page behind %s has %d keys", after, n)
	}
	return nil
}
