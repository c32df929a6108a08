#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""C9, faults 18 and 19: what comes to token addresses and is no notification about that probe causes no mail and changes nothing; it
leaves a row and a log line with the reason. What is genuine works, in whatever letter case."""
import base64
import glob
import hashlib
import hmac
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import CORPORA, V6, House, message  # noqa: E402
from tap import diag, done, eq, ok, skip  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
A, BEE = "a@good.test", "bee@good.test"
ACTIONS = ["failed", "delayed", "delivered", "relayed", "expanded", "vanished"]
DAY = 86400


def report(about, action="failed", status="5.1.1", kind="message/delivery-status", encode=False, envelope_id=""):
    """A notification as RFC 3464 has it."""
    block = (f"Reporting-MTA: dns; mx.good.test\r\n{envelope_id}\r\nFinal-Recipient: rfc822; {about}\r\nAction: {action}\r\n"
             f"Status: {status}\r\nDiagnostic-Code: smtp; 550 {status} No\r\n\r\n").encode()
    encoding = b"Content-Transfer-Encoding: base64\r\n" if encode else b""
    block = base64.encodebytes(block).replace(b"\n", b"\r\n") if encode else block
    body = (b"--=\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--=\r\nContent-Type: " + kind.encode() + b"\r\n" + encoding + b"\r\n" + block
            + b"\r\n--=--\r\n")
    return message(body, From="MAILER-DAEMON@good.test", Subject="Undelivered", Auto_Submitted="auto-replied", MIME_Version="1.0",
                   Content_Type='multipart/report; report-type=delivery-status; boundary="="')


class Forger:
    def __init__(self, house):
        self.house, self.expected = house, []
        with open(f"{house.state}/token.secret", "rb") as file:
            self.secret = file.read().strip()

    def mint(self, number, expires, purpose=b"bounce", domain=b"six.test"):
        """What seal_mint() makes. Only this test and postsixd have the secret."""
        signed = (number & (1 << 64) - 1).to_bytes(8, "big") + int(expires // 60).to_bytes(4, "big")
        mac = hmac.new(self.secret, purpose + b"\0" + domain + b"\0" + signed, hashlib.sha256).digest()[:12]
        b32 = lambda octets: base64.b32encode(octets).decode().rstrip("=").lower()
        return b32(signed[:8]) + b32(signed[8:] + mac)

    def send(self, what, token, octets, wanted, sender=b"", domain="six.test"):
        reply = self.house.send(octets, sender=sender, to=f"bounce+{token}@{domain}".encode(), host=V6)
        found = re.match(r"250 .* queued as (\w+)$", reply)
        if ok(found, f"{what}: taken") or diag(reply):
            self.expected.append((what, found[1], wanted))

    def refused(self, what, token, octets):
        reply = self.house.send(octets, sender=b"", to=f"bounce+{token}@six.test".encode(), host=V6)
        ok(reply.startswith("550 5.1.1 "), f"{what}: refused in the session") or diag(reply)

    def snapshot(self):
        return self.house.sql("SELECT id, state, outcome, outcome_at, outcome_dsn, accepted_at FROM message ORDER BY id")

    def settle(self, title, before=None):
        """Each has its decision and its log line; with before, nothing else has changed."""
        self.house.wait()
        log = self.house.log()
        decisions = {row["entry"].split("-")[0]: row["decision"] for row in self.house.sql("SELECT entry, decision FROM dsn")}
        for what, queue_id, wanted in self.expected:
            got = decisions.get(queue_id)
            ok(got in wanted.split(), f"{title} {what}: {wanted}") or diag(got)
            logged = got == "used" or len(re.findall(rf"dsn=ignored, reason={got}, .*queue_id={queue_id}\n", log)) == 1
            ok(logged, f"{title} {what}: logged")
        self.expected = []
        if before is not None:
            mails, state = before
            eq((len(self.house.mails()), self.snapshot() == state), (mails, True), f"{title}: no mail, and no state changed")

    def now(self):
        return len(self.house.mails()), self.snapshot()


def flip(token, at):
    """One bit of the base32 digit."""
    return token[:at] + LETTERS[LETTERS.index(token[at]) ^ 1 << at % 5] + token[at + 1:]


def test_forged_tokens(forger, tokens, ids):
    before, token = forger.now(), tokens[A]
    for at in range(39):
        forger.send(f"bit flipped in letter {at}", flip(token, at), report(A), "forged-token bad-token")
    forger.send("of another site", token, report(A), "forged-token", domain="seis.test")
    forger.send("made of a Message-ID", ids[A], report(A), "forged-token")
    forger.send("guessed", "a" * 39, report(A), "forged-token")
    number, now = int.from_bytes(base64.b32decode(token[:13].upper() + "==="), "big"), time.time()
    forger.send("expired two days ago", forger.mint(number, now - 2 * DAY), report(A), "expired-token")
    forger.send("of no probe", forger.mint(0x1234567890abcde2, now + DAY), report(A), "no-such-probe")
    forger.send("of a report", forger.mint(number & ~15 | 1, now + DAY), report(A), "no-such-probe")
    for purpose in (b"message-id", b""):
        forger.send(f"for {purpose.decode() or 'nothing'}", forger.mint(number, now + DAY, purpose), report(A), "forged-token")
    forger.refused("38 letters", token[1:], report(A))
    forger.refused("40 letters", token + "a", report(A))
    forger.refused("another letter", token[:-1] + "1", report(A))
    forger.settle("fault 18", before)


def test_forged_reports(forger, tokens):
    """The token is genuine, as whoever got the probe knows it; what comes with it is not a report on it."""
    before = forger.now()
    for action in ACTIONS:
        forger.send(f"{action}, about another recipient", tokens[A], report(BEE, action, "2.0.0"), "other-recipient")
        forger.send(f"{action}, not from <>", tokens[A], report(A, action), "not-from-null-sender", sender=b"x@good.test")
    for action in ("delivered", "relayed", "expanded", "delayed", "vanished"):
        forger.send(f"{action}, of what was accepted", tokens[A], report(A, action, "4.0.0"), "no-change")
    forger.send("with another probe's envelope id", tokens[A], report(BEE, envelope_id=f"Original-Envelope-Id: {tokens[BEE]}\r\n"),
                "other-recipient")
    forger.send("a recipient that begins like theirs", tokens[A], report(A + ".evil.test"), "other-recipient")
    forger.send("a recipient within theirs", tokens[A], report(f"<{BEE}> {A}"), "other-recipient")
    forger.settle("C9", before)


def test_not_reports(forger, tokens):
    before = forger.now()
    for what, octets in (("a human", message()), ("an auto-reply", message(Auto_Submitted="auto-replied")), ("no header", b"\r\n"),
                         ("spam", message(b"<html><a href=x>buy</a>", Content_Type="text/html")), ("NULs", message(b"\0" * 1000))):
        forger.send(what, tokens[A], octets, "no-delivery-status")
        forger.send(what + ", from somebody", tokens[A], octets, "not-from-null-sender", sender=b"x@good.test")
    files = [path for folder in ("autoresponder/pigeonhole", "bounce-flufl") for path in sorted(glob.glob(f"{CORPORA}/{folder}/*.*"))
             if path.endswith((".eml", ".txt"))][::2]
    if not files:
        skip("fault 19 other people's messages", f"not in {CORPORA}")
    for path in files:
        with open(path, "rb") as file:
            octets = re.sub(rb"\r?\n", b"\r\n", re.sub(rb"\AFrom .*\n", b"", file.read()))
        forger.send(os.path.basename(path), tokens[BEE], octets, "no-delivery-status other-recipient unparsable")
    forger.settle("fault 19", before)


def test_genuine(forger, tokens):
    count = len(forger.house.mails())
    forger.send("in capital letters", tokens[A].upper(), report(A), "used")
    forger.settle("fault 18")
    before = forger.now()
    eq([m.kind for m in forger.house.mails()[count:]], ["bounce"], "fault 18 a genuine one brings the processed bounce")
    for _ in range(3):
        forger.send("replayed", tokens[A], report(A), "no-change")
    forger.send("delivered, later", tokens[A], report(A, "delivered", "2.0.0"), "no-change")
    forger.settle("fault 18", before)
    forger.send("C11 global-delivery-status in base64", tokens[BEE],
                report(BEE, kind="message/global-delivery-status", encode=True), "used")
    forger.send("C4 about an address they rewrote, by its envelope id", tokens["cee@good.test"],
                report("x@elsewhere.test", envelope_id=f"Original-Envelope-Id: {tokens['cee@good.test']}\r\n"), "used")
    forger.settle("forms")
    eq(sorted((m.kind, m.recipients) for m in forger.house.mails()[count + 1:]),
       [("bounce", [BEE]), ("bounce", ["cee@good.test"])], "forms: the processed bounces go to the requesters")


def main():
    with House("forged") as house:
        # the daemon's own word about what came in; policy.py has the session's
        house.up("--no-policy")
        for address in (A, BEE, "cee@good.test"):
            house.send(sender=address.encode())
        house.wait()
        probes = [mail for mail in house.mails() if mail.kind == "six"]
        tokens = {mail.recipients[0]: mail.sender[7:46] for mail in probes}
        ids = {mail.recipients[0]: mail.token for mail in probes}
        forger = Forger(house)
        number, rest = (base64.b32decode(part.upper() + "=" * (-len(part) % 8)) for part in (tokens[A][:13], tokens[A][13:]))
        minted = forger.mint(int.from_bytes(number, "big"), int.from_bytes(rest[:4], "big") * 60)
        eq(minted, tokens[A], "this test mints as postsixd does")
        for run in (test_forged_tokens, test_forged_reports, test_not_reports, test_genuine):
            run(forger, tokens, *([ids] if run is test_forged_tokens else []))
            house.invariants(f"after {run.__name__}")
    done()


main()
