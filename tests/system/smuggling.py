#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Fault 31: what only looks like the end of DATA ends nothing, at either instance, and none of it is on the wire of what we submit.

To each ending a second session's commands are appended, in the same segment, and then the true end. Postfix may take the whole as
one message, or refuse it; the second message is never there. Breaks in other places of a header: hostile.py."""
import base64
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import CORPORA, DUAL4, DUAL6, V6, House, message  # noqa: E402
from tap import diag, done, eq, ok, skip  # noqa: E402

TABLE = f"{CORPORA}/smtp-smuggling/end-of-data.tsv"
ENDINGS = {
    "LF.LF": b"\n.\n", "CR.CR": b"\r.\r", "CR.LF": b"\r.\n", "LF.CR": b"\n.\r", "LF.CRLF": b"\n.\r\n", "CR.CRLF": b"\r.\r\n",
    "CRLF.LF": b"\r\n.\n", "CRLF.CR": b"\r\n.\r", "CRLF NUL.CRLF": b"\r\n\0.\r\n", "CRLF.NUL CRLF": b"\r\n.\0\r\n",
    "CRLF.CRCRLF": b"\r\n.\r\r\n", "CRCRLF.CRCRLF": b"\r\r\n.\r\r\n", "CRLF.blank CRLF": b"\r\n. \r\n",
    "CRLF blank.CRLF": b"\r\n .\r\n", "CRLF.tab CRLF": b"\r\n.\t\r\n", "LF.blank LF": b"\n. \n", "CRLF..CRLF": b"\r\n..\r\n",
    "VT.VT": b"\v.\v", "FF.FF": b"\f.\f", "NEL.NEL": "\u0085.\u0085".encode(), "LS.LS": "\u2028.\u2028".encode(), "LF.LF.LF": b"\n.\n.\n",
}
WAYS = {"six": (V6, "test@six.test"), "dual": (DUAL6, "test@dual.test"), "dual4": (DUAL4, "test@dual.test")}
EVIL = "evil@good.test"


def written(octets):
    """A row of the corpus: C escapes."""
    return octets.encode().decode("unicode_escape").encode("latin-1")


def test_table():
    if not os.path.exists(TABLE):
        skip("the corpus's endings are in our table", f"no {TABLE}")
        return
    with open(TABLE, encoding="ascii") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith(("#", "name\t"))]
    ok(len(rows) >= 12, f"{len(rows)} endings in the corpus")
    eq([name for name, octets, *_ in rows if written(octets) not in ENDINGS.values()], [], "and each is in our table")


def smuggle(house, way, number, ending):
    """All replies after DATA, until the server closes."""
    host, to = WAYS[way]
    smtp = house.connect(host)
    for line in (b"EHLO mx.good.test", b"MAIL FROM:<%s%d@good.test>" % (way.encode(), number), b"RCPT TO:<" + to.encode() + b">", b"DATA"):
        reply = smtp.say(line)
    evil = b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n%s\r\n.\r\n" % (EVIL.encode(), to.encode(), message(From=EVIL)[:-2])
    replies = [reply, smtp.say(message(b"before") + ending + evil + b"QUIT")]
    while replies[-1]:
        replies.append(smtp.read())
    smtp.close()
    return [reply[:3] for reply in replies[:-1]]


def test_in(house):
    cases = [(way, number, name) for way in WAYS for number, name in enumerate(ENDINGS)]
    replies = {(way, name): smuggle(house, way, number, ENDINGS[name]) for way, number, name in cases}
    house.wait()
    for way in WAYS:
        for number, name in enumerate(ENDINGS):
            got = replies[way, name]
            ok(got in (["354", "250", "221"], ["354", "550", "221"], ["354", "521"]), f"31 {way}: {name}: one reply to all that came") or diag(got)
            sender = f"{way}{number}@good.test"
            rows = house.sql("SELECT entry FROM request WHERE requester = ?", sender)
            eq((len(rows), len(house.mails(sender))), (1, 2) if "250" in got else (0, 0), f"31 {way}: {name}: one message, answered once, or none")
    eq([house.sql("SELECT * FROM request WHERE requester = ?", EVIL), house.mails(EVIL)], [[], []], "31 what was smuggled is no request, and not answered")
    eq(re.findall(f".*from=<{EVIL}>.*", house.log()), [], "31 no queue ever had it")
    ok(sum("250" in got for got in replies.values()) >= len(cases) / 2, "31 most were taken as one message, so that was seen")


def test_out(house):
    """The Subject and Message-IDs are what we repeat; raw where SMTP lets them through, else in encoded words."""
    for number, ending in enumerate(ENDINGS.values()):
        inner = b"a" + ending + b"MAIL FROM:<" + EVIL.encode() + b">" + ending
        folded = inner.replace(b"\r\n", b"\r\n ")
        cases = {"word": {"Subject": b"=?utf-8?b?" + base64.b64encode(inner) + b"?="}, "raw": {"Subject": b"s" + folded + b"x"},
                 "ids": {"References": b"<r" + folded + b"@x> <q@x>", "Message_ID": b"<" + folded + b"@x>"},
                 "dots": {"Subject": b"." * 200 + b" ." * 100, "Message_ID": b"<." + b"." * 80 + b"@x>", "References": b"<.@x>\r\n " * 20}}
        for name, fields in cases.items():
            house.send(message(**fields), sender=f"{name}{number}@good.test".encode())
    house.wait()
    mails = [mail for mail in house.mails() if re.match("(word|raw|ids|dots)[0-9]", mail.recipients[0])]
    eq([(mail.recipients, mail.facts["faults"]) for mail in mails if mail.facts["faults"]], [], f"31 {len(mails)} mails of ours: nothing bare, every dot stuffed")
    evil = re.compile(rb"(?m)^[. ]*MAIL FROM")
    eq([mail.recipients for mail in mails if evil.search(mail.octets) or mail.recipients[0] == EVIL], [], "31 and no line of theirs begins one of ours")
    ok(len(mails) >= 6 * len(ENDINGS), "31 most were answered, so that was seen") or diag(len(mails))


def main():
    test_table()
    with House("smuggling") as house:
        house.up()
        for run in (test_in, test_out):
            run(house)
            house.invariants(f"after {run.__name__}")
    done()


main()
