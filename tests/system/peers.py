#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Every mail server of the lab's world asks at once; then who got which mail, over which instance and IP family, what the database
keeps, and what the log says. After that the other ways in: second site, IPv4, plus addresses, the operator's mail, and no other."""
import collections
import email.utils
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import DUAL4, DUAL6, OPERATOR, V6, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

TITLE = "IPv6 e-mail checker"
Dsn = collections.namedtuple("Dsn", "action status remote_mta cls diagnostic")


def dsn(action, status, remote_mta, cls, diagnostic):
    return Dsn(action, status, remote_mta and f"dns; {remote_mta}", cls, diagnostic)


def relayed(server):
    return dsn("relayed", "2.0.0", server, "", r"smtp; 250 2\.0\.0 Ok: accepted")


def held_up(status, remote_mta, cls, diagnostic):
    return [dsn(action, status, remote_mta, cls, diagnostic) for action in ("delayed", "failed")]


# name; its mails in order of arrival (kind, family); the probe's outcome; what was reported on it; the bounce's Subject; words of
# its text
Peer = collections.namedtuple("Peer", "name mails outcome dsns subject words")
DELIVERED = {("report", 4), ("six", 6)}
FAILED = {("report", 4), ("bounce", 4)}
GIVEN_UP = {("report", 4), ("delay", 4), ("bounce", 4)}
NO_V6 = "you are not receiving mail over IPv6"
PEERS = [
    Peer("good", DELIVERED, "accepted", [relayed("mx.good.test")], "", ""),
    Peer("v4only", FAILED, "failed", [dsn("failed", "5.4.4", "", "no-aaaa", r"X-Postfix; Host or domain name not found\. Name "
         r"service error for name=mx\.v4only\.test type=AAAA: Host found but no data record of requested type")],
         NO_V6, "no server of yours answered"),
    Peer("deaf", GIVEN_UP, "failed", held_up("4.4.1", "", "refused", r"X-Postfix; connect to mx\.deaf\.test"
         r"\[2001:db8:100::12\]:25: Connection refused"), NO_V6, "no server of yours answered"),
    Peer("lost", GIVEN_UP, "failed", held_up("4.4.1", "", "timeout", r"X-Postfix; connect to mx\.lost\.test"
         r"\[2001:db8:dead::13\]:25: Connection timed out"), NO_V6, "no server of yours answered"),
    Peer("implicit", {("report", 6), ("six", 6)}, "accepted", [relayed("implicit.test")], "", ""),
    Peer("nouser", FAILED, "failed", [dsn("failed", "5.1.1", "mx.nouser.test", "no-such-user",
         r"smtp; 550 5\.1\.1 <p@nouser\.test>: User unknown")], "your address is the problem, not IPv6",
         "says that there is no such mailbox"),
    Peer("full", GIVEN_UP, "failed", held_up("4.2.2", "mx.full.test", "mailbox-full", r"smtp; 452 4\.2\.2 "
         r"<p@full\.test>: Mailbox full"), "your mailbox is the problem, not IPv6", "says that the mailbox is full"),
    Peer("grey", {("report", 4), ("delay", 4), ("six", 6)}, "accepted", [dsn("delayed", "4.2.0", "mx.grey.test", "greylisted",
         r"smtp; 450 4\.2\.0 Greylisted, come back later"), relayed("mx.grey.test")], "", ""),
    Peer("badmx", FAILED, "failed", [dsn("failed", "5.5.4", "mx.badmx.test", "sender-domain", r"smtp; 553 5\.5\.4 "
         r"<bounce\+[a-z2-7]{39}@six\.test>\.\.\. Sender's best MX \(mx\.six\.test\.\) has no IP")],
         "your mail server refuses IPv6-only senders", "because that domain has IPv6 only"),
    Peer("ptr", DELIVERED, "accepted", [relayed("mx.ptr.test")], "", ""),
    Peer("nov6", FAILED, "failed", [dsn("failed", "5.7.510", "mx.nov6.test", "no-v6-policy", r"smtp; 550 5\.7\.510 Access denied, "
         r"<p@nov6\.test> does not accept email over IPv6")], NO_V6, "what mx.nov6.test answered, word for word"),
    Peer("liar", {("report", 4), ("six", 6), ("bounce", 4)}, "failed", [relayed("mx.liar.test"), dsn("failed", "5.1.1", "",
         "no-such-user", r"smtp; 550 5\.1\.1 <p@liar\.test>: no such person after all")], "your address is the problem, not IPv6",
         "accepted at first; the failure was reported later."),
    Peer("strict", DELIVERED, "accepted", [relayed("mx.strict.test")], "", ""),
]
NO_PTR = Peer("ptr", FAILED, "failed", [dsn("failed", "5.7.25", "mx.ptr.test", "ptr-required", r"smtp; 550 5\.7\.25 "
              r"\[2001:db8:25::6\] The IP address sending this message does not have a PTR record.*")],
              "our test over IPv6 did not work, through our fault", "The fault is ours")
