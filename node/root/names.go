package root

import (
	"context"
	"fmt"

	pb "cairn/proto"
	"cairn/store"
)

var _ store.Names = (*Client)(nil)

// CreateName implements [store.Names].
func (c *Client) CreateName(ctx context.Context, n store.Name) (store.Name, error) {
	var row pb.NameRow
	err := c.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_CreateName{CreateName: &pb.CreateName{Name: rowOfName(n)}}}, &row)
	if store.Is(err, store.KindExists) {
		if has, rerr := c.ReadName(ctx, n.Kind, n.Name); rerr == nil {
			return has, err
		}
	}
	if err != nil {
		return store.Name{}, err
	}
	return nameOf(&row), nil
}

// Lookup implements [store.Names].
func (c *Client) Lookup(ctx context.Context, kind store.NameKind, name string) (store.Name, error) {
	if n, ok := c.view.Name(kind, name); ok {
		return n, nil
	}
	if err := c.Sync(ctx); err != nil {
		return store.Name{}, err
	}
	if n, ok := c.view.Name(kind, name); ok {
		return n, nil
	}
	return store.Name{}, noName(name)
}

func noName(name string) error {
	return &store.Error{Op: "look up name", Kind: store.KindNotFound, Resource: fmt.Sprintf("%q", name)}
}

// ReadName implements [store.Names].
func (c *Client) ReadName(ctx context.Context, kind store.NameKind, name string) (store.Name, error) {
	if name == "" {
		return store.Name{}, noName(name)
	}
	var reply pb.ReadNamesReply
	err := c.atLeader(ctx, MethodReadNames, &pb.ReadNamesRequest{Kind: uint32(kind), Name: name}, &reply)
	if err != nil {
		return store.Name{}, err
	}
	if len(reply.Names) == 0 {
		return store.Name{}, noName(name)
	}
	return nameOf(reply.Names[0]), nil
}

// ListNames implements [store.Names].
func (c *Client) ListNames(ctx context.Context, kind store.NameKind, owner, after string, limit int) ([]store.Name, error) {
	var reply pb.ReadNamesReply
	err := c.atLeader(ctx, MethodReadNames, &pb.ReadNamesRequest{
		Kind: uint32(kind), Owner: owner, After: after, Limit: uint32(max(limit, 0)),
	}, &reply)
	if err != nil {
		return nil, err
	}
	out := make([]store.Name, 0, len(reply.Names))
	for _, r := range reply.Names {
		out = append(out, nameOf(r))
	}
	return out, nil
}

// UpdateName implements [store.Names].
func (c *Client) UpdateName(ctx context.Context, n store.Name) (store.Name, error) {
	var row pb.NameRow
	err := c.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_UpdateName{UpdateName: rowOfName(n)}}, &row)
	if err != nil {
		return store.Name{}, err
	}
	return nameOf(&row), nil
}

// DeleteName implements [store.Names].
func (c *Client) DeleteName(ctx context.Context, kind store.NameKind, name string, gen uint64) error {
	return c.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_DeleteName{DeleteName: &pb.DeleteName{
		Kind: uint32(kind), Name: name, Gen: gen,
	}}}, nil)
}
