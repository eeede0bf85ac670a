package nbd

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tool runs a client program. A client that is not there is not tested, and that
// must be seen: it fails the test. Debian's own Python goes first: nbdsh needs its
// modules.
func tool(t *testing.T, pkg, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err, "apt-get install %s (test/run.sh does)", pkg)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "PATH=/usr/bin:"+os.Getenv("PATH"))
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %q: %s", name, args, out)
	return string(out)
}

// serveUnix serves volumes on a unix socket and returns its path.
func serveUnix(t *testing.T, cfg Config) string {
	t.Helper()
	srv := newTestServer(t, cfg)
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.NoError(t, <-served)
	})
	return path
}

func uri(socket, export string) string {
	return fmt.Sprintf("nbd+unix:///%s?socket=%s", export, socket)
}

func TestInteropNbdinfo(t *testing.T) {
	exports := twoVolumes()
	exports[0].mu.written[3] = true
	exports[0].mu.changed[5] = true
	socket := serveUnix(t, Config{Exports: exports})
	info := tool(t, "libnbd-bin", "nbdinfo", uri(socket, "v"))
	for _, line := range []string{
		"protocol: newstyle-fixed without TLS", "export-size: 1048576", "base:allocation", "x-cairn:changed:", "description: a volume",
		"is_read_only: false", "can_multi_conn: true", "can_fast_zero: true", "can_df: true", "can_fua: true", "can_trim: true", "can_cache: true",
		"block_size_maximum: 33554432",
	} {
		require.Contains(t, info, line)
	}
	list := tool(t, "libnbd-bin", "nbdinfo", "--list", uri(socket, ""))
	require.Contains(t, list, `export="odd"`)
	require.Contains(t, list, "is_rotational: true")
	require.Contains(t, list, "block_size_minimum: 512")
	require.Regexp(t, `0 +12288 +3 +hole,zero\s+12288 +4096 +0 +data\s+16384 +1032192 +3 +hole,zero`, tool(t, "libnbd-bin", "nbdinfo", "--map", uri(socket, "v")))
	require.Regexp(t, `20480 +4096 +1\s`, tool(t, "libnbd-bin", "nbdinfo", "--map=x-cairn:changed:tuesday", uri(socket, "v")))
}

// sparseImage writes a file of data and holes and returns its bytes.
func sparseImage(t *testing.T, path string, size int) []byte {
	t.Helper()
	image := make([]byte, size)
	r := rand.New(rand.NewPCG(1, 2))
	for at := 0; at < size; at += 64 << 10 {
		if r.IntN(2) == 0 {
			for i := range 64 << 10 {
				image[at+i] = byte(r.Uint32())
			}
		}
	}
	require.NoError(t, os.WriteFile(path, image, 0o600))
	return image
}

// Images go in by several connections and many requests at a time, and come out
// the same, by the tools of libnbd and of QEMU.
func TestInteropCopy(t *testing.T) {
	const size = 8 << 20
	for _, test := range []struct {
		pkg, name string
		in, out   func(uri, file string) []string
	}{
		{"libnbd-bin", "nbdcopy",
			func(uri, file string) []string { return []string{"--flush", "--connections=4", file, uri} },
			func(uri, file string) []string { return []string{"--requests=64", uri, file} }},
		{"qemu-utils", "qemu-img",
			func(uri, file string) []string { return []string{"convert", "-n", "-f", "raw", "-O", "raw", file, uri} },
			func(uri, file string) []string { return []string{"convert", "-f", "raw", "-O", "raw", uri, file} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newMemVolume("v", size)
			u := uri(serveUnix(t, Config{Exports: memExports{v}}), "v")
			in, out := filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
			image := sparseImage(t, in, size)
			tool(t, test.pkg, test.name, test.in(u, in)...)
			require.True(t, bytes.Equal(image, v.contents()), "the volume differs from the image")
			flushes, _ := v.counts()
			require.NotZero(t, flushes)
			tool(t, test.pkg, test.name, test.out(u, out)...)
			got, err := os.ReadFile(out)
			require.NoError(t, err)
			require.True(t, bytes.Equal(image, got), "the copy differs from the image")
		})
	}
}

