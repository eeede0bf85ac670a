package nbd

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// cursor reads the data of an option from its front.
type cursor struct{ rest []byte }

func (c *cursor) uint16() (uint16, bool) {
	if len(c.rest) < 2 {
		return 0, false
	}
	v := binary.BigEndian.Uint16(c.rest)
	c.rest = c.rest[2:]
	return v, true
}

func (c *cursor) uint32() (uint32, bool) {
	if len(c.rest) < 4 {
		return 0, false
	}
	v := binary.BigEndian.Uint32(c.rest)
	c.rest = c.rest[4:]
	return v, true
}

// string reads a length of 32 bits and a string.
func (c *cursor) string() (string, error) {
	size, ok := c.uint32()
	if !ok || uint64(size) > uint64(len(c.rest)) {
		return "", badOption(repErrInvalid, "a string of %d bytes reaches beyond the option's data", size)
	}
	s, err := parseString(c.rest[:size])
	c.rest = c.rest[size:]
	return s, err
}

// parseString checks a string of the protocol.
func parseString(b []byte) (string, error) {
	s := string(b)
	switch {
	case len(s) > maxString:
		return "", badOption(repErrTooBig, "a string of %d bytes; the protocol allows %d", len(s), maxString)
	case !utf8.ValidString(s), strings.Contains(s, "\x00"):
		return "", badOption(repErrInvalid, "a string that is not UTF-8 without NUL")
	}
	return s, nil
}
