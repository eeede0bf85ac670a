// Package storetest is the conformance suite of [store.Store]. The in-memory
// store, the engine, and a client of either run the same one, so that what the
// services are tested on behaves like what they run on.
//
// [Run] checks names, rows and blobs; it needs a store that hosts [Machine],
// the suite's own small machine. It makes namespaces and names of its own and
// can share the store with others.
package storetest
