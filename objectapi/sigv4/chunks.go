package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync"

	"cairn/objectapi/s3err"
)

const (
	// minChunk is the least size of a chunk that is not the last with data.
	minChunk = 8 << 10

	// maxLine bounds a chunk's header and a trailer line.
	maxLine = 1 << 10

	// framing is the size of the buffer that lines are read through. Bodies
	// mostly pass it by.
	framing = 16 << 10
)

var emptyHash = hex.EncodeToString(sha256.New().Sum(nil))

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, framing) }}

// Chunks reads a body in aws-chunked encoding: Read gives the decoded bytes and
// checks framing, length, signatures and trailer on the way. io.EOF means that
// all of them were good. It is not safe for concurrent use.
type Chunks struct {
	in       *bufio.Reader
	payload  Payload
	signer   *Signer
	declared []string // lower-case names that x-amz-trailer promised
	trailer  []Trailer

	left      int64 // decoded bytes still expected
	chunk     int64 // bytes left of the current chunk
	open      bool  // inside a chunk, or at its end
	small     bool  // a chunk below minChunk was read
	signature string
	sum       hash.Hash
	err       error // sticky; io.EOF at the good end
}

// Trailer is one header that followed the body.
type Trailer struct{ Name, Value string }

// NewChunks returns a reader of the decoded body, which must have exactly
// decoded bytes. trailer is the value of x-amz-trailer. Close it.
func NewChunks(body io.Reader, p Payload, s *Signer, decoded int64, trailer string) *Chunks {
	in := readers.Get().(*bufio.Reader)
	in.Reset(body)
	c := &Chunks{in: in, payload: p, signer: s, left: decoded}
	if p.signedChunks() {
		c.sum = sha256.New()
	}
	for name := range strings.SplitSeq(trailer, ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			c.declared = append(c.declared, name)
		}
	}
	return c
}

// Close gives pooled memory back. It does not close the body.
func (c *Chunks) Close() error {
	if c.in != nil {
		c.in.Reset(nil)
		readers.Put(c.in)
		c.in = nil
	}
	if c.err == nil || c.err == io.EOF {
		c.err = errors.New("sigv4: read after Close")
	}
	return nil
}

// Trailers returns the headers that followed the body, after Read gave io.EOF.
func (c *Chunks) Trailers() []Trailer { return c.trailer }

// Read implements io.Reader.
func (c *Chunks) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	for c.chunk == 0 {
		if c.err = c.advance(); c.err != nil {
			return 0, c.err
		}
	}
	n, err := c.in.Read(p[:min(int64(len(p)), c.chunk)])
	if c.sum != nil {
		c.sum.Write(p[:n])
	}
	c.chunk -= int64(n)
	c.left -= int64(n)
	if err != nil {
		c.err = short(err)
	}
	return n, c.err
}

// advance ends the current chunk, if any, and begins the next. At the end of
// the body it returns io.EOF.
func (c *Chunks) advance() error {
	if c.open {
		if err := c.endChunk(); err != nil {
			return err
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if err := c.beginChunk(line); err != nil {
		return err
	}
	if c.chunk > 0 {
		return nil
	}
	return c.finish()
}

// beginChunk reads "hex-size" or "hex-size;chunk-signature=…".
func (c *Chunks) beginChunk(line string) error {
	size, ext, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(size, 16, 63)
	if err != nil || size == "" || size[0] == '+' {
		return s3err.Msg(s3err.IncompleteBody, "The chunk size is not a hexadecimal number.")
	}
	if int64(n) > c.left {
		return s3err.Msg(s3err.IncompleteBody, "The body is longer than x-amz-decoded-content-length.")
	}
	if n > 0 && c.small {
		return s3err.New(s3err.InvalidChunkSizeError)
	}
	if c.payload.signedChunks() {
		sig, ok := strings.CutPrefix(ext, "chunk-signature=")
		if !ok {
			return s3err.Msg(s3err.SignatureDoesNotMatch, "The chunk has no chunk-signature.")
		}
		c.signature = sig
		c.sum.Reset()
	}
	c.chunk, c.open, c.small = int64(n), n > 0, n < minChunk
	return nil
}

// endChunk reads the line end behind a chunk's data and checks its signature.
func (c *Chunks) endChunk() error {
	c.open = false
	if line, err := c.line(); err != nil {
		return err
	} else if line != "" {
		return s3err.Msg(s3err.IncompleteBody, "A chunk is longer than its size says.")
	}
	return c.checkChunk()
}

func (c *Chunks) checkChunk() error {
	if !c.payload.signedChunks() {
		return nil
	}
	return c.signer.next("-PAYLOAD", emptyHash+"\n"+hex.EncodeToString(c.sum.Sum(nil)), c.signature)
}

// finish checks the last, empty chunk, the length and the trailer.
func (c *Chunks) finish() error {
	if err := c.checkChunk(); err != nil {
		return err
	}
	if c.left != 0 {
		return s3err.Msg(s3err.IncompleteBody, "The body is shorter than x-amz-decoded-content-length.")
	}
	if c.payload.HasTrailer() {
		if err := c.readTrailer(); err != nil {
			return err
		}
	}
	return c.expectEnd()
}

// expectEnd allows one or two line ends before the end of the body, no more.
func (c *Chunks) expectEnd() error {
	var rest [5]byte
	n, err := io.ReadFull(c.in, rest[:])
	if strings.Trim(string(rest[:n]), "\r\n") != "" || err == nil {
		return s3err.Msg(s3err.IncompleteBody, "There is data behind the last chunk.")
	}
	if err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	return io.EOF
}

// line reads a line without its end.
func (c *Chunks) line() (string, error) {
	b, err := c.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull || len(b) > maxLine {
		return "", s3err.Msg(s3err.IncompleteBody, "A line of the chunked body is too long.")
	}
	if err != nil {
		return "", short(err)
	}
	return strings.TrimSuffix(string(b[:len(b)-1]), "\r"), nil
}

// short turns the end of the body in the middle of it into IncompleteBody.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return s3err.New(s3err.IncompleteBody)
	}
	return err
}
