package testproc

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// spawning is an order to the thread that starts processes.
type spawning struct {
	cmd  *exec.Cmd
	done chan error
}

// spawner starts the thread at the first use. It keeps its thread and never
// returns: if the thread ended, the kernel would kill its children.
var spawner = sync.OnceValue(func() chan<- spawning {
	orders := make(chan spawning)
	go func() {
		runtime.LockOSThread()
		for o := range orders {
			o.done <- o.cmd.Start()
		}
	}()
	return orders
})

// start starts a command that dies with this process, and in a process group of
// its own, so that a Ctrl-C at the terminal leaves the order of ending to us.
func start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	o := spawning{cmd, make(chan error)}
	spawner() <- o
	return <-o.done
}
