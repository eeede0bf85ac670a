// Package config is the one configuration of a node: the file of `cairn
// server`, with its defaults, its environment variables and its checks.
package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// Config describes a node. Every field has its name in the YAML file as given
// in the tag; the environment variable is CAIRN_ and the name in capitals.
type Config struct {
	// Name is unique in the cluster, Zone the failure domain it stands in.
	Name string `koanf:"name"`
	Zone string `koanf:"zone"`

	// Dir holds the node's identity, its certificate and its metadata; the
	// disks too, unless Disks names others.
	Dir   string `koanf:"dir"`
	Disks []Disk `koanf:"disks"`

	// Listen is the address for the other nodes, Advertise what they dial (the
	// same if empty). S3 and Admin are the addresses for people and clients;
	// an empty one is not served.
	Listen    string `koanf:"listen"`
	Advertise string `koanf:"advertise"`
	S3        string `koanf:"s3"`
	Admin     string `koanf:"admin"`

	// S3TLS makes S3 speak https.
	S3TLS TLS `koanf:"s3_tls"`

	// Region is the region S3 clients sign for; Domains the base domains of
	// virtual-hosted buckets.
	Region  string   `koanf:"region"`
	Domains []string `koanf:"domains"`

	// Found makes this node begin a new cluster if its directory is empty. It
	// belongs to one node of a cluster, the first.
	Found bool `koanf:"found"`

	// Expect and MetaGroups are used once, by the first node: how many nodes
	// must have joined before the cluster forms, and how many metadata groups
	// it then gets.
	Expect     int `koanf:"expect"`
	MetaGroups int `koanf:"meta_groups"`

	// DownOut is how long a node may be silent before its shards are rebuilt
	// elsewhere.
	DownOut time.Duration `koanf:"down_out"`

	// LogLevel is debug, info, warn or error; OTLP the address of an
	// OpenTelemetry collector, none if empty.
	LogLevel string `koanf:"log_level"`
	OTLP     string `koanf:"otlp"`
}

// Disk is a directory, normally the mount point of a disk of its own.
type Disk struct {
	Path string `koanf:"path"`
	// Bytes bounds what is stored there; 0: the filesystem's size.
	Bytes int64 `koanf:"bytes"`
	// Class is ssd or hdd.
	Class string `koanf:"class"`
}

// TLS names a certificate and its key, both PEM files.
type TLS struct {
	Cert string `koanf:"cert"`
	Key  string `koanf:"key"`
}

// Default returns the configuration that a file is laid over.
func Default() Config {
	return Config{
		Listen: ":7400", S3: ":9000", Admin: "127.0.0.1:9001",
		Region: "us-east-1", Expect: 1, MetaGroups: 3,
		DownOut: 10 * time.Minute, LogLevel: "info",
	}
}

// Complete fills in what follows from other fields.
func (c *Config) Complete() {
	if len(c.Disks) == 0 && c.Dir != "" {
		c.Disks = []Disk{{Path: filepath.Join(c.Dir, "disk")}}
	}
	for i := range c.Disks {
		if c.Disks[i].Class == "" {
			c.Disks[i].Class = "ssd"
		}
	}
	if c.Advertise == "" {
		c.Advertise = c.Listen
	}
}

// Validate reports everything that is wrong, with the offending values.
func (c *Config) Validate() error {
	var errs []error
	bad := func(f string, a ...any) { errs = append(errs, fmt.Errorf(f, a...)) }
	if c.Name == "" {
		bad("name is empty: give the node a name that is unique in the cluster")
	}
	if c.Zone == "" {
		bad("zone is empty: name the availability zone, rack or room that fails as one")
	}
	if c.Dir == "" {
		bad("dir is empty: name the directory for the node's identity and metadata")
	}
	for field, addr := range map[string]string{"listen": c.Listen, "advertise": c.Advertise, "s3": c.S3, "admin": c.Admin} {
		if addr == "" && (field == "s3" || field == "admin") {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			bad("%s %q is not host:port", field, addr)
		}
	}
	if host, _, err := net.SplitHostPort(c.Advertise); err == nil && (host == "" || host == "0.0.0.0" || host == "::") {
		bad("advertise %q has no host: other nodes must be able to dial it", c.Advertise)
	}
	if (c.S3TLS.Cert == "") != (c.S3TLS.Key == "") {
		bad("s3_tls needs both cert and key")
	}
	if c.Expect < 1 || c.MetaGroups < 1 {
		bad("expect %d and meta_groups %d must be at least 1", c.Expect, c.MetaGroups)
	}
	for _, d := range c.Disks {
		if d.Path == "" || d.Bytes < 0 || (d.Class != "ssd" && d.Class != "hdd") {
			bad("disk %+v: a path, bytes of 0 or more, class ssd or hdd", d)
		}
	}
	if c.DownOut <= 0 {
		bad("down_out %v must be above 0", c.DownOut)
	}
	return errors.Join(errs...)
}
