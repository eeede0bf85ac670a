package node

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"cairn/node/config"
	"cairn/node/fabric"
	"cairn/node/pki"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// MethodJoin is the one call that needs no certificate.
const MethodJoin fabric.Method = 0x0205

// caLabel names the CA's key among the sealed secrets.
const caLabel = "cluster CA key"

// Token returns an invitation for one or more nodes to join through this node.
func (n *Node) Token(life time.Duration) (string, error) {
	t, err := pki.NewToken(n.clusterKey(), []byte(n.id.CACert), []string{n.cfg.Advertise}, time.Now().Add(life))
	if err != nil {
		return "", err
	}
	return t.String(), nil
}

func (n *Node) clusterKey() pki.ClusterKey { return pki.ClusterKey(n.id.ClusterKey) }

// Join makes the identity of a node that was invited by a token: it asks a
// member, which registers it and signs its certificate.
func Join(ctx context.Context, cfg *config.Config, token string) error {
	t, err := pki.ParseToken(token)
	if err != nil {
		return err
	}
	req, id, err := newJoin(cfg, token)
	if err != nil {
		return err
	}
	head, err := proto.Marshal(req)
	if err != nil {
		return err
	}
	var last error
	for _, addr := range t.Addrs {
		msg, err := fabric.CallOpen(ctx, addr, t.TLS(), MethodJoin, &fabric.Message{Head: head})
		if err != nil {
			last = fmt.Errorf("ask %s: %w", addr, err)
			continue
		}
		return id.accept(cfg, msg.Head)
	}
	return last
}

// Invite makes the identity of another node of the same process, as [Join] does
// over the network.
func (n *Node) Invite(ctx context.Context, cfg *config.Config) error {
	req, id, err := newJoin(cfg, "")
	if err != nil {
		return err
	}
	reply, err := n.admit(ctx, req)
	if err != nil {
		return err
	}
	raw, err := proto.Marshal(reply)
	if err != nil {
		return err
	}
	return id.accept(cfg, raw)
}

// newJoin mints an incarnation and a key pair, and the request that carries
// their public halves.
func newJoin(cfg *config.Config, token string) (*pb.JoinRequest, *Identity, error) {
	inc, err := newIncarnation()
	if err != nil {
		return nil, nil, err
	}
	key, keyPEM, err := pki.NewKey()
	if err != nil {
		return nil, nil, err
	}
	public, err := pki.PublicKey(key)
	if err != nil {
		return nil, nil, err
	}
	id := &Identity{Name: cfg.Name, Zone: cfg.Zone, Incarnation: inc, Key: string(keyPEM)}
	return &pb.JoinRequest{Token: token, PublicKey: public, Node: nodeRow(cfg, inc)}, id, nil
}

// accept completes and saves the identity with what the member answered.
func (id *Identity) accept(cfg *config.Config, raw []byte) error {
	var r pb.JoinReply
	if err := proto.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("join: reply: %w", err)
	}
	id.Cluster, id.Node = r.Registered.GetClusterId(), placement.NodeID(r.Registered.GetNode())
	id.CACert, id.Cert, id.ClusterKey = string(r.CaCert), string(r.NodeCert), r.ClusterKey
	id.Seeds = map[placement.NodeID]string{}
	for _, m := range r.Members {
		id.Seeds[placement.NodeID(m.Id)] = m.Addr
	}
	return id.Save(cfg.Dir)
}

// serveJoins lets nodes in that have no certificate yet, where the fabric has a
// door for them; nodes of one process are invited without.
func (n *Node) serveJoins() {
	if f, ok := n.fabric.(interface {
		HandleOpen(fabric.Method, fabric.Handler)
	}); ok {
		f.HandleOpen(MethodJoin, n.serveJoin)
	}
}

// serveJoin lets a node in that has a token.
func (n *Node) serveJoin(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.JoinRequest
	if err := proto.Unmarshal(req.Head, &r); err != nil {
		return nil, store.Errorf(store.KindInvalid, "join", "%w", err)
	}
	t, err := pki.ParseToken(r.Token)
	if err == nil {
		err = t.Verify(n.clusterKey(), time.Now())
	}
	if err != nil {
		return nil, &store.Error{Op: "join", Kind: store.KindDenied, Err: err}
	}
	reply, err := n.admit(ctx, &r)
	if err != nil {
		return nil, err
	}
	head, err := proto.Marshal(reply)
	return &fabric.Message{Head: head}, err
}

// admit registers a node and signs its certificate.
func (n *Node) admit(ctx context.Context, r *pb.JoinRequest) (*pb.JoinReply, error) {
	select {
	case <-n.registered: // before that there may be no cluster to join
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	reply := &pb.JoinReply{Registered: &pb.RegisterReply{}, CaCert: []byte(n.id.CACert), ClusterKey: n.id.ClusterKey}
	err := n.root.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_Register{
		Register: &pb.RegisterNode{Node: r.Node},
	}}, reply.Registered)
	if err != nil {
		return nil, err
	}
	if reply.NodeCert, err = n.sign(placement.NodeID(reply.Registered.Node), r.PublicKey); err != nil {
		return nil, err
	}
	for _, m := range n.root.View().Nodes() {
		if m.Id != reply.Registered.Node {
			reply.Members = append(reply.Members, m)
		}
	}
	return reply, nil
}

func nodeRow(cfg *config.Config, inc [16]byte) *pb.NodeRow {
	return &pb.NodeRow{
		Name: cfg.Name, Zone: cfg.Zone, Addr: cfg.Advertise, Incarnation: inc[:], Voter: true,
		AdminAddr: cfg.Admin, S3Addr: cfg.S3, Build: Version,
	}
}
