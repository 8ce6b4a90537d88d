package console

import (
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/mail"
)

// What mail clients ask so as to set themselves up. Both answers are public and the same for everybody: the servers, and no
// word of who has an account. The user name is the address, which logging in takes too.

// clientConfig is Thunderbird's form (https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat, version 1.1).
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Version  string   `xml:"version,attr"`
	Provider provider `xml:"emailProvider"`
}

type provider struct {
	ID       string       `xml:"id,attr"`
	Domain   string       `xml:"domain"`
	Name     string       `xml:"displayName"`
	Short    string       `xml:"displayShortName"`
	Incoming []mailServer `xml:"incomingServer"`
	Outgoing []mailServer `xml:"outgoingServer"`
}

type mailServer struct {
	Type           string `xml:"type,attr"`
	Host           string `xml:"hostname"`
	Port           string `xml:"port"`
	Socket         string `xml:"socketType"`
	Authentication string `xml:"authentication"`
	User           string `xml:"username"`
}

const anyAddress = "%EMAILADDRESS%"

func (c *Console) autoconfig(w http.ResponseWriter, _ *http.Request) {
	p := provider{ID: c.o.Domain, Domain: "%EMAILDOMAIN%", Name: c.serviceName(), Short: c.serviceName()}
	if host, port, err := net.SplitHostPort(c.o.Mail.IMAP); err == nil {
		p.Incoming = []mailServer{{"imap", host, port, "SSL", "password-cleartext", anyAddress}}
	}
	if port := c.o.Mail.TLS; port != "" {
		p.Outgoing = append(p.Outgoing, mailServer{"smtp", c.o.Mail.Host, port, "SSL", "password-cleartext", anyAddress})
	}
	if port := c.o.Mail.StartTLS; port != "" {
		p.Outgoing = append(p.Outgoing, mailServer{"smtp", c.o.Mail.Host, port, "STARTTLS", "password-cleartext", anyAddress})
	}
	writeXML(w, clientConfig{Version: "1.1", Provider: p})
}

func (c *Console) serviceName() string {
	if c.o.Theme.Name != "" {
		return c.o.Theme.Name
	}
	return c.o.Name
}

// discovery is what Outlook asks (MS-OXDSCLI §2.2.3.1), as far as it is answered.
type discovery struct {
	Address string `xml:"Request>EMailAddress"`
}

const (
	outlookOuter = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	outlookInner = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	maxDiscovery = 16 << 10 // octets of a request
)

// discovered is the answer (MS-OXDSCLI §2.2.4.1).
type discovered struct {
	XMLName  xml.Name `xml:"Autodiscover"`
	Outer    string   `xml:"xmlns,attr"`
	Response struct {
		Inner   string `xml:"xmlns,attr"`
		Account struct {
			Type      string            `xml:"AccountType"`
			Action    string            `xml:"Action"`
			Protocols []outlookProtocol `xml:"Protocol"`
		} `xml:"Account"`
	} `xml:"Response"`
}

type outlookProtocol struct {
	Type     string `xml:"Type"`
	Server   string `xml:"Server"`
	Port     string `xml:"Port"`
	Domain   string `xml:"DomainRequired"`
	Login    string `xml:"LoginName"`
	SPA      string `xml:"SPA"`
	SSL      string `xml:"SSL"`
	Security string `xml:"Encryption"`
	Auth     string `xml:"AuthRequired"`
}

func (c *Console) autodiscover(w http.ResponseWriter, r *http.Request) {
	var asked discovery
	err := xml.NewDecoder(io.LimitReader(r.Body, maxDiscovery)).Decode(&asked)
	address, bad := mail.ParseAddress(asked.Address)
	if err != nil || bad != nil {
		http.Error(w, "a request of MS-OXDSCLI with an address is expected", http.StatusBadRequest)
		return
	}
	var a discovered
	a.Outer, a.Response.Inner = outlookOuter, outlookInner
	to := &a.Response.Account
	to.Type, to.Action = "email", "settings"
	server := func(kind, host, port, security string) outlookProtocol {
		return outlookProtocol{kind, host, port, "off", address.Address, "off", "on", security, "on"}
	}
	if host, port, err := net.SplitHostPort(c.o.Mail.IMAP); err == nil {
		to.Protocols = append(to.Protocols, server("IMAP", host, port, "SSL"))
	}
	switch m := c.o.Mail; {
	case m.TLS != "":
		to.Protocols = append(to.Protocols, server("SMTP", m.Host, m.TLS, "SSL"))
	case m.StartTLS != "":
		to.Protocols = append(to.Protocols, server("SMTP", m.Host, m.StartTLS, "TLS"))
	}
	writeXML(w, a)
}

func writeXML(w http.ResponseWriter, v any) {
	b, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("console: " + err.Error()) // text only
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = io.WriteString(w, xml.Header+string(b)+"\n") // a client that left does not concern us
}
