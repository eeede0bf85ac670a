// Package leader finds the leader of a Raft group from outside it: it asks the
// replica that led last, follows hints, and goes on to the others until one
// answers as the leader or the caller's patience ends. It retries only what the
// caller says may be retried; commands are safe because they carry the same
// (client, seq) every time.
//
// A replica that is stopped without its connections breaking, as a process that
// is paused or a node behind a cut, lets calls hang. A try that lasts is not
// repeated elsewhere on suspicion, which would double the load of a group that
// is merely slow; instead the other members are asked whether they lead by now,
// and only when one says so is the try given up and made there.
package leader
