package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrKind classifies an error for the layers above. Numbers go over the wire
// and into logs: never reorder or reuse them. Each front end owns one table
// from kind to its own code (S3 code, errno, NBD error).
type ErrKind uint8

// The kinds.
const (
	KindInternal      ErrKind = 0  // a bug or an unclassified failure
	KindNotFound      ErrKind = 1  // the named thing does not exist
	KindExists        ErrKind = 2  // the name is taken
	KindPrecondition  ErrKind = 3  // a condition given by the caller does not hold
	KindConflict      ErrKind = 4  // a concurrent change won; read again and retry
	KindInvalid       ErrKind = 5  // the request can never succeed
	KindDenied        ErrKind = 6  // the caller may not
	KindNotEmpty      ErrKind = 7  // it still has contents
	KindUnavailable   ErrKind = 8  // no quorum or too few shards now; retry later
	KindNoSpace       ErrKind = 9  // disks are at their reserve; deletes still work
	KindCorrupt       ErrKind = 10 // stored bytes failed a check and could not be rebuilt
	KindTooOld        ErrKind = 11 // a blob passed the age fence; write it again
	KindMoved         ErrKind = 12 // wrong group or leader; ask again with a newer map
	KindStaleMap      ErrKind = 13 // the placement row used is older than the holder's
	KindUnknownFormat ErrKind = 14 // written by a newer version; this one must not guess
	KindCanceled      ErrKind = 15 // the caller gave up
	KindTimeout       ErrKind = 16 // the outcome is unknown
	KindTooLarge      ErrKind = 17 // beyond a documented limit
)

var kindNames = [...]string{
	"internal error", "not found", "already exists", "precondition failed", "conflict",
	"invalid", "denied", "not empty", "unavailable", "no space", "corrupt", "too old",
	"moved", "stale map", "unknown format", "canceled", "timed out", "too large",
}

// String returns the kind in words.
func (k ErrKind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("error kind %d", uint8(k))
}

// Error is the one error type that crosses layers and the wire.
type Error struct {
	Op       string  // what was being done: "put blob"
	Kind     ErrKind // see the constants
	Reason   string  // a machine's refinement of Kind, a stable token: "upload", "part-order"
	Resource string  // what it was done to
	Hint     string  // what to do next, for a person
	Err      error   // the cause; not sent over the wire beyond its text
}

// Error formats as "op resource: kind: cause (hint)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Resource != "" {
		b.WriteString(" " + e.Resource)
	}
	b.WriteString(": " + e.Kind.String())
	if e.Reason != "" {
		b.WriteString(" [" + e.Reason + "]")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error of kind k; the cause is formatted as by fmt.Errorf.
func Errorf(k ErrKind, op, format string, args ...any) *Error {
	return &Error{Op: op, Kind: k, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost [Error] in err's chain. A context's
// end counts as [KindCanceled] or [KindTimeout]; anything else, as
// [KindInternal].
func KindOf(err error) ErrKind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled):
		return KindCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return KindTimeout
	}
	return KindInternal
}

// ReasonOf returns the reason of the outermost [Error] in err's chain, or "".
func ReasonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// Is reports whether err is of kind k. A nil error is of no kind.
func Is(err error, k ErrKind) bool { return err != nil && KindOf(err) == k }

// AppendError appends the wire form of err to dst: u8 kind, then five strings
// (op, reason, resource, hint, cause), each uvarint length and bytes.
func AppendError(dst []byte, err error) []byte {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: KindOf(err), Err: err}
	}
	cause := ""
	if e.Err != nil {
		cause = e.Err.Error()
	}
	dst = append(dst, byte(e.Kind))
	for _, s := range []string{e.Op, e.Reason, e.Resource, e.Hint, cause} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

// DecodeError reads what [AppendError] wrote. Damaged input gives an error of
// [KindInternal], never a panic.
func DecodeError(b []byte) *Error {
	if len(b) == 0 {
		return Errorf(KindInternal, "decode error", "empty")
	}
	var f [5]string
	rest := b[1:]
	for i := range f {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > uint64(len(rest)-w) {
			return Errorf(KindInternal, "decode error", "truncated")
		}
		f[i] = string(rest[w : w+int(n)])
		rest = rest[w+int(n):]
	}
	e := &Error{Kind: ErrKind(b[0]), Op: f[0], Reason: f[1], Resource: f[2], Hint: f[3]}
	if f[4] != "" {
		e.Err = errors.New(f[4])
	}
	return e
}
