"""An independent reader's view of what the composer made: Python's email package, under both its policies.

In DIR, for every <n>.in (the agent's message): <n>.out is the plain letter, <n>.json the parts that an acknowledged
letter shows on its page ([{"name", "sha256", "text", "html"}]; sha256 of the bytes with LF line ends). Says as one JSON object
per line what an agent or a company would miss:

  lost      a file of the agent's whose decoded bytes are no file of the letter, or of the page
  name      a file that came under another name
  text      readable words that stand nowhere in the letter, or on the page
  block     no block in the text and HTML that this reader shows first
  twice     more than one block in a text
  defects   breaches of the formats that the agent's message did not have

and, where it is no judge, why ("reason"): the list REASONS, each of which says who is right.
"""
import email, email.header, email.policy, hashlib, html, html.parser, json, os, re, sys

BLOCK = sys.argv[2]
POLICIES = [email.policy.default, email.policy.compat32]

REASONS = {
    "header-ends": "a header line without a colon: this reader begins the body there, mail clients read on",
    "closing": "a multipart that is not closed: what follows its last delimiter is read differently",
    "base64": "base64 of a length that cannot be: this reader gives it undecoded, the letter's is as it was",
    "charset": "a text that is not in the charset it claims, as this reader knows it: its bytes are as they were, the block stands beside it",
    "signed": "a text under a signature: the block stands beside it",
    "tnef": "a winmail.dat is opened: its files take its place",
    "encoding": "a transfer encoding that this reader does not undo, or undoes where there is none (a multipart's, RFC 2045 §6.4)",
    "rendering": "of the renderings of one text the page shows one",
}


# Charsets as mail clients read them (WHATWG Encoding).
AS_READ = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "iso-8859-1": "windows-1252", "us-ascii": "utf-8"}


def leaves(m):
    if m.get_content_maintype() == "multipart" and m.is_multipart():
        for c in m.get_payload():
            yield from leaves(c)
    else:
        yield m


def opened(m):
    """The leaves, those of a wrapped message too."""
    for p in leaves(m):
        yield p
        if p.get_content_maintype() == "message" and p.is_multipart():
            for c in p.get_payload():
                yield from opened(c)


def lf(b):
    return b.replace(b"\r\n", b"\n").rstrip(b"\n")


def content(p):
    if p.is_multipart():
        return b"\n".join(c.as_bytes(policy=email.policy.compat32) for c in p.get_payload()).strip()
    return p.get_payload(decode=True) or b""


def name(p):
    n = p.get_filename() or ""
    try:
        n = str(email.header.make_header(email.header.decode_header(n)))
    except (LookupError, UnicodeError, ValueError):
        pass
    return n


def words(p):
    raw = content(p)
    charset = str(p.get_content_charset() or "utf-8")
    charset = AS_READ.get(charset, charset)
    for label in (charset, "utf-8"):
        try:
            return raw.decode(label)
        except (LookupError, UnicodeError):
            pass
    return raw.decode("windows-1252", "replace")


