//go:build sabotage_raftnosync

package raftgroup

import "github.com/cockroachdb/pebble/v2"

// logSync breaks the log on purpose: the crash tests must notice.
var logSync = pebble.NoSync
