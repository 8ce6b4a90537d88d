// Package zonetest is a DNS server on loopback for tests, which answers from a table and asks nobody.
package zonetest

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Zone is the table: "name TYPE" → records in presentation form. A name that it does not hold does not exist.
type Zone map[string][]string

// Refused, in the place of a record, has the server refuse the question.
const Refused = "REFUSED"

// Serve starts the server, until the test ends, and gives its address.
func (z Zone) Serve(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(z.answer)}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	return conn.LocalAddr().String()
}

// Resolver starts the server and gives a resolver that asks it alone.
func (z Zone) Resolver(t testing.TB) *net.Resolver {
	t.Helper()
	address := z.Serve(t)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", address)
	}}
}

func (z Zone) answer(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative = true
	name := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	for _, text := range z[name+" "+dns.TypeToString[q.Question[0].Qtype]] {
		if text == Refused {
			m.Rcode = dns.RcodeRefused
			break
		}
		rr, err := dns.NewRR(q.Question[0].Name + " 60 IN " + dns.TypeToString[q.Question[0].Qtype] + " " + text)
		if err != nil {
			panic(err) // the test's own zone is wrong
		}
		m.Answer = append(m.Answer, rr)
	}
	if len(m.Answer) == 0 && m.Rcode == dns.RcodeSuccess && !z.knows(name) {
		m.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(m) // a client that left asks again
}

func (z Zone) knows(name string) bool {
	for key := range z {
		if strings.HasPrefix(key, name+" ") {
			return true
		}
	}
	return false
}
