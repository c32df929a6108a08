#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Faults 20 and 21: a message that comes again because its sender missed our 250, and everything that might go round in circles:
our own addresses, responders without manners, a list that we are on, forwarders. Here with the limits that are shipped, and once
more without any: the rules must end each loop by themselves, but for the two whose messages look like a person's each time."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import DUAL6, OPERATOR, V6, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

# A server that answers, or passes on, all it takes: by the local part it was sent to. None of them says that it is a machine.
RESPONDER = '''
import asyncio, email, email.utils, os, re, sys, tempfile
import smtpserver
HOSTS = {"six.test": "2001:db8:25::6", "seis.test": "2001:db8:25::6"}

tasks = []

async def mail(sender, to, octets):
    domain = to.rpartition("@")[2].lower()
    if domain not in ("six.test", "seis.test", "dual.test", "doble.test"):
        return
    reader, writer = await asyncio.open_connection(HOSTS.get(domain, "2001:db8:25::25"), 25, local_addr=("2001:db8:100::99", 0))
    for step in (None, "EHLO mx.loop.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA", octets.decode("latin-1") + ".", "QUIT"):
        if step is not None:
            writer.write(step.encode("latin-1") + b"\\r\\n")
        line = b"----"
        while line[3:4] == b"-":
            line = await reader.readline()
        if line[:1] not in b"23":
            break
    writer.close()

def note(me, about, thread):
    head = f"From: {me}\\r\\nTo: you\\r\\nSubject: Re: {about['Subject'] or ''}\\r\\nMessage-ID: {email.utils.make_msgid()}\\r\\n"
    if thread:
        head += f"In-Reply-To: {about['Message-ID']}\\r\\n"
    return (head.replace("\\r\\n ", " ") + "\\r\\nI am on vacation.\\r\\n").encode()

# Debian's vacation(1) answers by sendmail(1): ours keeps what it was given
SENDMAIL = """#!/bin/sh
for to; do :; done
{ echo "$to"; cat; } > PATH.part
mv PATH.part PATH.sent
"""
VACATION = """mount --bind "$0" /usr/sbin/sendmail
vacation -d -f "$0.db" -i root
exec vacation -d -j -z -r 0 -a "$1" -f "$0.db" -m "$0.msg" root
"""

async def vacation(me, sender, octets):
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/sendmail"
        for name, text in ((path, SENDMAIL.replace("PATH", path)), (f"{path}.msg", f"From: {me}\\nSubject: away: $SUBJECT\\n\\nI am on vacation.\\n")):
            with open(name, "w", opener=lambda p, f: os.open(p, f, 0o755)) as file:
                file.write(text)
        run = await asyncio.create_subprocess_exec("unshare", "-m", "sh", "-ec", VACATION, path, me, stdin=asyncio.subprocess.PIPE)
        await run.communicate(f"From {sender or 'MAILER-DAEMON'} Mon Nov 23 18:00:00 2026\\n".encode() + octets.replace(b"\\r\\n", b"\\n"))
        for _ in range(30):  # vacation(1) does not wait for sendmail(1)
            await asyncio.sleep(0.1)
            if os.path.exists(f"{path}.sent"):
                with open(f"{path}.sent", "rb") as file:
                    to, _, answer = file.read().partition(b"\\n")
                await mail("", to.decode(), answer.replace(b"\\n", b"\\r\\n"))
                break

def after(session, octets):
    about, me = email.message_from_bytes(octets), session.recipients[0]
    who = me.partition("@")[0]
    header = email.utils.parseaddr(about["From"])[1]
    jobs = []
    if who.startswith("vacation"):                # to the envelope sender, to From, to Reply-To, to Sender
        for to in {session.sender, header, about["Reply-To"], about["Sender"]} - {"", None}:
            jobs.append(mail(me, to, note(me, about, who.endswith("thread"))))
    elif who.startswith("debian"):                # vacation(1) looks for Auto-Submitted and Precedence; the deaf one does not see them
        if who.endswith("deaf"):
            octets = re.sub(rb"(?im)^(Auto-Submitted|Precedence):.*\\r\\n", b"", octets)
        jobs.append(vacation(me, session.sender, octets))
    elif who.startswith("asker"):                 # to the tester itself, again and again
        jobs.append(mail(me, "test@six.test", note(me, about, who.endswith("thread"))))
    elif who.startswith("list"):                  # the tester is subscribed; the list is its own sender, and says nothing of itself
        jobs.append(mail(me, "test@six.test", octets))
    elif who.startswith("forward"):               # with the sender it came with
        jobs.append(mail(session.sender, "test@dual.test", octets))
    elif who.startswith("resend"):                # with itself as sender, and a new Message-ID
        jobs.append(mail(me, "test@dual.test", re.sub(rb"(?im)^Message-ID:.*", b"Message-ID: <x%d@loop.test>" % id(octets), octets)))
    tasks.extend(asyncio.create_task(job) for job in jobs)  # kept: else they may be collected halfway

smtpserver.run(smtpserver.serve("mx.loop.test", ["198.51.100.99", "2001:db8:100::99"], smtpserver.Temper(after=after)))
'''
ZONE = "loop.test. MX 1 mx.loop.test.\nmx.loop.test. A 198.51.100.99\nmx.loop.test. AAAA 2001:db8:100::99\n"
OURS = ["test@six.test", "test+x@seis.test", "test@dual.test", "test@doble.test", "postmaster@six.test", "POSTMASTER@DUAL.TEST",
        "root@mx.six.test", "www-data@mx.dual.test", "bounce+" + "a" * 39 + "@six.test"]
