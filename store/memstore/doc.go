// Package memstore is [store.Store] in memory: the reference that the engine
// is compared with, and what the services' tests run on.
//
// It hosts real machines. Commands are applied one at a time under one lock,
// in the order in which they arrive, so a single-threaded test is
// deterministic. Rows live in an ordered tree; a query gets a copy-on-write
// clone of it and runs outside the lock. Ranges are cut with [Store.Split];
// a machine that reads or writes outside the range of its command's key gets
// an error, as it would in the engine.
//
// Nothing is durable. What the engine does in the background happens here when
// a test asks for it: [Store.Collect] deletes blobs whose references are gone,
// and orphans. [Store.Audit] checks what a machine promised about its blobs.
//
// It is stricter than the engine where that finds bugs: a blob may be
// referenced once in its life, never again after its Unref, and an Unref of
// what is not referenced fails the command.
//
// [Faulty] wraps any store and lets a test decide how calls end.
package memstore