# What the report's JSON says of receive-v6, and the bounce's of receive-v6, envelope-v6 and header-v6
NOT_REACHED = ["unknown not-reached"] * 2
VERDICTS = {
    "good": ["unknown mx-answers-v6"], "implicit": ["unknown mx-answers-v6"], "grey": ["unknown mx-answers-v6"],
    "strict": ["unknown mx-answers-v6"],
    "v4only": ["fail mx-without-aaaa", "fail mx-without-aaaa", *NOT_REACHED],
    "deaf": ["unknown mx-not-reached", "fail mx-refused", *NOT_REACHED],
    "lost": ["unknown mx-not-reached", "fail mx-timeout", *NOT_REACHED],
    "nouser": ["unknown mx-answers-v6", "pass reached-over-v6", *["unknown no-such-user"] * 2],
    "full": ["unknown mx-answers-v6", "pass reached-over-v6", *["unknown mailbox-full"] * 2],
    "badmx": ["unknown mx-answers-v6", "pass reached-over-v6", "fail sender-domain-refused", "unknown not-reached"],
    "nov6": ["unknown mx-answers-v6", "fail no-v6-policy", *NOT_REACHED],
    "liar": ["unknown mx-answers-v6", *["pass accepted-then-bounced"] * 2, "unknown accepted-then-bounced"],
    "ptr": ["unknown mx-answers-v6", *["unknown our-records"] * 3],
}
REFUSED = [("nullmx", "550 5.7.27 "), ("nodomain", "550 5.1.8 ")]
SUBJECT = {"report": "your message reached us", "six": "mail over IPv6 reaches you", "delay": "still trying to reach you over IPv6"}
FIELDS = ["DKIM-Signature", "DKIM-Signature", "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
          "Auto-Submitted", "MIME-Version", "Content-Type"]
SOURCE = {("dual", 4): DUAL4, ("dual", 6): DUAL6, ("v6", 6): V6}

# A server that offers DSN and notes what it is asked for: the only way to see the NOTIFY of what leaves postfix-dual
DSN_PEER = """
import smtpserver
class Session(smtpserver.Session):
    def reply(self, answer):
        super().reply(answer.replace("250 SMTPUTF8", "250-SMTPUTF8\\r\\n250 DSN"))
    async def on_path(self, verb, line):
        answer = await super().on_path(verb, line)
        self.parameters[verb.lower()] = line.decode().partition(">")[2].split()
        return answer
smtpserver.Session = Session
smtpserver.run(smtpserver.serve("mx.asks.test", ["198.51.100.99", "2001:db8:100::99"], smtpserver.Temper()))
"""
DSN_ZONE = "asks.test. MX 1 mx.asks.test.\nmx.asks.test. A 198.51.100.99\nmx.asks.test. AAAA 2001:db8:100::99\n"


def ask(house, name, **how):
    """A request in a thread: the reply, and the Message-ID it had."""
    octets = message(From=f"p@{name}.test", References=f"<root.{name}@good.test>", Subject=f"me, {name}")
    message_id = re.search(rb"Message-ID: (<.*>)", octets)[1].decode()
    return house.send(octets, sender=f"p@{name}.test".encode(), **how), message_id


def quiet(house):
    house.until(lambda: not house.sql("SELECT 1 FROM message WHERE outcome IN ('pending', 'delayed')"))
    house.wait()


def requests_with(house, peers):
    answers = {}
    for peer in peers:
        reply, answers[peer.name] = ask(house, peer.name)
        ok(re.match(r"250 2\.0\.0 Ok: queued as \w+$", reply), f"{peer.name}: its request is taken") or diag(reply)
    return answers


