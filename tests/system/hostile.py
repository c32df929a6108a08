#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Faults 9, 23, 25 to 28: strangers' words in every place where we repeat them, and messages made to break a parser, through both
real Postfix instances. What arrives has exactly the template's fields, no control character, and a small size."""
import email
import email.policy
import os
import re
import sys
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import TRACE, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

FIELDS = ["From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version",
          "Content-Type", "Content-Transfer-Encoding"]
STATUS_FIELDS = {"reporting-mta", "original-envelope-id", "x-postfix-queue-id", "x-postfix-sender", "arrival-date", "final-recipient",
                 "original-recipient", "action", "status", "remote-mta", "diagnostic-code"}
LIMIT = 1 << 20  # message_size_limit of the lab

# Fault 9: what the server says in reply to RCPT TO over IPv6, by local part
REPLIES = {
    "latin1": "550 5.1.1 gr\\udcfc\\udcdfe \\udcff\\udcfe", "utf8": "550 5.1.1 grüße 🍏", "nul": "550 5.1.1 a\\0b\\0c",
    "escape": "550 5.1.1 \\x1b[2J\\x1b]0;owned\\x07\\x1b[31m", "cr": "550 5.1.1 a\\rX-Evil: 1\\rBcc: victim@good.test", "bell": "550 5.1.1 \\x07\\x08\\x7f",
    "long": "550 5.1.1 " + "x" * 700, "longer": "550 5.1.1 " + "y " * 1000, "fields": "550-5.1.1 no\\r\\n550-X-Evil: 1\\r\\n550 Bcc: victim@good.test",
    "status": "550-5.1.1 no\\r\\n550-\\r\\n550-Final-Recipient: rfc822; victim@good.test\\r\\n550-Action: delivered\\r\\n550 Status: 2.0.0",
    "lines": "\\r\\n".join(["550-5.1.1 line"] * 99 + ["550 5.1.1 the last"]), "lf": "550 5.1.1 a\\nX-Evil: 1", "ls": "550 5.1.1 a\\u2028X-Evil: 1\\u2029b",
    "nel": "550 5.1.1 a\\u0085X-Evil: 1", "bidi": "550 5.1.1 a\\u202eb\\u2066c", "template": "550 5.1.1 {{requester}} {{#status}} {{/x}} {{",
    "boundary": "550 5.1.1 --=-\\r\\n", "encoded": "550 5.1.1 =?utf-8?q?=0d=0aBcc:victim=40good.test?=", "tab": "550 5.1.1 a\\tb", "empty": "550 ",
    "dots": "550-5.1.1 .\\r\\n550 .", "bare": "550",
}
HOSTILE = "from smtpserver import Temper, run, serve\nREPLIES = {\n" + "".join(
    f'"{name}": "{reply}",\n' for name, reply in REPLIES.items()) + """}
run(serve("mx.evil.test", ["198.51.100.96", "2001:db8:100::96"],
    Temper(rcpt=lambda s, a: REPLIES.get(a.partition("@")[0]) if s.family == 6 else None)))
"""
ZONE = "evil.test. MX 1 mx.evil.test.\nmx.evil.test. A 198.51.100.96\nmx.evil.test. AAAA 2001:db8:100::96\n"

# Fault 23: what shall become a line end, in which field
BREAKS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "NUL": b"\0", "NEL": "\u0085".encode(), "LS": "\u2028".encode(), "folded": b"\r\n ",
          "Q word": b"=?utf-8?q?=0D=0A?=", "B word": b"=?utf-8?b?DQo=?=", "Q NUL": b"=?utf-8?q?=00=0A=20?=", "latin-1 NEL": b"=?iso-8859-1?q?=85?="}
