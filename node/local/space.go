package local

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// share returns the bytes that each of n disks below dir may use: an equal part
// of what the cell has taken already and of what the filesystem has left.
// Parts of the whole filesystem would promise room that others use.
func share(dir string, n int) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("size of the filesystem of %s: %w", dir, err)
	}
	taken, err := taken(dir)
	if err != nil {
		return 0, err
	}
	return (int64(st.Bavail)*st.Bsize + taken) / int64(n), nil
}

// taken adds up what the files below dir occupy, in bytes.
func taken(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("size of %s: %w", path, err)
		}
		sum += st.Blocks * 512 // of stat(2), whatever the filesystem's block is
		return nil
	})
	return sum, err
}
