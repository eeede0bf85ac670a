// Package durable writes small files so that after a crash they are there whole
// or not at all. It keeps no state.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile replaces path by b. When it returns without error, contents and
// name are on disk; a crash before that leaves the old file, if there was one.
func WriteFile(path string, b []byte, mode os.FileMode) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