class Shown(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.words, self.hidden = [], 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("script", "style", "title")
        if tag == "img":  # an image that is not loaded is its words
            self.words.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style", "title") and self.hidden > 0

    def handle_data(self, data):
        if not self.hidden:
            self.words.append(data)


def visible(source):
    p = Shown()
    p.feed(source)
    p.close()
    return "".join(p.words)


def flat(s):
    return "".join(s.replace("\x00", "").split())


def said(p):
    w = words(p)
    return flat(visible(w) if p.get_content_type() == "text/html" else w)


def defects(m):
    return {type(d).__name__ for p in m.walk() for d in p.defects}


def strict(p):
    """Whether the text is in the charset that it claims."""
    try:
        content(p).decode(str(p.get_content_charset() or "us-ascii"))
        return True
    except (LookupError, UnicodeError):
        return False


def parent_types(m, wanted, above=()):
    if m is wanted:
        return above
    if m.is_multipart() and m.get_content_maintype() == "multipart":
        for c in m.get_payload():
            found = parent_types(c, wanted, above + (m.get_content_type(),))
            if found is not None:
                return found
    return None


def reason(a, why, p, where="letter"):
    d = defects(a)
    if "MissingHeaderBodySeparatorDefect" in d:
        return "header-ends"
    if d & {"CloseBoundaryNotFoundDefect", "StartBoundaryNotFoundDefect"} and why != "block":
        return "closing"
    if "InvalidBase64LengthDefect" in d:
        return "base64"
    if p is not None and p.get_content_type() == "application/ms-tnef":
        return "tnef"
    if p is not None and p.get("content-transfer-encoding", "7bit").lower() not in ("7bit", "8bit", "binary", "base64", "quoted-printable")[: 3 if p.get_content_maintype() == "multipart" else 5]:
        return "encoding"
    if p is not None and p.get_content_maintype() == "text" and not strict(p):
        return "charset"
    if where == "page" and p.get_content_type() != "text/html" and "multipart/alternative" in (parent_types(a, p) or ()):
        return "rendering"
    if p is not None and "multipart/signed" in (parent_types(a, p) or ()):
        return "signed"
    return ""


def is_file(p):
    return p.get_content_disposition() == "attachment" or bool(p.get_filename()) or p.get_content_maintype() not in ("text", "multipart")


def holds(texts, p):
    """The words of p stand in one of the texts; the block may have gone into the midst of HTML."""
    w = said(p)
    if any(w in t for t in texts):
        return True
    half = max(1, len(w) // 2)
    return p.get_content_type() == "text/html" and any(flat(BLOCK) in t and any(t.startswith(w[:k]) and t.endswith(w[k:]) for k in cuts(w, t)) for t in texts) or not w[:half]


def cuts(w, t):
    k = len(os.path.commonprefix([w, t]))
    return range(k, max(-1, k - 40), -1)


def check(a, b, page):
    for p in opened(a):
        content(p)  # finds the defects of its encoding
    found = list(opened(b))
    pool = [(lf(content(p)), name(p)) for p in found]
    texts = [said(p) for p in found if p.get_content_maintype() == "text"]
    shown = [flat(visible(f["text"]) if f["html"] else f["text"]) for f in page]
    sums = {f["sha256"]: f["name"] for f in page}
    for p in leaves(a):
        c, n = lf(content(p)), name(p)
        if not c.strip():
            continue
        if is_file(p):
            hits = [f for f in pool if f[0] == c]
            if hits:
                if n and "\ufffd" not in n and n not in [f[1] for f in hits]:
                    yield "name", "%r is %r" % (n, [f[1] for f in hits]), reason(a, "name", p)
                pool.remove(hits[0])
            elif p.get_content_maintype() != "text" or not holds(texts, p):
                yield "lost", "%s %r %d" % (p.get_content_type(), n, len(c)), reason(a, "lost", p)
            if p.get_content_maintype() != "text" and not p.is_multipart() and hashlib.sha256(c).hexdigest() not in sums:
                yield "lost", "on the page: %s %r %d" % (p.get_content_type(), n, len(c)), reason(a, "lost", p, "page")
            continue
        if not holds(texts, p) and c not in [f[0] for f in pool]:
            yield "text", "%s %d" % (p.get_content_type(), len(c)), reason(a, "text", p)
        if said(p) and not any(said(p) in s or s and s in said(p) for s in shown) and hashlib.sha256(c).hexdigest() not in sums:
            yield "text", "on the page: %s %d" % (p.get_content_type(), len(c)), reason(a, "text", p, "page")
    yield from blocks(a, b)
    new = defects(b) - {d for m in (a, *[c for p in a.walk() if p.is_multipart() for c in p.get_payload()]) for d in defects(m)}
    if new:
        yield "defects", str(new), reason(a, "defects", None)


def blocks(a, b):
    for p in leaves(b):
        if p.get_content_maintype() == "text" and said(p).count(flat(BLOCK)) > 1 and sum(said(q).count(flat(BLOCK)) for q in leaves(a) if q.get_content_maintype() == "text") == 0:
            yield "twice", p.get_content_type(), ""
    if not hasattr(b, "get_body"):
        return
    bodies = [p for p in (b.get_body(("plain",)), b.get_body(("html",))) if p is not None]
    first = next((p for p in b.walk() if any(p is q for q in bodies) and said(p)), None)
    if first is None:
        yield "block", "nothing to read", reason(a, "block", None)
    elif flat(BLOCK) not in said(first):
        yield "block", first.get_content_type(), reason(a, "block", next((p for p in leaves(a) if lf(content(p)) == lf(content(first))), None))


def judge(n, folder):
    raw = open(os.path.join(folder, n + ".in"), "rb").read()
    out = open(os.path.join(folder, n + ".out"), "rb").read()
    page = json.load(open(os.path.join(folder, n + ".json")))
    for policy in POLICIES:
        for what, detail, why in check(email.message_from_bytes(raw, policy=policy), email.message_from_bytes(out, policy=policy), page):
            print(json.dumps({"n": n, "what": what, "detail": detail, "reason": why}))


for entry in sorted(os.listdir(sys.argv[1])):
    if entry.endswith(".in"):
        try:
            judge(entry[:-3], sys.argv[1])
        except Exception as e:  # this reader itself fails on some mails; it is told, and counted
            print(json.dumps({"n": entry[:-3], "what": "unread", "detail": "%s: %s" % (type(e).__name__, e), "reason": "unread"}))
