// Package s3err holds the errors of the S3 protocol: the codes with their HTTP
// status and default message, and the error that carries one to the edge, where
// it becomes an XML body. It says nothing of how a failure of the engine maps to
// a code; that table is objectapi's.
package s3err

import "net/http"

// Code is an S3 error code as it stands in <Code>.
type Code string

// Error is what a request failed with. It is immutable once returned.
type Error struct {
	Code    Code
	Message string            // for the client
	Fields  []Field           // further elements of the body, in order
	Header  map[string]string // further headers of the answer
	Cause   error             // for the log; never sent
}

// Field is one more element of an error's body.
type Field struct{ Name, Value string }

// New returns an error of the code with its default message.
func New(c Code) *Error { return &Error{Code: c, Message: table[c].message} }

// Msg returns an error of the code with a message of its own.
func Msg(c Code, message string) *Error { return &Error{Code: c, Message: message} }

// With returns a copy of e with one more element.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), Field{name, value})
	return &c
}

// WithHeader returns a copy of e with one more header.
func (e *Error) WithHeader(name, value string) *Error {
	c := *e
	c.Header = map[string]string{name: value}
	for k, v := range e.Header {
		c.Header[k] = v
	}
	return &c
}

// Because returns a copy of e with its cause, for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error formats as "code: message: cause".
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes two errors of one code equal for errors.Is.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Status returns the HTTP status of the code.
func (e *Error) Status() int {
	if r, ok := table[e.Code]; ok {
		return r.status
	}
	return http.StatusInternalServerError
}
