package iam

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"

	"cairn/store"
)

// RootUser is the name of the user that administers the cluster.
const RootUser = "root"

// pageSize is how many names are listed at a time.
const pageSize = 500

// Service manages and authenticates. Make one with [New].
type Service struct {
	names  store.Names
	sealed cipher.AEAD
}

// New returns a service over a cluster's names. clusterKey seals secrets; every
// node of the cluster must be given the same.
func New(names store.Names, clusterKey [32]byte) *Service {
	block, err := aes.NewCipher(clusterKey[:])
	if err != nil {
		panic("iam: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("iam: " + err.Error())
	}
	return &Service{names: names, sealed: aead}
}

// Identity is who an access key belongs to.
type Identity struct {
	CanonicalID string // 64 hex digits, the owner of what the user makes
	DisplayName string // the user's name
	AccessKey   string
	Secret      string
}

// Root reports whether the identity is the cluster's root user.
func (i *Identity) Root() bool { return i.DisplayName == RootUser }

// Authenticate returns whose an access key is. Errors: [store.KindNotFound] if
// there is no such key or its user is gone, [store.KindCorrupt] if its secret
// cannot be opened with the cluster's key.
func (s *Service) Authenticate(ctx context.Context, accessKey string) (*Identity, error) {
	if !validKeyID(accessKey) {
		return nil, noSuchKey("authenticate", accessKey)
	}
	key, err := s.names.Lookup(ctx, store.NameAccessKey, accessKey)
	if err != nil {
		return nil, err
	}
	user, err := s.names.Lookup(ctx, store.NameUser, key.Owner)
	if err != nil {
		return nil, err
	}
	userID, secret, err := s.open(key)
	if err != nil {
		return nil, err
	}
	if user.ID != userID || user.State != store.NameActive {
		return nil, noSuchKey("authenticate", accessKey)
	}
	return &Identity{CanonicalID: user.Owner, DisplayName: user.Name, AccessKey: accessKey, Secret: secret}, nil
}

func noSuchKey(op, id string) error {
	return &store.Error{Op: op, Kind: store.KindNotFound, Reason: "access-key", Resource: id, Hint: "list the keys of a user with: cairn iam key list"}
}

// randomBytes returns n bytes from the system.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

func newCanonicalID() string { return hex.EncodeToString(randomBytes(32)) }

// newKeyID returns an id of 20 letters and digits, as AWS's are.
func newKeyID() string {
	return "AKIA" + base32.StdEncoding.EncodeToString(randomBytes(10))
}

// newSecret returns a secret of 40 characters.
func newSecret() string { return base64.StdEncoding.EncodeToString(randomBytes(30)) }
