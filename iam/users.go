package iam

import (
	"context"
	"fmt"

	"cairn/store"
)

// User is a person or a program with a name of its own.
type User struct {
	Name        string
	CanonicalID string
	Created     store.Time
	Removing    bool // refused; a removal was begun and not finished
}

// CreateUser adds a user without access keys. Names have 1 to 64 of the bytes
// A-Z a-z 0-9 + = , . @ _ - (as in AWS IAM). Error: [store.KindExists].
func (s *Service) CreateUser(ctx context.Context, name string) (User, error) {
	if !validUserName(name) {
		return User{}, &store.Error{
			Op: "create user", Kind: store.KindInvalid, Resource: fmt.Sprintf("%.80q", name),
			Hint: "use 1 to 64 letters, digits and +=,.@_-",
		}
	}
	n, err := s.names.CreateName(ctx, store.Name{Kind: store.NameUser, Name: name, Owner: newCanonicalID()})
	return userOf(n), err
}

// EnsureRoot makes the root user and gives it the access key, unless it has it.
// It is idempotent, and every node may call it at its start.
func (s *Service) EnsureRoot(ctx context.Context, accessKey, secret string) error {
	if _, err := s.CreateUser(ctx, RootUser); err != nil && !store.Is(err, store.KindExists) {
		return err
	}
	have, err := s.Authenticate(ctx, accessKey)
	switch {
	case err != nil && !store.Is(err, store.KindNotFound):
		return err
	case err == nil && have.Root() && have.Secret == secret:
		return nil
	case err == nil && have.Root():
		if err := s.RemoveKey(ctx, accessKey); err != nil && !store.Is(err, store.KindNotFound) {
			return err
		}
	}
	_, err = s.AddKey(ctx, RootUser, accessKey, secret)
	if store.Is(err, store.KindExists) { // another node was faster, or it is another user's
		if have, aerr := s.Authenticate(ctx, accessKey); aerr == nil && have.Root() && have.Secret == secret {
			return nil
		}
	}
	return err
}

// Users lists all users by name.
func (s *Service) Users(ctx context.Context) ([]User, error) {
	var users []User
	err := s.each(ctx, store.NameUser, "", func(n store.Name) error {
		users = append(users, userOf(n))
		return nil
	})
	return users, err
}

// RemoveUser removes a user and its access keys. A user that owns buckets stays:
// [store.KindNotEmpty].
func (s *Service) RemoveUser(ctx context.Context, name string) error {
	n, err := s.names.ReadName(ctx, store.NameUser, name)
	if err != nil {
		return err
	}
	owned, err := s.names.ListNames(ctx, store.NameBucket, n.Owner, "", 1)
	if err != nil {
		return err
	}
	if len(owned) > 0 || name == RootUser {
		return &store.Error{
			Op: "remove user", Kind: store.KindNotEmpty, Resource: name,
			Hint: "delete the user's buckets first; root stays",
		}
	}
	if n.State != store.NameDeleting {
		n.State = store.NameDeleting
		if n, err = s.names.UpdateName(ctx, n); err != nil {
			return err
		}
	}
	err = s.each(ctx, store.NameAccessKey, name, func(k store.Name) error {
		return s.names.DeleteName(ctx, store.NameAccessKey, k.Name, k.Gen)
	})
	if err != nil {
		return err
	}
	return s.names.DeleteName(ctx, store.NameUser, name, n.Gen)
}

// each calls f for every name of a kind that an owner has ("": anyone).
func (s *Service) each(ctx context.Context, kind store.NameKind, owner string, f func(store.Name) error) error {
	after := ""
	for {
		page, err := s.names.ListNames(ctx, kind, owner, after, pageSize)
		if err != nil {
			return err
		}
		for _, n := range page {
			if err := f(n); err != nil {
				return err
			}
			after = n.Name
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

func userOf(n store.Name) User {
	return User{Name: n.Name, CanonicalID: n.Owner, Created: n.Created, Removing: n.State == store.NameDeleting}
}

func validUserName(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '+', c == '=', c == ',', c == '.', c == '@', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
