// Package local runs all nodes of a cell in one process: `cairn dev`, and tests
// of whole clusters. The nodes are those of [cairn/node], each with its own
// directory, disk, Raft replicas and identity; only the fabric between them is
// method calls instead of connections.
//
// # What is on disk
//
//	DIR/cell.json   zones and nodes a zone, written before anything else
//	DIR/a1, …       one directory a node, named by zone and number
//
// The layout never changes afterwards: another one is refused. A crash during
// the first start leaves some nodes without an identity; the next start invites
// them and goes on.
//
// # Killing and starting
//
// [Cell.Kill] stops a node like kill -9: unreachable at once, nothing flushed.
// [Cell.Start] recovers it from its directory. The two may be called at any
// time and in any order; a member's life lock makes them take turns. What runs
// now is an atomic pointer, so callers of the [Cell.Store] never wait for them.
//
// # The store
//
// [Cell.Store] works on any node that is ready, and moves on when that one
// stops. A read or a blob write that was under way is repeated on another node.
// A command or a change of a name is repeated only if it certainly was not
// executed, since the other node would give it a new (client, seq); otherwise
// the caller gets [store.KindTimeout], outcome unknown.
package local
