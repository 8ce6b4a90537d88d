// Package browser drives a real Chromium, without a screen, for tests of pages.
//
// A test binary has one Browser, started by the first test that opens a page and stopped by TestMain:
//
//	var chromium browser.Browser
//
//	func TestMain(m *testing.M) { os.Exit(chromium.Main(m)) }
//
// Each page that a test opens is in a session of its own: no cookie, no cache of another test. It is a telephone
// or a desk, with scripts or without (View). Axe finds what keeps people from using a page; Shoot keeps
// its picture in the folder that VAGUEMESTRE_SCREENSHOTS names, for people to look at. The browser resolves no
// name: all that it can reach is this machine.
//
// Under axe/ stands axe-core as its makers publish it, with its licence; only tests use it.
package browser
