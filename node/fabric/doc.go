// Package fabric carries every call between nodes. There are two
// implementations with the same behaviour: [Inproc], which connects the nodes
// of one process and can delay, drop and partition, and [GRPC], which connects
// processes over mutual TLS. Code above never knows which one it has.
//
// A call has a small head (a protobuf message of the service) and a bulk body
// (bytes that are never copied into a protobuf message). Calls are unary; what
// is long is cut into pages by its service, so that it can be resumed.
//
// Errors: what a handler returns arrives as a [store.Error] of the same kind.
// A peer that cannot be reached gives [store.KindUnavailable], and the call was
// certainly not executed; a call that broke off gives [store.KindTimeout] or
// [store.KindCanceled], and its outcome is unknown.
package fabric
