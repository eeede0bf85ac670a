package raftgroup

import "github.com/cockroachdb/pebble/v2"

// logSync makes an entry durable before it is acknowledged.
var logSync = pebble.Sync
