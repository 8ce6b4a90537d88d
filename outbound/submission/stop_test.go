package submission

import (
	"crypto/tls"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// A daemon that is told to end as soon as it began ends: the library may not have come to know its listener.
func TestStopAtOnceAfterStart(t *testing.T) {
	for range 50 {
		s := New(Options{
			Hostname: testHost, StartTLS: "127.0.0.1:0", Registerer: prometheus.NewRegistry(),
			Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil },
		}, &memoryIntake{}, oneAgent{}, nil)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
