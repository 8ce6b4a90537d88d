package message

import "strconv"

// codePages are the charsets that Windows numbers otherwise than by their name ([MS-UCODEREF] §2.2.1).
var codePages = map[uint32]string{
	932: "shift_jis", 936: "gbk", 949: "euc-kr", 950: "big5", 1200: "utf-16", 1201: "utf-16be", 10000: "macintosh", 12000: "utf-32", 12001: "utf-32be",
	20127: "us-ascii", 20866: "koi8-r", 20932: "euc-jp", 20936: "gbk", 21866: "koi8-u", 50220: "iso-2022-jp", 50221: "iso-2022-jp", 50222: "iso-2022-jp",
	51932: "euc-jp", 51936: "gbk", 51949: "euc-kr", 52936: "hz-gb-2312", 54936: "gb18030", 65000: "utf-7", 65001: "utf-8",
}

// codePage names a code page of Windows, as a charset: those of DOS (437 to 869), of Windows (1250 to 1258 and 874), of ISO 8859
// (28591 to 28605), and those that have another name.
func codePage(n uint32) string {
	number := strconv.FormatUint(uint64(n), 10)
	switch name := codePages[n]; {
	case name != "":
		return name
	case n >= 28591 && n <= 28606:
		return "iso-8859-" + strconv.FormatUint(uint64(n-28590), 10)
	case n == 437 || n >= 850 && n < 870:
		return "ibm" + number
	}
	return "windows-" + number
}
