package admin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"cairn/internal/durable"
	"cairn/store"
)

// guard lets in who may call.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.mayCall(origin, r); err != nil {
			writeError(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) mayCall(origin *http.CrossOriginProtection, r *http.Request) error {
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		return nil
	}
	if err := origin.Check(r); err != nil {
		return denied(err, "call the API from a program, not from a web page")
	}
	if s.open {
		// Without a token the name that was asked for must be this machine's: a
		// web page may have had its own name resolved to it.
		if !localName(r.Host) {
			return denied(fmt.Errorf("host %q", r.Host), "use http://127.0.0.1 or http://localhost")
		}
		return nil
	}
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) != 1 {
		return denied(errors.New("no valid token"), "send `Authorization: Bearer TOKEN` with the token of the node's directory, admin-token")
	}
	return nil
}

func denied(cause error, hint string) error {
	return &store.Error{Op: "admin call", Kind: store.KindDenied, Err: cause, Hint: hint}
}

// localName reports whether a Host header names this machine.
func localName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// ensureToken reads the token or makes one.
func ensureToken(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		if t := strings.TrimSpace(string(b)); t != "" {
			return t, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	var raw [32]byte
	rand.Read(raw[:]) // never fails
	token := hex.EncodeToString(raw[:])
	return token, durable.WriteFile(path, []byte(token+"\n"), 0o600)
}
