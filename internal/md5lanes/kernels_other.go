//go:build !amd64

package md5lanes

func kernels() []kernel { return nil }
