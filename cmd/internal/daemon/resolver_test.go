package daemon

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

type dns struct {
	asked int
	err   error
}

func (d *dns) LookupMX(context.Context, string) ([]*net.MX, error) {
	d.asked++
	return []*net.MX{{Host: "mx.example."}}, d.err
}

func TestTheDNSIsAskedOnceAndLeftAloneWhileItDoesNotAnswer(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d := &dns{}
	e := newExchangers(func() time.Time { return now })
	e.resolver = d
	look := func(domain string) error { _, err := e.LookupMX(t.Context(), domain); return err }
	for range 3 {
		if err := look("a.example"); err != nil {
			t.Fatal(err)
		}
	}
	if d.asked != 1 {
		t.Fatalf("asked %d times", d.asked)
	}
	d.err = errors.New("i/o timeout")
	if look("b.example") == nil || look("c.example") == nil || d.asked != 2 {
		t.Fatalf("a DNS that does not answer was asked %d times", d.asked)
	}
	if err := look("a.example"); err != nil {
		t.Fatal("what is known is forgotten:", err)
	}
	now = now.Add(2 * exchangerQuiet)
	d.err = &net.DNSError{IsNotFound: true}
	if look("c.example") == nil || look("c.example") == nil || d.asked != 3 {
		t.Fatalf("asked %d times", d.asked)
	}
	now = now.Add(exchangerLife)
	d.err = nil
	if err := look("c.example"); err != nil {
		t.Fatal(err)
	}
}
