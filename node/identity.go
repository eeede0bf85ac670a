package node

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"cairn/node/pki"
	"cairn/node/raftgroup"
	"cairn/placement"
	"cairn/store"
)

// Identity is who a node is: one number, one incarnation, one certificate. It
// lives in DIR/node.json, is made when the node begins or joins a cluster, and
// is never changed but for its certificate, which is renewed. A node whose
// directory is lost joins again and gets a new incarnation.
type Identity struct {
	Format      int                   `json:"format"`
	Cluster     hexBytes              `json:"cluster"`
	Node        placement.NodeID      `json:"node"`
	Name        string                `json:"name"`
	Zone        string                `json:"zone"`
	Incarnation raftgroup.Incarnation `json:"-"`
	IncHex      hexBytes              `json:"incarnation"`
	// Founder is set on the node that the cluster began with: it alone may
	// start the root group from nothing.
	Founder bool `json:"founder,omitempty"`
	// Seeds are nodes to ask for the map, with their addresses.
	Seeds map[placement.NodeID]string `json:"seeds,omitempty"`
	// ClusterKey seals secrets; CACert, Cert and Key are PEM.
	ClusterKey hexBytes `json:"cluster_key"`
	CACert     string   `json:"ca_cert,omitempty"`
	CAKey      string   `json:"ca_key,omitempty"` // the founder's, until it is in the root table
	Cert       string   `json:"cert,omitempty"`
	Key        string   `json:"key,omitempty"`
}

const (
	identityFile   = "node.json"
	identityFormat = 1
)

// hexBytes is written as hex.
type hexBytes []byte

// MarshalText writes hex.
func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// UnmarshalText reads hex.
func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// LoadIdentity reads the identity in dir; [store.KindNotFound] if there is none.
func LoadIdentity(dir string) (*Identity, error) {
	path := filepath.Join(dir, identityFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &store.Error{
			Op: "read identity", Kind: store.KindNotFound, Resource: path,
			Hint: "begin a cluster with `cairn server --found`, or join one with `cairn join TOKEN`",
		}
	}
	if err != nil {
		return nil, err
	}
	id := &Identity{}
	if err := json.Unmarshal(b, id); err != nil {
		return nil, fmt.Errorf("read identity %s: %w", path, err)
	}
	if id.Format != identityFormat {
		return nil, &store.Error{
			Op: "read identity", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("%s format %d", path, id.Format),
			Hint: "a newer version wrote it; use that one",
		}
	}
	if len(id.IncHex) != len(id.Incarnation) || len(id.ClusterKey) != len(pki.ClusterKey{}) {
		return nil, store.Errorf(store.KindCorrupt, "read identity", "%s: incarnation or key is damaged", path)
	}
	copy(id.Incarnation[:], id.IncHex)
	return id, nil
}

// Save writes a new identity durably. It refuses to replace one.
func (id *Identity) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, identityFile)
	if _, err := os.Stat(path); err == nil {
		return &store.Error{Op: "write identity", Kind: store.KindExists, Resource: path, Hint: "the directory belongs to a node already"}
	}
	return id.write(path)
}

// renewed writes the identity in dir again with another certificate and key. A
// crash leaves the old pair or the new one, both good.
func (id *Identity) renewed(dir string, certPEM, keyPEM []byte) error {
	next := *id
	next.Cert, next.Key = string(certPEM), string(keyPEM)
	return next.write(filepath.Join(dir, identityFile))
}

func (id *Identity) write(path string) error {
	id.Format, id.IncHex = identityFormat, id.Incarnation[:]
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(path, append(b, '\n'))
}

// writeDurably writes a file so that after a crash it is there whole or not at
// all.
func writeDurably(path string, b []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func newIncarnation() (inc raftgroup.Incarnation, err error) {
	_, err = rand.Read(inc[:])
	return inc, err
}
