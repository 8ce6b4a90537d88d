package message

import "vaguemestre/gateway"

// Limits bounds the work that a message may ask for. A zero field takes the default.
type Limits struct {
	Depth            int   // of nested parts, the root being 1: deeper ones are left closed, as files; default 20
	Parts            int   // in all, embedded messages' too; default 1,000
	HeaderBytes      int64 // of one header; default 256 KiB
	TotalHeaderBytes int64 // of all headers together; default 2 MiB
	Edition          int   // of letters: 1 reads and splices as the first edition did (edition.go); default the newest
}

// DefaultLimits are those that a zero field stands for.
func DefaultLimits() Limits { return Limits{}.orDefault() }

func (l Limits) orDefault() Limits {
	if l.Depth <= 0 {
		l.Depth = 20
	}
	if l.Parts <= 0 {
		l.Parts = 1000
	}
	if l.HeaderBytes <= 0 {
		l.HeaderBytes = 256 << 10
	}
	if l.TotalHeaderBytes <= 0 {
		l.TotalHeaderBytes = max(2<<20, l.HeaderBytes)
	}
	return l
}

// tooMuch is the refusal of a message that passes a bound (RFC 3463: 5.6.0, other media error).
func tooMuch(what string, limit int64) *gateway.Fault {
	f := gateway.Refuse(554, [3]int{5, 6, 0}, "refuse.message."+what, map[string]any{"Limit": limit})
	f.Op = "read the message"
	return f
}

// Problem names a kind of breach of the mail formats.
type Problem string

// The problems that are tolerated.
const (
	MboxLine         Problem = "mbox-line"          // a `From ` line before the header
	BadHeaderLine    Problem = "bad-header-line"    // a header line without a colon
	NoBlankLine      Problem = "no-blank-line"      // the body follows the header directly
	CutHeader        Problem = "cut-header"         // a header that ends with its part
	BareLF           Problem = "bare-lf"            // a line that ends with LF alone
	BareCR           Problem = "bare-cr"            // a CR that ends no line, in a header
	EightBitHeader   Problem = "eight-bit-header"   // bytes over 127 in a header
	BadContentType   Problem = "bad-content-type"   // cannot be read whole
	TwiceField       Problem = "field-twice"        // a Content-* field more than once: the first counts
	NoBoundary       Problem = "no-boundary"        // a multipart without the parameter
	BoundaryUnseen   Problem = "boundary-unseen"    // a multipart that has no part
	TooDeep          Problem = "too-deep"           // parts within parts beyond Limits.Depth, left closed
	BoundaryUnclosed Problem = "boundary-unclosed"  // a multipart that is not closed
	BadEncoding      Problem = "bad-encoding"       // an unknown Content-Transfer-Encoding, read as binary
	EncodedMultipart Problem = "encoded-multipart"  // a multipart that claims base64 or quoted-printable (RFC 2045 §6.4)
	UnknownCharset   Problem = "unknown-charset"    // read as UTF-8 or windows-1252
	EmbeddedTooLarge Problem = "embedded-too-large" // an encoded message/rfc822 left unopened
	BadTNEF          Problem = "bad-tnef"           // a winmail.dat that cannot be opened whole
	BadProtection    Problem = "bad-protection"     // multipart/signed or encrypted without its parts
)

// Defect is one breach that was tolerated.
type Defect struct {
	Problem Problem
	Path    string // of the part
	Offset  int64  // in the source
}
