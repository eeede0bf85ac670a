package objectapi

import (
	"net/http"
	"strings"

	"cairn/objectapi/s3err"
)

// maxHeaders bounds a request's headers, names and values, as S3 does.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
const maxHeaders = 8 << 10

func checkHeaderSize(h http.Header) error {
	n := 0
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	if n > maxHeaders {
		return s3err.New(s3err.RequestHeaderSectionTooLarge)
	}
	return nil
}

// refuseUnoffered refuses headers that ask, of whichever operation, for what the
// gateway does not do: to ignore them would be to promise it.
func refuseUnoffered(method string, h http.Header) error {
	for name := range h {
		switch {
		case !strings.HasPrefix(name, "X-Amz-"):
		case strings.HasPrefix(name, "X-Amz-Object-Lock-"):
			return noLocks()
		case strings.HasPrefix(name, "X-Amz-Server-Side-Encryption"),
			strings.HasPrefix(name, "X-Amz-Copy-Source-Server-Side-Encryption"):
			if method == get || method == head {
				return invalidRequest("The encryption parameters are not applicable to this object.")
			}
			return notImplemented("Server-side encryption (" + strings.ToLower(name) + ")")
		case name == "X-Amz-Write-Offset-Bytes":
			return notImplemented("Appending (x-amz-write-offset-bytes)")
		case name == "X-Amz-If-Match-Initiated-Time":
			return notImplemented("The condition x-amz-if-match-initiated-time")
		}
	}
	return nil
}
