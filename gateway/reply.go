package gateway

import "time"

// Reply is a company's answer, by mail or on the page.
type Reply struct {
	ID          ID
	Courier     ID
	Recipient   ID
	Inbound     ID     // the mail it came in; zero: written on the page
	From        string // the address it came from
	OtherSender bool   // not the recipient's address
	Late        bool   // after the deadline
	Subject     string // empty while sealed
	Text        string // empty while sealed
	MessageID   string
	Content     Hash   // the raw mail, or the page's answer as a message; encrypted while sealed (gateway/seal)
	Files       []File // none while sealed
	Received    time.Time
	Opened      time.Time // when an agent first read it through the gateway; zero: nobody has

	Sealed   bool      // it came under seal
	Opens    time.Time // when a sealed one may be read; zero for others
	Unsealed time.Time // when a sealed one was opened; zero: it still is sealed
	Manifest []byte    // what it says, encrypted (gateway/seal); nil once open
}

// Closed tells that nobody may read the reply: its date has not come, or what opens it has not yet been round.
func (r Reply) Closed() bool { return r.Sealed && r.Unsealed.IsZero() }

// Unsealing is what becomes of a sealed content at its date.
type Unsealing struct {
	Sealed  Hash      // the encrypted content
	Mails   []Inbound // that it is the content of, as they read now
	Replies []Reply   // that came with it, as they read now
	Events  []Event
	Jobs    []Job
	At      time.Time
}

// Answer is a company's answer that is being written on the page. When it is sent it becomes the Reply of the same ID.
type Answer struct {
	ID        ID
	Courier   ID
	Recipient ID   // has one at a time
	Sealed    bool // Words, labels and contents are encrypted (gateway/seal)
	Words     []byte
	// Saves grows with each change of the words, Version with each change of the words or the files: whoever saves or sends says what they
	// saw.
	Saves, Version   int64
	Size             int64 // of what its files hold so far, in bytes
	Files            []AnswerFile
	Created, Updated time.Time
}

// AnswerFile is a file of an answer, as far as it has come.
type AnswerFile struct {
	ID       ID
	Label    []byte // JSON: name and type; encrypted in a sealed answer
	Size     int64  // announced, in bytes; -1: not known yet
	Received int64  // the next octet awaited: everything before it is durable
	Done     bool
	Chunks   []Chunk // what it is made of, in order
}

// Chunk is a stretch of a file: a content of its own.
type Chunk struct {
	Start, Size int64 // in the file, in bytes
	Content     Hash  // encrypted in a sealed answer
}

// AnswerSent closes the answer that a step makes a reply of.
type AnswerSent struct {
	ID      ID
	Version int64 // that the company saw as it sent
}
