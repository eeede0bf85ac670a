package local

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"cairn/node"
	"cairn/node/config"
	"cairn/node/fabric"
)

// member is one node of the cell, running or not.
type member struct {
	cell *Cell
	name string
	zone string
	cfg  *config.Config

	life sync.Mutex          // held while the node starts or stops
	run  atomic.Pointer[run] // nil while it is stopped; set under life
}

// run is a node from one start to the next stop.
type run struct {
	node *node.Node
	net  *fabric.Inproc
	life context.Context // ends when the node begins to stop
	end  context.CancelFunc
}

// serves reports whether the node can be given work.
func (r *run) serves() bool {
	select {
	case <-r.node.Ready():
		return r.life.Err() == nil
	default:
		return false
	}
}

func (m *member) start() error {
	m.life.Lock()
	defer m.life.Unlock()
	if m.run.Load() != nil {
		return nil
	}
	id, err := node.LoadIdentity(m.cfg.Dir)
	if err != nil {
		return err
	}
	r := &run{net: m.cell.network.Join(id.Node)}
	r.life, r.end = context.WithCancel(context.Background())
	r.node, err = node.Open(m.cfg, node.Options{
		Fabric: r.net, Logger: m.cell.cfg.Logger, Machines: m.cell.cfg.Machines, Cache: m.cell.cache,
		OnFatal: func(err error) { m.failed(r, err) },
	})
	if err != nil {
		r.end()
		r.net.Close()
		return fmt.Errorf("start node %s: %w", m.name, err)
	}
	m.run.Store(r)
	return nil
}

// failed stops a node that cannot keep its promises any more. It is called from
// inside the node, which cannot wait for its own end.
func (m *member) failed(r *run, err error) {
	if m.cell.closing.Err() != nil {
		return
	}
	m.cell.cfg.Logger.Error("a node stops", "node", m.name, "err", err)
	m.cell.running.Go(func() { m.kill(r) })
}

// kill stops the node like kill -9: cut off first, so that nothing it still
// does is seen. With only, it stops that run alone.
func (m *member) kill(only *run) {
	m.life.Lock()
	defer m.life.Unlock()
	r := m.run.Load()
	if r == nil || only != nil && r != only {
		return
	}
	m.run.Store(nil)
	r.end()
	r.net.Close()
	r.node.Kill()
}

// stop stops the node in order.
func (m *member) stop() error {
	m.life.Lock()
	defer m.life.Unlock()
	r := m.run.Swap(nil)
	if r == nil {
		return nil
	}
	r.end()
	err := r.node.Close()
	r.net.Close()
	return err
}
