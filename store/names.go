package store

import "context"

// NameKind is a space of names. Names are unique within their kind.
type NameKind uint8

// The kinds. Numbers are stored.
const (
	NameBucket     NameKind = 1
	NameVolume     NameKind = 2
	NameFilesystem NameKind = 3
	NameUser       NameKind = 4
	NameAccessKey  NameKind = 5
)

// NameState is where a name is in its life.
type NameState uint8

// The states. Numbers are stored.
const (
	NameActive   NameState = 0
	NameDeleting NameState = 1 // no new contents; goes back to active or away
)

// Name is one entry of the cluster's registry of buckets, volumes, filesystems,
// users and access keys.
type Name struct {
	Kind    NameKind
	Name    string
	ID      uint64 // unique in the kind, never reused; given by CreateName
	Owner   string // canonical id of the owning user, or the user's name of an access key
	State   NameState
	Gen     uint64 // counts the changes; given by the registry
	Created Time
	Attrs   []byte // the service's own settings, opaque here; at most 256 KiB
}

// Names is the registry. Every mutation is durable in the root group when it
// returns, and the local copy that Lookup reads has it by then.
type Names interface {
	// CreateName adds n (ID, Gen and Created are filled in). If the name is
	// taken the error is [KindExists] and the result is the entry that has it.
	CreateName(ctx context.Context, n Name) (Name, error)

	// Lookup answers from this node's copy of the registry, which follows the
	// root within milliseconds; a name the copy does not have is asked of the
	// root, so a name made elsewhere is never missed. Absent: [KindNotFound].
	Lookup(ctx context.Context, kind NameKind, name string) (Name, error)

	// ReadName answers linearizably from the root.
	ReadName(ctx context.Context, kind NameKind, name string) (Name, error)

	// ListNames returns up to limit entries of the kind in byte order of their
	// names, after the name after; an owner, if not empty, selects. It is
	// linearizable.
	ListNames(ctx context.Context, kind NameKind, owner, after string, limit int) ([]Name, error)

	// UpdateName replaces Owner, State and Attrs of the entry if its Gen is
	// still n.Gen, else [KindConflict]. It returns the new entry.
	UpdateName(ctx context.Context, n Name) (Name, error)

	// DeleteName removes the entry if its Gen is still gen, else [KindConflict].
	DeleteName(ctx context.Context, kind NameKind, name string, gen uint64) error
}
