package nbd

import (
	"errors"
	"fmt"
	"strings"

	"cairn/store"
)

// ErrSlowZero is what [Export.Zero] returns for a fast request that would not
// be fast. Nothing has been changed.
var ErrSlowZero = errors.New("zeroing would be no faster than writing")

// errnos is the one table from the kinds of errors to those of NBD. A kind that
// is not in it is EIO: the client can do nothing about it but fail.
//
// ESHUTDOWN asks a client to leave and connect again, where it may find the
// owner of the volume. ENOMEM is never sent: memory is waited for.
var errnos = map[store.ErrKind]errno{
	store.KindInvalid:  eInval,
	store.KindDenied:   ePerm,
	store.KindNoSpace:  eNoSpc,
	store.KindTooLarge: eOverflow,
	store.KindMoved:    eShutdown,
	store.KindCanceled: eShutdown,
}

// errnoOf returns how an error of an export is answered.
func errnoOf(err error) errno {
	if errors.Is(err, ErrSlowZero) {
		return eNotSup
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return refused.errno
	}
	if e, ok := errnos[store.KindOf(err)]; ok {
		return e
	}
	return eIO
}

// refusal is a request that the protocol layer answers itself.
type refusal struct {
	errno errno
	text  string
}

func (r *refusal) Error() string { return r.text }

func refuse(e errno, format string, args ...any) *refusal {
	return &refusal{e, fmt.Sprintf(format, args...)}
}

// describe returns the message a client is shown: what kind of failure it is
// and what to do, and nothing of the engine's inside.
func describe(err error) string {
	var e *store.Error
	switch {
	case errors.As(err, &e) && e.Hint != "":
		return clip(e.Kind.String() + ": " + e.Hint)
	case errors.As(err, &e):
		return e.Kind.String()
	case errors.Is(err, ErrSlowZero):
		return ErrSlowZero.Error()
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return clip(refused.text)
	}
	return store.KindOf(err).String()
}

// clip makes s a string of the protocol: valid UTF-8 without NUL, not too long.
func clip(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if len(s) > maxString {
		s = strings.ToValidUTF8(s[:maxString], "")
	}
	return s
}

// optionError refuses an option; the handshake goes on.
type optionError struct {
	code replyCode
	text string
}

func (e *optionError) Error() string { return e.text }

func badOption(code replyCode, format string, args ...any) *optionError {
	return &optionError{code, fmt.Sprintf(format, args...)}
}

// optionErrorOf turns an error of the catalogue into an answer to an option.
func optionErrorOf(err error) *optionError {
	code := repErrUnknown
	switch store.KindOf(err) {
	case store.KindDenied, store.KindConflict, store.KindPrecondition, store.KindExists:
		code = repErrPolicy
	case store.KindInvalid:
		code = repErrInvalid
	case store.KindTooLarge:
		code = repErrTooBig
	}
	return &optionError{code, describe(err)}
}

// errViolation marks what a client did against the protocol and cannot be
// answered: the connection is cut.
var errViolation = errors.New("protocol violation")

func violation(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errViolation, fmt.Sprintf(format, args...))
}
