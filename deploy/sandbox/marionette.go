package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// marionette drives a program of Mozilla by the protocol of its own tests: JSON arrays, each after its length.
type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	last int
}

// marionetteAnswerMax bounds one answer; a picture of the screen never goes this way.
const marionetteAnswerMax = 16 << 20

// dialMarionette opens a session with the rights of the program's own code.
func dialMarionette(ctx context.Context, address string) (*marionette, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reach Marionette: %w", err)
	}
	m := &marionette{conn: conn, in: bufio.NewReader(conn)}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err = m.frame(); err == nil { // its greeting
		err = errors.Join(
			m.call("WebDriver:NewSession", map[string]any{"capabilities": map[string]any{}}, nil),
			m.call("Marionette:SetContext", map[string]any{"value": "chrome"}, nil),
			m.call("WebDriver:SetTimeouts", map[string]any{"script": (5 * time.Minute).Milliseconds()}, nil))
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open a session of Marionette: %w", err)
	}
	return m, nil
}

// frame reads "length:json".
func (m *marionette) frame() ([]byte, error) {
	head, err := m.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(head[:len(head)-1])
	if err != nil || n < 0 || n > marionetteAnswerMax {
		return nil, fmt.Errorf("Marionette sent the length %q", head)
	}
	text := make([]byte, n)
	_, err = io.ReadFull(m.in, text)
	return text, err
}

// call runs one command; its result goes into result unless that is nil.
func (m *marionette) call(command string, parameters map[string]any, result any) error {
	m.last++
	text, err := json.Marshal([]any{0, m.last, command, parameters})
	if err != nil {
		return fmt.Errorf("encode %s: %w", command, err)
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(text), text); err != nil {
		return fmt.Errorf("send %s: %w", command, err)
	}
	if text, err = m.frame(); err != nil {
		return fmt.Errorf("wait for %s: %w", command, err)
	}
	answer := []json.RawMessage{}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer) != 4 {
		return fmt.Errorf("%s was answered with %q (%w)", command, text, err)
	}
	if string(answer[2]) != "null" {
		return fmt.Errorf("%s: %s", command, answer[2])
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer[3], result)
}

// run runs the body of an asynchronous function in the program; args is what it was given.
func (m *marionette) run(body string, result any, args ...any) error {
	script := "const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);\n" +
		"(async () => {\n" + body + "\n})().then(value => done({ value: value ?? null }), fault => done({ fault: `${fault} ${fault?.stack}` }));"
	var answer struct {
		Value struct {
			Value json.RawMessage `json:"value"`
			Fault string          `json:"fault"`
		} `json:"value"`
	}
	if args == nil {
		args = []any{}
	}
	err := m.call("WebDriver:ExecuteAsyncScript", map[string]any{"script": script, "args": args, "sandbox": "system", "newSandbox": true}, &answer)
	switch {
	case err != nil:
		return err
	case answer.Value.Fault != "":
		return errors.New(answer.Value.Fault)
	case result == nil:
		return nil
	}
	return json.Unmarshal(answer.Value.Value, result)
}

func (m *marionette) close() { _ = m.conn.Close() }