# Whose messages carry a mark of ours, or nothing that is answered, and what becomes of what they send after the first; then who
# writes a fresh message each time
MARKED = {"vacation": [], "vacation-thread": [], "asker-thread": ["loop"] * 2, "list": ["auto-submitted"] * 2, "forward": [],
          "resend": ["auto-submitted"] * 2, "debian": [], "debian-deaf": []}
UNMARKED = {"asker": ["too-soon"] * 2}


def settle(house):
    """Quiet for as long as a round takes: each one waits for both replies."""
    count = -1
    while count != len(house.mails()):
        count = len(house.mails())
        house.wait()


def test_own_addresses(house):
    for sender in OURS:
        for to in (b"test@six.test", b"test@dual.test"):
            house.send(sender=sender.encode(), to=to)
    settle(house)
    rows = house.sql("SELECT decision, count(*) AS n FROM request GROUP BY decision")
    ok(rows and {row["decision"] for row in rows} == {"own-domain"}, "fault 21 from our own addresses: ignored") or diag(rows)
    eq([m.recipients for m in house.mails()], [], "fault 21 and nothing is sent")


def test_loops(house, names, title, most):
    for name in names:
        house.send(message(From=f"{name}@loop.test"), sender=f"{name}@loop.test".encode())
    settle(house)
    for name in names:
        address = f"{name}@loop.test"
        mails = [mail for mail in house.mails(address) if mail.is_from_us]
        decisions = [row["decision"] for row in house.sql("SELECT decision FROM request WHERE requester = ?", address)]
        ok(len(mails) <= most and sum(m.kind == "report" for m in mails) == 1, f"fault 21 {title} {name}: one round, {len(mails)} mails")
        eq(sorted(decisions), sorted(["answer"] + names[name]), f"fault 21 {title} {name}: what it sends us")
    eq(sorted(row["decision"] for row in house.sql("SELECT decision FROM request WHERE client_address = '2001:db8:100::99' AND"
                                                   " requester NOT LIKE '%@loop.test'")), ["null-sender", "own-domain"],
       f"fault 21 {title} forward: both replies come back, and are ignored")
    eq(sorted((r["sender"], r["decision"]) for r in house.sql("SELECT sender, decision FROM dsn WHERE sender != ''")),
       [(f"{name}@loop.test", "not-from-null-sender") for name in ("vacation-thread", "vacation")],
       f"fault 21 {title} vacation: its answer to the six probe is swallowed")
    house.until(lambda: house.sql("SELECT 1 FROM dsn WHERE sender = '' AND decision = 'no-delivery-status'"))
    eq([(re.sub(r".*<|>.*", "", row["requester"]), row["decision"]) for row in house.sql(
        "SELECT requester, dsn.decision FROM dsn JOIN message m ON m.id = dsn.message JOIN request r ON r.id = m.request"
        " WHERE dsn.sender = '' AND requester LIKE 'debian%' AND dsn.action = ''")], [("debian-deaf@loop.test", "no-delivery-status")],
       f"fault 21 {title} Debian's vacation keeps quiet, and deaf to Auto-Submitted it answers the probe from <>, which is swallowed")
    ok(len([m for m in house.mails(OPERATOR) if m.is_from_us]) <= 2 * len(names), f"fault 21 {title} nor does a human get many")


