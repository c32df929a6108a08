#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Fault 30, D2, D7: envelope senders of every kind through the real Postfix. Our RCPT TO at the other side is, octet for octet, the
MAIL FROM that came; SMTPUTF8 is asked for where an address needs it and nowhere else. What cannot be answered is refused in the
session, or by a logged decision; nothing is ever mangled on the way."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import DUAL6, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

UTF8 = b" SMTPUTF8"
# An internationalised domain's server, a domain of 253 octets, and a server that knows no SMTPUTF8
LONG_DOMAIN = ".".join(["d" * 61] * 4)[:248] + ".test"
ZONE = "".join(f"{domain}. MX 1 mx.zoo.test.\n" for domain in ("xn--grn-ioa.test", LONG_DOMAIN, "zoo.test")) + """
mx.zoo.test. A 198.51.100.98
mx.zoo.test. AAAA 2001:db8:100::98
old.test. MX 1 mx.old.test.
mx.old.test. A 198.51.100.97
mx.old.test. AAAA 2001:db8:100::97
"""
ZOO = """
from smtpserver import Temper, run, serve
run(serve("mx.zoo.test", ["198.51.100.98", "2001:db8:100::98"], Temper()))
"""
OLD = """
import smtpserver
class Session(smtpserver.Session):
    def reply(self, answer):
        super().reply(answer.replace("8BITMIME", "X-OLD").replace("SMTPUTF8", "X-OLD2"))
smtpserver.Session = Session
smtpserver.run(smtpserver.serve("mx.old.test", ["198.51.100.97", "2001:db8:100::97"], smtpserver.Temper()))
"""
# A server whose name is its address (RFC 5321 4.1.3): the world's good one has both
LITERAL4, LITERAL6 = b"l4@[198.51.100.10]", b"l6@[IPv6:2001:db8:100::10]"

# what it is, MAIL FROM, MAIL parameters, the RCPT TO that must come back (None: the same), whether RCPT needs SMTPUTF8
ANSWERED = [
    ("plain", b"plain@good.test", b"", None, False),
    ("quoted blank", b'"a b"@good.test', b"", None, False),
    ("quoted quote", b'"a\\"b"@good.test', b"", None, False),
    ("quoted backslash", b'"a\\\\b"@good.test', b"", None, False),
    ("quoted @", b'"a@b"@good.test', b"", None, False),
    ("quoted dots", b'".a..b."@good.test', b"", None, False),
    ("quoted angle brackets", b'"a<b>c"@good.test', b"", None, False),
    ("quoted comma and colon", b'"a,b:c;d"@good.test', b"", None, False),
    ("quoted parentheses", b'"(a)"@good.test', b"", None, False),
    ("needless quotes, which Postfix takes away", b'"needless"@good.test', b"", b"needless@good.test", False),
    ("a needless pair, too", b'"nee\\dless2"@good.test', b"", b"needless2@good.test", False),
    ("all of atext", b"!#$&'*+-/=?^_`{|}~@good.test", b"", None, False),
    ("X.400", b"/c=us/o=x/s=doe@good.test", b"", None, False),
    ("equals and slash", b"a/b=c@good.test", b"", None, False),
    ("plus and VERP", b"me+list=six.test@good.test", b"", None, False),
    ("letter case", b"MiXeD.Case@GooD.TesT", b"", None, False),
    ("64 octets of local part", b"l" * 64 + b"@good.test", b"", None, False),
    ("one letter", b"a@good.test", b"", None, False),
    ("digits", b"1234567890@good.test", b"", None, False),
    ("253 octets of domain", b"l@" + LONG_DOMAIN.encode(), b"", None, False),
    ("source route, which RFC 5321 C lets us drop", b"@a.test,@b.test:routed@good.test", b"", b"routed@good.test", False),
    ("a punycode domain", b"pure@xn--grn-ioa.test", b"", None, False),
    ("UTF-8 local part", "jürgen@good.test".encode(), UTF8, None, True),
    ("UTF-8 in quotes", '"jür gen"@good.test'.encode(), UTF8, None, True),
    ("UTF-8, Japanese", "あいうえお@good.test".encode(), UTF8, None, True),
    ("UTF-8, not normalised", "jurgen\u0308@good.test".encode(), UTF8, None, True),
    ("64 octets of UTF-8", ("é" * 32 + "@good.test").encode(), UTF8, None, True),
    ("a domain of U-labels", "grete@grün.test".encode(), UTF8, None, True),
    ("both", "jürgen@grün.test".encode(), UTF8, None, True),
    ("SMTPUTF8 said, not needed", b"needless3@good.test", UTF8, None, False),
    ("from a server that has no SMTPUTF8", b"plain@old.test", UTF8, None, False),
]

