package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"cairn/store"
)

// dirLock keeps a second process out of a directory. The kernel drops it when
// the process ends, however it ends.
type dirLock struct{ f *os.File }

// lockDir takes DIR/lock and writes the process's number into it.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(inUse(dir, path), f.Close())
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &dirLock{f}, nil
}

func inUse(dir, path string) error {
	pid := "?"
	if b, err := os.ReadFile(path); err == nil {
		pid = strings.TrimSpace(string(b))
	}
	return &store.Error{
		Op: "start", Kind: store.KindConflict, Resource: dir,
		Err:  fmt.Errorf("process %s already runs it", pid),
		Hint: "stop that one, or choose another directory",
	}
}

func (l *dirLock) release() error { return l.f.Close() }
