package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cairn/internal/durable"
	"cairn/store"
)

// Layout is the shape of a cell.
type Layout struct {
	Zones int `json:"zones"`
	Nodes int `json:"nodes"` // in each zone
}

const (
	layoutFile   = "cell.json"
	layoutFormat = 1

	maxZones = 26 // a letter each
	maxTotal = 60 // nodes in one process
)

// Validate reports a layout that cannot be run.
func (l Layout) Validate() error {
	if l.Zones < 1 || l.Zones > maxZones || l.Nodes < 1 || l.Zones*l.Nodes > maxTotal {
		return &store.Error{
			Op: "lay out cell", Kind: store.KindInvalid, Resource: fmt.Sprintf("%d zones of %d nodes", l.Zones, l.Nodes),
			Hint: fmt.Sprintf("1 to %d zones, at least 1 node in each, at most %d nodes in all", maxZones, maxTotal),
		}
	}
	return nil
}

// each calls f for every node, zone by zone.
func (l Layout) each(f func(zone, name string)) {
	for z := range l.Zones {
		zone := string(rune('a' + z))
		for n := range l.Nodes {
			f(zone, fmt.Sprintf("%s%d", zone, n+1))
		}
	}
}

// storedLayout is the file.
type storedLayout struct {
	Format int `json:"format"`
	Layout
}

// settleLayout makes the layout that of dir, or refuses one that differs from
// what dir was made with.
func settleLayout(dir string, want Layout) error {
	has, err := ReadLayout(dir)
	switch {
	case store.Is(err, store.KindNotFound):
		b, err := json.Marshal(storedLayout{layoutFormat, want})
		if err != nil {
			return err
		}
		return durable.WriteFile(filepath.Join(dir, layoutFile), append(b, '\n'), 0o600)
	case err != nil:
		return err
	case has != want:
		return &store.Error{
			Op: "open cell", Kind: store.KindConflict,
			Resource: fmt.Sprintf("%s has %d zones of %d nodes, not %d of %d", dir, has.Zones, has.Nodes, want.Zones, want.Nodes),
			Hint:     fmt.Sprintf("use --zones %d --nodes %d, or another --dir", has.Zones, has.Nodes),
		}
	}
	return nil
}

// ReadLayout returns the layout that dir was made with; [store.KindNotFound] if
// it holds no cell.
func ReadLayout(dir string) (Layout, error) {
	path := filepath.Join(dir, layoutFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Layout{}, &store.Error{Op: "read layout", Kind: store.KindNotFound, Resource: path}
	}
	if err != nil {
		return Layout{}, err
	}
	var s storedLayout
	if err := json.Unmarshal(b, &s); err != nil {
		return Layout{}, &store.Error{Op: "read layout", Kind: store.KindCorrupt, Resource: path, Err: err}
	}
	if s.Format != layoutFormat {
		return Layout{}, &store.Error{Op: "read layout", Kind: store.KindUnknownFormat, Resource: path, Hint: "a newer version wrote it; use that one"}
	}
	return s.Layout, nil
}
