package disk

import "io"

// FS is what a disk needs of its directory. Names are plain, without a slash.
// Tests put faults and crashes behind it.
type FS interface {
	// Create makes an empty file that must not exist.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Remove and Rename are durable after the next SyncDir.
	Remove(name string) error
	Rename(from, to string) error
	// List returns the names in the directory.
	List() ([]string, error)
	// SyncDir makes creations, removals and renames durable.
	SyncDir() error
	// Lock takes the lock file without waiting.
	Lock(name string) (io.Closer, error)
	// Space returns the bytes of the filesystem and those this process may
	// still use.
	Space() (total, free int64, err error)
}

// File is one file of an [FS].
type File interface {
	io.ReaderAt
	io.Closer
	// WriteVec writes the buffers one behind the other at off, all or an error.
	WriteVec(bufs [][]byte, off int64) error
	// Sync makes data and size durable (fdatasync).
	Sync() error
	// Truncate sets the size.
	Truncate(size int64) error
	// Allocate reserves blocks for [off, off+n) without changing the size.
	Allocate(off, n int64) error
	// Punch gives the blocks of [off, off+n) back; they read as zeros.
	Punch(off, n int64) error
	// DropCache makes the next read of [off, off+n) come from the device.
	DropCache(off, n int64)
	// Stat returns the size and the bytes the file occupies.
	Stat() (size, allocated int64, err error)
}
