package web

import (
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"vaguemestre/gateway/catalog"
)

// Languages lists the languages of the pages.
func Languages() []string { return []string{catalog.French, catalog.English} }

// Language is the language of a page: the visitor's own choice (?lang=), what their browser asks
// (Accept-Language, RFC 9110 §12.5.4), or the fallback, which is French when it is none of ours. It reads no body.
func Language(r *http.Request, fallback string) string {
	if lang := Chosen(r); lang != "" {
		return lang
	}
	if fallback != catalog.English {
		fallback = catalog.French
	}
	return asked(r.Header.Get("Accept-Language"), fallback)
}

// Chosen is the language that the visitor chose on a page; empty: they did not.
func Chosen(r *http.Request) string {
	if !strings.Contains(r.URL.RawQuery, "lang=") {
		return ""
	}
	switch lang := r.URL.Query().Get("lang"); lang {
	case catalog.French, catalog.English:
		return lang
	}
	return ""
}

// maxAccept bounds the header that is parsed, in octets: the first languages are the ones that count.
const maxAccept = 256

func asked(accept, fallback string) string {
	if accept == "" {
		return fallback
	}
	if len(accept) > maxAccept {
		accept = accept[:strings.LastIndexByte(accept[:maxAccept], ',')+1]
	}
	tags, weights, err := language.ParseAcceptLanguage(strings.TrimRight(accept, ", "))
	if err != nil {
		return fallback
	}
	for i, tag := range tags { // by falling weight
		if base, sure := tag.Base(); sure != language.No && weights[i] > 0 {
			switch base.String() {
			case catalog.French, catalog.English:
				return base.String()
			}
		}
	}
	return fallback
}

func other(lang string) string {
	if lang == catalog.English {
		return catalog.French
	}
	return catalog.English
}
