//go:build !amd64

package md5lanes

var kernel func(*State, *[Lanes]*byte, int)