def header_faults(mail, name, message_id, v6_domain="six.test", dual_domain="dual.test", address=None):
    """A10-A16, A18-A20, B3-B6, D11: what the header of each of our mails must be."""
    is_six, address = mail.kind == "six", address or f"p@{name}.test"
    domain, instance = (v6_domain, "v6") if is_six else (dual_domain, "dual")
    ours = [n for n in mail.names() if n != "Content-Transfer-Encoding"]
    date = email.utils.parsedate_to_datetime(mail.field("Date"))
    subject = mail.field("Subject")
    wanted = {
        "fields": (ours, FIELDS), "A10 From": (mail.field("From"), f"{TITLE} <postmaster@{domain}>"),
        "A12 To": (mail.field("To"), address), "A12 recipients": (mail.recipients, [address]),
        "A13 Date": (abs(date.timestamp() - mail.time) < 600, True), "A16": (mail.field("Auto-Submitted"), "auto-replied"),
        "A14 Subject": (subject.startswith("Auto: ") and subject.endswith(f": me, {name}"), True),
        "A15 In-Reply-To": (mail.field("In-Reply-To"), message_id),
        "A15 References": (mail.field("References"), f"<root.{name}@good.test> {message_id}"),
        "D11 Message-ID": (mail.field("Message-ID"), f"<{mail.token}@{domain}>"), "its token": (len(mail.token), 39),
        "A18 envelope sender": (bool(re.fullmatch(rf"bounce\+{mail.token[:13]}[a-z2-7]{{26}}@{domain}", mail.sender)) if is_six
                                else mail.sender == "", True),
        "instance": (f"by mx.{instance if instance == 'dual' else 'six'}.test (Postfix)" in mail.field("Received"), True),
        "client": (mail.facts["client"], SOURCE[instance, mail.family]), "SMTPUTF8": (mail.facts["smtputf8"], False),
    }
    return [f"{mail.kind}: {what}: got {got!r}, want {want!r}" for what, (got, want) in wanted.items() if got != want]


def verdicts_of(peer, mails):
    """The part for machines: what was found, and the survey, which the report and the bounce both waited for."""
    found = []
    for kind, wanted in (("report", VERDICTS[peer.name][:1]), ("bounce", VERDICTS[peer.name][1:])):
        for mail in (m for m in mails if m.kind == kind):
            part = next(p for p in mail.parsed.walk() if p.get_content_type() == "application/json")
            tree = json.loads(part.get_content())
            abilities = [f"{a['verdict']} {a['evidence']}" for a in tree["abilities"].values()]
            found.append((kind, abilities[0], abilities[1:1 + len(wanted)], (tree["survey"] or {}).get("domain")))
    eq(sorted(found), sorted((kind, "pass arrived-over-v6", VERDICTS[peer.name][:1] if kind == "report" else VERDICTS[peer.name][1:],
                              f"{peer.name}.test") for kind, _ in peer.mails if kind in ("report", "bounce")),
       f"{peer.name}: the verdicts, and whose survey, in JSON")


def mails_of(house, peer, message_id):
    mails = house.mails(f"p@{peer.name}.test")
    eq(sorted((mail.kind, mail.family) for mail in mails), sorted(peer.mails), f"{peer.name}: its mails, each once")
    server = "implicit.test" if peer.name == "implicit" else f"mx.{peer.name}.test"
    eq({mail.server for mail in mails}, {server}, f"{peer.name}: over its own server")
    eq([fault for mail in mails for fault in header_faults(mail, peer.name, message_id)], [],
       f"A10-A16 A18-A20 B3-B6 D11 {peer.name}: header and envelope of each")
    for mail in mails:
        subject = SUBJECT.get(mail.kind, peer.subject)
        eq(mail.parsed["Subject"], f"Auto: {subject}: me, {peer.name}", f"{peer.name}: Subject of the {mail.kind}")
    bounces = [mail for mail in mails if mail.kind == "bounce"]
    ok(all(peer.words in " ".join(mail.text().split()) for mail in bounces), f"{peer.name}: what the bounce says")
    verdicts_of(peer, mails)
    for mail in bounces:
        last, attached = peer.dsns[-1], "".join(part.as_string() for part in mail.parsed.iter_attachments())
        eq([line for line in (f"Final-Recipient: rfc822; p@{peer.name}.test", "Action: failed", f"Status: {last.status}",
                              f"Remote-MTA: {last.remote_mta}" if last.remote_mta else "Diagnostic-Code: ")
            if line not in attached], [], f"{peer.name}: the delivery status is attached")


