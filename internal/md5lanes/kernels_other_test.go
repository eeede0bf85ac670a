//go:build !amd64

package md5lanes

import "testing"

func eachKernel(t *testing.T, f func(t *testing.T)) { f(t) }
