#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Our signatures, judged by code that is not ours: every kind of mail as it arrived, both algorithms; the strict server, which
takes all of them and refuses what lacks anything; what is handed in is what arrives, octet for octet; keys that are no good.
And theirs, made by that code: which requests are authenticated."""
import email.utils
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__))]  # this file's name is python3-dkim's
import dkim  # noqa: E402
import dns.message  # noqa: E402
import dns.query  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import B, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

OVERSIGNED = {"from": 2, "subject": 2, "to": 2, "date": 2}


class Dns:
    """Answers as the lab's server gives them, for python3-dkim."""

    def __init__(self, house):
        self.house, self.known = house, {}

    def __call__(self, name, **_):
        if name not in self.known:
            with self.house.inside("world"):
                answer = dns.query.udp(dns.message.make_query(name.decode(), "TXT"), "198.51.100.53", 5)
            texts = [b"".join(record.strings) for rrset in answer.answer for record in rrset]
            self.known[name] = texts[0] if len(texts) == 1 else b""
        return self.known[name]


def tags(field):
    return dict(tag.strip().split("=", 1) for tag in re.sub(r"\s+", " ", field).split(";") if "=" in tag)


def verdicts(octets, lookup):
    """Of each DKIM-Signature, from the top: whether it passes."""
    found = []
    for index in range(len(re.findall(rb"(?im)^dkim-signature:", octets.partition(b"\r\n\r\n")[0]))):
        try:
            found.append(dkim.DKIM(octets).verify(idx=index, dnsfunc=lookup))
        except dkim.DKIMException as fault:
            found.append(str(fault))
    return found


def faults_of(mail, lookup):
    """What is wrong with the signatures of a mail of ours; nothing, it is hoped."""
    signatures = [tags(value.decode()) for name, value in mail.fields if name == "DKIM-Signature"]
    sender = email.utils.parseaddr(mail.field("From"))[1].rpartition("@")[2]
    when = str(int(email.utils.parsedate_to_datetime(mail.field("Date")).timestamp()))
    if [s["a"] for s in signatures] != ["rsa-sha256", "ed25519-sha256"]:
        return [f"{mail.kind}: signatures {signatures}"]
    faults = [f"{mail.kind}: {s}" for s in signatures
              if (s["d"], s["c"], s["t"], "l" in s) != (sender, "relaxed/relaxed", when, False)]
    signed = signatures[0]["h"].lower().replace(" ", "").split(":")
    faults += [f"{mail.kind}: {name} stands {signed.count(name)} times in h=" for name, n in OVERSIGNED.items() if signed.count(name) != n]
    faults += [f"{mail.kind}: {name} is not signed" for name in map(str.lower, mail.names())
               if name not in ("received", "dkim-signature", *signed)]
    faults += [f"{mail.kind}: {v}" for v in [verdicts(mail.octets, lookup)] if v != [True, True]]
    changed = {"text": mail.octets.replace(b"IPv6", b"IPv5"), "more text": mail.octets + b"more\r\n",
               **{name: f"{name}: another\r\n".encode() + mail.octets for name in ("From", "Subject", "To", "Date")}}
    return faults + [f"{mail.kind}: passes with another {what}" for what, octets in changed.items()
                     if True in verdicts(octets, lookup)]


def requests_of(house, names, to=b"test@six.test"):
    for name in names:
        reply = house.send(message(Subject=f"me, {name}"), sender=f"p@{name}.test".encode(), to=to)
        ok(reply.startswith("250 "), f"a request of {name}") or diag(reply)


def kinds(house, address):
    return sorted((mail.kind, mail.family) for mail in house.mails(address))


def test_every_kind(house):
    house.up()
    requests_of(house, ("good", "v4only", "deaf", "strict"))
    requests_of(house, ("strict",), to=b"test@seis.test")
    house.until(lambda: len(house.mails("p@deaf.test")) == 3 and len(house.mails("p@strict.test")) == 4)
    house.wait()
    mails, lookup = house.mails(), Dns(house)
    eq({mail.kind for mail in mails}, {"report", "six", "delay", "bounce"}, "every kind of mail arrived")
    eq({mail.domain for mail in mails}, {"six.test", "dual.test", "seis.test", "doble.test"}, "from each of our domains")
    for mail in mails:
        faults = faults_of(mail, lookup)
        ok(not faults, f"{mail.kind} from {mail.domain} to {mail.recipients[0]}: both signatures pass, and break by any change") \
            or diag("\n".join(faults))
    eq(kinds(house, "p@strict.test"), [("report", 4), ("report", 4), ("six", 6), ("six", 6)], "strict takes all of it")
    eq(house.sql("SELECT DISTINCT outcome FROM message m JOIN request r ON r.id = m.request WHERE kind = 'six'"
                 " AND requester = 'p@strict.test'"), [{"outcome": "accepted"}], "and that is recorded")
    house.invariants("after signed mail of every kind")


