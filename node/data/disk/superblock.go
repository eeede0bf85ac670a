package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"cairn/placement"
	"cairn/store"
)

// Identity says which disk this is. A disk that comes back with another UUID is
// another disk.
type Identity struct {
	Cluster [16]byte
	UUID    [16]byte
	Disk    placement.DiskID // zero until the cluster has adopted it
}

const (
	superblockName   = "superblock"
	superblockTmp    = "superblock.new"
	superblockMagic  = "CAIRNDSK"
	superblockFormat = 1
	superblockSize   = 8 + 1 + 1 + 16 + 16 + 4 + 4

	flagClean  = 1 << 0 // closed in order; nothing has to be recovered
	flagFailed = 1 << 1 // an fsync failed; its contents cannot be vouched for
)

// superblock is the file that makes a directory a disk:
// magic 8 | fmt u8 | flags u8 | cluster 16 | uuid 16 | disk u32 | crc u32.
type superblock struct {
	Identity
	flags uint8
}

func (s *superblock) encode() []byte {
	b := append(make([]byte, 0, superblockSize), superblockMagic...)
	b = append(b, superblockFormat, s.flags)
	b = append(b, s.Cluster[:]...)
	b = append(b, s.UUID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.Disk))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeSuperblock(b []byte) (*superblock, error) {
	const op = "read superblock"
	if len(b) < 10 || string(b[:8]) != superblockMagic {
		return nil, store.Errorf(store.KindCorrupt, op, "this is not a Cairn disk")
	}
	if b[8] != superblockFormat {
		return nil, unknownFormat(op, "disk", b[8])
	}
	if len(b) != superblockSize || crc32.Checksum(b[:superblockSize-4], castagnoli) != binary.BigEndian.Uint32(b[superblockSize-4:]) {
		return nil, store.Errorf(store.KindCorrupt, op, "checksum mismatch")
	}
	s := &superblock{flags: b[9]}
	copy(s.Cluster[:], b[10:])
	copy(s.UUID[:], b[26:])
	s.Disk = placement.DiskID(binary.BigEndian.Uint32(b[42:]))
	return s, nil
}

// unknownFormat is the error that halts at data of a newer version.
func unknownFormat(op, what string, format byte) *store.Error {
	return &store.Error{Op: op, Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("%s format %d", what, format),
		Hint: "it was written by a newer version of cairn; run that one"}
}

// writeSuperblock replaces the superblock and is durable when it returns; a
// crash leaves the old one or the new one.
func writeSuperblock(fs FS, s *superblock) error {
	if err := fs.Remove(superblockTmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := fs.Create(superblockTmp)
	if err != nil {
		return err
	}
	err = errors.Join(f.WriteVec([][]byte{s.encode()}, 0), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := fs.Rename(superblockTmp, superblockName); err != nil {
		return err
	}
	return fs.SyncDir()
}

func readSuperblock(fs FS) (*superblock, error) {
	f, err := fs.Open(superblockName)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &store.Error{Op: "open disk", Kind: store.KindNotFound, Reason: "disk", Err: err,
			Hint: "format the directory first, or check that the disk is mounted"}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, superblockSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return decodeSuperblock(b[:n])
}
