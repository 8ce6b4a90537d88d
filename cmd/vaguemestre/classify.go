package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"vaguemestre/gateway/message"
	"vaguemestre/inbound/classify"
)

type classifyCommand struct {
	List bool     `help:"Standard input holds file names, one a line; one JSON object a line comes out."`
	File []string `arg:"" optional:"" help:"Mails; standard input without any."`
}

// maxMail bounds one mail given to a command, in bytes.
const maxMail = 128 << 20

// classified is what the command prints of one mail.
type classified struct {
	File string `json:"file,omitempty"`
	classify.Result
	// VisibleText is what a person wrote in a reply, without quotes and signature.
	VisibleText string `json:"visible_text,omitempty"`
	Error       string `json:"error,omitempty"`
}

func (cl classifyCommand) Run(c console) error {
	out := json.NewEncoder(c.out)
	out.SetEscapeHTML(false)
	if !cl.List && len(cl.File) == 0 {
		out.SetIndent("", "  ")
		result, err := classifyFrom(c.in)
		if err != nil {
			return err
		}
		return out.Encode(result)
	}
	bad := 0
	err := cl.each(c.in, func(name string) error {
		result, err := classifyFile(name)
		if err != nil {
			bad++
			result.Error = err.Error()
		}
		return out.Encode(result)
	})
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d mail(s) could not be read", bad)
	}
	return err
}

func (cl classifyCommand) each(in io.Reader, do func(string) error) error {
	for _, name := range cl.File {
		if err := do(name); err != nil {
			return err
		}
	}
	if !cl.List {
		return nil
	}
	names := bufio.NewScanner(in)
	for names.Scan() {
		if names.Text() == "" {
			continue
		}
		if err := do(names.Text()); err != nil {
			return err
		}
	}
	return names.Err()
}

func classifyFile(name string) (classified, error) {
	f, err := os.Open(name)
	if err != nil {
		return classified{File: name}, err
	}
	defer f.Close()
	result, err := classifyFrom(f)
	result.File = name
	return result, err
}

func classifyFrom(in io.Reader) (classified, error) {
	raw, err := readMail(in)
	if err != nil {
		return classified{}, err
	}
	m, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.DefaultLimits())
	if err != nil {
		return classified{}, fmt.Errorf("read the mail: %w", err)
	}
	result := classified{Result: classify.Classify(m)}
	if result.Class == classify.ClassReply {
		text, err := m.Words(1 << 20)
		if message.Uncut(err) != nil {
			return result, fmt.Errorf("read the text: %w", err)
		}
		result.VisibleText = classify.VisibleText(text)
	}
	return result, nil
}

// readMail reads a mail whole: commands are given files that fit.
func readMail(in io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxMail+1))
	if err != nil {
		return nil, fmt.Errorf("read the mail: %w", err)
	}
	if len(raw) > maxMail {
		return nil, fmt.Errorf("the mail is larger than %d bytes", maxMail)
	}
	return raw, nil
}
