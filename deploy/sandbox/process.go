package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// logbook keeps the end of what a program says.
type logbook struct {
	mu   sync.Mutex
	text []byte
}

const logbookMax = 256 << 10

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if over := len(l.text) - logbookMax; over > logbookMax {
		l.text = append([]byte(nil), l.text[over:]...)
	}
	return len(p), nil
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.ToValidUTF8(l.text, []byte("?")))
}

// process is a server program in the foreground, in a session of its own (Postfix insists).
type process struct {
	name string
	cmd  *exec.Cmd
	log  logbook
	done chan struct{}
	err  error // once done
}

// grace is what a server has to end by itself before it is killed.
const grace = 10 * time.Second

// spawn starts a program. Linux ends it when this process dies: the signal is bound to the thread that started
// it, hence the goroutine that keeps its thread until the end.
func spawn(name string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Pdeathsig = true, syscall.SIGTERM
	cmd.WaitDelay = grace
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// stop asks the program to end, and kills its group when it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// awaitGreeting waits until a server greets with the prefix ("220", "* OK"); it gives up when ctx ends or the program does.
func (p *process) awaitGreeting(ctx context.Context, address, prefix string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if last = greeting(ctx, address, prefix); last == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("%s ended before it answered (%v); it said:\n%s", p.name, p.err, p.log.String())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w, %w); it said:\n%s", p.name, ctx.Err(), last, p.log.String())
		}
	}
}

func greeting(ctx context.Context, address, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, prefix) {
		return fmt.Errorf("greeted with %q", line)
	}
	return nil
}

// freePort finds a loopback port for a program that must be told one. It stays below the range from which
// the kernel takes the ports of outgoing connections, so that nobody takes it by chance in between.
func freePort() (int, error) {
	var last error
	for range 50 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}

// freePorts finds n different ones.
func freePorts(n int) ([]int, error) {
	var ports []int
	taken := map[int]bool{}
	for len(ports) < n {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		if !taken[port] {
			taken[port] = true
			ports = append(ports, port)
		}
	}
	return ports, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// adapt replaces literals of a recipe. Each must be there: a recipe that changed is noticed.
func adapt(recipe string, pairs ...string) (string, error) {
	var missing []error
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(recipe, pairs[i]) {
			missing = append(missing, fmt.Errorf("the recipe has no %q any more", pairs[i]))
		}
		recipe = strings.ReplaceAll(recipe, pairs[i], pairs[i+1])
	}
	return recipe, errors.Join(missing...)
}

// Run starts a program that another package of the sandbox knows how to talk to.
func Run(name string, cmd *exec.Cmd) (Service, error) {
	p, err := spawn(name, cmd)
	if err != nil {
		return nil, err
	}
	return program{p}, nil
}

type program struct{ p *process }

func (r program) Stop()        { r.p.stop() }
func (r program) Logs() string { return r.p.log.String() }