def database_of(house, peer):
    address = f"p@{peer.name}.test"
    rows = house.sql("SELECT r.id, decision, site, r.instance, client_address, outcome, accepted_at, m.id AS probe, attempts"
                     " FROM request r JOIN message m ON m.request = r.id AND kind = 'six' WHERE requester = ?", address)
    eq([(r["decision"], r["site"], r["instance"], r["client_address"], r["outcome"], r["attempts"]) for r in rows],
       [("answer", "one", "v6", "2001:db8:100::10", peer.outcome, 1)], f"{peer.name}: request and outcome in the database")
    eq([r["accepted_at"] is not None for r in rows], ["relayed" in [d.action for d in peer.dsns]],
       f"{peer.name}: accepted_at only where it was accepted, and kept")
    found = house.sql("SELECT action, status, remote_mta, class, diagnostic, decision, final_recipient FROM dsn WHERE message = ?"
                      " ORDER BY id", rows[0]["probe"])
    used = [d for d in found if d["decision"] == "used"]
    eq([(d["action"], d["status"], d["remote_mta"], d["class"]) for d in used], [d[:4] for d in peer.dsns],
       f"{peer.name}: action, status, remote MTA, class in the database")
    ok(all(re.fullmatch(want.diagnostic, got["diagnostic"]) for want, got in zip(peer.dsns, used)),
       f"{peer.name}: diagnostic") or diag(used)
    eq({d["final_recipient"] for d in used}, {f"rfc822; {address}"}, f"{peer.name}: final recipient")


def log_of(house, peer, log, message_id):
    authenticated = "mx" if peer.name == "good" else "-"  # all come from good.test's server
    address, request = re.escape(f"p@{peer.name}.test"), house.sql("SELECT queue_id FROM request WHERE requester = ?",
                                                                   f"p@{peer.name}.test")[0]["queue_id"]
    found = re.search(rf"postsixd\[\d+\]: ([a-z2-7]{{13}}): request=answered, from=<{address}>, to=<test@six\.test>, instance=v6,"
                      rf" queue_id={request}, client=2001:db8:100::10, authenticated={authenticated}, message_id={re.escape(message_id)}\n", log)
    ok(found, f"{peer.name}: log: request=answered")
    name = found[1][:12] if found else "-"
    eq(sorted(re.findall(rf": {name}[a-z]: mail=(\w+), to=<{address}>, instance=(\w+), status=sent, queue_id=\w{{10,}}, attempts=1\n",
                         log)),
       sorted((kind, "v6" if kind == "six" else "dual") for kind in {kind for kind, _ in peer.mails} | {"six"}),
       f"{peer.name}: log: mail=…, status=sent")
    outcome = {"relayed": "accepted", "delayed": "delayed", "failed": "failed"}
    eq(re.findall(rf": {name}e: dsn=used, outcome=(\w+), action=(\w+), status=([\d.]+), class=([\w-]+), remote_mta=(.*?),"
                  r" diagnostic=.+\n", log),
       [(outcome[d.action], d.action, d.status, d.cls or "-", d.remote_mta or "-") for d in peer.dsns], f"{peer.name}: log: dsn=used")


def test_peers(house):
    ids = requests_with(house, PEERS)
    for name, wanted in REFUSED:
        reply, _ = ask(house, name)
        ok(reply.startswith(wanted), f"A5 D4 {name}: refused in the session, {wanted}") or diag(reply)
    start = time.monotonic()
    test_other_ways_in(house)
    quiet(house)
    diag(f"all is quiet {time.monotonic() - start:.1f} s after the last request")
    log = house.log()
    for peer in PEERS:
        mails_of(house, peer, ids[peer.name])
        database_of(house, peer)
        log_of(house, peer, log, ids[peer.name])
    eq(house.sql("SELECT count(*) AS n FROM request WHERE requester LIKE '%nullmx.test' OR requester LIKE '%nodomain.test'"),
       [{"n": 0}], "what was refused in the session is no request")
    probe = [mail for mail in house.mails("p@grey.test") if mail.kind == "six"][0].sender
    queue_id = re.search(rf"qmgr\[\d+\]: (\w+): from=<{re.escape(probe)}>", log)[1]
    attempts = re.findall(rf"{queue_id}: to=<p@grey\.test>.* status=(\w+) ", log)
    ok(len(attempts) > 2 and set(attempts[:-1]) == {"deferred"} and attempts[-1] == "sent", "grey: accepted after retries")
    eq(collections.Counter(mail.token for mail in house.mails() if mail.is_from_us and mail.token).most_common(1)[0][1], 1,
       "every Message-ID is used once")


# ---- the other ways in --------------------------------------------------------------------------------------------------------

# name, recipient, server, source family; domains of the six probe and of the report; site
WAYS = [("w1", "test@seis.test", V6, "seis.test", "doble.test", "two"), ("w2", "test@doble.test", DUAL6, "seis.test", "doble.test", "two"),
        ("w3", "test@dual.test", DUAL4, "six.test", "dual.test", "one"), ("w4", "test+x@six.test", V6, "six.test", "dual.test", "one"),
        ("w5", "TeSt@SIX.test", V6, "six.test", "dual.test", "one"), ("w6", "test@dual.test", DUAL6, "six.test", "dual.test", "one")]
