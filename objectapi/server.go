package objectapi

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	// maxHeader bounds a request's headers. S3 allows 8 KiB and some of ours
	// (signatures, checksums) come on top.
	maxHeader = 32 << 10

	headerTimeout = 15 * time.Second
	idleTimeout   = 2 * time.Minute
)

// NewServer returns an http.Server fit to serve h over HTTP/1.1: bounded headers,
// time limits on headers and idle connections, and none on bodies, whose
// progress the gateway watches itself. The caller gives it a listener, and a
// certificate if it wants TLS.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:                      h,
		Protocols:                    protocols,
		MaxHeaderBytes:               maxHeader,
		ReadHeaderTimeout:            headerTimeout,
		IdleTimeout:                  idleTimeout,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