# Whatever a mail system might think of mending: folds, blanks, long lines, dots, fields twice.
AWKWARD = (b"Subject: two  blanks,\r\n\tand a tab \r\nX-Long: " + b"x" * 900 + b"\r\nTo: a,  b <b@good.test>\r\nFrom: <c@six.test>\r\n"
           b"To: again\r\nDate: not a date\r\nX-Empty:\r\nContent-Type: text/plain\r\n\r\n.\r\n..\r\n. x\r\n\ttab \r\nFrom here\r\n"
           + b"y" * 998 + b"\r\n\r\n\r\n")


def test_octet_for_octet(house):
    for instance in ("dual", "v6"):
        path = f"{house.state}/{instance}/queue/public/inject"
        with socket.socket(socket.AF_UNIX) as client:
            os.symlink(path, f"/tmp/postsix-inject-{os.getpid()}")
            try:
                client.connect(f"/tmp/postsix-inject-{os.getpid()}")
            finally:
                os.unlink(f"/tmp/postsix-inject-{os.getpid()}")
            lines = client.makefile("rb")
            for line in (b"", b"HELO x\r\n", b"MAIL FROM:<>\r\n", f"RCPT TO:<{instance}@good.test>\r\n".encode(), b"DATA\r\n",
                         re.sub(rb"(?m)^\.", b"..", AWKWARD) + b".\r\n"):
                client.sendall(line)
                reply = lines.readline()
            ok(reply.startswith(b"250 "), f"{instance} takes a message at inject") or diag(reply)
        found = house.until(lambda i=instance: house.mails(f"{i}@good.test"))
        eq([mail.own_octets() for mail in found], [AWKWARD], f"{instance}: what is handed in is what arrives, below Received")


# signed.test has its mail signed by a provider, by the key that the lab made for six.test; its server is not who sends.
SIGNED = "signed.test. MX 1 mx.ptr.test.\nmail.signed.test. MX 1 mx.ptr.test.\nk._domainkey.signed.test. CNAME postsix._domainkey.six.test.\n"
# the sender; what is done to the signed message; the milter's and the daemon's words
SIGNERS = {"p@signed.test": (None, "pass (signed.test)", "fail (signed.test)", "dkim"),
           "p@mail.signed.test": (None, "pass (signed.test)", "fail (mail.signed.test)", "dkim"),
           "changed@signed.test": (lambda octets: octets + b"more\r\n", "fail (signed.test)", "fail (signed.test)", "-"),
           "p@grey.test": (None, "pass (signed.test)", "fail (grey.test)", "-"),
           "p@good.test": (None, "pass (signed.test)", "pass (good.test)", "mx")}


def test_authenticated(house):
    """Who is vouched for by the domain in the envelope: by an aligned signature, or by the host that sends; all send from good.test's."""
    house.up(zone=SIGNED)
    with open(f"{house.state}/keys/one.rsa", "rb") as file:
        key = file.read()
    for sender, (change, *_) in SIGNERS.items():
        octets = message(From=sender)
        signed = dkim.sign(octets, b"k", b"signed.test", key) + octets
        reply = house.send(change(signed) if change else signed, sender=sender.encode())
        ok(reply.startswith("250"), f"a request of {sender}, signed by signed.test") or diag(reply)
    house.until(lambda: len(re.findall("request=answered", house.log())) == len(SIGNERS))
    log = house.log()
    for sender, (_, signature, host, wanted) in SIGNERS.items():
        line = re.search(rf"request=answered, from=<{sender}>, .*queue_id=(\w+), .* authenticated=([\w-]+),", log)
        eq(line and line[2], wanted, f"{sender}: authenticated={wanted}")
        ok(line and re.search(rf"postsix-milter\[\d+\]: {line[1]}: .*, dkim={re.escape(signature)}, more=0, mx={re.escape(host)},", log),
           f"{sender}: dkim={signature}, mx={host}") or diag(re.findall(r"postsix-milter.*", log))
        eq([row["authenticated"] for row in house.sql("SELECT authenticated FROM request WHERE requester = ?", sender)],
           ["" if wanted == "-" else wanted], f"{sender}: and in the database")


# six.test and seis.test each lack one thing: two records where one is wanted are none.
BROKEN = {"six.test": ("postsix._domainkey.six.test. TXT \"v=DKIM1; k=rsa; p=\"\n"
                       "postsix-ed25519._domainkey.six.test. TXT \"v=DKIM1; k=ed25519; p=\"\n", "550 5.7.20 "),
          "seis.test": ("seis.test. TXT \"v=spf1 -all\"\n", "550 5.7.23 ")}


