package daemon

import (
	"os"
	"os/user"
	"strings"
	"testing"
)

// TestRootMakesNothingInTheFolderOfTheService: what root made in the service's data folder, the service could not read.
func TestRootMakesNothingInTheFolderOfTheService(t *testing.T) {
	dir := t.TempDir()
	if err := own(dir, os.Geteuid()); err != nil {
		t.Errorf("one's own: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 12345, -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := own(dir, 0); err == nil || !strings.Contains(err.Error(), "sudo -u") {
		t.Errorf("root in another's: %v", err)
	} else if _, unnamed := user.LookupId("12345"); os.Geteuid() == 0 && unnamed != nil && !strings.Contains(err.Error(), "sudo -u '#12345' ") {
		t.Errorf("an account without a name: %v", err)
	}
	if err := own(dir+"/none", 0); err != nil {
		t.Errorf("to be made: %v", err)
	}
}
