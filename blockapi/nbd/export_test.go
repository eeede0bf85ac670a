package nbd

import "context"

// NewMemExport attaches to a new volume in memory, for tests outside the package.
func NewMemExport(size int64) Export {
	e, err := memExports{newMemVolume("v", size)}.Attach(context.Background(), Peer{Conn: 1}, "v")
	if err != nil {
		panic(err)
	}
	return e
}
