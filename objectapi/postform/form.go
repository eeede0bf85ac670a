package postform

import (
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"cairn/objectapi/s3err"
)

const (
	// maxPreamble bounds all that comes before the file, with its framing.
	maxPreamble = 256 << 10
	// maxField bounds the value of one field.
	maxField  = 64 << 10
	maxFields = 200
)

// Form is a form whose fields were read and whose file was not.
type Form struct {
	Fields   map[string]string // by lower-case name
	FileName string            // without directories
	FileType string            // the content type of the file's part
	File     io.Reader         // ends with an error other than io.EOF if the form is cut short
}

// Boundary returns the boundary of a multipart/form-data content type; ok is
// false for any other content type.
func Boundary(contentType string) (boundary string, ok bool) {
	kind, params, err := mime.ParseMediaType(contentType)
	return params["boundary"], err == nil && kind == "multipart/form-data" && params["boundary"] != ""
}

// Read reads a form's fields up to its file. fileLimit bounds what is read from
// then on.
func Read(body io.Reader, boundary string, fileLimit int64) (*Form, error) {
	limited := &io.LimitedReader{R: body, N: maxPreamble}
	parts := multipart.NewReader(limited, boundary)
	f := &Form{Fields: map[string]string{}}
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return nil, f.cut(err, limited)
		}
		name := strings.ToLower(part.FormName())
		if name == "file" {
			f.FileName = baseName(part.FileName())
			f.FileType = part.Header.Get("Content-Type")
			f.File = part
			limited.N = fileLimit
			return f, nil
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil {
			return nil, f.cut(err, limited)
		}
		if name == "" || len(value) > maxField || len(f.Fields) == maxFields {
			return nil, s3err.New(s3err.MalformedPOSTRequest)
		}
		if _, twice := f.Fields[name]; !twice {
			f.Fields[name] = string(value)
		}
	}
}

// cut tells why the file was not reached.
func (f *Form) cut(err error, limited *io.LimitedReader) error {
	switch {
	case limited.N <= 0:
		return s3err.Msg(s3err.MaxMessageLengthExceeded, "The fields before the file are too large.")
	case err == io.EOF:
		return s3err.Msg(s3err.InvalidArgument, "POST requires exactly one file upload per request.").With("ArgumentName", "file")
	}
	return s3err.New(s3err.MalformedPOSTRequest).Because(err)
}

// Key returns the form's key with ${filename} replaced.
func (f *Form) Key() string {
	return strings.ReplaceAll(f.Fields["key"], "${filename}", f.FileName)
}

// baseName takes directories off a file's name, those of Windows too.
func baseName(s string) string {
	return s[strings.LastIndexAny(s, `/\`)+1:]
}
