// Package objectapi is Cairn's S3 gateway: an http.Handler over a store.Store.
//
// # The path of a request
//
// [Gateway.ServeHTTP] admits the request or answers 503, takes its target apart,
// finds the operation in one table (operations.go), authenticates it in one
// place (auth.go), checks that the caller owns the bucket (access.go), and runs
// the operation. Whatever the operation returns as an error becomes an S3 error
// in one place (errors.go), and every request leaves one line in the audit log,
// its metrics and its span. A request that is signed in no form the gateway
// knows never reaches an operation.
//
// # Writing
//
// A body is read once. While it is read it is decoded, hashed and placed:
// buffers of up to 8 MiB go to Blobs.Put as they fill, a few at a time, and
// beside that to a checksum.Stream. Only when the whole body has been read, its
// signature, length and digests have been found good and all blobs are durable
// does one command make the object's row. Therefore:
//
//   - A failed check, a broken connection or a crash before the command leaves
//     the old object, and blobs that nobody refers to and that the engine
//     collects after a day.
//   - A crash after the command and before the answer leaves the new object;
//     the client does not know and repeats.
//   - An answer of success means that the row and its blobs are durable.
//
// Conditions on writes (If-Match, If-None-Match) are evaluated by the command.
//
// # Reading
//
// One query gives the record and where its bytes are. The first piece is fetched
// before the status line is sent, so errors up to there are proper S3 errors; a
// later failure cuts the connection. An answer is never short and successful. If
// the object was replaced and its blobs collected before anything was sent, the
// record is read again.
//
// # Memory
//
// Data buffers are charged to two budgets, one for uploads and one for
// downloads ([Limits]); a request that gets none in time is answered 503
// SlowDown. A connection that makes no progress is cut, and a slow client gets
// smaller buffers (pace.go; crowdedPiece), so that some do not keep out all.
//
// # Deleting a bucket
//
// DeleteBucket marks the name as deleting (writes now get OperationAborted,
// reads go on), seals the namespace, which fails if there are objects, and
// removes the name; leftover uploads are drained in the background. If there
// are objects the seal is undone and the name made active again. Each step is a
// compare-and-swap on the name's generation; a process that dies in between
// leaves a bucket that is deleting, and the next DeleteBucket takes it over, or,
// after some minutes, any gateway.
//
// # Goroutines
//
// A request's goroutines end before the request. Two more run until
// [Gateway.Close]: one frees what commands left to be drained, one finishes
// deletions of buckets that dead processes left.
package objectapi
