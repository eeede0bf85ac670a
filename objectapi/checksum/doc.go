// Package checksum computes and combines the checksums of S3 objects.
//
// Five algorithms are offered: CRC32, CRC32C, CRC64NVME, SHA1 and SHA256. An
// object made of parts has a checksum of one of two types: COMPOSITE, the
// algorithm applied to the concatenated checksums of the parts and written with
// "-N" behind it, or FULL_OBJECT, the checksum of all its bytes, which for the
// three CRCs follows from those of the parts ([Joiner]).
//
// A [Stream] computes MD5 and the wanted algorithms in one pass, beside whatever
// its caller does with the bytes meanwhile: MD5 together with other streams',
// which is what makes it affordable (md5.go), the others on a goroutine of its
// own, which ends with Sum or Close. A [Hasher] owns what streams share and must
// outlive them. Nothing here does I/O or keeps state on disk.
//
// Numbers of algorithms and types are stored in rows: never reuse them.
//
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Checksum.html
package checksum
