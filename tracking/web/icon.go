package web

import (
	"fmt"
	"html/template"
)

// shapes are drawn on a grid of 24, with a line of 2. They only ever stand beside a word.
func shape(name string) string {
	switch name {
	case "check":
		return `<circle cx="12" cy="12" r="9"/><path d="m8 12.5 2.7 2.7L16 9.5"/>`
	case "info":
		return `<circle cx="12" cy="12" r="9"/><path d="M12 11v5M12 7.6v.1"/>`
	case "warning":
		return `<path d="M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.1"/>`
	case "error":
		return `<circle cx="12" cy="12" r="9"/><path d="m9 9 6 6M15 9l-6 6"/>`
	case "clock":
		return `<circle cx="12" cy="12" r="9"/><path d="M12 7v5.2l3.4 2"/>`
	case "file":
		return `<path d="M13.5 3H6v18h12V7.5zM13 3v5h5"/>`
	case "download":
		return `<path d="M12 4v11M7 10.5l5 5 5-5M5 20h14"/>`
	case "upload":
		return `<path d="M12 16V5M7 9.5l5-5 5 5M5 20h14"/>`
	case "lock":
		return `<path d="M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>`
	case "user":
		return `<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c1.2-4 4-5.5 7.5-5.5s6.3 1.5 7.5 5.5"/>`
	case "mail":
		return `<path d="M3 6h18v12H3zM3.5 6.5 12 13l8.5-6.5"/>`
	case "open":
		return `<path d="m3 10 9-6 9 6v10H3zM3.5 10.5 12 15.5l8.5-5"/>`
	case "reply":
		return `<path d="M10 6 4 11.5l6 5.5M4.5 11.5H14c4 0 6 2.5 6 7"/>`
	case "send":
		return `<path d="m21 3-8 18-3-7.5L3 10.5zM10 13.5 21 3"/>`
	case "search":
		return `<circle cx="11" cy="11" r="6.5"/><path d="m16 16 5 5"/>`
	case "plus":
		return `<path d="M12 5v14M5 12h14"/>`
	case "trash":
		return `<path d="M4 6.5h16M9 6.5V4h6v2.5M6.5 6.5 7.5 20h9l1-13.5M10.5 10.5v6M13.5 10.5v6"/>`
	case "edit":
		return `<path d="m4 20 1-4.5L16 4.5l3.5 3.5L8.5 19zM13.5 7l3.5 3.5"/>`
	case "print":
		return `<path d="M7 9V3.5h10V9M7 17H3.5V9h17v8H17M7 14h10v6.5H7z"/>`
	case "arrow":
		return `<path d="M4 12h15M13 6l6 6-6 6"/>`
	case "flag":
		return `<path d="M5 21V4h13l-2.5 4.5L18 13H5"/>`
	}
	return ""
}

// icon draws a sign beside a word; programs that read aloud pass over it. An unknown name is an error of the template.
func icon(name string) (template.HTML, error) {
	s := shape(name)
	if s == "" {
		return "", fmt.Errorf("no icon %s", name)
	}
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">` + s + `</svg>`), nil
}
