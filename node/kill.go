package node

import "errors"

// Kill stops the node like kill -9: from this moment nothing more reaches its
// disks, not even what is buffered, and the next [Open] recovers. The caller has
// cut its fabric off before.
func (n *Node) Kill() error {
	n.killed.Store(true)
	n.host.Kill()
	return errors.Join(n.data.Abandon(), n.Close())
}

// unlessKilled is what closes a part in order, and leaves it alone once [Node.Kill]
// has ended it.
func (n *Node) unlessKilled(f func() error) func() error {
	return func() error {
		if n.killed.Load() {
			return nil
		}
		return f()
	}
}
