package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"cairn/node/gateway"
	"cairn/node/local"
)

// devRun describes a running cell; it is the JSON of `cairn dev`.
type devRun struct {
	Dir    string       `json:"dir"`
	Layout local.Layout `json:"layout"`
	S3     string       `json:"s3"`
	Admin  string       `json:"admin"`
	Region string       `json:"region"`
	// AccessKey and Secret are there at the first start only.
	AccessKey string `json:"access_key_id,omitempty"`
	Secret    string `json:"secret_access_key,omitempty"`

	keys gateway.Credentials
}

// print writes what one needs to know to use the cell.
func (r *devRun) print(g *global) error {
	if g.json {
		return writeJSON(g.out, r)
	}
	p := newPaint(g.out)
	var b textBuffer
	fmt.Fprintf(&b, "%s\n", p.bold("Cairn is running."))
	b.WriteString(r.tree())
	fmt.Fprintf(&b, "\n  S3     %s\n  admin  %s\n  keys   %s\n", r.S3, r.Admin, r.credentials())
	if r.AccessKey != "" {
		fmt.Fprintf(&b, "\nThe root user's keys, shown this once:\n\n  access key id      %s\n  secret access key  %s\n", r.AccessKey, r.Secret)
	}
	fmt.Fprintf(&b, "\nIn another shell:\n\n%s\nCtrl-C stops it; the data stays. `cairn status` shows how it is.\n", r.paste())
	_, err := g.out.Write([]byte(b.String()))
	return err
}

// tree shows the zones and their nodes.
func (r *devRun) tree() string {
	var b textBuffer
	for z := range r.Layout.Zones {
		zone := string(rune('a' + z))
		fmt.Fprintf(&b, "\n  zone %s ", zone)
		for n := range r.Layout.Nodes {
			fmt.Fprintf(&b, "  %s%d", zone, n+1)
		}
	}
	return b.String() + "\n"
}

func (r *devRun) credentials() string { return filepath.Join(r.Dir, "credentials") }

// paste is what a fresh shell needs to store a first object. Releases of the AWS
// command line before 2.13 do not read AWS_ENDPOINT_URL by themselves.
func (r *devRun) paste() string {
	return fmt.Sprintf("  export AWS_ENDPOINT_URL=%s AWS_SHARED_CREDENTIALS_FILE=%s AWS_DEFAULT_REGION=%s\n"+
		"  aws --endpoint-url $AWS_ENDPOINT_URL s3 mb s3://demo\n"+
		"  aws --endpoint-url $AWS_ENDPOINT_URL s3 cp /etc/hostname s3://demo/\n", r.S3, shellQuote(r.credentials()), r.Region)
}

func shellQuote(s string) string {
	if strings.IndexFunc(s, func(c rune) bool { return !strings.ContainsRune("/._-+:@%", c) && !isAlnum(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func isAlnum(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// runCommand runs a command against the cell. Its error carries its status.
func runCommand(ctx context.Context, g *global, args []string, r *devRun) error {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = g.in, g.out, g.err
	c.Env = commandEnv(os.Environ(), r)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	if err := c.Start(); err != nil {
		fmt.Fprintf(g.err, "cairn: start %s: %v\n", args[0], err)
		return silentError{exitCommand}
	}
	return c.Wait()
}

// commandEnv is env with the cell's addresses and keys. What would make a client
// prefer other keys is taken out.
func commandEnv(env []string, r *devRun) []string {
	set := []string{
		"AWS_ENDPOINT_URL=" + r.S3,
		"AWS_ACCESS_KEY_ID=" + r.keys.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + r.keys.Secret,
		"AWS_REGION=" + r.Region,
		"AWS_DEFAULT_REGION=" + r.Region,
		"CAIRN_ADMIN=" + r.Admin,
	}
	drop := []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
	for _, kv := range set {
		drop = append(drop, strings.SplitN(kv, "=", 2)[0])
	}
	out := slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(drop, name)
	})
	return append(out, set...)
}
