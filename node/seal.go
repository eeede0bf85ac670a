package node

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"

	"cairn/node/pki"
	"cairn/store"
)

// seal encrypts a secret under the cluster key with AES-256-GCM; label says
// what it is and must be the same to open it.
func seal(key pki.ClusterKey, label string, secret []byte) ([]byte, error) {
	aead, err := sealer(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, secret, []byte(label)), nil
}

// unseal is the inverse of seal.
func unseal(key pki.ClusterKey, label string, sealed []byte) ([]byte, error) {
	aead, err := sealer(key)
	if err != nil {
		return nil, err
	}
	n := aead.NonceSize()
	if len(sealed) < n {
		return nil, store.Errorf(store.KindCorrupt, "unseal", "%s: %d bytes", label, len(sealed))
	}
	out, err := aead.Open(nil, sealed[:n], sealed[n:], []byte(label))
	if err != nil {
		return nil, store.Errorf(store.KindCorrupt, "unseal", "%s: wrong cluster key or damaged", label)
	}
	return out, nil
}

// sealer derives a key of its own, so that no two uses share one.
func sealer(key pki.ClusterKey) (cipher.AEAD, error) {
	k := sha256.Sum256(append([]byte("cairn root secrets v1\n"), key[:]...))
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