# what it is, MAIL FROM, MAIL parameters, the reply (regular expression)
REFUSED = [
    ("a hyphen first, as an option has it", b"-f@good.test", b"", "5"),
    ("a label of 64", b"a@" + b"d" * 64 + b".test", b"", "5"),
    ("a domain of 256", b"a@" + b"d." * 126 + b"test", b"", "5"),
    ("no domain", b"nobody", b"", "5"),
    ("no dot in the domain", b"a@localhost", b"", "5"),
    ("no local part", b"@good.test", b"", "5"),
    ("a blank", b"a b@good.test", b"", "5"),
    ("an open quote", b'"a@good.test', b"", "5"),
    ("a bang path", b"host!user", b"", "5"),
    ("%-hack to nowhere", b"a%good.test@nodomain.test", b"", "5"),
    ("an empty domain", b"a@", b"", "5"),
    ("a domain with an underscore alone", b"a@_", b"", "5"),
    ("a literal that is none", b"a@[999.1.1.1]", b"", "5"),
    ("invalid UTF-8", b"j\xfcrgen@good.test", UTF8, "5"),
    ("invalid UTF-8, overlong", b"j\xc0\xafrgen@good.test", UTF8, "5"),
    ("invalid UTF-8, without SMTPUTF8", b"\xff\xfe@good.test", b"", "5"),
    ("a control character", b'"a\x01b"@good.test', b"", "5"),
    ("DEL", b'"a\x7fb"@good.test', b"", "5"),
    ("a tab in quotes, which smtpd would make a blank of", b'"a\tb"@good.test', b"", "5"),
    ("empty quotes", b'""@good.test', b"", "5"),
    ("a NUL", b"a\0b@good.test", b"", "5"),
]

# Those that Postfix takes though they are odd: what it is, MAIL FROM, MAIL parameters, the decision, the RCPT TO
ODD = [
    ("IPv4 literal", LITERAL4, b"", "answer", LITERAL4),
    ("IPv6 literal", LITERAL6, b"", "answer", LITERAL6),
    ("%-hack", b"user%six.test@good.test", b"", "answer", b"user%six.test@good.test"),
    ("a bang path with a domain", b"host!user@good.test", b"", "answer", b"host!user@good.test"),
    # Postfix gives what no grammar has the only form that one has, before anyone sees it
    ("65 octets of local part", b"l" * 65 + b"@good.test", b"", "bad-sender", None),
    ("two dots", b"a..b@good.test", b"", "answer", b'"a..b"@good.test'),
    ("a dot first", b".a@good.test", b"", "answer", b'".a"@good.test'),
    ("a dot last", b"a.@good.test", b"", "answer", b'"a."@good.test'),
    ("two @", b"a@b@good.test", b"", "answer", b'"a@b"@good.test'),
    ("a literal without its end", b"a@[198.51.100.10", b"", "answer", b"a@[198.51.100.10]"),
    ("UTF-8 without SMTPUTF8", "jörg@good.test".encode(), b"", "answer", "jörg@good.test".encode()),
    ("U+2028", "a\u2028b@good.test".encode(), UTF8, "bad-sender", None),
    ("U+0085", "a\u0085b@good.test".encode(), UTF8, "bad-sender", None),
    ("right-to-left override", "a\u202eb@good.test".encode(), UTF8, "bad-sender", None),
    ("UTF-8 to a server that has no SMTPUTF8", "jürgen@old.test".encode(), UTF8, "answer", None),
]



def ask(house, what, sender, parameters):
    """The reply, and the queue id of a request that was taken."""
    reply = house.send(message(Subject=f"from {what}".encode("ascii", "replace")), sender=sender, parameters=parameters)
    found = re.match(r"250 2\.0\.0 Ok: queued as (\w+)$", reply)
    return reply, found and found[1]


