package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"cairn/objectapi/s3err"
)

const (
	maxTrailers      = 16
	trailerSignature = "x-amz-trailer-signature"
)

// readTrailer reads the headers behind the last chunk up to an empty line or
// the end of the body. Each must have been declared, and, in a signed body, a
// signature over them comes last.
func (c *Chunks) readTrailer() error {
	signature := ""
	for {
		line, err := c.trailerLine()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !ok || len(c.trailer) == maxTrailers || signature != "":
			return s3err.New(s3err.MalformedTrailer)
		case name == trailerSignature:
			signature = value
		case !slices.Contains(c.declared, name):
			return s3err.Msg(s3err.MalformedTrailer, "The trailer has a header that x-amz-trailer did not declare.")
		default:
			c.trailer = append(c.trailer, Trailer{name, value})
		}
	}
	return c.checkTrailer(signature)
}

func (c *Chunks) checkTrailer(signature string) error {
	for _, name := range c.declared {
		if !slices.ContainsFunc(c.trailer, func(t Trailer) bool { return t.Name == name }) {
			return s3err.Msg(s3err.MalformedTrailer, "The trailer lacks a header that x-amz-trailer declared.")
		}
	}
	if !c.payload.signedChunks() {
		return nil
	}
	h := sha256.New()
	for _, t := range c.trailer {
		io.WriteString(h, t.Name+":"+t.Value+"\n")
	}
	return c.signer.next("-TRAILER", hex.EncodeToString(h.Sum(nil)), signature)
}

// trailerLine reads a line; the end of the body ends the trailer too.
func (c *Chunks) trailerLine() (string, error) {
	b, err := c.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull || len(b) > maxLine {
		return "", s3err.New(s3err.MalformedTrailer)
	}
	if err != nil && err != io.EOF {
		return "", short(err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
