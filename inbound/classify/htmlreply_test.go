package classify

import (
	"strings"
	"testing"

	"vaguemestre/gateway/message"
)

// htmlReplies are answers that come in HTML alone, after each client's manner: what the person wrote is NOTRE RÉPONSE, what
// is quoted says CITÉ.
var htmlReplies = map[string]string{
	"Gmail":          `<div dir="ltr">NOTRE RÉPONSE</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Le ven. 20 nov. 2026 à 10:00, Ville &lt;<a href="mailto:c@v.example">c@v.example</a>&gt; a écrit :<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex"><div>CITÉ</div></blockquote></div>`,
	"Outlook":        `<div class="WordSection1"><p class="MsoNormal">NOTRE RÉPONSE<o:p></o:p></p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>De :</b> Ville &lt;c@v.example&gt;<br><b>Envoyé :</b> vendredi 20 novembre 2026 10:00<br><b>À :</b> contact<br><b>Objet :</b> Rejet</p></div></div><p class="MsoNormal">CITÉ</p></div>`,
	"Outlook mobile": `<div>NOTRE RÉPONSE</div><div id="ms-outlook-mobile-signature"><div>Obtenir <a href="https://aka.ms/o0ukef">Outlook pour iOS</a></div></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font><b>De :</b> Ville &lt;c@v.example&gt;<br><b>Envoyé :</b> vendredi 20 novembre 2026 10:00:00<br><b>À :</b> contact<br><b>Objet :</b> Rejet</font><div>&nbsp;</div></div><div>CITÉ</div>`,
	"Outlook Web":    `<div class="elementToProof">NOTRE RÉPONSE</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg" dir="ltr"><b>From:</b> Ville &lt;c@v.example&gt;<br><b>Sent:</b> Friday, November 20, 2026 10:00 AM<br><b>To:</b> contact<br><b>Subject:</b> Rejet</div><div>CITÉ</div>`,
	"Outlook 2003":   `<div>NOTRE RÉPONSE</div><div class="OutlookMessageHeader" dir="ltr" align="left"><hr tabindex="-1"><font face="Tahoma"><b>De :</b> Ville [mailto:c@v.example] <br><b>Envoyé :</b> vendredi 20 novembre 2026 10:00<br><b>À :</b> contact<br><b>Objet :</b> Rejet<br></font><br></div><div>CITÉ</div>`,
	"Thunderbird":    `<p>NOTRE RÉPONSE</p><div class="moz-cite-prefix">Le 20/11/2026 à 10:00, Ville a écrit :<br></div><blockquote type="cite" cite="mid:1@v.example"><p>CITÉ</p></blockquote>`,
	"Apple Mail":     `<html><body>NOTRE RÉPONSE<br><div><br><blockquote type="cite"><div>Le 20 nov. 2026 à 10:00, Ville &lt;<a href="mailto:c@v.example">c@v.example</a>&gt; a écrit :</div><br><div>CITÉ</div></blockquote></div></body></html>`,
	"iPhone":         `<div>NOTRE RÉPONSE</div><div dir="ltr">Envoyé de mon iPhone</div><div dir="ltr"><br><blockquote type="cite">Le 20 nov. 2026 à 10:00, Ville &lt;c@v.example&gt; a écrit :<br><br></blockquote></div><blockquote type="cite"><div>CITÉ</div></blockquote>`,
	"Yahoo":          `<div class="ydp-signature">NOTRE RÉPONSE</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div><div>Le vendredi 20 novembre 2026 à 10:00:00 UTC+1, Ville &lt;c@v.example&gt; a écrit :</div><div><br></div><div>CITÉ</div></div></div>`,
	"Zimbra":         `<div style="font-family:arial"><div>NOTRE RÉPONSE</div><div><br></div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>De: </b>"Ville" &lt;c@v.example&gt;<br><b>À: </b>"contact" &lt;x@y.example&gt;<br><b>Envoyé: </b>Vendredi 20 Novembre 2026 10:00:00<br><b>Objet: </b>Rejet<br></div><div data-marker="__QUOTED_TEXT__">CITÉ</div></div>`,
	"OX":             `<div>NOTRE RÉPONSE</div><blockquote type="cite"><div>Le 20/11/2026 10:00 CET, Ville &lt;c@v.example&gt; a écrit :</div><div>CITÉ</div></blockquote>`,
	"Roundcube":      `<p>NOTRE RÉPONSE</p><p id="reply-intro">Le 2026-11-20 10:00, Ville a écrit :</p><blockquote type="cite" style="padding: 0 0.4em; border-left: #1010ff 2px solid; margin: 0"><div>CITÉ</div></blockquote>`,
	"SOGo":           `NOTRE RÉPONSE<br><br>Le Vendredi, Novembre 20, 2026 10:00 CET, Ville &lt;c@v.example&gt; a écrit:<br>&nbsp;<blockquote type="cite" cite="1@v.example">CITÉ</blockquote>`,
	"BlueMind":       `<div>NOTRE RÉPONSE</div><div class="bm-quote"><br>Le ven. 20 nov. 2026 10:00, Ville &lt;c@v.example&gt; a écrit :<br><blockquote type="cite">CITÉ</blockquote></div>`,
	"Notes":          `<font>NOTRE RÉPONSE</font><br><br><font color="#990099">-----Ville &lt;c@v.example&gt; a écrit : -----</font><div><font>A : contact@y.example<br>De : Ville &lt;c@v.example&gt;<br>Date : 20/11/2026 10:00<br>Objet : Rejet</font></div><div>CITÉ</div>`,
	"Orange":         `<p>NOTRE RÉPONSE</p><blockquote style="border-left:2px solid #000"><p>&gt; Message du 20/11/26 10:00<br>&gt; De : "Ville" &lt;c@v.example&gt;<br>&gt; A : contact<br>&gt; Objet : Rejet<br>&gt; CITÉ</p></blockquote>`,
	"Proton":         `<div>NOTRE RÉPONSE</div><div class="protonmail_quote">Le vendredi 20 novembre 2026 à 10:00, Ville &lt;c@v.example&gt; a écrit :<br><blockquote class="protonmail_quote" type="cite">CITÉ</blockquote></div>`,
	"indented":       `<p>Voici :</p><blockquote style="margin:0 0 0 40px;border:none;padding:0px"><div>NOTRE RÉPONSE</div></blockquote><div>Le 20/11/2026 à 10:00, Ville a écrit :</div><blockquote type="cite">CITÉ</blockquote>`,
	"interleaved":    `<div class="moz-cite-prefix">Le 20/11/2026 à 10:00, Ville a écrit :</div><blockquote type="cite"><p>CITÉ un</p></blockquote><p>NOTRE RÉPONSE</p><blockquote type="cite"><p>CITÉ deux</p></blockquote>`,
}

func TestPromiseRepliesInHTMLAloneShowTheirAuthorsWords(t *testing.T) {
	for client, source := range htmlReplies {
		got := VisibleText(message.HTMLToText(source))
		if !strings.Contains(got, "NOTRE RÉPONSE") || strings.Contains(got, "CITÉ") || strings.Contains(got, "c@v.example") {
			t.Errorf("%s: %q\nof %q", client, got, message.HTMLToText(source))
		}
	}
}