PLACES = {
    "Subject": lambda x: {"Subject": b"s" + x}, "From": lambda x: {"From": b"me@good.test" + x},
    "display name": lambda x: {"From": b'"me' + x + b'" <me@good.test>'}, "Message-ID": lambda x: {"Message_ID": b"<m" + x + b"@x>"},
    "Message-ID's end": lambda x: {"Message_ID": b"<m@x>" + x}, "References": lambda x: {"References": b"<r" + x + b"@x> <q@x>"},
    "In-Reply-To": lambda x: {"Message_ID": None, "In_Reply_To": b"<r@x>" + x}, "Reply-To": lambda x: {"Reply_To": b"victim@good.test" + x},
}
INJECT = b"%sX-Evil: 1%sBcc: victim@good.test%s%sbody"


def is_clean(text):
    """No control character, none that ends a line for somebody, none that turns text round."""
    return not [c for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c not in "\r\n\t" or c in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"]


def mail_faults(mail):
    """Two readers, ours by octets and CPython's, see the template's fields and no more, in the header and in the attachments."""
    names = mail.names()
    parsed = email.message_from_bytes(mail.octets, policy=email.policy.compat32)
    own = [n for n in FIELDS if n in names]
    faults = [f"fields {names}"] if names != ["DKIM-Signature", "DKIM-Signature", *own] else []
    faults += [f"CPython sees {parsed.keys()}"] if [k for k in parsed.keys() if k not in TRACE] != names else []
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n", mail.octets):
        faults.append("control octets")
    texts = [part.get_payload(decode=True) or b"" for part in parsed.walk() if not part.is_multipart()]
    faults += [f"not clean: {text!r}" for text in texts if not is_clean(text.decode("utf-8", "replace"))]
    faults += [f"Subject {mail.parsed['Subject']!r}"] if not is_clean(str(mail.parsed["Subject"])) else []
    for part in mail.parsed.iter_attachments():
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            blocks = part.get_payload()
            seen = {name.lower() for block in blocks for name in block.keys()}
            faults += [f"status fields {seen - STATUS_FIELDS}"] if seen - STATUS_FIELDS or len([b for b in blocks if b.keys()]) != 2 else []
    kinds = [part.get_content_type() for part in mail.parsed.iter_attachments()]
    return faults + ([f"parts {kinds}"] if len(kinds) != {"bounce": 3, "report": 1}.get(mail.kind, 0) else [])


def test_replies(house):
    for name in REPLIES:
        house.send(sender=f"{name}@evil.test".encode())
    house.until(lambda: not house.sql("SELECT 1 FROM message WHERE outcome IN ('pending', 'delayed')"), 30)
    house.wait()
    for name in REPLIES:
        mails = house.mails(f"{name}@evil.test")
        rows = house.sql("SELECT d.diagnostic, d.status, d.final_recipient, m.outcome FROM request r JOIN message m ON m.request = r.id"
                         " AND m.kind = 'six' LEFT JOIN dsn d ON d.id = m.outcome_dsn WHERE requester = ?", f"{name}@evil.test")
        eq([(r["outcome"], r["final_recipient"]) for r in rows], [("failed", f"rfc822; {name}@evil.test")], f"fault 9 {name}: failed")
        ok(rows and len(rows[0]["diagnostic"].encode()) <= 1000, f"fault 9 {name}: what is kept is capped") or diag(rows)
        eq(sorted(m.kind for m in mails), ["bounce", "report"], f"fault 9 {name}: its mails")
        eq([fault for m in mails for fault in mail_faults(m)], [], f"fault 9 {name}: no field added, no control character")
    bounce = {name: [m for m in house.mails(f"{name}@evil.test") if m.kind == "bounce"][0].text() for name in ("latin1", "template")}
    said = " ".join(bounce["latin1"].split())
    ok("Diagnostic-Code:" in said and "gr" in said, "fault 9 and yet it is quoted")
    ok("{{requester}}" in bounce["template"], "fault 9 a template's tags in a reply are text")
    log = [line for line in house.log().split("\n") if re.search(r" postsix(d|-intake)\[", line)]
    eq([line for line in log if not is_clean(line) or not re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z postsix", line)], [], "fault 9 our log's lines are lines")


def test_injection(house):
    asked = [(place, how) for place in PLACES for how in BREAKS]
    for number, (place, how) in enumerate(asked):
        evil = INJECT.replace(b"%s", BREAKS[how])
        house.send(message(**PLACES[place](evil)), sender=f"i{number}@{'good' if number % 3 else 'v4only'}.test".encode())
    for number, how in enumerate(BREAKS):
        evil = BREAKS[how] + b"X-Evil: 1"
        house.send(sender=b"envelope%d" % number + evil + b"@good.test", parameters=b" SMTPUTF8")
        house.send(sender=b"helo%d@good.test" % number, helo=b"mx.good.test" + evil)
    house.wait()
    answered = 0
    for number, (place, how) in enumerate(asked):
        mails = house.mails(f"i{number}@good.test") + house.mails(f"i{number}@v4only.test")
        answered += bool(mails)
        eq([fault for m in mails for fault in mail_faults(m)], [], f"fault 23 {how} in {place}: {len(mails)} mails with the template's fields")
    ok(answered > len(asked) * 0.7, f"fault 23 {answered} of {len(asked)} were answered, so that was seen")
    others = [m for m in house.mails() if m.recipients[0].startswith(("helo", "envelope"))]
    eq([fault for m in others for fault in mail_faults(m)], [], f"fault 23 in HELO and MAIL FROM: {len(others)} mails with the template's fields")
    eq(house.mails("victim@good.test"), [], "fault 23 the victim gets nothing")


def test_nuls(house):
    """Fault 25: the same decision as without; Postfix keeps NULs in a body."""
    cases = {"body": message(b"a\0b\r\n" * 100), "name": message().replace(b"Subject:", b"Sub\0ject:"), "auto": message(Auto_Submitted=b"auto\0-replied"),
             "from": message(From=b"me\0@good.test"), "list": message(List_Id=b"\0<x>"), "all": message(b"\0" * 500000)}
    for name, octets in cases.items():
        house.send(octets, sender=f"nul-{name}@good.test".encode())
    house.wait()
    got = {r["requester"][4:-10]: r["decision"] for r in house.sql("SELECT requester, decision FROM request WHERE requester LIKE 'nul-%'")}
    eq(got, {"body": "answer", "name": "answer", "auto": "auto-submitted", "from": "answer", "list": "list", "all": "answer"}, "fault 25 NULs anywhere")


def test_size(house):
    """Fault 26."""
    before = [house.look(program)[2] for program in ("postsixd", "intake")]
    lines, head, replies = b"w" * 998 + b"\r\n", message(b""), {}
    fits, too_big = LIMIT - 3000, LIMIT  # Postfix counts its own Received and the envelope, too
    while too_big - fits > 1:
        size = (fits + too_big) // 2
        filled = (head + lines * (size // 1000))[:size - 502] + b"\r\n"
        replies[size] = house.send(filled + b"y" * (size - len(filled) - 2) + b"\r\n", sender=b"size1@good.test")
        fits, too_big = (size, too_big) if replies[size].startswith("250") else (fits, size)
    ok(fits > LIMIT - 2500 and replies[too_big].startswith("552 5.3.4"),
       f"fault 26 {fits} octets are taken, one more is refused") or diag(replies)
    ok(house.send(sender=b"size3@good.test", parameters=b" SIZE=%d" % LIMIT).startswith("250"), "fault 26 SIZE= at the limit is taken")
    ok(house.send(sender=b"size4@good.test", parameters=b" SIZE=%d" % (LIMIT + 1)).startswith("552 5.3.4"), "fault 26 one octet over is not")
    reply = house.send(head + lines * 50000, sender=b"size5@good.test")
    ok(reply.startswith("552 5.3.4"), "fault 26 50 MB are refused") or diag(reply)
    house.wait()
    eq({r["requester"] for r in house.sql("SELECT requester FROM request WHERE requester LIKE 'size%'")}, {"size1@good.test", "size3@good.test"},
       "fault 26 what was refused is not there")
    after = [house.look(program)[2] for program in ("postsixd", "intake")]
    ok(all(b <= a + 1024 for a, b in zip(before, after)), f"fault 26 both residents grew by less than 1 MB: {before} to {after} kB")


def nested(kind, depth):
    parts = b"".join(b'Content-Type: %s; boundary="%d"\r\n\r\n--%d\r\n' % (kind, n, n) for n in range(depth))
    return b"Content-Type: multipart/mixed; boundary=\"x\"\r\n\r\n--x\r\n" + parts


MONSTERS = {
    "nested parts": message(b"", MIME_Version="1.0")[:-2] + nested(b"multipart/mixed", 10000),
    "flat parts": message(b"--x\r\n\r\ny\r\n" * 80000, Content_Type="multipart/mixed; boundary=x"),
    "nested messages": message(b"Content-Type: message/rfc822\r\n\r\n" * 25000, Content_Type="message/rfc822"),
    "a report of 50000 blocks": message(b"--x\r\nContent-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 50000,
                                        Content_Type="multipart/report; boundary=x; report-type=delivery-status"),
    "groups": message(To=b"g:" * 50000), "parentheses": message(From=b"(" * 100000), "quotes": message(From=b'"' * 100000),
    "addresses": message(To=b",\r\n ".join(b"u%d@x.test" % n for n in range(20000))), "one header line": message(X_Long=b"x" * 900000),
    "header lines": b"a:b\r\n" * 50000 + message(), "References": message(References=b"\r\n ".join([b"<%d@x>" % n for n in range(60000)])),
    "parameters": message(Content_Type=b"text/plain" + b";\r\n a=b" * 50000), "folds": message(Subject=b"s" + b"\r\n " * 100000 + b"x"),
    "encoded words": message(Subject=b"\r\n ".join([b"=?utf-8?q?=0a?="] * 20000)), "base64": message(b"QUFB" * 200000, Content_Transfer_Encoding="base64"),
    "continuations of RFC 2231": message(Content_Type=b"multipart/mixed" + b"".join(b";\r\n boundary*%d=x" % n for n in range(20000))),
}


# what is decided about them, where it is not "answer"
DECISIONS = {name: "malformed" for name in ("groups", "parentheses", "quotes", "one header line", "header lines")}
DECISIONS["a report of 50000 blocks"] = "report"


def test_monsters(house):
    """Faults 27 and 28."""
    start = len(house.log())
    for number, octets in enumerate(MONSTERS.values()):
        reply = house.send(octets[:LIMIT - 4000], sender=b"m%d@good.test" % number)
        ok(re.match(r"250|55[24] 5", reply), f"fault 28 {list(MONSTERS)[number]}: taken, or refused for good") or diag(reply)
    house.wait()
    rows = {r["requester"]: r["decision"] for r in house.sql("SELECT requester, decision FROM request WHERE requester LIKE 'm%@good.test'")}
    for number, name in enumerate(MONSTERS):
        address = f"m{number}@good.test"
        wanted = DECISIONS.get(name, "answer")
        eq((rows.get(address), len(house.mails(address))), (wanted, 2 if wanted == "answer" else 0), f"faults 27 28 {name}: {wanted}")
    used = [(int(ms), int(kb)) for ms, kb in re.findall(r"parser_ms=(\d+), parser_kb=(\d+)", house.log()[start:])]
    ok(len(used) >= len(rows) > 10 and max(kb for _, kb in used) < 64 << 10,
       f"faults 27 28 the parser needed at most {max(kb for _, kb in used)} kB")
    diag(f"and at most {max(used)[0]} ms")
    eq([line for line in house.log()[start:].splitlines() if "unparsable" in line], [], "faults 27 28 it ended each by itself")


def main():
    with House("hostile") as house:
        # the daemon's own word about what came in; policy.py has the session's
        house.up("--no-policy", zone=ZONE, peers={"evil": HOSTILE})
        for run in (test_replies, test_injection, test_nuls, test_size, test_monsters):
            run(house)
            house.invariants(f"after {run.__name__}")
    done()


if __name__ == "__main__":
    main()
