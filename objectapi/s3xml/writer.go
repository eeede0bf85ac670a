package s3xml

import (
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// Namespace is the XML namespace of S3's documents.
const Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

const header = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// Writer builds a document. The zero value is an empty one.
type Writer struct {
	b    []byte
	open []string
}

// released are the writers of documents that are not needed any more. A page of
// a listing has some 300 KiB.
var released = sync.Pool{New: func() any { return &Writer{b: make([]byte, 0, 1024)} }}

// NewWriter begins a document whose root element is in the S3 namespace.
func NewWriter(root string) *Writer {
	w := released.Get().(*Writer)
	w.b, w.open = w.b[:0], w.open[:0]
	w.b = append(w.b, header...)
	w.b = append(w.b, "<"+root+` xmlns="`+Namespace+`">`...)
	w.open = append(w.open, root)
	return w
}

// NewBareWriter begins a document whose root element has no namespace, as
// errors have none.
func NewBareWriter(root string) *Writer {
	w := &Writer{b: make([]byte, 0, 512)}
	w.b = append(w.b, header...)
	w.Open(root)
	return w
}

// Bytes closes all open elements and returns the document.
func (w *Writer) Bytes() []byte {
	for len(w.open) > 0 {
		w.Close()
	}
	return w.b
}

// Release gives back what the document takes. Neither w nor what Bytes returned
// may be used afterwards.
func (w *Writer) Release() { released.Put(w) }

// Open begins an element.
func (w *Writer) Open(name string) {
	w.b = append(w.b, '<')
	w.b = append(w.b, name...)
	w.b = append(w.b, '>')
	w.open = append(w.open, name)
}

// OpenTyped begins an element with an xsi:type, as a grantee has.
func (w *Writer) OpenTyped(name, xsiType string) {
	w.b = append(w.b, "<"+name+` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="`+xsiType+`">`...)
	w.open = append(w.open, name)
}

// Close ends the innermost open element.
func (w *Writer) Close() {
	last := len(w.open) - 1
	w.b = append(w.b, '<', '/')
	w.b = append(w.b, w.open[last]...)
	w.b = append(w.b, '>')
	w.open = w.open[:last]
}

// Chars writes text into the innermost open element.
func (w *Writer) Chars(value string) { w.b = appendEscaped(w.b, value) }

// Text writes an element with text.
func (w *Writer) Text(name, value string) {
	w.Open(name)
	w.Chars(value)
	w.Close()
}

// Append writes an element with what f appends, which must need no escaping.
func (w *Writer) Append(name string, f func(dst []byte) []byte) {
	w.Open(name)
	w.b = f(w.b)
	w.Close()
}

// TextIf is Text, but writes nothing for an empty value.
func (w *Writer) TextIf(name, value string) {
	if value != "" {
		w.Text(name, value)
	}
}

// Int writes an element with a number.
func (w *Writer) Int(name string, value int64) {
	w.Open(name)
	w.b = strconv.AppendInt(w.b, value, 10)
	w.Close()
}

// Bool writes an element with true or false.
func (w *Writer) Bool(name string, value bool) {
	w.Text(name, strconv.FormatBool(value))
}

// Time writes an element with a time as S3 does: UTC, in milliseconds.
func (w *Writer) Time(name string, t time.Time) {
	w.Open(name)
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339) // a layout that has its own, fast code
	ms := t.Nanosecond() / int(time.Millisecond)
	w.b = append(w.b[:len(w.b)-1], '.', '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
	w.Close()
}

// appendEscaped appends s as character data.
func appendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		n := plain(s[i:])
		dst = append(dst, s[i:i+n]...)
		if i += n; i == len(s) {
			break
		}
		c := s[i]
		if c < utf8.RuneSelf {
			dst = appendEscapedByte(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, "\uFFFD"...)
		case r == 0xFFFE || r == 0xFFFF:
			dst = appendReference(dst, r)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

// plain returns how many bytes at the start of s stand for themselves.
func plain(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '&' || c == '<' || c == '>' || c == '"' {
			return i
		}
	}
	return len(s)
}

func appendEscapedByte(dst []byte, c byte) []byte {
	switch {
	case c == '&':
		return append(dst, "&amp;"...)
	case c == '<':
		return append(dst, "&lt;"...)
	case c == '>':
		return append(dst, "&gt;"...)
	case c == '"':
		return append(dst, "&quot;"...)
	case c < ' ' || c == 0x7f:
		// Also tab and line ends: a reader would make spaces of raw ones.
		return appendReference(dst, rune(c))
	}
	return append(dst, c)
}

func appendReference(dst []byte, r rune) []byte {
	dst = append(dst, "&#x"...)
	dst = strconv.AppendInt(dst, int64(r), 16)
	return append(dst, ';')
}
