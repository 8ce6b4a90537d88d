package main

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// spell is how long a ceiling is measured.
const spell = 700 * time.Millisecond

// repeated says how often act is done in a second, by one caller.
func repeated(act func() error) (float64, error) {
	start, n := time.Now(), 0
	for time.Since(start) < spell {
		if err := act(); err != nil {
			return 0, err
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// fsyncs is how many times a second 4 KiB are made durable, one after the other.
func fsyncs(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, fmt.Errorf("measure fsync: %w", err)
	}
	defer f.Close()
	page := make([]byte, 4<<10)
	return repeated(func() error {
		if _, err := f.Write(page); err != nil {
			return err
		}
		return f.Sync()
	})
}

// signatures is how many RSA-2048 signatures a second so many cores make.
func signatures(key *rsa.PrivateKey, cores int) (float64, error) {
	digest := sha256.Sum256([]byte("vaguemestre"))
	sign := func() error {
		_, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		return err
	}
	var mu sync.Mutex
	var all float64
	var failed error
	var wg sync.WaitGroup
	for range cores {
		wg.Go(func() {
			n, err := repeated(sign)
			mu.Lock()
			defer mu.Unlock()
			all += n
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return all, failed
}

// hashed is how many megabytes a second SHA-256 reads.
func hashed() (float64, error) {
	block := make([]byte, 1_000_000)
	return repeated(func() error { _ = sha256.Sum256(block); return nil })
}

// cores is how many run at once.
func cores() int { return runtime.GOMAXPROCS(0) }

type nothing struct{}

func (nothing) Reset()                               {}
func (nothing) Logout() error                        { return nil }
func (nothing) Mail(string, *smtp.MailOptions) error { return nil }
func (nothing) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (nothing) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }

// libraryReads is how many megabytes a second the DATA reader of go-smtp takes from one client, without TLS, keeping nothing.
func libraryReads() (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("measure go-smtp: %w", err)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return nothing{}, nil }))
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	defer serving.Wait()
	defer s.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return 0, fmt.Errorf("measure go-smtp: %w", err)
	}
	defer conn.Close()
	r := textproto.NewReader(bufio.NewReader(conn))
	say := func(text string) error {
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		_, _, err := r.ReadResponse(0)
		return err
	}
	body := strings.Repeat(strings.Repeat("a", 76)+"\r\n", 5_000_000/78) + ".\r\n"
	if _, _, err := r.ReadResponse(220); err != nil {
		return 0, fmt.Errorf("measure go-smtp: %w", err)
	}
	if err := say("HELO a\r\n"); err != nil {
		return 0, err
	}
	messages, err := repeated(func() error {
		for _, line := range []string{"MAIL FROM:<a@b.test>\r\n", "RCPT TO:<a@b.test>\r\n", "DATA\r\n", body} {
			if err := say(line); err != nil {
				return err
			}
		}
		return nil
	})
	return messages * 5, err
}
