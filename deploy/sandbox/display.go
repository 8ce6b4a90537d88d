package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// display is an X server without a screen, for programs with windows.
type display struct {
	name    string // ":7"
	process *process
}

// startDisplay starts Xvfb on a display that is free.
func startDisplay(ctx context.Context) (*display, error) {
	program, err := Find("Xvfb")
	if err != nil {
		return nil, fmt.Errorf("start a display: %w", err)
	}
	number, told, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a display: %w", err)
	}
	defer number.Close()
	cmd := exec.Command(program, "-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{told}
	d := &display{}
	d.process, err = spawn("Xvfb", cmd)
	told.Close()
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { _ = number.Close() })
	defer release()
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		d.stop()
		return nil, fmt.Errorf("start a display: %w; it said:\n%s", err, d.process.log.String())
	}
	d.name = ":" + strings.TrimSpace(line)
	return d, nil
}

func (d *display) stop() { d.process.stop() }

// shot keeps what the display shows as <name>.png in the folder that VAGUEMESTRE_SCREENSHOTS names, if it names one.
func (d *display) shot(ctx context.Context, name string) error {
	dir := os.Getenv("VAGUEMESTRE_SCREENSHOTS")
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep a picture: %w", err)
	}
	_, err := run(ctx, "", nil, "import", "-display", d.name, "-window", "root", filepath.Join(dir, name+".png"))
	return err
}
