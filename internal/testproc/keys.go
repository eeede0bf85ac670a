package testproc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Keys are an access key of the root user.
type Keys struct{ AccessKey, Secret string }

// CredentialsFile is where the founder keeps the root user's keys, in the format
// of AWS's shared credentials.
func (c *Cluster) CredentialsFile() string { return filepath.Join(c.nodes[0].Dir, "credentials") }

// Keys reads the root user's keys.
func (c *Cluster) Keys() (k Keys, err error) {
	b, err := os.ReadFile(c.CredentialsFile())
	if err != nil {
		return k, err
	}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			k.AccessKey = strings.TrimSpace(value)
		case "aws_secret_access_key":
			k.Secret = strings.TrimSpace(value)
		}
	}
	if k.AccessKey == "" || k.Secret == "" {
		return k, fmt.Errorf("%s has no keys", c.CredentialsFile())
	}
	return k, nil
}
