package sandbox

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// maxAnswer bounds what the answer form takes: the text and one file.
const maxAnswer = 12 << 20

// page is the web page of the companies' mailboxes. It changes nothing by GET, shows mails inside a
// sandbox without scripts, and answers only to loopback names, so that no site can reach it by rebinding.
func (w *World) page() http.Handler {
	p := &pages{world: w, log: w.log, text: template.Must(template.New("").Funcs(template.FuncMap{
		"octets": octets, "heure": func(t time.Time) string { return t.Local().Format("02/01/2006 15:04:05") },
		"pieces": pieces,
	}).ParseFS(pageFiles, "page/*.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /boite/{address}", p.box)
	mux.HandleFunc("GET /message/{number}", p.message)
	mux.HandleFunc("GET /message/{number}/html", p.html)
	mux.HandleFunc("GET /message/{number}/source", p.source)
	mux.HandleFunc("GET /message/{number}/fichier/{file}", p.file)
	mux.HandleFunc("POST /message/{number}/repondre", p.reply)
	mux.Handle("GET /style.css", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(rw, r, pageFiles, "page/style.css")
	}))
	return loopbackOnly(http.NewCrossOriginProtection().Handler(mux))
}

type pages struct {
	world *World
	log   *slog.Logger
	text  *template.Template
}

func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(rw, "Cette page ne répond que sur cet ordinateur.", http.StatusMisdirectedRequest)
			return
		}
		h := rw.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(rw, r)
	})
}

func (p *pages) show(rw http.ResponseWriter, name string, status int, data any) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	if err := p.text.ExecuteTemplate(rw, name, data); err != nil {
		p.log.Debug("write a page", "page", name, "error", err)
	}
}

type boxLine struct {
	Address string
	Count   int
	Last    *Mail
}

func (p *pages) index(rw http.ResponseWriter, _ *http.Request) {
	byBox := map[string]*boxLine{}
	var lines []*boxLine
	for _, m := range p.world.Mails("") {
		line := byBox[m.Box]
		if line == nil {
			line = &boxLine{Address: m.Box}
			byBox[m.Box] = line
			lines = append(lines, line)
		}
		line.Count++
		line.Last = m
	}
	sort.Slice(lines, func(i, j int) bool { return lines[i].Last.Number > lines[j].Last.Number })
	p.show(rw, "index.html", http.StatusOK, lines)
}

func (p *pages) box(rw http.ResponseWriter, r *http.Request) {
	address := r.PathValue("address")
	mails := p.world.Mails(address)
	for i, j := 0, len(mails)-1; i < j; i, j = i+1, j-1 {
		mails[i], mails[j] = mails[j], mails[i]
	}
	p.show(rw, "box.html", http.StatusOK, map[string]any{"Address": boxOf(address), "Mails": mails})
}

func (p *pages) message(rw http.ResponseWriter, r *http.Request) {
	if m := p.find(rw, r); m != nil {
		p.showMessage(rw, m, http.StatusOK, r.URL.Query().Get("repondu") == "oui", "", "")
	}
}

func (p *pages) showMessage(rw http.ResponseWriter, m *Mail, status int, answered bool, text, problem string) {
	letter, err := m.Letter()
	if err != nil {
		p.log.Debug("read a mail", "mail", m.Number, "error", err)
		problem = "Ce message n’a pas pu être lu en entier ; sa source est disponible plus bas."
	}
	_, noReply := replyAddress(letter)
	p.show(rw, "message.html", status, map[string]any{
		"Mail": m, "Letter": letter, "Answered": answered, "Text": text, "Problem": problem, "CanReply": noReply == nil,
	})
}

// html is the mail's own HTML, alone in a document that runs nothing; a click opens a new window.
func (p *pages) html(rw http.ResponseWriter, r *http.Request) {
	m := p.find(rw, r)
	if m == nil {
		return
	}
	letter, err := m.Letter()
	if err != nil {
		p.log.Debug("read a mail", "mail", m.Number, "error", err)
	}
	h := rw.Header()
	h.Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(rw, `<!doctype html><base target="_blank">`+letter.HTML)
}

