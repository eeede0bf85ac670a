// Package iam keeps users and their access keys, and says whose an access key
// is.
//
// Both live in the cluster's registry of names: a user as a store.NameUser whose
// owner is the user's canonical id, an access key as a store.NameAccessKey whose
// owner is the user's name. A secret is kept because Signature Version 4 needs
// it; it is sealed with AES-256-GCM under a key of the cluster, bound to the
// access key's id and to the user's number, so that a row copied to another
// name, or a key left behind by a removed user of the same name, opens nothing.
//
// A mutation is durable in the root group when it returns. [Service.Authenticate]
// reads this node's copy of the registry, so a removed key stops working on
// every node within milliseconds. Removing a user marks it as deleting first,
// which makes its keys useless at once, then removes the keys, then the user; a
// crash in between leaves a user that is refused and can be removed again.
//
// A Service has no state of its own, starts no goroutine and may be used
// concurrently. Secrets are never logged and stand in no error.
package iam
