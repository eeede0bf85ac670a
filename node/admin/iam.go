package admin

import (
	"net/http"
	"time"

	"cairn/iam"
)

// User is a user of the cluster.
type User struct {
	Name        string    `json:"name"`
	CanonicalID string    `json:"canonical_id"`
	Created     time.Time `json:"created"`
	Removing    bool      `json:"removing"` // refused; a removal was begun and not finished
}

// Key is an access key. The secret is there only in the answer that makes it.
type Key struct {
	ID      string    `json:"access_key_id"`
	User    string    `json:"user"`
	Secret  string    `json:"secret_access_key,omitempty"`
	Created time.Time `json:"created"`
}

func userOf(u iam.User) User {
	return User{Name: u.Name, CanonicalID: u.CanonicalID, Created: u.Created.Std(), Removing: u.Removing}
}

func keyOf(k iam.Key) Key {
	return Key{ID: k.ID, User: k.User, Secret: k.Secret, Created: k.Created.Std()}
}

func (s *Server) users(r *http.Request) (any, error) {
	list, err := s.cfg.IAM.Users(r.Context())
	out := []User{}
	for _, u := range list {
		out = append(out, userOf(u))
	}
	return out, err
}

// nameBody is the request that names a user.
type nameBody struct {
	Name string `json:"name"`
}

func (s *Server) addUser(r *http.Request) (any, error) {
	var body nameBody
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	u, err := s.cfg.IAM.CreateUser(r.Context(), body.Name)
	return userOf(u), err
}

func (s *Server) removeUser(r *http.Request) (any, error) {
	return OK{true}, s.cfg.IAM.RemoveUser(r.Context(), r.PathValue("name"))
}

func (s *Server) keys(r *http.Request) (any, error) {
	list, err := s.cfg.IAM.Keys(r.Context(), r.URL.Query().Get("user"))
	out := []Key{}
	for _, k := range list {
		out = append(out, keyOf(k))
	}
	return out, err
}

// keyBody is the request for a new access key.
type keyBody struct {
	User string `json:"user"`
}

func (s *Server) addKey(r *http.Request) (any, error) {
	var body keyBody
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	k, err := s.cfg.IAM.CreateKey(r.Context(), body.User)
	return keyOf(k), err
}

func (s *Server) removeKey(r *http.Request) (any, error) {
	return OK{true}, s.cfg.IAM.RemoveKey(r.Context(), r.PathValue("id"))
}