def test_refused(house, broken, *words):
    house.up(*words, zone="".join(zone for zone, _ in broken.values()))
    for domain, (_, reply) in broken.items():
        requests_of(house, ("strict",), to=f"test@{domain}".encode())
        house.until(lambda d=domain: [m for m in house.mails("p@strict.test") if m.kind == "bounce" and d in m.text()])
        house.wait()
        rows = house.sql("SELECT status, class, diagnostic FROM dsn d JOIN message m ON m.id = d.message JOIN request r"
                         " ON r.id = m.request WHERE recipient = ? AND d.decision = 'used'", f"test@{domain}")
        wanted = (reply.split()[1], "ptr-required" if "5.7.25" in reply else "auth-required")
        eq([(row["status"], row["class"]) for row in rows], [wanted], f"{domain}: strict refuses the six probe: {reply}")
        bounces = [m for m in house.mails("p@strict.test") if m.kind == "bounce" and domain in m.text()]
        eq(len(bounces), 1, f"{domain}: the processed bounce gets through") or diag(rows)
        ok(bounces and reply in " ".join(bounces[0].text().split()), f"{domain}: and has the server's words") \
            or diag([m.text() for m in bounces])
    house.invariants("after refusals by strict")


def test_unsigned(house):
    house.up(*(word for site in ("one", "two") for name in ("dkim_key_file", "dkim_ed25519_key_file")
               for word in ("--set", f"site.{site}.{name}=")))
    requests_of(house, ("good", "strict"))
    house.until(lambda: house.sql("SELECT 1 FROM message m JOIN request r ON r.id = m.request WHERE requester = 'p@strict.test'"
                                  " AND kind = 'six' AND outcome = 'failed'"), 15)
    house.wait()
    eq(kinds(house, "p@good.test"), [("report", 4), ("six", 6)], "without keys mail goes out as before")
    eq([mail.field("DKIM-Signature") for mail in house.mails()], [None, None], "unsigned")
    eq(house.mails("p@strict.test"), [], "strict takes none of it")
    eq(re.findall(r"postsixd\[\d+\]: (site=.*)", house.log()),
       [f"site={site}, its mail is not signed: no dkim_key_file" for site in ("one", "two")], "the log warns at the start")
    house.invariants("unsigned")


def test_bad_keys(house):
    house.up()
    state = os.path.realpath(house.state)  # the configuration names it so, also where the lab's folder is a link
    folder = f"{state}/keys"
    key, conf = f"{folder}/one.rsa", f"{state}/bad.conf"
    with open(f"{state}/postsix.conf", encoding="utf-8") as file:
        text = file.read()
    ok(key in text, "the configuration names the key that is replaced")
    with open(key, "rb") as file:
        pem = file.read()
    rows = [("missing", None, 0, "No such file or directory"), ("empty", b"", 0o600, "it is empty"),
            ("others", pem, 0o604, "others can read or write it"), ("group", pem, 0o660, "its group can write it"),
            ("cut", pem[:800], 0o600, "it has no private key in PEM form"), ("large", pem * 20, 0o600, "it is too large")]
    shutil.copy(f"{folder}/one.ed25519", f"{folder}/type")
    for name, content, mode, _ in rows:
        if content is not None:
            with open(f"{folder}/{name}", "wb") as file:
                os.chmod(file.fileno(), mode)
                file.write(content)
    for name, wanted in [(row[0], row[3]) for row in rows] + [("type", "an RSA key is wanted")]:
        with open(conf, "w", encoding="utf-8") as file:
            file.write(text.replace(key, f"{folder}/{name}"))
        for words in ((), ("--check",)):
            start = time.monotonic()
            ended = subprocess.run([f"{B}/postsixd", "-c", conf, "--stderr", *words], capture_output=True, text=True, timeout=60, check=False)
            took = time.monotonic() - start
            eq((ended.returncode, f"{folder}/{name}: {wanted}" in ended.stderr), (78, True),
               f"34: key {name}: postsixd {' '.join(words) or 'does not start'}, exit 78, file named") or diag(f"{ended.stderr}\n{took:.2f} s")


def main():
    with House("dkim") as house:
        test_every_kind(house)
        test_octet_for_octet(house)
        test_authenticated(house)
        test_refused(house, BROKEN)
        test_refused(house, {"six.test": ("_dmarc.six.test. TXT \"v=DMARC1; p=none\"\n", "550 5.7.26 ")})
        test_refused(house, {"six.test": ("", "550 5.7.25 ")}, "--no-ptr")
        test_unsigned(house)
        test_bad_keys(house)
    done()


main()