HUMANS = [(local, domain) for domain in ("six.test", "seis.test", "dual.test", "doble.test") for local in ("postmaster", "ABUSE")]
TOKEN = "bounce+" + "a" * 39
CLOSED = [(V6, "nobody@six.test", "550 5.1.1 "), (DUAL6, "nobody@dual.test", "550 5.1.1 "), (V6, "tester@six.test", "550 5.1.1 "),
          (V6, "bounce@six.test", "550 5.1.1 "), (V6, "bounce+x@six.test", "550 5.1.1 "), (V6, TOKEN + "a@six.test", "550 5.1.1 "),
          (V6, "root@mx.six.test", "550 5.1.1 "), (V6, "x@good.test", "554 5.7.1 "), (DUAL4, "x@good.test", "554 5.7.1 "),
          (V6, "test@dual.test", "554 5.7.1 "), (DUAL6, "test@six.test", "554 5.7.1 "), (V6, "test%good.test@six.test", "554 5.7.1 "),
          (V6, "@six.test:x@good.test", "554 5.7.1 "), (V6, '"x@good.test"@six.test', "554 5.7.1 ")]


def test_other_ways_in(house):
    asked = {}
    for name, to, host, *_ in WAYS:
        octets = message(From="p@good.test", References=f"<root.{name}@good.test>", Subject=f"me, {name}")
        asked[name] = re.search(rb"Message-ID: (<.*>)", octets)[1].decode()
        house.send(octets, sender=f"{name}@good.test".encode(), to=to.encode(), host=host)
    ask(house, "asks")
    for local, domain in HUMANS:
        reply = house.send(message(Subject=f"{local} {domain}"), to=f"{local}@{domain}".encode())
        ok(reply.startswith("250 "), f"{local}@{domain} takes mail") or diag(reply)
    ok(house.send(message(Subject="postmaster alone"), to=b"postmaster", host=V6).startswith("250 "), "postmaster alone, too")
    for host, to, wanted in CLOSED:
        reply = house.send(to=to.encode(), host=host)
        ok(reply.startswith(wanted), f"{to} at {host} is refused: {wanted}") or diag(reply)
    house.until(lambda: len(house.mails(OPERATOR)) >= len(HUMANS) + 1)
    eq(sorted(mail.field("Subject") for mail in house.mails(OPERATOR)), sorted([f"{l} {d}" for l, d in HUMANS] + ["postmaster alone"]),
       "all of it reaches the operator, once, and nothing else does")
    house.until(lambda: len([m for m in house.mails() if m.server == "mx.asks.test"]) >= 2)
    for name, to, host, v6, dual, site in WAYS:
        mails = house.mails(f"{name}@good.test")
        eq(sorted((mail.kind, mail.family) for mail in mails), [("report", 4), ("six", 6)], f"{to} at {host}: report and six probe")
        eq([f for m in mails for f in header_faults(m, name, asked[name], v6, dual, f"{name}@good.test")], [], f"{to}: of site {site}")
        eq([r["site"] for r in house.sql("SELECT site FROM request WHERE requester = ?", f"{name}@good.test")], [site], f"{to}: its site")
        family = {DUAL4: "IPv4", DUAL6: "IPv6", V6: "IPv6"}[host]
        ok(all(f"({family})" in m.text() for m in mails if m.kind == "report"), f"{to}: the report says that it came over {family}")
        ok(all(f"deliver-v6: {'pass' if family == 'IPv6' else 'unknown'}" in m.text() for m in mails if m.kind == "report"),
           f"{to}: and what that means")
    eq(sorted((m.kind, [p for p in m.facts["rcpt"] if p.startswith("NOTIFY")]) for m in house.mails("p@asks.test")),
       [("report", ["NOTIFY=NEVER"]), ("six", [])], "A18 B4 the report asks for NOTIFY=NEVER; nobody else reports on the six probe")


def test_without_ptr(house):
    ids = requests_with(house, [NO_PTR])
    quiet(house)
    mails_of(house, NO_PTR, ids["ptr"])
    database_of(house, NO_PTR)
    log_of(house, NO_PTR, house.log(), ids["ptr"])


def main():
    with House("peers") as house:
        house.up(zone=DSN_ZONE, peers={"asks": DSN_PEER})
        test_peers(house)
        house.invariants("after every peer")
        house.up("--no-ptr")
        test_without_ptr(house)
        house.invariants("without a PTR")
    done()


main()
