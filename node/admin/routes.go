package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cairn/store"
)

// routes is the API.
func (s *Server) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/status", answer(s.status))
	m.HandleFunc("GET /v1/nodes", answer(s.nodes))
	m.HandleFunc("GET /v1/doctor", answer(s.doctor))
	m.HandleFunc("GET /v1/durability", answer(s.durability))
	m.HandleFunc("GET /v1/usage", answer(s.usage))
	m.HandleFunc("POST /v1/nodes/{name}/{action}", answer(s.nodeAction))
	m.HandleFunc("POST /v1/zones/{name}/{action}", answer(s.zoneAction))
	m.HandleFunc("POST /v1/token", answer(s.invite))
	m.HandleFunc("GET /v1/iam/users", answer(s.users))
	m.HandleFunc("POST /v1/iam/users", answer(s.addUser))
	m.HandleFunc("DELETE /v1/iam/users/{name}", answer(s.removeUser))
	m.HandleFunc("GET /v1/iam/keys", answer(s.keys))
	m.HandleFunc("POST /v1/iam/keys", answer(s.addKey))
	m.HandleFunc("DELETE /v1/iam/keys/{id}", answer(s.removeKey))
	m.HandleFunc("GET /healthz", answer(func(*http.Request) (any, error) { return OK{true}, nil }))
	m.HandleFunc("GET /readyz", answer(s.ready))
	m.Handle("GET /metrics", promhttp.HandlerFor(s.gatherer(), promhttp.HandlerOpts{}))
	m.HandleFunc("GET /debug/pprof/", pprof.Index)
	m.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	m.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	m.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("/", answer(func(r *http.Request) (any, error) {
		return nil, &store.Error{Op: "admin call", Kind: store.KindNotFound, Resource: r.Method + " " + r.URL.Path}
	}))
	return m
}

// OK is the answer of what has nothing else to say.
type OK struct {
	OK bool `json:"ok"`
}

// ErrorBody is the answer when something went wrong.
type ErrorBody struct {
	Error string `json:"error"`
	Kind  uint8  `json:"kind"` // store.ErrKind
	Hint  string `json:"hint,omitempty"`
}

// answer makes a handler of a function that returns what is to be sent.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, v)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

func writeError(w http.ResponseWriter, err error) {
	body := ErrorBody{Error: err.Error(), Kind: uint8(store.KindOf(err))}
	var e *store.Error
	if errors.As(err, &e) {
		body.Hint = e.Hint
	}
	writeJSON(w, httpStatus(store.KindOf(err)), body)
}

// httpStatus is the one table from kinds to HTTP.
func httpStatus(k store.ErrKind) int {
	switch k {
	case store.KindInvalid:
		return http.StatusBadRequest
	case store.KindDenied:
		return http.StatusForbidden
	case store.KindNotFound:
		return http.StatusNotFound
	case store.KindExists, store.KindConflict, store.KindNotEmpty, store.KindPrecondition:
		return http.StatusConflict
	case store.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case store.KindNoSpace:
		return http.StatusInsufficientStorage
	case store.KindUnavailable, store.KindTimeout:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// maxBody bounds a request's body.
const maxBody = 64 << 10

// readBody decodes a request's JSON. Unknown fields are refused: a typing
// mistake must not be taken for a default.
func readBody(r *http.Request, v any) error {
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return &store.Error{Op: "read request", Kind: store.KindInvalid, Err: err}
	}
	if len(b) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return &store.Error{Op: "read request", Kind: store.KindInvalid, Err: fmt.Errorf("JSON: %w", err)}
	}
	return nil
}
