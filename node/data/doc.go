// Package data is a data node: the disks of one node, served to the others.
//
// A [Server] owns the node's disks (package disk) and answers calls for them by
// disk number. A [Client] makes those calls. What is durable, and when, is said
// in package disk; this package adds nothing to it but the wire and checks of
// everything that comes over it.
//
// Shard bytes are never copied here: a write's body goes from the connection's
// buffers to the disk, a read's from the disk's buffer to the connection. Both
// ends check a crc32c of the body.
package data
