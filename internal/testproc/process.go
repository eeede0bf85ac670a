package testproc

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
)

// event is a line that `cairn server --json` writes to stdout.
type event struct {
	Event string `json:"event"` // serving, invitation, ready
	Token string `json:"token"`
	S3    string `json:"s3"`
}

// process is one run of a node's process.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended; err is set then
	err    error

	mu      sync.Mutex
	events  map[string]event
	changed chan struct{} // closed at each new event
}

// run starts a command whose stderr goes to the end of logFile.
func run(bin, logFile string, args []string, env []string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	p := &process{
		cmd: exec.Command(bin, args...), exited: make(chan struct{}),
		events: map[string]event{}, changed: make(chan struct{}),
	}
	p.cmd.Stderr, p.cmd.Env = log, env
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := start(p.cmd); err != nil {
		return nil, err
	}
	go p.follow(out)
	return p, nil
}

// follow reads events until the process ends. Wait closes the pipe, so it comes
// last.
func (p *process) follow(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			p.add(e)
		}
	}
	p.err = p.cmd.Wait()
	close(p.exited)
}

func (p *process) add(e event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events[e.Event] = e
	close(p.changed)
	p.changed = make(chan struct{})
}

// saw returns an event if it has come, and otherwise what closes at the next.
func (p *process) saw(name string) (event, bool, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.events[name]
	return e, ok, p.changed
}

// ended tells whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// signal fails if there is no process to take it.
func (p *process) signal(s os.Signal) error {
	if p == nil || p.ended() {
		return errors.New("it does not run")
	}
	return p.cmd.Process.Signal(s)
}
