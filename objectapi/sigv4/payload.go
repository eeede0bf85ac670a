package sigv4

import (
	"encoding/hex"

	"cairn/objectapi/s3err"
)

// Payload says how a request's body is protected: the value of
// x-amz-content-sha256.
type Payload string

// The values that are not a hash.
const (
	Unsigned         Payload = "UNSIGNED-PAYLOAD"
	Streamed         Payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamedTrailer  Payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	UnsignedTrailer  Payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	streamedECDSA    Payload = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	streamedECDSATrl Payload = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"

	headerPayload = "x-amz-content-sha256"
)

// Streaming reports whether the body is in aws-chunked encoding.
func (p Payload) Streaming() bool { return p.signedChunks() || p == UnsignedTrailer }

// HasTrailer reports whether headers follow the body.
func (p Payload) HasTrailer() bool { return p == StreamedTrailer || p == UnsignedTrailer }

func (p Payload) signedChunks() bool { return p == Streamed || p == StreamedTrailer }

// Hash returns the SHA-256 that the body must have, nil if none was promised.
func (p Payload) Hash() []byte {
	if len(p) != 64 {
		return nil
	}
	h, err := hex.DecodeString(string(p))
	if err != nil {
		return nil
	}
	return h
}

// validate refuses what is neither a hash nor one of the constants.
func (p Payload) validate() error {
	switch {
	case p == Unsigned, p.Streaming(), p.Hash() != nil:
		return nil
	case p == streamedECDSA, p == streamedECDSATrl:
		return s3err.Msg(s3err.NotImplemented, "Signature Version 4A is not offered. Sign with AWS4-HMAC-SHA256.")
	}
	return s3err.Msg(s3err.InvalidArgument, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING- values, or a valid sha256 value.").
		With("ArgumentName", headerPayload).With("ArgumentValue", string(p))
}
