package message

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a file name, in bytes: within every file system's 255, with room for a prefix.
const maxName = 180

// CleanName makes a file name safe to store and to show: the last element of any path, no control
// character, nothing that turns the direction of writing, none of the characters that Windows
// refuses, no dots or spaces at its ends, no device name, at most 180 bytes with its extension
// kept. Empty when nothing is left.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case isBidi(r), r == 0xfeff, r == 0x200b, r == 0x2028, r == 0x2029:
			return -1
		case unicode.IsControl(r):
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	name = shorten(strings.TrimRight(strings.TrimSpace(name), ". "))
	name = strings.TrimLeft(name, " ")
	if strings.Trim(name, ". ") == "" {
		return ""
	}
	if isDevice(name) {
		name = "_" + name
	}
	return name
}

func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 20 {
		ext = ""
	}
	n := maxName - len(ext)
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return strings.TrimRight(name[:n], " .") + ext
}

// isDevice tells the names that Windows takes for devices, whatever their extension.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch strings.TrimSpace(base) {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && (base[:3] == "COM" || base[:3] == "LPT") && base[3] >= '0' && base[3] <= '9'
}

// extensions name the files that come without a name.
var extensions = map[string]string{
	"application/pdf": ".pdf", "application/zip": ".zip", "application/msword": ".doc",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       ".xlsx",
	"application/vnd.oasis.opendocument.text":                                 ".odt",
	"application/vnd.oasis.opendocument.spreadsheet":                          ".ods",
	"application/vnd.ms-excel":                                                ".xls",
	"application/pgp-encrypted":                                               ".asc",
	"application/pgp-signature":                                               ".asc",
	"application/pgp-keys":                                                    ".asc",
	"application/pkcs7-mime":                                                  ".p7m",
	"application/x-pkcs7-mime":                                                ".p7m",
	"application/pkcs7-signature":                                             ".p7s",
	"application/x-pkcs7-signature":                                           ".p7s",
	"application/ms-tnef":                                                     ".dat",
	"application/json":                                                        ".json",
	"application/xml":                                                         ".xml",
	"audio/mpeg":                                                              ".mp3",
	"image/gif":                                                               ".gif",
	"image/jpeg":                                                              ".jpg",
	"image/jpg":                                                               ".jpg",
	"image/png":                                                               ".png",
	"image/svg+xml":                                                           ".svg",
	"image/tiff":                                                              ".tif",
	"image/webp":                                                              ".webp",
	"message/delivery-status":                                                 ".txt",
	"message/disposition-notification":                                        ".txt",
	"message/global":                                                          ".eml",
	"message/rfc822":                                                          ".eml",
	"text/calendar":                                                           ".ics",
	"text/csv":                                                                ".csv",
	"text/html":                                                               ".html",
	"text/plain":                                                              ".txt",
	"text/rfc822-headers":                                                     ".txt",
	"text/rtf":                                                                ".rtf",
	"application/rtf":                                                         ".rtf",
	"text/vcard":                                                              ".vcf",
	"text/x-vcard":                                                            ".vcf",
	"text/xml":                                                                ".xml",
	"video/mp4":                                                               ".mp4",
}

// Filename is the part's name, made safe (CleanName); one made from its place and type when it has
// none. Never empty.
func (p *Part) Filename() string {
	for _, name := range []string{p.DispositionParams["filename"], p.Params["name"]} {
		if name = CleanName(name); name != "" {
			return name
		}
	}
	if p.Embedded != nil {
		if name := CleanName(strings.Map(pathless, p.Embedded.Header().Text("Subject"))); name != "" {
			return shorten(name) + ".eml"
		}
	}
	ext, ok := extensions[p.MediaType]
	if !ok {
		ext = ".bin"
	}
	return "piece-" + strings.ReplaceAll(strings.ReplaceAll(p.Path, "/", "-"), ".", "-") + ext
}

// Named tells whether the part came with a name.
func (p *Part) Named() bool {
	return CleanName(p.DispositionParams["filename"]) != "" || CleanName(p.Params["name"]) != ""
}

func pathless(r rune) rune {
	if r == '/' || r == '\\' {
		return '-'
	}
	return r
}
