// Package cluster tests whole clusters in one process.
package cluster

import (
	"testing"

	"cairn/internal/testcluster"
	"cairn/store"
	"cairn/store/storetest"
)

func TestEngineIsAStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB, m store.Machine) store.Store {
		c := testcluster.Start(t, testcluster.Options{Machines: func() []store.Machine { return []store.Machine{m} }})
		return c.Node("b1").Store()
	})
}