func TestInteropQemuIO(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	u := uri(serveUnix(t, Config{Exports: memExports{v}}), "v")
	out := tool(t, "qemu-utils", "qemu-io", "-f", "raw", u,
		"-c", "aio_write -P 7 0 64k", "-c", "aio_write -P 8 64k 64k", "-c", "aio_flush", "-c", "write -f -z 32k 4k", "-c", "write -z -u 48k 16k",
		"-c", "discard 64k 32k", "-c", "flush", "-c", "read -P 7 0 32k", "-c", "read -P 0 32k 4k", "-c", "read -P 7 36k 12k",
		"-c", "read -P 0 48k 48k", "-c", "read -P 8 96k 32k")
	require.NotContains(t, out, "failed")
	flushes, durable := v.counts()
	require.NotZero(t, flushes)
	require.NotZero(t, durable, "-f is FUA")
}

// nbdsh sends what other clients do not.
func TestInteropNbdsh(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	socket := serveUnix(t, Config{Exports: memExports{v}})
	out := tool(t, "python3-libnbd", "nbdsh", "-c", `
import errno
h.add_meta_context("base:allocation")
h.set_export_name("v")
h.connect_unix("`+socket+`")
h.set_strict_mode(0)
def fails(want, f):
    try:
        f()
    except nbd.Error as e:
        assert e.errnum == want, (e.errnum, want)
        return
    raise AssertionError("no error")
h.pwrite(b"word" * 128, 512, nbd.CMD_FLAG_FUA)
assert h.pread(512, 512) == b"word" * 128
holes = []
h.pread_structured(16384, 0, lambda buf, off, status, err: holes.append((off, len(buf), status)))
assert holes == [(0, 4096, nbd.READ_DATA), (4096, 12288, nbd.READ_HOLE)], holes
fails(errno.EINVAL, lambda: h.pread(0, 0))
fails(errno.EINVAL, lambda: h.pread(1, 1 << 20))
fails(errno.ENOSPC, lambda: h.pwrite(b"x", 1 << 20))
fails(errno.ENOSPC, lambda: h.zero(2, (1 << 20) - 1))
fails(errno.EINVAL, lambda: h.trim(1, 1 << 21))
fails(errno.EINVAL, lambda: h.pread(1, 0, 1 << 9))
fails(errno.ENOTSUP, lambda: h.zero(4096, 0, nbd.CMD_FLAG_FAST_ZERO | nbd.CMD_FLAG_NO_HOLE))
cookies = [h.aio_pread(nbd.Buffer(4096), 4096 * i) for i in range(200)]
while cookies:
    h.poll(-1)
    cookies = [c for c in cookies if not h.aio_command_completed(c)]
h.flush()
h.shutdown()
print("done")
`)
	require.Contains(t, out, "done")
}

// The tools of libnbd come in by TLS with a certificate.
func TestInteropTLS(t *testing.T) {
	a, v := newAuthority(t), newMemVolume("v", 1<<20)
	dir := t.TempDir()
	write := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	client := a.issue("alice")
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	write("ca-cert.pem", "CERTIFICATE", a.cert.Raw)
	write("client-cert.pem", "CERTIFICATE", client.Leaf.Raw)
	write("client-key.pem", "PRIVATE KEY", key)
	srv := newTestServer(t, Config{Exports: memExports{v}, TLS: a.server(TLSRequired)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()
	out := tool(t, "libnbd-bin", "nbdinfo", fmt.Sprintf("nbds://%s/v?tls-certificates=%s", l.Addr(), dir))
	require.Contains(t, out, "newstyle-fixed with TLS")
	require.NoError(t, srv.Close())
	require.NoError(t, <-served)
}

// fio verifies what it has written, with many requests in flight.
func TestInteropFio(t *testing.T) {
	v := newMemVolume("v", 4<<20)
	u := uri(serveUnix(t, Config{Exports: memExports{v}}), "v")
	out := tool(t, "fio", "fio", "--name=v", "--ioengine=nbd", "--uri="+u, "--rw=randwrite", "--bs=4k", "--iodepth=32",
		"--size=4m", "--verify=crc32c", "--do_verify=1", "--fsync=64", "--randseed=1")
	require.Contains(t, out, "err= 0")
	flushes, _ := v.counts()
	require.NotZero(t, flushes)
}