func (p *pages) source(rw http.ResponseWriter, r *http.Request) {
	m := p.find(rw, r)
	if m == nil {
		return
	}
	body, err := m.Open()
	if err != nil {
		http.Error(rw, "Ce message n’est plus gardé.", http.StatusGone)
		return
	}
	defer body.Close()
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(rw, m.Trace)
	_, _ = io.Copy(rw, body)
}

func (p *pages) file(rw http.ResponseWriter, r *http.Request) {
	m := p.find(rw, r)
	if m == nil {
		return
	}
	letter, err := m.Letter()
	n, bad := strconv.Atoi(r.PathValue("file"))
	if err != nil || bad != nil || n < 0 || n >= len(letter.Files) {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", "application/octet-stream")
	rw.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": letter.Files[n].Name}))
	if err := m.WriteFile(rw, n); err != nil {
		p.log.Debug("send a file", "mail", m.Number, "error", err)
	}
}

func (p *pages) reply(rw http.ResponseWriter, r *http.Request) {
	m := p.find(rw, r)
	if m == nil {
		return
	}
	r.Body = http.MaxBytesReader(rw, r.Body, maxAnswer)
	files, err := answerFiles(r)
	text := r.PostFormValue("texte")
	switch {
	case err != nil:
		p.showMessage(rw, m, http.StatusRequestEntityTooLarge, false, text, "La réponse n’a pas pu être lue, ou son fichier dépasse 12 Mo.")
		return
	case strings.TrimSpace(text) == "":
		p.showMessage(rw, m, http.StatusUnprocessableEntity, false, text, "Écrivez votre réponse avant de l’envoyer.")
		return
	}
	if _, err := p.world.Reply(r.Context(), m, text, files...); err != nil {
		p.log.Debug("send an answer", "mail", m.Number, "error", err)
		p.showMessage(rw, m, http.StatusBadGateway, false, text, "La réponse n’est pas partie : "+err.Error())
		return
	}
	http.Redirect(rw, r, fmt.Sprintf("/message/%d?repondu=oui#reponse", m.Number), http.StatusSeeOther)
}

func answerFiles(r *http.Request) ([]File, error) {
	if err := r.ParseMultipartForm(maxAnswer); err != nil {
		if errors.Is(err, http.ErrNotMultipart) {
			return nil, nil
		}
		return nil, err
	}
	f, head, err := r.FormFile("fichier")
	if err != nil {
		return nil, nil // the form was sent without a file
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	return []File{{Name: head.Filename, MediaType: head.Header.Get("Content-Type"), Content: content}}, err
}

func (p *pages) find(rw http.ResponseWriter, r *http.Request) *Mail {
	n, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err == nil {
		if m := p.world.boxes.number(n); m != nil {
			return m
		}
	}
	http.Error(rw, "Ce message n’existe pas, ou n’est plus gardé.", http.StatusNotFound)
	return nil
}

// piece is a stretch of text, with its address when it is a link.
type piece struct{ Text, Link string }

// pieces cuts a text at its links, so that the template can make them clickable.
func pieces(text string) []piece {
	var found []piece
	for text != "" {
		at := linkPattern.FindStringIndex(text)
		if at == nil {
			return append(found, piece{Text: text})
		}
		link := strings.TrimRight(text[at[0]:at[1]], ".,;:)")
		found = append(found, piece{Text: text[:at[0]]}, piece{Text: link, Link: link})
		text = text[at[0]+len(link):]
	}
	return found
}

func octets(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d octets", n)
	case n < 1_000_000:
		return fmt.Sprintf("%d Ko", (n+500)/1000)
	}
	return strings.Replace(fmt.Sprintf("%.1f Mo", float64(n)/1e6), ".", ",", 1)
}
