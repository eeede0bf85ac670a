package gateway

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"cairn/internal/durable"
	"cairn/store"
)

// Credentials are an access key of the root user, kept in a file in the format
// of AWS's shared credentials, so that AWS_SHARED_CREDENTIALS_FILE can name it.
type Credentials struct {
	AccessKey, Secret string
}

// EnsureCredentials reads the file, or makes random keys and writes them
// durably; fresh tells which.
func EnsureCredentials(path string) (c Credentials, fresh bool, err error) {
	if c, err = ReadCredentials(path); !errors.Is(err, os.ErrNotExist) {
		return c, false, err
	}
	c = Credentials{
		AccessKey: "AKIA" + base32.StdEncoding.EncodeToString(random(10)),
		Secret:    base64.StdEncoding.EncodeToString(random(30)),
	}
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", c.AccessKey, c.Secret)
	return c, true, durable.WriteFile(path, []byte(text), 0o600)
}

// ReadCredentials reads the file.
func ReadCredentials(path string) (Credentials, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Credentials{}, err
	}
	return parseCredentials(path, string(b))
}

func parseCredentials(path, text string) (c Credentials, err error) {
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(k) {
		case "aws_access_key_id":
			c.AccessKey = strings.TrimSpace(v)
		case "aws_secret_access_key":
			c.Secret = strings.TrimSpace(v)
		}
	}
	if c.AccessKey == "" || c.Secret == "" {
		return c, &store.Error{
			Op: "read credentials", Kind: store.KindCorrupt, Resource: path,
			Hint: "remove the file to have new root keys made at the next start",
		}
	}
	return c, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
