package objectapi

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"cairn/objectapi/checksum"
	"cairn/objectapi/s3err"
)

// digests are what a client says about its body.
type digests struct {
	sha256 []byte // x-amz-content-sha256; nil: not said
	md5    []byte // Content-MD5; nil: not said

	algorithm checksum.Algorithm // of x-amz-checksum-*; None: not said
	sum       []byte             // nil: it comes in the trailer
}

// expectedDigests reads the request's digests.
func (q *request) expectedDigests() (*digests, error) {
	d := &digests{sha256: q.payload().Hash()}
	if err := d.readMD5(q.r.Header); err != nil {
		return nil, err
	}
	return d, d.readChecksum(q.r.Header)
}

func (d *digests) readMD5(h http.Header) error {
	v, ok := h["Content-Md5"]
	if !ok {
		return nil
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v[0]))
	if err != nil || len(sum) != md5.Size {
		return s3err.New(s3err.InvalidDigest)
	}
	d.md5 = sum
	return nil
}

const checksumPrefix = "X-Amz-Checksum-"

// readChecksum reads the x-amz-checksum-* header, or the name of the one that
// the trailer will bring.
func (d *digests) readChecksum(h http.Header) error {
	for name, values := range h {
		suffix, ok := strings.CutPrefix(name, checksumPrefix)
		if !ok || suffix == "Algorithm" || suffix == "Type" || suffix == "Mode" {
			continue
		}
		if err := d.setChecksum(name, values[0]); err != nil {
			return err
		}
	}
	for name := range strings.SplitSeq(h.Get("X-Amz-Trailer"), ",") {
		name = strings.TrimSpace(name)
		if !strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
			continue
		}
		a := checksum.ParseHeader(name)
		switch {
		case a == checksum.None:
			return notImplemented("The checksum " + name)
		case d.algorithm != checksum.None:
			return tooManyChecksums()
		}
		d.algorithm = a
	}
	return d.checkNamed(h.Get("X-Amz-Sdk-Checksum-Algorithm"))
}

func (d *digests) setChecksum(name, value string) error {
	a := checksum.ParseHeader(name)
	if a == checksum.None {
		return notImplemented("The checksum " + strings.ToLower(name))
	}
	if d.algorithm != checksum.None {
		return tooManyChecksums()
	}
	sum, ok := a.Decode(strings.TrimSpace(value))
	if !ok {
		return badChecksum(a)
	}
	d.algorithm, d.sum = a, sum
	return nil
}

// badChecksum refuses a value that cannot be a checksum of the algorithm.
func badChecksum(a checksum.Algorithm) error {
	return s3err.Msg(s3err.BadDigest, "Value for "+a.Header()+" header is invalid.")
}

func tooManyChecksums() error {
	return invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

// checkNamed compares the algorithm that the client names with that of the
// value it sends.
func (d *digests) checkNamed(name string) error {
	if name == "" {
		return nil
	}
	if a := checksum.Parse(name); a == checksum.None {
		return invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	} else if d.algorithm != checksum.None && d.algorithm != a {
		return invalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
	}
	return nil
}

// given reports whether the client promised anything that proves a document
// whole.
func (d *digests) given() bool { return d.md5 != nil || d.algorithm != checksum.None }

// algorithms returns what must be computed to check d, and more if wanted.
func (d *digests) algorithms(more ...checksum.Algorithm) []checksum.Algorithm {
	if d.sha256 != nil {
		more = append(more, checksum.SHA256)
	}
	return append(more, d.algorithm)
}

// check compares the digests with what a body had.
func (d *digests) check(got *checksum.Sums, b *body) error {
	if d.sha256 != nil && !bytes.Equal(d.sha256, got.Of(checksum.SHA256)) {
		return s3err.New(s3err.XAmzContentSHA256Mismatch).
			With("ClientComputedContentSHA256", hex.EncodeToString(d.sha256)).
			With("S3ComputedContentSHA256", hex.EncodeToString(got.Of(checksum.SHA256)))
	}
	if d.md5 != nil && !bytes.Equal(d.md5, got.MD5[:]) {
		return s3err.New(s3err.BadDigest).
			With("ExpectedDigest", base64.StdEncoding.EncodeToString(d.md5)).
			With("CalculatedDigest", base64.StdEncoding.EncodeToString(got.MD5[:]))
	}
	if d.algorithm == checksum.None {
		return nil
	}
	want := d.sum
	if want == nil {
		var ok bool
		if want, ok = d.algorithm.Decode(b.trailer(d.algorithm.Header())); !ok {
			return invalidRequest("Value for %s trailing header is invalid.", d.algorithm.Header())
		}
	}
	if !bytes.Equal(want, got.Of(d.algorithm)) {
		return s3err.Msg(s3err.BadDigest, "The "+d.algorithm.String()+" you specified did not match the calculated checksum.")
	}
	return nil
}
