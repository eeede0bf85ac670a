package raftgroup

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/store"
)

// installer collects a received snapshot in tables beside the database, and puts
// them in place of the group's rows. The steps, and what a crash after each
// leaves, are listed in the package comment.
type installer struct {
	s     *snapshotStore
	pos   position
	conf  groupConfig
	parse streamParser

	files []string
	w     *sstable.Writer // the last of files, or nil
	size  int             // put into w
}

const (
	installDir = "install"
	tableBytes = 32 << 20 // of rows in one table
)

func newInstaller(s *snapshotStore, index, term uint64, conf groupConfig) *installer {
	in := &installer{s: s, pos: position{index: index, term: term}, conf: conf}
	in.parse.onHeader = in.header
	in.parse.onRow = in.row
	return in
}

func installPath(h *Host, id GroupID, n int) string {
	return h.guard.PathJoin(h.opts.Dir, installDir, fmt.Sprintf("%d-%06d.sst", id, n))
}

func (in *installer) write(p []byte) error { return in.parse.write(p) }

// header writes the two rows of the host that precede all others.
func (in *installer) header(at store.Time) error {
	in.pos.time = at
	if err := in.put([]byte{colApplied}, in.pos.encode()); err != nil {
		return err
	}
	return in.put([]byte{colApplied, 'c'}, in.conf.encode())
}

func (in *installer) row(key, value []byte) error { return in.put(key, value) }

func (in *installer) put(key, value []byte) error {
	if in.w != nil && in.size > tableBytes {
		if err := in.closeTable(); err != nil {
			return err
		}
	}
	if in.w == nil {
		path := installPath(in.s.h, in.s.id, len(in.files))
		f, err := in.s.h.guard.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			return fmt.Errorf("receive snapshot: %w", err)
		}
		in.files = append(in.files, path)
		in.w = sstable.NewWriter(objstorageprovider.NewFileWritable(f), in.s.h.tableOpts)
		in.size = 0
	}
	in.size += len(key) + len(value)
	if err := in.w.Set(rowKey(in.s.id, key), value); err != nil {
		return fmt.Errorf("receive snapshot: %w", err)
	}
	return nil
}

func (in *installer) closeTable() error {
	if in.w == nil {
		return nil
	}
	err := in.w.Close()
	in.w = nil
	if err != nil {
		return fmt.Errorf("receive snapshot: %w", err)
	}
	return nil
}

// finish checks that the stream was whole and syncs the tables.
func (in *installer) finish() error {
	if !in.parse.ended {
		return badStream("the stream broke off after %d rows", in.parse.count)
	}
	if err := in.closeTable(); err != nil {
		return err
	}
	d, err := in.s.h.guard.OpenDir(in.s.h.guard.PathJoin(in.s.h.opts.Dir, installDir))
	if err != nil {
		return fmt.Errorf("receive snapshot: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("receive snapshot: %w", err)
	}
	return nil
}

// abort drops what was collected.
func (in *installer) abort() {
	_ = in.closeTable() // the file is removed whatever it holds
	for _, path := range in.files {
		_ = in.s.h.guard.Remove(path) // a leftover goes at the next start
	}
}

// install replaces the rows.
func (in *installer) install() error {
	flag := binary.BigEndian.AppendUint64(nil, in.pos.index)
	flag = binary.BigEndian.AppendUint32(flag, uint32(len(in.files)))
	if err := in.s.stable.Set([]byte(keyInstalling), flag); err != nil {
		return err
	}
	return in.s.swap(in.files)
}

// swap puts tables in place of the group's rows and takes the flag away.
func (s *snapshotStore) swap(files []string) error {
	if err := s.h.deleteRows(s.id); err != nil {
		return fmt.Errorf("install snapshot: %w", err)
	}
	if err := s.h.db.Ingest(context.Background(), files); err != nil {
		return fmt.Errorf("install snapshot: %w", err)
	}
	return s.stable.forget(keyInstalling)
}

// resume completes an installation that a crash interrupted, and removes files
// of one that had not begun.
func (s *snapshotStore) resume() error {
	flag, err := s.stable.Get([]byte(keyInstalling))
	if err != nil {
		return err
	}
	if len(flag) > 0 {
		if err := s.resumeInstall(flag); err != nil {
			return err
		}
	}
	dir := s.h.guard.PathJoin(s.h.opts.Dir, installDir)
	names, err := s.h.guard.List(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, fmt.Sprintf("%d-", s.id)) {
			if err := s.h.guard.Remove(s.h.guard.PathJoin(dir, name)); err != nil {
				return fmt.Errorf("remove leftover of a snapshot: %w", err)
			}
		}
	}
	return nil
}

// resumeInstall tells by the position row whether the tables are in place: it is
// in the first of them, and all of them came in at once.
func (s *snapshotStore) resumeInstall(flag []byte) error {
	d := decoder{b: flag}
	index, n := d.u64(), int(d.u32())
	if d.bad {
		return store.Errorf(store.KindCorrupt, "resume installation", "flag of %d bytes", len(flag))
	}
	pos, _, err := readPosition(s.h.db, s.id)
	if err != nil {
		return err
	}
	if pos.index >= index {
		return s.stable.forget(keyInstalling)
	}
	files := make([]string, n)
	for i := range files {
		files[i] = installPath(s.h, s.id, i)
	}
	return s.swap(files)
}
