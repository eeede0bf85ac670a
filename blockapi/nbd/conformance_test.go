package nbd_test

import (
	"testing"

	"cairn/blockapi/nbd"
	"cairn/blockapi/nbd/nbdtest"
)

// The volume that the tests of the server use keeps the contract of exports.
func TestMemVolumeConforms(t *testing.T) {
	nbdtest.Run(t, func(nbdtest.TB) nbd.Export { return nbd.NewMemExport(2 << 20) })
}
