package iam

import (
	"context"
	"encoding/binary"
	"fmt"

	"cairn/store"
)

// Key is an access key. Secret is filled in only by what makes keys.
type Key struct {
	ID      string
	User    string
	Secret  string
	Created store.Time
}

// CreateKey gives a user a new access key. The result is the only time that
// the secret is told.
func (s *Service) CreateKey(ctx context.Context, user string) (Key, error) {
	return s.AddKey(ctx, user, newKeyID(), newSecret())
}

// AddKey gives a user an access key with a chosen id (3 to 128 printable ASCII
// bytes but "/", "," and space) and secret (8 to 128 bytes).
// Errors: [store.KindExists], [store.KindNotFound] for the user.
func (s *Service) AddKey(ctx context.Context, user, id, secret string) (Key, error) {
	if !validKeyID(id) || len(secret) < 8 || len(secret) > 128 {
		return Key{}, &store.Error{
			Op: "add access key", Kind: store.KindInvalid, Resource: fmt.Sprintf("%.40q", id),
			Hint: `an id has 3 to 128 printable bytes without "/", "," and space; a secret 8 to 128 bytes`,
		}
	}
	u, err := s.names.ReadName(ctx, store.NameUser, user)
	if err != nil {
		return Key{}, err
	}
	if u.State != store.NameActive {
		return Key{}, &store.Error{Op: "add access key", Kind: store.KindConflict, Resource: user, Hint: "the user is being removed"}
	}
	n, err := s.names.CreateName(ctx, store.Name{
		Kind: store.NameAccessKey, Name: id, Owner: user, Attrs: s.seal(id, u.ID, secret),
	})
	if err != nil {
		return Key{}, err
	}
	return Key{ID: id, User: user, Secret: secret, Created: n.Created}, nil
}

// Keys lists the access keys of a user, or of all users if user is "".
func (s *Service) Keys(ctx context.Context, user string) ([]Key, error) {
	var keys []Key
	err := s.each(ctx, store.NameAccessKey, user, func(n store.Name) error {
		keys = append(keys, Key{ID: n.Name, User: n.Owner, Created: n.Created})
		return nil
	})
	return keys, err
}

// RemoveKey removes an access key.
func (s *Service) RemoveKey(ctx context.Context, id string) error {
	n, err := s.names.ReadName(ctx, store.NameAccessKey, id)
	if err != nil {
		return err
	}
	return s.names.DeleteName(ctx, store.NameAccessKey, id, n.Gen)
}

// keyFormat is the first byte of an access key's attributes:
// u8 format | u64 number of the user | 12 B nonce | sealed secret.
const keyFormat = 1

const sealedAt = 1 + 8

// seal returns the attributes of an access key.
func (s *Service) seal(id string, userID uint64, secret string) []byte {
	b := binary.BigEndian.AppendUint64([]byte{keyFormat}, userID)
	nonce := randomBytes(s.sealed.NonceSize())
	bound := append(b[:sealedAt:sealedAt], id...)
	return s.sealed.Seal(append(b, nonce...), nonce, []byte(secret), bound)
}

// open undoes seal.
func (s *Service) open(key store.Name) (userID uint64, secret string, err error) {
	b := key.Attrs
	if len(b) > 0 && b[0] != keyFormat {
		return 0, "", &store.Error{Op: "open access key", Kind: store.KindUnknownFormat, Resource: key.Name, Hint: "a newer version made this key; upgrade this node"}
	}
	at := sealedAt + s.sealed.NonceSize()
	if len(b) < at {
		return 0, "", corruptKey(key.Name)
	}
	bound := append(b[:sealedAt:sealedAt], key.Name...)
	plain, err := s.sealed.Open(nil, b[sealedAt:at], b[at:], bound)
	if err != nil {
		return 0, "", corruptKey(key.Name)
	}
	return binary.BigEndian.Uint64(b[1:]), string(plain), nil
}

func corruptKey(id string) error {
	return &store.Error{
		Op: "open access key", Kind: store.KindCorrupt, Resource: id,
		Hint: "the secret was sealed under another cluster key; give every node the same one",
	}
}

func validKeyID(s string) bool {
	if len(s) < 3 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '/' || c == ',' {
			return false
		}
	}
	return true
}
