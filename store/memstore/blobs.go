package memstore

import (
	"bytes"
	"context"
	"hash/crc32"

	"cairn/store"
)

// placementGroups is how many groups blobs are spread over.
const placementGroups = 8

// maxOwnerKey bounds [store.Owner.Key], in bytes.
const maxOwnerKey = 1024

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blobState is where a blob is in its life; it only ever moves forward.
type blobState uint8

const (
	blobFresh      blobState = iota // no row refers to it yet
	blobReferenced                  // a row refers to it
	blobDead                        // it waits for its deletion
)

type blob struct {
	data  []byte
	owner store.Owner
	state blobState
}

// Put implements [store.Blobs]. As the engine may, it scribbles over the spare
// capacity of payload.
func (s *Store) Put(ctx context.Context, owner store.Owner, _ store.Class, payload []byte) (store.Placed, error) {
	const op = "put blob"
	if err := ctx.Err(); err != nil {
		return store.Placed{}, err
	}
	if len(payload) == 0 || len(payload) > store.MaxBlob {
		return store.Placed{}, store.Errorf(store.KindInvalid, op, "the payload has %d bytes; 1 to %d are allowed", len(payload), store.MaxBlob)
	}
	if len(owner.Key) > maxOwnerKey {
		return store.Placed{}, store.Errorf(store.KindInvalid, op, "the owner key has %d bytes; at most %d are allowed", len(owner.Key), maxOwnerKey)
	}
	for i := range min(cap(payload)-len(payload), 64) {
		payload[:cap(payload)][len(payload)+i] = 0xEE
	}
	b := &blob{data: bytes.Clone(payload), owner: store.Owner{NS: owner.NS, Key: bytes.Clone(owner.Key)}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.serial++
	created := store.TimeOf(s.clock()).CreatedSeconds()
	id := store.MakeBlobID(s.mu.serial%placementGroups, uint32(created), 1, s.mu.serial)
	s.mu.blobs[id] = b
	ref := store.Ref{Blob: id, Len: uint32(len(payload)), CRC: crc32.Checksum(payload, castagnoli)}
	return store.Placed{Ref: ref, Gen: 1}, nil
}

// Get implements [store.Blobs].
func (s *Store) Get(ctx context.Context, ref store.Ref, off, n int) (*store.Bytes, error) {
	const op = "get blob"
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	b := s.mu.blobs[ref.Blob]
	s.mu.Unlock()
	if b == nil {
		return nil, &store.Error{Op: op, Kind: store.KindNotFound, Resource: ref.Blob.String()}
	}
	if off < 0 || n < 0 || off > int(ref.Len) || n > int(ref.Len)-off {
		return nil, store.Errorf(store.KindInvalid, op, "bytes [%d, %d+%d) are outside the blob's %d", off, off, n, ref.Len)
	}
	if uint32(len(b.data)) != ref.Len || crc32.Checksum(b.data, castagnoli) != ref.CRC {
		return nil, &store.Error{Op: op, Kind: store.KindCorrupt, Resource: ref.Blob.String()}
	}
	return store.NewBytes([][]byte{b.data[off : off+n]}, nil), nil
}

// Reading implements [store.Blobs].
func (s *Store) Reading() (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := store.TimeOf(s.clock())
	s.mu.reads[&began] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.mu.reads, &began)
	}
}

// Buffer implements [store.Blobs].
func (s *Store) Buffer(n int) []byte {
	s.buffers.Add(1)
	return make([]byte, n, n+n/2)
}

// FreeBuffer implements [store.Blobs].
func (s *Store) FreeBuffer([]byte) { s.buffers.Add(-1) }
