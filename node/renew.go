package node

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"cairn/node/fabric"
	"cairn/node/pki"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// MethodRenew asks a member for a new certificate; the caller's present one says
// for whom.
const MethodRenew fabric.Method = 0x0207

// How often a node looks whether its certificate is to be renewed, and how long
// it waits after all others refused. There are months left then.
const (
	renewInterval = time.Second
	renewPause    = time.Minute
)

// renewCertificates replaces the node's certificate whenever two thirds of its
// life are over. A node that was off for the last third cannot connect any more,
// and must join again.
func (n *Node) renewCertificates(ctx context.Context) {
	for ctx.Err() == nil {
		wait := renewInterval
		if !n.opts.Clock().Before(n.opts.Credentials.RenewAt()) {
			if err := n.renew(ctx); err != nil && ctx.Err() == nil {
				n.log.Error("the node's certificate was not renewed", "expires", n.opts.Credentials.NotAfter(), "err", err)
				wait = renewPause
			}
		}
		sleep(ctx, wait)
	}
}

// renew makes a key pair and has a member sign it: any other, or, if there is
// none, itself. A crash before it is written leaves the old one, good for months.
func (n *Node) renew(ctx context.Context) error {
	key, keyPEM, err := pki.NewKey()
	if err != nil {
		return err
	}
	public, err := pki.PublicKey(key)
	if err != nil {
		return err
	}
	cert, err := n.askRenewal(ctx, public)
	if err != nil {
		return err
	}
	if err := n.opts.Credentials.Replace(cert, keyPEM); err != nil {
		return err
	}
	if err := n.id.renewed(n.cfg.Dir, cert, keyPEM); err != nil {
		return err
	}
	n.log.Info("the node's certificate was renewed", "expires", n.opts.Credentials.NotAfter())
	return nil
}

func (n *Node) askRenewal(ctx context.Context, public []byte) (cert []byte, err error) {
	head, err := proto.Marshal(&pb.RenewRequest{PublicKey: public})
	if err != nil {
		return nil, err
	}
	var errs []error
	ask := func(to placement.NodeID) bool {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		msg, err := n.fabric.Call(ctx, to, MethodRenew, &fabric.Message{Head: head})
		defer msg.Release()
		var r pb.RenewReply
		if err == nil {
			err = proto.Unmarshal(msg.Head, &r)
		}
		cert = r.NodeCert
		errs = append(errs, err)
		return err == nil
	}
	for _, m := range n.root.View().Nodes() {
		if id := nodeID(m); id != n.id.Node && ask(id) {
			return cert, nil
		}
	}
	if ask(n.id.Node) {
		return cert, nil
	}
	return nil, errors.Join(errs...)
}

// serveRenewal signs the caller's key for the node that its connection proved it
// to be. A node that is not in the map gets nothing.
func (n *Node) serveRenewal(_ context.Context, from fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.RenewRequest
	if err := proto.Unmarshal(req.Head, &r); err != nil {
		return nil, store.Errorf(store.KindInvalid, "renew certificate", "%w", err)
	}
	if n.root.View().Node(from.Node) == nil {
		return nil, store.Errorf(store.KindDenied, "renew certificate", "node %d is not in the map", from.Node)
	}
	cert, err := n.sign(from.Node, r.PublicKey)
	if err != nil {
		return nil, err
	}
	head, err := proto.Marshal(&pb.RenewReply{NodeCert: cert})
	return &fabric.Message{Head: head}, err
}

// sign makes a node's certificate with the CA's key, which any member can unseal.
func (n *Node) sign(id placement.NodeID, public []byte) ([]byte, error) {
	keyPEM, err := unseal(n.clusterKey(), caLabel, n.root.View().Cluster().CaKeySealed)
	if err != nil {
		return nil, err
	}
	ca, err := pki.LoadCA([]byte(n.id.CACert), keyPEM)
	if err != nil {
		return nil, err
	}
	cert, err := ca.SignNode(id, public, n.opts.Clock())
	if err != nil {
		return nil, store.Errorf(store.KindInvalid, "sign certificate", "%w", err)
	}
	return cert, nil
}
