package memstore

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"cairn/store"
)

// maxAttrs bounds [store.Name.Attrs], in bytes.
const maxAttrs = 256 << 10

// registry is the state behind [store.Names].
type registry struct {
	mu     sync.Mutex
	byKind map[store.NameKind]map[string]store.Name
	nextID map[store.NameKind]uint64
}

func (r *registry) init() {
	r.byKind = make(map[store.NameKind]map[string]store.Name)
	r.nextID = make(map[store.NameKind]uint64)
}

// copyName returns n with Attrs of its own.
func copyName(n store.Name) store.Name {
	n.Attrs = bytes.Clone(n.Attrs)
	return n
}

func noSuchName(op, name string) error {
	return &store.Error{Op: op, Kind: store.KindNotFound, Resource: name}
}

func checkAttrs(op string, n store.Name) error {
	if len(n.Attrs) > maxAttrs {
		return &store.Error{Op: op, Kind: store.KindTooLarge, Resource: n.Name, Hint: "attributes may have 256 KiB"}
	}
	return nil
}

// CreateName implements [store.Names].
func (s *Store) CreateName(ctx context.Context, n store.Name) (store.Name, error) {
	const op = "create name"
	if err := ctx.Err(); err != nil {
		return store.Name{}, err
	}
	if n.Name == "" {
		return store.Name{}, store.Errorf(store.KindInvalid, op, "the name is empty")
	}
	if err := checkAttrs(op, n); err != nil {
		return store.Name{}, err
	}
	r := &s.names
	r.mu.Lock()
	defer r.mu.Unlock()
	if have, ok := r.byKind[n.Kind][n.Name]; ok {
		return copyName(have), &store.Error{Op: op, Kind: store.KindExists, Resource: n.Name}
	}
	if r.byKind[n.Kind] == nil {
		r.byKind[n.Kind] = make(map[string]store.Name)
	}
	r.nextID[n.Kind]++
	n.ID, n.Gen, n.Created = r.nextID[n.Kind], 1, store.TimeOf(s.clock())
	r.byKind[n.Kind][n.Name] = copyName(n)
	return copyName(n), nil
}

// Lookup implements [store.Names].
func (s *Store) Lookup(ctx context.Context, kind store.NameKind, name string) (store.Name, error) {
	if err := ctx.Err(); err != nil {
		return store.Name{}, err
	}
	r := &s.names
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.byKind[kind][name]
	if !ok {
		return store.Name{}, noSuchName("look up name", name)
	}
	return copyName(n), nil
}

// ReadName implements [store.Names].
func (s *Store) ReadName(ctx context.Context, kind store.NameKind, name string) (store.Name, error) {
	return s.Lookup(ctx, kind, name)
}

// ListNames implements [store.Names].
func (s *Store) ListNames(ctx context.Context, kind store.NameKind, owner, after string, limit int) ([]store.Name, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &s.names
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []store.Name
	for _, n := range r.byKind[kind] {
		if n.Name > after && (owner == "" || n.Owner == owner) {
			out = append(out, copyName(n))
		}
	}
	slices.SortFunc(out, func(a, b store.Name) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), max(limit, 0))], nil
}

// UpdateName implements [store.Names].
func (s *Store) UpdateName(ctx context.Context, n store.Name) (store.Name, error) {
	const op = "update name"
	if err := ctx.Err(); err != nil {
		return store.Name{}, err
	}
	if err := checkAttrs(op, n); err != nil {
		return store.Name{}, err
	}
	r := &s.names
	r.mu.Lock()
	defer r.mu.Unlock()
	have, err := r.atGenLocked(op, n.Kind, n.Name, n.Gen)
	if err != nil {
		return store.Name{}, err
	}
	have.Owner, have.State, have.Attrs = n.Owner, n.State, bytes.Clone(n.Attrs)
	have.Gen++
	r.byKind[n.Kind][n.Name] = have
	return copyName(have), nil
}

// DeleteName implements [store.Names].
func (s *Store) DeleteName(ctx context.Context, kind store.NameKind, name string, gen uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &s.names
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.atGenLocked("delete name", kind, name, gen); err != nil {
		return err
	}
	delete(r.byKind[kind], name)
	return nil
}

// atGenLocked returns the entry if it exists at that generation.
func (r *registry) atGenLocked(op string, kind store.NameKind, name string, gen uint64) (store.Name, error) {
	have, ok := r.byKind[kind][name]
	if !ok {
		return have, noSuchName(op, name)
	}
	if have.Gen != gen {
		return have, &store.Error{Op: op, Kind: store.KindConflict, Resource: name, Hint: "it was changed meanwhile; read it again"}
	}
	return have, nil
}
