package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Key is one setting as it is spelled in the file, the environment and flags.
type Key struct {
	Path string // "s3_tls.cert"
	Env  string // "CAIRN_S3_TLS_CERT"
	Flag string // "s3-tls-cert"
	Bool bool
}

// Keys returns the settings that have one value, in the order of [Config]. Disks
// are a list of sections, and only the file has them.
func Keys() []Key { return keysOf(reflect.TypeFor[Config](), "") }

func keysOf(t reflect.Type, prefix string) (out []Key) {
	for i := range t.NumField() {
		f := t.Field(i)
		path := prefix + f.Tag.Get("koanf")
		switch {
		case f.Type.Kind() == reflect.Struct:
			out = append(out, keysOf(f.Type, path+".")...)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
		default:
			name := strings.ReplaceAll(path, ".", "_")
			out = append(out, Key{
				Path: path, Env: "CAIRN_" + strings.ToUpper(name), Flag: strings.ReplaceAll(name, "_", "-"),
				Bool: f.Type.Kind() == reflect.Bool,
			})
		}
	}
	return out
}

// paths are all names that may stand in the file.
func paths() []string {
	out := []string{"disks", "s3_tls", "path", "bytes", "class"}
	for _, k := range Keys() {
		out = append(out, k.Path)
	}
	return out
}

// unknown is the complaint about a name that no setting has, with the nearest
// that one does.
func unknown(where, name string, known []string) error {
	best := slices.MinFunc(known, func(a, b string) int { return distance(name, a) - distance(name, b) })
	if distance(name, best) <= 1+len(name)/3 {
		return fmt.Errorf("%s: %q is not a setting; did you mean %q?", where, name, best)
	}
	return fmt.Errorf("%s: %q is not a setting", where, name)
}

// distance is the number of letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost++
			}
			left = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
