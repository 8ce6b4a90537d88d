"""An independent reader's view of what the composer made.

For every pair DIR/<n>.in (the agent's message) and DIR/<n>.out (the plain letter), says as one JSON
object per line what is missing: a leaf of the agent's whose decoded bytes are in no leaf of the
letter, unless it is a text whose words all stand in a text of the letter that bears the block.
"""
import email, email.policy, html, json, os, sys

BLOCK = sys.argv[2]
# What this reader does not read as mail clients do: it is no judge of these mails.
UNREAD = {"MissingHeaderBodySeparatorDefect", "StartBoundaryNotFoundDefect", "CloseBoundaryNotFoundDefect", "InvalidBase64LengthDefect"}


def leaves(m):
    if m.is_multipart() and m.get_content_maintype() == "multipart":
        for c in m.get_payload():
            yield from leaves(c)
    else:
        yield m


def content(p):
    if p.get_content_maintype() == "message" and p.is_multipart():
        return b"\n".join(c.as_bytes() for c in p.get_payload()).replace(b"\r\n", b"\n").strip()
    return (p.get_payload(decode=True) or b"").replace(b"\r\n", b"\n").rstrip(b"\n")


def words(p):
    raw = p.get_payload(decode=True) or b""
    charset = str(p.get_content_charset() or "utf-8")
    charset = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}.get(charset, charset)
    for label in (charset, "utf-8"):
        try:
            return raw.decode(label).replace("\r\n", "\n")
        except (LookupError, UnicodeError):
            pass
    return raw.decode("windows-1252", "replace").replace("\r\n", "\n")


def defects_of(m):
    return [type(d).__name__ for p in m.walk() for d in p.defects]


def flat(s):
    return "".join(s.split())


def foreign(m):
    """Whether a text is not in the charset that it claims, as this reader knows it."""
    for p in leaves(m):
        label = str(p.get_content_charset() or "us-ascii")
        try:
            (p.get_payload(decode=True) or b"").decode(label)
        except (LookupError, UnicodeError):
            if p.get_content_maintype() == "text":
                return True
    return False


def check(a, b):
    found = [content(p) for p in leaves(b)]
    texts = [(p.get_content_type(), flat(words(p))) for p in leaves(b) if p.get_content_maintype() == "text"]
    missing, bodies = [], 0
    for p in leaves(a):
        c = content(p)
        if not c:
            continue
        if c in found:
            found.remove(c)
            continue
        if p.get_content_maintype() in ("text", "multipart"):
            w = flat(words(p))
            if p.get_content_type() == "text/html":  # the block goes into its midst
                if any(t == "text/html" and w[:10] in s and w[-7:] in s and len(s) > len(w) for t, s in texts):
                    bodies += 1
                    continue
            if any(s.startswith(w) for _, s in texts):
                bodies += 1
                continue
        missing.append("%s %r %d" % (p.get_content_type(), p.get_filename(), len(c)))
    block = any(flat(BLOCK) in flat(html.unescape(s)) for _, s in texts)
    return missing, block


for name in sorted(os.listdir(sys.argv[1])):
    if not name.endswith(".in"):
        continue
    n = name[:-3]
    a = email.message_from_bytes(open(os.path.join(sys.argv[1], name), "rb").read())
    b = email.message_from_bytes(open(os.path.join(sys.argv[1], n + ".out"), "rb").read())
    missing, block = check(a, b)
    if missing and (UNREAD & set(defects_of(a)) or foreign(a)):
        print(json.dumps({"n": n, "unread": True}))
        continue
    defects = list(set(defects_of(b)) - set(defects_of(a)))
    if missing or not block or defects:
        print(json.dumps({"n": n, "missing": missing, "block": block, "defects": defects}))
