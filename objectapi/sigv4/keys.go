package sigv4

import "sync"

// Keys remembers signing keys, of which deriving one takes as long as the rest
// of a verification. The zero value is ready; its methods may be called
// concurrently.
type Keys struct {
	mu   sync.RWMutex
	keys map[keyOf][]byte
}

// keyOf is all that a signing key follows from.
type keyOf struct {
	secret string
	scope  Scope
}

// maxKeys bounds how many are remembered: one a secret and day is used.
const maxKeys = 4096

// signing returns the key with which secret signs in a scope. Only a scope that
// was checked should be asked for: any other one takes the place of one in use.
func (k *Keys) signing(secret string, s Scope) []byte {
	of := keyOf{secret, s}
	k.mu.RLock()
	key := k.keys[of]
	k.mu.RUnlock()
	if key != nil {
		return key
	}
	key = signingKey(secret, s)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil || len(k.keys) >= maxKeys {
		k.keys = map[keyOf][]byte{}
	}
	k.keys[of] = key
	return key
}

func signingKey(secret string, s Scope) []byte {
	k := hmacSHA256([]byte("AWS4"+secret), s.Date)
	k = hmacSHA256(k, s.Region)
	k = hmacSHA256(k, s.Service)
	return hmacSHA256(k, terminator)
}
