package nbd

import (
	"context"
	"encoding/binary"
	"strings"
)

// contextNamespace as a query lists how to ask for what is in it.
const contextNamespace = "x-cairn:"

// maxContexts is how many metadata contexts a connection may select. Each one
// costs up to maxExtents descriptors a reply.
const maxContexts = 16

// listMetaContext answers LIST_META_CONTEXT. Without a query it lists
// allocation and, for the snapshots, the query that lists them.
func (n *negotiation) listMetaContext(ctx context.Context, data []byte) error {
	name, queries, err := n.parseMetaContext(data)
	if err != nil {
		return err
	}
	known, err := n.knownContexts(ctx, name, queries)
	if err != nil {
		return err
	}
	if len(queries) == 0 {
		queries = querySet{ContextAllocation: {}, contextNamespace: {}}
	}
	var out []byte
	for _, c := range matchContexts(known, queries) {
		out = n.appendContext(out, 0, c)
	}
	return n.write(n.appendReply(out, repAck, nil))
}

// setMetaContext answers SET_META_CONTEXT: exact names only, what is unknown is
// left out. Whatever was selected before is forgotten, also by a failure.
func (n *negotiation) setMetaContext(ctx context.Context, data []byte) error {
	n.agreed.contexts, n.agreed.selected = nil, ""
	name, queries, err := n.parseMetaContext(data)
	if err != nil {
		return err
	}
	known, err := n.knownContexts(ctx, name, queries)
	if err != nil {
		return err
	}
	var selected []MetaContext
	var out []byte
	for _, c := range known {
		if !queries.has(c) {
			continue
		}
		since, _ := strings.CutPrefix(c, ContextChanged)
		if c == ContextAllocation {
			since = ""
		}
		selected = append(selected, MetaContext{Since: since})
		out = n.appendContext(out, uint32(len(selected)), c)
	}
	if len(selected) > maxContexts {
		return badOption(repErrTooBig, "more than %d metadata contexts", maxContexts)
	}
	n.agreed.contexts, n.agreed.selected = selected, name
	return n.write(n.appendReply(out, repAck, nil))
}

// parseMetaContext takes the data of both options apart.
func (n *negotiation) parseMetaContext(data []byte) (name string, queries querySet, err error) {
	if n.agreed.style == styleSimple {
		return "", nil, badOption(repErrInvalid, "metadata contexts need structured replies or extended headers")
	}
	c := cursor{data}
	if name, err = c.string(); err != nil {
		return "", nil, err
	}
	count, ok := c.uint32()
	if !ok || uint64(count)*4 > uint64(len(c.rest)) {
		return "", nil, badOption(repErrInvalid, "%d bytes do not hold %d queries", len(c.rest), count)
	}
	queries = querySet{}
	for range count {
		q, err := c.string()
		if err != nil {
			return "", nil, err
		}
		if !strings.Contains(q, ":") {
			return "", nil, badOption(repErrInvalid, "query %q names no namespace", q)
		}
		queries[q] = struct{}{}
	}
	if len(c.rest) > 0 {
		return "", nil, badOption(repErrInvalid, "%d bytes after the last query", len(c.rest))
	}
	return name, queries, nil
}

// knownContexts returns the names of the contexts that the export has, as far
// as the queries ask for them.
func (n *negotiation) knownContexts(ctx context.Context, name string, queries querySet) ([]string, error) {
	if _, err := n.describe(ctx, name); err != nil {
		return nil, err
	}
	known := []string{ContextAllocation}
	if !queries.anyBelow(ContextChanged) {
		return known, nil
	}
	snapshots, err := n.srv.cfg.Exports.Snapshots(ctx, n.peer, name)
	if err != nil {
		return nil, optionErrorOf(err)
	}
	for _, s := range snapshots {
		if c := ContextChanged + s; s != "" && clip(c) == c {
			known = append(known, c)
		}
	}
	return known, nil
}

// matchContexts returns what LIST answers: the names that are asked for, all of
// base for "base:", all changes for ContextChanged, and for "x-cairn:" the query
// that lists them.
func matchContexts(known []string, queries querySet) []string {
	var found []string
	if queries.has(contextNamespace) {
		found = append(found, ContextChanged)
	}
	for _, c := range known {
		all := ContextChanged
		if c == ContextAllocation {
			all = "base:"
		}
		if queries.has(c) || queries.has(all) {
			found = append(found, c)
		}
	}
	return found
}

func (n *negotiation) appendContext(out []byte, id uint32, name string) []byte {
	payload := binary.BigEndian.AppendUint32(nil, id)
	return n.appendReply(out, repMetaContext, append(payload, name...))
}

// querySet is what a client asks for.
type querySet map[string]struct{}

func (s querySet) has(q string) bool { _, ok := s[q]; return ok }

// anyBelow reports whether a query begins with prefix.
func (s querySet) anyBelow(prefix string) bool {
	for q := range s {
		if strings.HasPrefix(q, prefix) {
			return true
		}
	}
	return false
}
