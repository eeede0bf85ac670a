// Package raftlog keeps.
package raftlog
