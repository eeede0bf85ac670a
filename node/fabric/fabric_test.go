package fabric_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/node/pki"
	"cairn/placement"
	"cairn/store"
)

const (
	echo  fabric.Method = 0x0401
	fail  fabric.Method = 0x0402
	who   fabric.Method = 0x0403
	block fabric.Method = 0x0104
)

// pair connects nodes 1 and 2 by each implementation and runs f on both.
func pair(t *testing.T, f func(t *testing.T, a, b fabric.Fabric)) {
	t.Run("inproc", func(t *testing.T) {
		n := fabric.NewNetwork()
		a, b := n.Join(1), n.Join(2)
		t.Cleanup(a.Close)
		t.Cleanup(b.Close)
		f(t, a, b)
	})
	t.Run("grpc", func(t *testing.T) {
		ca, err := pki.NewCA(time.Now())
		require.NoError(t, err)
		a, addrA := serve(t, ca, 1)
		b, addrB := serve(t, ca, 2)
		a.SetPeer(2, addrB)
		b.SetPeer(1, addrA)
		f(t, a, b)
	})
}

func nodeTLS(t *testing.T, ca *pki.CA, id placement.NodeID) *tls.Config {
	key, keyPEM, err := pki.NewKey()
	require.NoError(t, err)
	pub, err := pki.PublicKey(key)
	require.NoError(t, err)
	cert, err := ca.SignNode(id, pub, time.Now())
	require.NoError(t, err)
	creds, err := pki.NewCredentials(ca.CertPEM, cert, keyPEM, time.Now)
	require.NoError(t, err)
	return creds.TLS()
}

func serve(t *testing.T, ca *pki.CA, id placement.NodeID) (*fabric.GRPC, string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := fabric.NewGRPC(id, nodeTLS(t, ca, id))
	done := make(chan struct{})
	go func() { defer close(done); f.Serve(l) }()
	t.Cleanup(func() { f.Close(); <-done })
	return f, l.Addr().String()
}

func handleEcho(f fabric.Fabric) {
	f.Handle(echo, func(_ context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
		body := bytes.Join(req.Body, nil)
		return &fabric.Message{Head: append([]byte("re:"), req.Head...), Body: [][]byte{body}}, nil
	})
}

func TestBodiesArriveWhole(t *testing.T) {
	pair(t, func(t *testing.T, a, b fabric.Fabric) {
		handleEcho(b)
		for _, n := range []int{0, 1, 1 << 10, 4<<10 + 1, 1 << 20, 9 << 20} {
			body := make([]byte, n)
			rand.Read(body)
			cut := n / 3
			reply, err := a.Call(context.Background(), 2, echo,
				&fabric.Message{Head: []byte("h"), Body: [][]byte{body[:cut], body[cut:]}})
			require.NoError(t, err)
			require.Equal(t, "re:h", string(reply.Head))
			require.True(t, bytes.Equal(body, bytes.Join(reply.Body, nil)), "body of %d bytes", n)
			reply.Release()
		}
	})
}

func TestErrorsKeepTheirKind(t *testing.T) {
	pair(t, func(t *testing.T, a, b fabric.Fabric) {
		b.Handle(fail, func(context.Context, fabric.Peer, *fabric.Message) (*fabric.Message, error) {
			return nil, &store.Error{Op: "x", Kind: store.KindNoSpace, Reason: "r", Hint: "add a disk"}
		})
		_, err := a.Call(context.Background(), 2, fail, &fabric.Message{})
		require.Equal(t, store.KindNoSpace, store.KindOf(err))
		require.Equal(t, "r", store.ReasonOf(err))
		_, err = a.Call(context.Background(), 2, echo, &fabric.Message{})
		require.Equal(t, store.KindUnavailable, store.KindOf(err))
		_, err = a.Call(context.Background(), 9, echo, &fabric.Message{})
		require.Equal(t, store.KindUnavailable, store.KindOf(err))
	})
}

func TestCallerIsKnown(t *testing.T) {
	pair(t, func(t *testing.T, a, b fabric.Fabric) {
		got := make(chan placement.NodeID, 1)
		b.Handle(who, func(_ context.Context, p fabric.Peer, _ *fabric.Message) (*fabric.Message, error) {
			got <- p.Node
			return &fabric.Message{}, nil
		})
		_, err := a.Call(context.Background(), 2, who, &fabric.Message{})
		require.NoError(t, err)
		require.Equal(t, placement.NodeID(1), <-got)
	})
}

// A cancelled call comes back, and only when its buffers are free to reuse.
func TestCancelledCallReturns(t *testing.T) {
	pair(t, func(t *testing.T, a, b fabric.Fabric) {
		b.Handle(block, func(ctx context.Context, _ fabric.Peer, _ *fabric.Message) (*fabric.Message, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
				defer cancel()
				_, err := a.Call(ctx, 2, block, &fabric.Message{Body: [][]byte{make([]byte, 8<<20)}})
				require.Error(t, err)
			})
		}
		wg.Wait()
	})
}

func TestStrangersAreDenied(t *testing.T) {
	ca, err := pki.NewCA(time.Now())
	require.NoError(t, err)
	other, err := pki.NewCA(time.Now())
	require.NoError(t, err)
	b, addr := serve(t, ca, 2)
	handleEcho(b)
	b.HandleOpen(who, func(_ context.Context, p fabric.Peer, _ *fabric.Message) (*fabric.Message, error) {
		require.Zero(t, p.Node)
		return &fabric.Message{}, nil
	})

	// A node of another cluster; and this server asked as if it were node 9.
	for _, c := range []struct {
		ca *pki.CA
		as placement.NodeID
	}{{other, 2}, {ca, 9}} {
		caller, _ := serve(t, c.ca, 3)
		caller.SetPeer(c.as, addr)
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		_, err = caller.Call(ctx, c.as, echo, &fabric.Message{})
		cancel()
		require.Error(t, err)
	}

	key, err := pki.NewClusterKey()
	require.NoError(t, err)
	tok, err := pki.NewToken(key, ca.CertPEM, []string{addr}, time.Now().Add(time.Hour))
	require.NoError(t, err)
	_, err = fabric.CallOpen(context.Background(), addr, tok.TLS(), echo, &fabric.Message{})
	require.Equal(t, store.KindDenied, store.KindOf(err))
	_, err = fabric.CallOpen(context.Background(), addr, tok.TLS(), who, &fabric.Message{})
	require.NoError(t, err)

	bad, err := pki.NewToken(key, other.CertPEM, []string{addr}, time.Now().Add(time.Hour))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err = fabric.CallOpen(ctx, addr, bad.TLS(), who, &fabric.Message{})
	require.Error(t, err)
}

func TestPartitionAndRestart(t *testing.T) {
	n := fabric.NewNetwork()
	a, b := n.Join(1), n.Join(2)
	handleEcho(b)
	n.SetFaults(func(from, to placement.NodeID, _ fabric.Method) fabric.Fault {
		return fabric.Fault{DropRequest: from == 1 && to == 2}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := a.Call(ctx, 2, echo, &fabric.Message{})
	require.Equal(t, store.KindTimeout, store.KindOf(err))

	n.SetFaults(nil)
	b.Close()
	_, err = a.Call(context.Background(), 2, echo, &fabric.Message{})
	require.Equal(t, store.KindUnavailable, store.KindOf(err))
	handleEcho(n.Join(2))
	_, err = a.Call(context.Background(), 2, echo, &fabric.Message{})
	require.NoError(t, err)
}
