package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway"
)

// maxNote bounds a checkpoint that is read from outside, in octets.
const maxNote = 16 << 10

// Checkpoint is what a signed note says of the log: its first Size events have this Root,
// none of them was recorded after Time, and
// no other was recorded before it.
type Checkpoint struct {
	Name string
	Size int64
	Root tlog.Hash
	Time time.Time // whole microseconds, UTC
}

const timeLayout = "2006-01-02T15:04:05.000000Z"

// Text is the note's text (C2SP tlog-checkpoint): name, size, root, and a line of ours with the time.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\nrecorded-until %s\n", c.Name, c.Size, c.Root, c.Time.UTC().Format(timeLayout))
}

// Sign gives the checkpoint as a signed note.
func (k *Key) Sign(c Checkpoint) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.Text()}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return signed, nil
}

// Open reads a signed checkpoint and checks that one of the known keys signed it.
func Open(signed []byte, known note.Verifiers) (Checkpoint, error) {
	if len(signed) > maxNote {
		return Checkpoint{}, fmt.Errorf("checkpoint of %d octets", len(signed))
	}
	n, err := note.Open(signed, known)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open a checkpoint: %w", err)
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if n.Sigs[0].Name != c.Name {
		return Checkpoint{}, fmt.Errorf("checkpoint of %q signed by %q", c.Name, n.Sigs[0].Name)
	}
	return c, nil
}

var errCheckpoint = errors.New("not a checkpoint of this gateway's ledger")

// parseCheckpoint takes only what Text writes: one form, so that a checkpoint has one text.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[4] != "" {
		return Checkpoint{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, errCheckpoint
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, errCheckpoint
	}
	stamp, ok := strings.CutPrefix(lines[3], "recorded-until ")
	at, err := time.Parse(timeLayout, stamp)
	if !ok || err != nil {
		return Checkpoint{}, errCheckpoint
	}
	c := Checkpoint{Name: lines[0], Size: size, Root: tlog.Hash(root), Time: gateway.Micros(at)}
	if c.Text() != text {
		return Checkpoint{}, errCheckpoint
	}
	return c, nil
}

// Inclusion shows that one event is in the log at a position: the hashes beside its way up
// to the root (RFC 6962 §2.1.1).
type Inclusion struct {
	Position int64
	Path     tlog.RecordProof
}

// CheckInclusion recomputes the event's leaf and its way up to the checkpoint's root.
func (c Checkpoint) CheckInclusion(e gateway.Event, proof Inclusion) error {
	if err := tlog.CheckRecord(proof.Path, c.Size, c.Root, proof.Position, tlog.RecordHash(e.Leaf())); err != nil {
		return fmt.Errorf("event %s is not at position %d of the ledger of %d events: %w", e.ID, proof.Position, c.Size, err)
	}
	return nil
}

// CheckConsistency checks that the newer checkpoint's log begins with the older one's (RFC 6962 §2.1.2).
func (c Checkpoint) CheckConsistency(older Checkpoint, proof tlog.TreeProof) error {
	if older.Size > c.Size || older.Size < 1 {
		return fmt.Errorf("a checkpoint of %d events is no beginning of one of %d", older.Size, c.Size)
	}
	if err := tlog.CheckTree(proof, c.Size, c.Root, older.Size, older.Root); err != nil {
		return fmt.Errorf("the ledger of %d events does not begin with the one of %d: %w", c.Size, older.Size, err)
	}
	return nil
}

// Digest is what a time-stamping authority stamps: the SHA-256 of the whole signed note.
func Digest(signed []byte) gateway.Hash { return gateway.HashOf(signed) }
