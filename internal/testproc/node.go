package testproc

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Node is a node of the cluster, whether its process runs or not.
type Node struct {
	Name, Zone string
	// Dir is the node's directory, with its credentials and admin.json; Log has
	// what it wrote to stderr in all its runs.
	Dir, Log string
	// S3 is the address of its gateway, a URL.
	S3 string

	bin, config string
	listen      string
	proc        *process
}

// stopTime is what a node gets to end by itself before that is a failure.
const stopTime = 30 * time.Second

// Start starts the process of a node that has joined. It does not wait; see
// [Node.WaitReady].
func (n *Node) Start() error { return n.run("server") }

func (n *Node) run(args ...string) error {
	if n.Running() {
		return n.failed("start", errors.New("it runs already"))
	}
	p, err := run(n.bin, n.Log, append(args, "--config", n.config, "--json"), environ())
	if err != nil {
		return n.failed("start", err)
	}
	n.proc = p
	return nil
}

// Running tells whether the process is there, paused or not.
func (n *Node) Running() bool { return n.proc != nil && !n.proc.ended() }

// PID returns the number of the process; 0 if there is none.
func (n *Node) PID() int {
	if !n.Running() {
		return 0
	}
	return n.proc.cmd.Process.Pid
}

// WaitReady waits until the node serves S3.
func (n *Node) WaitReady(ctx context.Context) error {
	_, err := n.wait(ctx, "ready")
	return err
}

// wait waits for an event of the process that runs now.
func (n *Node) wait(ctx context.Context, name string) (event, error) {
	if n.proc == nil {
		return event{}, n.failed("wait for "+name, errors.New("it was not started"))
	}
	for {
		e, ok, changed := n.proc.saw(name)
		if ok {
			return e, nil
		}
		select {
		case <-changed:
		case <-n.proc.exited:
			return event{}, n.failed("wait for "+name, fmt.Errorf("it ended: %w", errors.Join(n.proc.err, errors.New(lastLines(n.Log, 5)))))
		case <-ctx.Done():
			return event{}, n.failed("wait for "+name, ctx.Err())
		}
	}
}

// Kill is kill -9; it returns when the process is gone, and works on one that is
// paused. A node that does not run stays so.
func (n *Node) Kill() {
	if n.proc.signal(syscall.SIGKILL) == nil {
		<-n.proc.exited
	}
}

// Stop asks the process to end and waits until it has. It must end with status 0.
func (n *Node) Stop() error {
	if err := n.proc.signal(syscall.SIGTERM); err != nil {
		return n.failed("stop", err)
	}
	select {
	case <-n.proc.exited:
	case <-time.After(stopTime):
		n.Kill()
		return n.failed("stop", fmt.Errorf("it did not end within %v", stopTime))
	}
	if n.proc.err != nil {
		return n.failed("stop", fmt.Errorf("%w\n%s", n.proc.err, lastLines(n.Log, 5)))
	}
	return nil
}

// Pause stops the process as a machine that hangs: its sockets stay open, and
// nothing answers. Resume lets it go on.
func (n *Node) Pause() error { return n.failed("pause", n.proc.signal(syscall.SIGSTOP)) }

// Resume ends a pause.
func (n *Node) Resume() error { return n.failed("resume", n.proc.signal(syscall.SIGCONT)) }

// failed adds to an error which node it is about; nil stays nil.
func (n *Node) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s node %s (log: %s): %w", what, n.Name, n.Log, err)
}
