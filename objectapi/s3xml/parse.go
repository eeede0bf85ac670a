package s3xml

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth    = 16
	maxElements = 100_000 // a Complete request has 30,000 and more with checksums
	maxName     = 128
)

// Node is an element. Text is its character data, joined, with references
// resolved; white space around it is kept, because it may be part of a key.
type Node struct {
	Name     string // without the namespace's prefix
	Text     string
	Children []*Node
}

// Child returns the first child of that name, nil if there is none.
func (n *Node) Child(name string) *Node {
	if n == nil {
		return nil
	}
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Value returns the text of the first child of that name; ok tells whether
// there is one.
func (n *Node) Value(name string) (text string, ok bool) {
	if c := n.Child(name); c != nil {
		return c.Text, true
	}
	return "", false
}

// Trimmed returns the text of the first child of that name without white space
// around it, "" if there is none.
func (n *Node) Trimmed(name string) string {
	v, _ := n.Value(name)
	return strings.TrimSpace(v)
}

// Parse reads a document and returns its root element.
func Parse(b []byte) (*Node, error) {
	p := &parser{rest: strings.TrimPrefix(string(b), "\ufeff")}
	top := &Node{}
	if err := p.content(top, 0); err != nil {
		return nil, err
	}
	if len(top.Children) != 1 || strings.TrimSpace(top.Text) != "" {
		return nil, errors.New("xml: a document has one root element")
	}
	return top.Children[0], nil
}

type parser struct {
	rest     string
	elements int
}

// content reads what stands in an element up to its end tag, which is read too.
// At depth 0 the end of the input ends it.
func (p *parser) content(n *Node, depth int) error {
	var text strings.Builder // not n.Text: adding piece by piece would be quadratic
	for {
		i := strings.IndexByte(p.rest, '<')
		if i < 0 {
			i = len(p.rest)
		}
		if err := addText(&text, p.rest[:i]); err != nil {
			return err
		}
		p.rest = p.rest[i:]
		if p.rest == "" {
			if depth > 0 {
				return fmt.Errorf("xml: <%s> is not closed", n.Name)
			}
			n.Text = text.String()
			return nil
		}
		closed, err := p.markup(n, &text, depth)
		if err != nil || closed {
			n.Text = text.String()
			return err
		}
	}
}

// markup reads one piece that begins with "<"; closed says that it was n's end
// tag.
func (p *parser) markup(n *Node, text *strings.Builder, depth int) (closed bool, err error) {
	switch {
	case strings.HasPrefix(p.rest, "<!--"):
		_, err = p.until("<!--", "-->")
	case strings.HasPrefix(p.rest, "<?"):
		_, err = p.until("<?", "?>")
	case strings.HasPrefix(p.rest, "<![CDATA["):
		var data string
		data, err = p.until("<![CDATA[", "]]>")
		text.WriteString(data)
	case strings.HasPrefix(p.rest, "<!"):
		err = errors.New("xml: document types are not allowed")
	case strings.HasPrefix(p.rest, "</"):
		var tag string
		tag, err = p.until("</", ">")
		if err == nil && (depth == 0 || localName(strings.TrimRight(tag, " \t\r\n")) != n.Name) {
			err = fmt.Errorf("xml: </%.40s> closes nothing", tag)
		}
		return true, err
	default:
		err = p.element(n, depth)
	}
	return false, err
}

// element reads an element and adds it to its parent.
func (p *parser) element(parent *Node, depth int) error {
	p.elements++
	if depth == maxDepth || p.elements > maxElements {
		return errors.New("xml: too many elements")
	}
	end := tagEnd(p.rest)
	if end < 0 {
		return errors.New("xml: a tag is not closed")
	}
	tag := p.rest[1:end]
	p.rest = p.rest[end+1:]
	body, empty := strings.CutSuffix(tag, "/")
	name := body
	if i := strings.IndexAny(body, " \t\r\n"); i >= 0 {
		name = body[:i]
	}
	if name == "" || len(name) > maxName || strings.ContainsAny(name, "&\"'=/") {
		return fmt.Errorf("xml: <%.40s> has no good name", tag)
	}
	n := &Node{Name: localName(name)}
	parent.Children = append(parent.Children, n)
	if empty {
		return nil
	}
	return p.content(n, depth+1)
}

// tagEnd returns the index of the ">" that ends the tag s begins with; one
// inside a quoted attribute does not.
func tagEnd(s string) int {
	var quote byte
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		case c == '<':
			return -1
		}
	}
	return -1
}

// until takes what stands between a begin and the next end.
func (p *parser) until(begin, end string) (string, error) {
	body, rest, ok := strings.Cut(p.rest[len(begin):], end)
	if !ok {
		return "", fmt.Errorf("xml: %q is not closed by %q", begin, end)
	}
	p.rest = rest
	return body, nil
}

func localName(name string) string {
	if _, local, ok := strings.Cut(name, ":"); ok {
		return local
	}
	return name
}

// addText adds character data with its references resolved.
func addText(text *strings.Builder, s string) error {
	for {
		before, after, ok := strings.Cut(s, "&")
		text.WriteString(before)
		if !ok {
			return nil
		}
		i := strings.IndexByte(after, ';')
		if i < 0 || i > 10 {
			return errors.New("xml: a reference is not closed")
		}
		r, ok := reference(after[:i])
		if !ok {
			return fmt.Errorf("xml: &%s; is no known reference", after[:i])
		}
		text.WriteRune(r)
		s = after[i+1:]
	}
}

func reference(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, base := strings.TrimPrefix(name, "#"), 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil || name[0] != '#' || !utf8.ValidRune(rune(v)) {
		return 0, false
	}
	return rune(v), true
}