# Ways to ask for a notification, of which none may lead to one: the sender is anybody's
NOTIFY = [b"RCPT TO:<%s> NOTIFY=SUCCESS", b"rcpt to:<%s> notify=success,failure,delay", b"RCPT\tTO:<%s> NOTIFY=SUCCESS", b" RCPT TO:<%s> NOTIFY=SUCCESS",
          b"RCPT TO:<%s>\tNOTIFY=SUCCESS", b"RCPT TO:\t<%s> NOTIFY=SUCCESS", b"RCPT TO:<%s>  NOTIFY=SUCCESS  ORCPT=rfc822;x>y",
          b"RCPT TO:<%s> ORCPT=rfc822;x NOTIFY=SUCCESS NOTIFY=SUCCESS", b"RCPT TO:<%s> NOTIFY=NEVER NOTIFY=SUCCESS"]


def test_no_backscatter(house):
    """Every mail that reaches the sender is one of ours; Postfix itself never writes to strangers."""
    for to in (b"test@six.test", b"test@dual.test", b"postmaster@six.test", b"abuse@dual.test"):
        for number, line in enumerate(NOTIFY):
            smtp = house.connect(V6 if b"six" in to else DUAL6)
            for step in (b"EHLO x", b"MAIL FROM:<n%d@good.test>" % number, line % to, b"DATA", message() + b"."):
                if not smtp.say(step).startswith(("2", "3")):
                    break
            smtp.close()
    house.wait()
    mails = [mail for number in range(len(NOTIFY)) for mail in house.mails(f"n{number}@good.test")]
    ok(len(mails) >= 12 and {mail.kind for mail in mails} == {"report", "six"}, f"I4 {len(mails)} mails, and no notification among them")


def drop_after_dot(house, octets, sender):
    """As a client whose connection breaks before it reads our answer."""
    smtp = house.connect(V6)
    for line in (b"EHLO mx.good.test", b"MAIL FROM:<" + sender + b">", b"RCPT TO:<test@six.test>", b"DATA"):
        reply = smtp.say(line)
    ok(reply.startswith("354"), "fault 20 a message up to its dot")
    smtp.socket.sendall(octets + b".\r\n")
    smtp.close()


def test_repeats(house):
    octets, sender = message(), b"again@good.test"
    for _ in range(3):
        drop_after_dot(house, octets, sender)
    house.until(lambda: house.sql("SELECT 1 FROM request WHERE requester = 'again@good.test'"))
    house.wait()
    reply = house.send(b"Received: by another.test; Mon, 1 Jan 2024 00:00:00 +0000\r\n" + octets, sender=sender)
    ok(reply.startswith("250"), "fault 20 and once more, read to the end") or diag(reply)
    house.wait()
    decisions = sorted(row["decision"] for row in house.sql("SELECT decision FROM request WHERE requester = 'again@good.test'"))
    ok(decisions[0] == "answer" and decisions[1:] and set(decisions[1:]) == {"duplicate"}, "fault 20 the repeats are duplicates") or diag(decisions)
    eq(sorted(m.kind for m in house.mails("again@good.test")), ["report", "six"], "fault 20 one answer")
    for other in (message(), octets.replace(b"Hello", b"Hi")):
        house.send(other, sender=sender)
    house.wait()
    eq(len(house.mails("again@good.test")), 6, "fault 20 another Message-ID or body is another request")


def main():
    with House("loops") as house:
        # the daemon's own word about what came in; policy.py has the session's
        house.up("--no-policy", zone=ZONE, peers={"loop": RESPONDER})
        test_own_addresses(house)
        house.invariants("after our own addresses")
        test_loops(house, MARKED, "without limits,", 2)
        house.invariants("after loops without limits")
        test_no_backscatter(house)
        house.invariants("after asking for notifications")
        test_repeats(house)
        house.invariants("after repeats")
        house.up("--no-policy", "--set", "postsix.requester_interval=60", "--set", "postsix.requester_daily=12", zone=ZONE, peers={"loop": RESPONDER})
        test_loops(house, MARKED | UNMARKED, "as shipped,", 5)
        too_soon = house.sql("SELECT count(*) AS n FROM request WHERE requester LIKE 'asker@%' AND decision = 'too-soon'")
        ok(too_soon[0]["n"] >= 1, "fault 21 who asks anew each time is stopped by the limit")
        house.invariants("after loops as shipped")
    done()


main()
