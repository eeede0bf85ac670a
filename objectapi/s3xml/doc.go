// Package s3xml reads and writes the XML of the S3 protocol.
//
// Reading ([Parse]) gives a small tree. It is bounded in bytes, depth and
// elements, knows no entities but the five of XML and numeric references, skips
// comments and processing instructions, refuses document types, and ignores
// namespaces and attributes: clients send bodies with and without them. Unlike
// encoding/xml it takes control characters, raw or as references, because object
// keys may have them.
//
// Writing ([Writer]) is appending. A control character that XML 1.0 has no form
// for is written as a numeric reference, as S3 does; a client that cannot read
// it asks for encoding-type=url. Bytes that are not UTF-8 become U+FFFD.
//
// The package does no I/O, keeps no state and starts no goroutine.
package s3xml