def answers(house, queue_id):
    """What the database made of a request, and the mails for it."""
    rows = house.sql("SELECT decision, requester FROM request WHERE queue_id = ?", queue_id)
    log = re.findall(rf"postsixd\[\d+\]: ([a-z2-7]{{13}}): request=(answered|ignored)(?:, reason=([\w-]+))?.* queue_id={queue_id},",
                     house.log())
    return rows, log, [mail for mail in house.mails() if log and mail.request == log[0][0]]


def raw(mail):
    return [recipient.encode("utf-8", "surrogateescape") for recipient in mail.recipients]


def test_answered(house, taken):
    for (what, sender, _, wanted, utf8), queue_id in zip(ANSWERED, taken):
        rows, log, mails = answers(house, queue_id)
        eq([r["decision"] for r in rows], ["answer"], f"{what}: answered")
        eq(sorted((m.kind, raw(m), m.facts["smtputf8"]) for m in mails),
           [("report", [wanted or sender], utf8), ("six", [wanted or sender], utf8)],
           f"fault 30 {what}: RCPT TO is the MAIL FROM, octet for octet; D7 SMTPUTF8 {'asked for' if utf8 else 'not asked for'}")
        shown = (wanted or sender).decode()
        ok(all(m.parsed["To"] and m.octets.count(shown.encode()) >= 1 for m in mails), f"{what}: To and report name it as it is")
        eq([entry[1] for entry in log], ["answered"], f"A1 {what}: one line in the log")


def test_odd(house, taken):
    for (what, sender, _, decision, wanted), (reply, queue_id) in zip(ODD, taken):
        if decision == "bad-sender" and not queue_id:
            ok(reply.startswith("550 5.7.1 ") and "the sender address is malformed" in reply, f"{what}: refused in the session") or diag(reply)
            continue
        ok(queue_id, f"{what} is taken") or diag(reply)
        rows, log, mails = answers(house, queue_id)
        eq([r["decision"] for r in rows], [decision], f"{what}: {decision}")
        eq([entry[1:] for entry in log], [("answered", "") if decision == "answer" else ("ignored", decision)],
           f"A1 {what}: one line in the log")
        if wanted:
            eq([raw(m) for m in mails], [[wanted]] * 2, f"fault 30 {what}: RCPT TO is the MAIL FROM, octet for octet")
        elif decision != "answer":
            eq(mails, [], f"{what}: no mail")


def test_no_smtputf8_there(house):
    """D7: never transcoded. The peer has no SMTPUTF8, so the probe fails with 5.6.7, and nodd mail can reach it."""
    rows = house.sql("SELECT outcome, d.status, d.action FROM request r JOIN message m ON m.request = r.id AND kind = 'six'"
                     " LEFT JOIN dsn d ON d.id = outcome_dsn WHERE requester = ?", "jürgen@old.test")
    eq([(r["outcome"], r["status"], r["action"]) for r in rows], [("failed", "5.6.7", "failed")], "D7 no SMTPUTF8 at the peer: 5.6.7")
    eq([m.facts for m in house.mails() if m.server == "mx.old.test" and m.recipients != ["plain@old.test"]], [],
       "D7 nothing reached it under another name")


def main():
    with House("addresses") as house:
        house.up(zone=ZONE, peers={"zoo": ZOO, "old": OLD})
        taken = []
        for what, sender, parameters, *_ in ANSWERED:
            reply, queue_id = ask(house, what, sender, parameters)
            ok(queue_id, f"{what} is taken") or diag(reply)
            taken.append(queue_id)
        odd = [ask(house, what, sender, parameters) for what, sender, parameters, *_ in ODD]
        before = len(re.findall("request=", house.log()))
        for what, sender, parameters, wanted in REFUSED:
            reply, _ = ask(house, what, sender, parameters)
            ok(re.match(wanted, reply), f"D2 {what}: refused in the session") or diag(reply)
        house.wait()
        ok(len(re.findall("request=", house.log())) <= before + len(ANSWERED) + len(ODD), "what was refused is no request")
        test_answered(house, taken)
        test_odd(house, odd)
        test_no_smtputf8_there(house)
        reply = house.send(message(To="test@dual.test"), sender=b"", to=b"test@dual.test", host=DUAL6)
        ok(reply.startswith("550 5.7.1 "), "A4 <> is refused in the session") or diag(reply)
        house.invariants("after every kind of sender")
    done()


main()
