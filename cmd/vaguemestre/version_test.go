package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// TestTheProgramSaysItsVersion: what an administrator is asked first.
func TestTheProgramSaysItsVersion(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"--version"}, console{in: strings.NewReader(""), out: &out, err: &out}); code != 0 {
		t.Errorf("exit %d: %s", code, out.String())
	}
	if said := out.String(); !strings.HasPrefix(said, "vaguemestre ") || !strings.Contains(said, runtime.Version()) {
		t.Errorf("%q", said)
	}
}
