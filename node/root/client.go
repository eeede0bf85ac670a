package root

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"cairn/node/fabric"
	"cairn/node/leader"
	"cairn/node/raftgroup"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Client is every node's way to the root: it keeps the node's [View] and [Live]
// up to date and sends commands. It owns two goroutines, ended by Close.
type Client struct {
	fabric fabric.Fabric
	log    *slog.Logger
	view   *View
	live   *Live
	finder *leader.Finder
	seeds  []placement.NodeID // whom to ask while the view is empty

	session *raftgroup.Session
	sync    syncer
	prober  prober
	lag     laggard

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// ClientConfig says how a node reaches the root.
type ClientConfig struct {
	Fabric fabric.Fabric
	Logger *slog.Logger
	Seeds  []placement.NodeID // nodes that may be root replicas
	// Session names this process's commands at the root; its client number is
	// random, as the writer number comes from the root itself.
	Session *raftgroup.Session
	// Beat returns the node's next heartbeat.
	Beat func() *pb.HeartbeatRequest
}

// StartClient starts to follow the root. It returns at once: the view is empty
// until a replica answers; see [Client.Wait].
func StartClient(cfg ClientConfig) *Client {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		fabric: cfg.Fabric, log: cfg.Logger, view: NewView(), live: &Live{},
		finder: leader.New(cfg.Fabric), seeds: cfg.Seeds, session: cfg.Session, cancel: cancel,
		prober: prober{fabric: cfg.Fabric, outcomes: map[placement.NodeID]outcome{}},
	}
	c.done.Go(func() { c.follow(ctx) })
	c.done.Go(func() { c.beat(ctx, cfg.Beat) })
	return c
}

// Close ends the goroutines.
func (c *Client) Close() {
	c.cancel()
	c.done.Wait()
}

// View returns the node's copy of the root's rows.
func (c *Client) View() *View { return c.view }

// Live returns the node's copy of the liveness of all.
func (c *Client) Live() *Live { return c.live }

// replicas returns the nodes that hold the root group.
func (c *Client) replicas() []placement.NodeID {
	if m := c.view.GroupNodes(uint32(Group)); len(m) > 0 {
		return m
	}
	return c.seeds
}

func (c *Client) target(context.Context) (leader.Target, error) {
	return leader.Target{Group: Group, Members: c.replicas()}, nil
}

// atLeader calls method m at the root's leader.
func (c *Client) atLeader(ctx context.Context, m fabric.Method, req, reply proto.Message) error {
	head, err := proto.Marshal(req)
	if err != nil {
		return store.Errorf(store.KindInvalid, "root call", "%w", err)
	}
	return c.finder.Call(ctx, c.target, func(ctx context.Context, to placement.NodeID) error {
		return c.call(ctx, to, m, head, reply)
	})
}

func (c *Client) call(ctx context.Context, to placement.NodeID, m fabric.Method, head []byte, reply proto.Message) error {
	msg, err := c.fabric.Call(ctx, to, m, &fabric.Message{Head: head})
	if err != nil {
		return err
	}
	defer msg.Release()
	if err := proto.Unmarshal(msg.Head, reply); err != nil {
		return store.Errorf(store.KindInternal, "root call", "reply of node %d: %w", to, err)
	}
	return nil
}

// Propose runs a command and waits until this node's view has its effect.
// reply, if not nil, receives the command's answer.
func (c *Client) Propose(ctx context.Context, cmd *pb.RootCommand, reply proto.Message) error {
	name := c.session.Begin()
	defer c.session.End(name.Seq)
	req := &pb.ProposeRequest{Client: name.Client, Seq: name.Seq, Oldest: name.Low, Cmd: EncodeRow(cmd)}
	var r pb.ProposeReply
	if err := c.atLeader(ctx, MethodPropose, req, &r); err != nil {
		return err
	}
	if reply != nil {
		if err := proto.Unmarshal(r.Reply, reply); err != nil {
			return store.Errorf(store.KindInternal, "root command", "%w", err)
		}
	}
	return c.waitEpoch(ctx, r.Epoch)
}

// waitEpoch waits until the view has reached an epoch.
func (c *Client) waitEpoch(ctx context.Context, epoch uint64) error {
	for {
		now, changed := c.view.Epoch()
		if now >= epoch {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Wait waits until cond holds for the view.
func (c *Client) Wait(ctx context.Context, cond func(*View) bool) error {
	for {
		_, changed := c.view.Epoch()
		if cond(c.view) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow keeps the view up to date, at whichever replica answers; this node's
// own is asked first.
func (c *Client) follow(ctx context.Context) {
	for try := 0; ctx.Err() == nil; {
		replicas := c.replicas()
		at := replicas[try%len(replicas)]
		for _, r := range replicas {
			if r == c.fabric.Self() && try == 0 {
				at = r
			}
		}
		if err := c.watchOnce(ctx, at); err != nil {
			c.log.Debug("map watch", "node", at, "err", err)
			try++
			pause(ctx, 200*time.Millisecond)
			continue
		}
		try = 0
	}
}

// watchOnce asks one replica for what is new and takes it over.
func (c *Client) watchOnce(ctx context.Context, at placement.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, watchTime+5*time.Second)
	defer cancel()
	c.lag.watching(cancel)
	epoch, _ := c.view.Epoch()
	var all []*pb.Row
	req := &pb.WatchRequest{Epoch: epoch}
	for {
		head, err := proto.Marshal(req)
		if err != nil {
			return err
		}
		var reply pb.WatchReply
		if err := c.call(ctx, at, MethodWatch, head, &reply); err != nil {
			return err
		}
		if len(all) == 0 {
			epoch = reply.Epoch
		}
		all = append(all, reply.Rows...)
		if !reply.More {
			return c.view.Update(all, epoch, reply.Full)
		}
		req.After = reply.Rows[len(reply.Rows)-1].Key
	}
}

// beat tells the root that this node lives.
func (c *Client) beat(ctx context.Context, next func() *pb.HeartbeatRequest) {
	for ctx.Err() == nil {
		began, wait := time.Now(), firstBeatInterval
		if req := next(); req != nil {
			wait = BeatInterval
			req.Unreachable = c.prober.accused()
			c.beatOnce(ctx, req)
			c.prober.probe(ctx, c.view, c.live)
		}
		pause(ctx, wait-time.Since(began))
	}
}

// firstBeatInterval is how often a node that does not beat yet looks whether it
// may: a new cluster waits for the first beat of each.
const firstBeatInterval = 50 * time.Millisecond

func (c *Client) beatOnce(ctx context.Context, req *pb.HeartbeatRequest) {
	ctx, cancel := context.WithTimeout(ctx, 3*BeatInterval)
	defer cancel()
	var reply pb.HeartbeatReply
	if err := c.atLeader(ctx, MethodHeartbeat, req, &reply); err != nil {
		c.log.Debug("heartbeat", "err", err)
		return
	}
	c.live.Set(&reply, time.Now())
	epoch, _ := c.view.Epoch()
	c.lag.beat(epoch, reply.Epoch)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
