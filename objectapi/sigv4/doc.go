// Package sigv4 verifies AWS Signature Version 4 as S3 uses it: in the
// Authorization header, in the query of a presigned URL, in the fields of a POST
// form, and chunk by chunk in a streamed body.
//
// The order of use is [Parse], which reads the claim of a request without
// believing it, [Claim.Check], which compares scope and time with the server's,
// and [Claim.Verify], which needs the secret of the claimed access key. Only
// then is the request who it says it is. A body whose payload is
// [Payload.Streaming] is read through [NewChunks]; the signature of a chunk is
// known to be good only when the reader has gone past the chunk, so a caller
// must not make anything visible before it has read io.EOF.
//
// Paths are decoded once and encoded once, never normalised. Signatures are
// compared in constant time. Everything read is bounded: a header or chunk line
// to some hundred bytes, the trailers to a few KiB. The package does no I/O but
// reading the body it is given, and starts no goroutine. Errors are *s3err.Error,
// or the body's own.
//
// Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html,
// sigv4-query-string-auth.html, sigv4-streaming.html, sigv4-streaming-trailers.html.
package sigv4
