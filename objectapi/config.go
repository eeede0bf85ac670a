package objectapi

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cairn/iam"
	"cairn/store"
)

// Config is all that a gateway needs.
type Config struct {
	Store store.Store
	IAM   *iam.Service

	// Region is the region that signatures must name; "us-east-1" if empty.
	Region string
	// Domains are base domains of virtual-hosted addressing: with
	// "s3.example.com", the host "b.s3.example.com" addresses the bucket b. Any
	// other host is addressed by path.
	Domains []string

	Limits Limits

	// Logger gets one line for each request; nil: none.
	Logger *slog.Logger
	// Registerer gets the cairn_s3_* metrics; nil: none.
	Registerer prometheus.Registerer
}

// Limits bound what requests may take. Zero fields are set to their defaults.
type Limits struct {
	// Requests is how many requests run at once; 2,048.
	Requests int
	// UploadMemory and DownloadMemory bound the data buffers, in bytes; 64 MiB
	// each. Neither may be below 32 MiB.
	UploadMemory, DownloadMemory int64
	// Stall is how long a connection may make no progress; 30 s. A body must
	// also arrive at 1 KiB/s or more over that time.
	Stall time.Duration
}

const minMemory = 32 << 20

func (c *Config) setDefaults() {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	l := &c.Limits
	if l.Requests == 0 {
		l.Requests = 2048
	}
	if l.UploadMemory == 0 {
		l.UploadMemory = 64 << 20
	}
	if l.DownloadMemory == 0 {
		l.DownloadMemory = 64 << 20
	}
	if l.Stall == 0 {
		l.Stall = 30 * time.Second
	}
}

// validate reports all problems.
func (c *Config) validate() error {
	var problems []error
	if c.Store == nil || c.IAM == nil {
		problems = append(problems, errors.New("store and IAM must be given"))
	}
	for _, d := range c.Domains {
		if d == "" || d != strings.ToLower(d) || strings.ContainsAny(d, ":/ ") {
			problems = append(problems, fmt.Errorf("domain %q must be a lower-case host name without a port", d))
		}
	}
	if c.Limits.Requests < 1 {
		problems = append(problems, fmt.Errorf("limit of %d requests is below 1", c.Limits.Requests))
	}
	for name, n := range map[string]int64{"upload": c.Limits.UploadMemory, "download": c.Limits.DownloadMemory} {
		if n < minMemory {
			problems = append(problems, fmt.Errorf("%s memory of %d bytes is below %d", name, n, minMemory))
		}
	}
	if c.Limits.Stall < time.Second {
		problems = append(problems, fmt.Errorf("stall time %s is below 1s", c.Limits.Stall))
	}
	return errors.Join(problems...)
}
