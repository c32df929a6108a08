#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""`postsix check` and `postsix dns` against the lab: all is well on a sound one; each check fails for its own fault, and for no
other's, and says the mend. DNS faults are zones of a second server in the world; what can be is done to the running service,
the rest is a configuration that speaks of it."""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import B, ROOT, House, Smtp, message, read  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

SERVER = "198.51.100.54"
NOBODY = "198.51.100.10"  # has no DNS server
PATIENCE = 60  # s
PTR6 = "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.2.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
ALL = ["dns", "port25", "inject", "units", "settings", "policy", "milter", "intake", "spool", "database", "queue", "disk", "clock",
       "secret", "certificate"]
HEAD = """$ORIGIN .
$TTL 60
@ SOA dns.world.test. hostmaster.world.test. 1 60 60 60 5
@ NS dns.world.test.
dns.world.test. A 198.51.100.53
dns.world.test. AAAA 2001:db8:100::53
"""
# name, (pattern, replacement) in the zone that `postsix dns` printed, exit status, subject of the only line that is not ok,
# what it says, its mend
ZONES = [
    ("no MX", (r"six\.test\. IN MX.*\n", ""), 2, "mx six.test", "there is no MX record",
     "publish six.test. IN MX 10 mx.six.test."),
    ("another MX", (r"(dual\.test\. IN MX 10 )mx\.dual", r"\1mx.good"), 2, "mx dual.test", "the MX is mx.good.test, not mx.dual",
     "publish dual.test. IN MX 10 mx.dual.test."),
    ("no AAAA", (r"mx\.dual\.test\. IN AAAA.*\n", ""), 2, "address mx.dual.test", "there is no AAAA record",
     "publish mx.dual.test. IN AAAA 2001:db8:25::25"),
    ("another A", (r"(mx\.dual\.test\. IN A) .*", r"\1 192.0.2.26"), 2, "address mx.dual.test", "it is 192.0.2.26, not 192.0.2.25",
     "publish mx.dual.test. IN A 192.0.2.25"),
    ("an address left over", (r"\Z", "mx.six.test. AAAA 2001:db8:25::66\n"), 1, "address mx.six.test",
     "on 2001:db8:25::66 none of its instances listens", "remove the AAAA record"),
    ("an A in the path", (r"\Z", "mx.six.test. A 192.0.2.25\n"), 2, "no-a six.test",
     "its mail host mx.six.test has the A record 192.0.2.25", "remove that A record"),
    ("a second MX with an A", (r"\Z", "six.test. MX 20 mx.dual.test.\n"), 2, "no-a six.test",
     "its mail host mx.dual.test has the A record 192.0.2.25", "remove that A record"),
    ("an A of the domain", (r"\Z", "six.test. A 192.0.2.25\n"), 1, "no-a six.test", "the domain itself has the A record",
     "remove that A record"),
    ("no SPF", (r"\nsix\.test\. IN TXT.*", ""), 2, "spf six.test", "there is none", "publish six.test. IN TXT \"v=spf1 ip4:"),
    ("SPF without an address", (r"(\ndual\.test\. IN TXT.*) ip6:2001:db8:25::6", r"\1"), 2, "spf dual.test",
     "for 2001:db8:25::6: no pass", "publish dual.test. IN TXT"),
    ("two SPF records", (r"\Z", 'dual.test. TXT "v=spf1 -all"\n'), 2, "spf dual.test", "it is broken", "publish dual.test."),
    ("SPF that cannot be told", (r"\ndual\.test\. IN TXT.*", '\ndual.test. TXT "v=spf1 exists:%{i}.x.test -all"'), 1, "spf dual.test",
     "cannot tell", "look for dual.test with dig(1)"),
    ("no SPF of a host", (r"mx\.six\.test\. IN TXT.*\n", ""), 1, "helo-spf mx.six.test", "there is none",
     'publish mx.six.test. IN TXT "v=spf1 a -all"'),
    ("no DKIM record", (r"postsix-ed25519\._domainkey\.dual\.test\. IN TXT.*\n", ""), 2, "dkim postsix-ed25519._domainkey.dual.test",
     "there is no TXT record", "publish postsix-ed25519._domainkey.dual.test. IN TXT \"v=DKIM1; k=ed25519; p="),
    ("another key", (r"(postsix\._domainkey\.six\.test\. IN TXT \( \"v=DKIM1; k=rsa; p=\w{40})\w", r"\1!"), 2,
     "dkim postsix._domainkey.six.test", "the record of another key", "publish what `postsix dns -c "),
    ("a withdrawn key", (r"(postsix-ed25519\._domainkey\.six\.test\. IN TXT \"v=DKIM1; k=ed25519; p=).*", r'\1"'), 2,
     "dkim postsix-ed25519._domainkey.six.test", "withdrawn", "publish"),
    ("a key for tests", (r"(postsix-ed25519\._domainkey\.six\.test\. IN TXT \"v=DKIM1);", r"\1; t=y;"), 1,
     "dkim postsix-ed25519._domainkey.six.test", "we only test", "publish"),
    ("no DMARC", (r"_dmarc\.dual\.test\..*\n", ""), 2, "dmarc _dmarc.dual.test", "there is no DMARC record",
     'publish _dmarc.dual.test. IN TXT "v=DMARC1; p=reject"'),
    ("DMARC without a policy", (r"(_dmarc\.dual\.test\..*) p=reject", r"\1 p=nothing"), 2, "dmarc _dmarc.dual.test", "it has no p=",
     "publish"),
    ("DMARC that lets pass", (r"(_dmarc\.dual\.test\..*) p=reject", r"\1 p=none"), 1, "dmarc _dmarc.dual.test", "p=none", "publish"),
    ("no PTR", (rf"{PTR6}\..*\n", ""), 2, "ptr 2001:db8:25::6", "has no PTR record", f"publish {PTR6}. IN PTR mx.six.test."),
    ("a PTR that does not lead back", (rf"({PTR6}\. IN PTR) .*", r"\1 mx.good.test."), 2, "ptr 2001:db8:25::6",
     "is mx.good.test, which does not lead back", f"publish {PTR6}. IN PTR mx.six.test."),
    ("a PTR with another name", (rf"({PTR6}\. IN PTR) .*\n", "\\1 xx.six.test.\nxx.six.test. AAAA 2001:db8:25::6\n"), 1,
     "ptr 2001:db8:25::6", "is xx.six.test, and it calls itself mx.six.test", "publish"),
]


class Checked:
    """One run: its status, its lines, and those that are not ok as check: (level, subject, text, mends)."""

    def __init__(self, done_process):
        self.status, self.out, self.err = done_process.returncode, done_process.stdout, done_process.stderr
        self.lines = json.loads(self.out)["checks"] if self.out.startswith("{") else []
        self.bad = [line for line in self.lines if line["level"] != "ok"]

    def faulty(self):
        return sorted({line["check"] for line in self.bad})

    def text(self):
        return "\n".join(f"{x['level']} {x['check']} {x['subject']}: {x['text']} {x['mend']}" for x in self.bad) + self.err


class Yard(House):
    """A lab, a second DNS server in its world, and postsix as the administrator calls it."""
    dns = None

    def __exit__(self, *words):
        self.stop_dns()
        super().__exit__(*words)
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self):
        self.folder = tempfile.mkdtemp()
        self.write("setup", f'#!/bin/bash\nexec {ROOT}/postfix/postsix-setup --postsix {B}/postsix --programs {self.state}/bin "$@"\n',
                   0o755)

    def write(self, name, text, mode=0o644):
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def inside_of(self, which, *command):
        return ("ip", "netns", "exec", f"postsix-{self.name}-{which}", *command)

    def postsix(self, *words):
        return subprocess.run(self.inside_of("svc", f"{B}/postsix", *words), capture_output=True, text=True, check=False,
                              timeout=PATIENCE * 2)

    def command(self, *words, config=None):
        return ("check", "--json", "--setup", f"{self.folder}/setup", "-c", config or f"{self.state}/postsix.conf", *words)

    def check(self, *words, config=None):
        return Checked(self.postsix(*self.command(*words, config=config)))

    def check_meanwhile(self, *words):
        """Begins to check, and returns what gives the result."""
        process = subprocess.Popen(self.inside_of("svc", f"{B}/postsix", *self.command(*words)), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)

        def result():
            out, err = process.communicate(timeout=PATIENCE * 2)
            return Checked(subprocess.CompletedProcess((), process.returncode, out, err))
        return result

    def config(self, name, *edits):
        """The lab's configuration with something else in it."""
        text = read(f"{self.state}/postsix.conf")
        for pattern, value in edits:
            text, count = re.subn(pattern, value, text, flags=re.M)
            assert count, pattern
        return self.write(f"conf.{name}", text)

    def serve(self, zone):
        """The second DNS server, anew."""
        self.stop_dns()
        self.write("zone", zone)
        conf = self.write("nsd.conf", f"""server:
 ip-address: {SERVER}
 username: ""
 zonesdir: "{self.folder}"
 database: ""
 pidfile: ""
 xfrdfile: "{self.folder}/xfrd.state"
 zonelistfile: "{self.folder}/zone.list"
 xfrdir: "{self.folder}"
 server-count: 1
 rrl-ratelimit: 0
remote-control:
 control-enable: no
zone:
 name: "."
 zonefile: "zone"
""")
        subprocess.run(("nsd-checkzone", ".", f"{self.folder}/zone"), check=True, stdout=subprocess.DEVNULL)
        self.dns = subprocess.Popen(self.inside_of("world", "nsd", "-d", "-c", conf), stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, start_new_session=True)
        self.until(self.is_served, PATIENCE)

    def is_served(self):
        """Whether somebody in the world has the second server's port: seen from the first one's process."""
        return re.search(r"^ *\d+: 366433C6:0035 ", read(f"/proc/{int(read(f'{self.state}/pid/dns'))}/net/udp"), re.M)

    def stop_dns(self):
        if self.dns:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.dns.pid, signal.SIGKILL)  # (a young NSD misses SIGTERM)
            self.dns.wait()
            self.dns = None
            self.until(lambda: not self.is_served(), PATIENCE)  # its children are gone, too

    def inject(self):
        """A message into postfix-dual, as postsixd does it. Its queue id."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(f"{self.state}/dual/queue/public/inject")
            smtp = Smtp(sock)
            for line in (b"EHLO x", b"MAIL FROM:<>", b"RCPT TO:<x@good.test> NOTIFY=NEVER", b"DATA"):
                smtp.say(line)
            reply = smtp.say(b"Subject: x\r\n\r\n.")
            smtp.file.close()
        assert re.match("250 2.0.0 Ok: queued as [0-9A-Za-z]+$", reply), reply
        return reply.split()[-1]

    def queue(self, instance):
        """The names of the queues in which its messages are, by id."""
        command = self.inside_of("svc", "postqueue", "-c", f"{self.state}/{instance}/etc", "-j")
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return {row["queue_id"]: row["queue_name"] for row in map(json.loads, out.splitlines())}

    def postsuper(self, instance, *words):
        subprocess.run(self.inside_of("svc", "postsuper", "-c", f"{self.state}/{instance}/etc", *words), check=True, capture_output=True)

    def postconf(self, instance, *words):
        subprocess.run(("postconf", "-c", f"{self.state}/{instance}/etc", *words), check=True, capture_output=True)
        self.make_old(instance)

    def set_up(self):
        subprocess.run((f"{self.folder}/setup", "-c", f"{self.state}/postsix.conf"), check=True, capture_output=True)
        self.make_old("v6", "dual")

    def make_old(self, *instances):
        """A main.cf of the last two seconds is read again and again until it is older."""
        for instance in instances:
            os.utime(f"{self.state}/{instance}/etc/main.cf", (time.time() - 10, time.time() - 10))


def fails(found, checks, says, mend, name, status=2):
    """The checks of that list are those that fail, and one line has both texts."""
    good = found.faulty() == checks and found.status == status and any(
        says in line["text"] and any(mend in word for word in line["mend"]) for line in found.bad)
    ok(good and all(line["mend"] for line in found.bad), f"{name}: {', '.join(checks)}") or diag(f"{found.status}\n{found.text()}")


# ---- the tests


def test_sound(yard):
    found = yard.check("--skip", "clock,units")
    eq((found.status, found.text()), (0, ""), "nothing is wrong with the lab")
    eq({line["check"] for line in found.lines}, set(ALL) - {"clock", "units"}, "every check had something to say")
    clock = yard.check("--only", "clock")
    ok(clock.status in (0, 1) and len(clock.lines) == 1 and all(line["mend"] for line in clock.bad), "the clock is right, or a warning")
    table = yard.postsix("check", "-c", f"{yard.state}/postsix.conf", "--only", "policy,milter")
    eq((table.returncode, [line.split()[:2] for line in table.stdout.splitlines()]),
       (0, [["ok", "policy"], ["ok", "milter"], ["2", "ok,"]]), "people have a table")
    one = yard.check("--only", "dns", "two")
    ok(one.status == 0 and not any("six.test" in x["subject"] and "mx." not in x["subject"] for x in one.lines)
       and any("seis.test" in x["subject"] for x in one.lines), "one site alone") or diag(one.out)


def test_usage(yard):
    config = f"{yard.state}/postsix.conf"
    for words, status in ((("check", "-c", "/nowhere"), 78), (("check", "-c", config, "nosuch"), 64),
                          (("check", "--only", "nosuch"), 64), (("check", "a", "b"), 64), (("check", "--nonsense"), 64),
                          (("dns", "-c", "/nowhere"), 78), (("dns", "-c", config, "nosuch"), 78), (("dns", "a", "b"), 64)):
        answer = yard.postsix(*words)
        ok(answer.returncode == status and answer.stderr and not answer.stdout, f"{' '.join(words[:1] + words[-1:])}: {status}")
    for verb in ("check", "dns"):
        text = yard.postsix(verb, "--help").stdout
        ok(0 < len(text.splitlines()) <= 24 and all(len(line) <= 80 for line in text.splitlines()), f"{verb} --help fits a screen")


def test_zone(yard):
    config = f"{yard.state}/postsix.conf"
    taught, bare = yard.postsix("dns", "-c", config).stdout, yard.postsix("dns", "-c", config, "--zone").stdout
    lines = [line for line in taught.splitlines() if line and not line.startswith(";")]
    eq(bare.splitlines(), lines, "--zone is the records alone")
    ok("glue" in taught and max(map(len, re.findall('"([^"]*)"', bare))) <= 255, "glue is told of, strings are at most 255 octets")
    yard.serve(HEAD + bare)
    found = yard.check("--only", "dns", "--server", SERVER)
    eq((found.status, found.text()), (0, ""), "what it prints, in a DNS server, is what is wanted")
    # one site, so that a zone's fault is one line
    bare = yard.postsix("dns", "-c", config, "--zone", "one").stdout
    for name, (pattern, value), status, subject, says, mend in ZONES:
        zone, count = re.subn(pattern, value, "\n" + bare, count=1)
        assert count, name
        yard.serve(HEAD + zone)
        found = yard.check("--only", "dns", "--server", SERVER, "one")
        bad = [line for line in found.bad if line["subject"] == subject]
        ok(found.status == status and len(bad) == 1 and says in bad[0]["text"] and bad[0]["mend"][0].startswith(mend)
           and all("mx.dual" in line["text"] or line in bad for line in found.bad), f"{name}: {subject}") or diag(found.text())
        eq(" ".join(bad[0]["mend"]).count("as its only v="), mend.startswith("publish") and subject.split()[0] in ("spf", "helo-spf", "dmarc"),
           "and it is told where two would be as good as none")
    test_strict(yard, bare)
    yard.stop_dns()


def test_strict(yard, bare):
    yard.serve(HEAD + bare)
    fails(yard.check("--only", "dns", "--server", SERVER, "--strict", "one"), ["dns"],
          "its name server dns.world.test has the A record 198.51.100.53", "AAAA records only", "--strict, name servers with IPv4")
    yard.serve(re.sub(r"dns\.world\.test\. A .*\n", "", HEAD) + bare)
    found = yard.check("--only", "dns", "--server", SERVER, "--strict", "one")
    ok(found.status == 0 and "ns-no-a six.test" in [line["subject"] for line in found.lines], "--strict, name servers without") or diag(found.text())


def test_silence(yard):
    """Who does not answer is waited for: meanwhile zones are tested, which ask neither of them."""
    hopeless = yard.check_meanwhile("--only", "dns", "--server", NOBODY)
    pid = yard.look("postsixd")[0]
    os.kill(pid, signal.SIGSTOP)
    try:
        hung = yard.check_meanwhile("--only", "policy")
        test_zone(yard)
        fails(hopeless(), ["dns"], "no DNS server answers", "/etc/resolv.conf", "no DNS at all")
        fails(hung(), ["policy"], "timed out", "it hangs", "postsixd hangs")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_residents(yard):
    for program, check in (("milter", "milter"), ("intake", "intake"), ("postsixd", "policy")):
        yard.lab("stop", program, *(("KILL",) if program == "milter" else ()))  # (libmilter takes 5 s to end)
        name = program if program == "postsixd" else f"postsix-{program}"
        fails(yard.check("--skip", "clock,units"), [check], "", f"systemctl start {name}", f"{program} is stopped")
        if program == "postsixd":
            test_entries(yard)
        yard.lab("start", program)


def test_entries(yard):
    """postsixd is away, and an entry waits."""
    entry = f"{yard.state}/spool/new/stray"
    with open(entry, "w", encoding="ascii"):
        pass
    found = yard.check("--only", "spool")
    ok(found.status == 0 and "1 entry" in found.out, "a new entry is no fault")
    os.utime(entry, (time.time() - 700, time.time() - 700))
    fails(yard.check("--only", "spool"), ["spool"], "the oldest of 70", "restart postsixd", "an old entry")
    os.unlink(entry)


def test_instances(yard):
    fails(yard.check("--skip", "clock,settings,units", config=yard.config("name", (r"^hostname = mx\.six\.test", "hostname = mx.other.test"))),
          ["dns", "port25"], "it calls itself mx.six.test, not mx.other.test", "another mail server has that address", "another server's banner")
    for instance in ("v6", "dual"):
        if instance == "dual":  # what it gets after its next start stays where it is
            yard.postconf("dual", "-e", "defer_transports=smtp")
        yard.lab("stop", instance)
        fails(yard.check("--skip", "clock,units"), ["inject", "port25"], "refused at connect", f"systemctl start postfix@postfix-{instance}",
              f"postfix-{instance} is stopped")
        if instance == "v6":
            test_old_queue(yard)
        yard.lab("start", instance)
    test_hold(yard)
    yard.postconf("dual", "-X", "defer_transports")
    yard.lab("stop", "dual")
    yard.lab("start", "dual")
    eq(yard.check("--skip", "clock,units").text(), "", "and all is well again")


def test_hold(yard):
    """postfix-dual defers what it gets."""
    queue_id = yard.inject()
    ok(yard.until(lambda: yard.queue("dual").get(queue_id) == "deferred", PATIENCE), "a message is deferred")
    yard.postsuper("dual", "-h", queue_id)
    fails(yard.check("--only", "queue"), ["queue"], "messages", "1 are on hold: postsuper", "a message on hold", status=1)
    yard.postsuper("dual", "-d", queue_id)


def test_old_queue(yard):
    """postfix-v6 is stopped: what came in for it waits at postfix-dual."""
    config = yard.config("queue", (r"(?s)(\[dual\].*?give_up_after) = \d+(.*?retry_max) = \d+", r"\1 = 1\2 = 2"))
    hung = yard.check("--only", "clock", "--self-test", "--self-wait", "2s")
    ok(any(x["check"] == "self-test" and "did not reach the database" in x["text"] and "postqueue" in x["mend"][0] for x in hung.bad),
       "the self-test says where it hung") or diag(hung.out)
    ok(yard.check("--only", "queue").status == 0, "a queue may have messages")
    old = yard.until(lambda: yard.check("--only", "queue", config=config).bad, PATIENCE)
    ok(old and "it should have been given up" in old[0]["mend"][0] and "postcat" in old[0]["mend"][1], "an old one is a fault") or diag(old)


def test_settings(yard):
    for instance, words, says in (("v6", ("-e", "inet_protocols=all"), 'inet_protocols is "all", and must be "ipv6"'),
                                  ("dual", ("-X", "notify_classes"), "notify_classes is "),
                                  ("dual", ("-e", "smtpd_recipient_restrictions=permit_mynetworks"), "smtpd_recipient_restrictions is"),
                                  ("v6", ("-MX", "inject/unix"), "the service inject")):
        yard.postconf(instance, *words)
        fails(yard.check("--only", "settings"), ["settings"], says, f"{instance} && systemctl reload postfix@postfix-{instance}",
              f"{instance}: postconf {' '.join(words)}")
        yard.set_up()
    with open(f"{yard.state}/v6/etc/recipients", "a", encoding="ascii") as file:
        file.write("/./ x\n")
    fails(yard.check("--only", "settings"), ["settings"], "recipients is another", "systemctl reload", "another table")
    yard.set_up()
    yard.postconf("v6", "-e", "smtp_helo_timeout=7s", "best_mx_transport=")
    eq(yard.check("--only", "settings").text(), "", "the mend mends, and what an administrator adds is theirs")
    found = yard.check("--only", "settings", "--setup", "/nowhere/setup")
    fails(found, ["settings"], "/nowhere/setup: No such file", "by hand", "no postsix-setup")


def test_certificates(yard):
    key, other, good, elsewhere, soon, expired = (f"{yard.folder}/{name}.pem" for name in ("key", "other", "good", "elsewhere", "soon", "expired"))
    run = lambda *words: subprocess.run(("openssl", *words), check=True, capture_output=True)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", good, "-subj", "/CN=mx.six.test", "-days", "90")
    run("req", "-x509", "-key", key, "-out", elsewhere, "-subj", "/CN=mx.elsewhere.test", "-days", "90")
    run("genrsa", "-out", other, "2048")
    for path, days in ((soon, "5"), (expired, "-1")):
        run("x509", "-in", good, "-signkey", key, "-days", days, "-out", path)
    for path, status, says, mend in ((good, 0, "", ""), (soon, 1, "it expires on ", "renew it"), (expired, 2, "it expired on ", "renew it"),
                                     (elsewhere, 1, "it is not for the name mx.six.test", "renewed with that name"),
                                     (f"{yard.folder}/none", 2, "No such file", "a certificate that is there"),
                                     (key, 2, "there is no certificate in it", "a certificate that is there")):
        yard.postconf("v6", "-e", f"smtpd_tls_cert_file={path}", f"smtpd_tls_key_file={key}")
        found = yard.check("--only", "certificate")
        if status == 0:
            ok(found.status == 0 and "it is valid until" in found.out, "a good certificate") or diag(found.out)
        else:
            fails(found, ["certificate"], says, mend, f"{os.path.basename(path)}: {says}", status)
    yard.postconf("v6", "-e", f"smtpd_tls_cert_file={good}", f"smtpd_tls_key_file={other}")
    fails(yard.check("--only", "certificate"), ["certificate"], "another key than its certificate's", "set tls_key", "another key", 2)
    yard.postconf("v6", "-X", "smtpd_tls_cert_file", "smtpd_tls_key_file")


def test_files(yard):
    full = f"{yard.folder}/full"
    os.makedirs(full)
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", full), check=True)
    try:
        os.mkdir(f"{full}/new")
        config = yard.config("full", ("^spool_directory = .*", f"spool_directory = {full}"))
        eq(yard.check("--only", "disk", config=config).text(), "", "a small disk is enough while it is empty")
        with open(f"{full}/filler", "wb") as file, contextlib.suppress(OSError):
            file.write(bytes(32 << 20))
        fails(yard.check("--skip", "clock,units", config=config), ["disk"], "0 MB are free", "make room", "a full disk")
    finally:
        subprocess.run(("umount", full), check=True)
    stray = f"{yard.state}/spool/quarantine/stray"
    with open(stray, "w", encoding="ascii"):
        pass
    fails(yard.check("--only", "spool"), ["spool"], "1 message that could not be read", "postsix-intake(8)", "quarantine", 1)
    os.unlink(stray)
    state = f"{yard.folder}/state"
    os.makedirs(state)
    config = yard.config("state", ("^state_directory = .*", f"state_directory = {state}"))
    database = f"{state}/postsix.db"
    fails(yard.check("--only", "database", config=config), ["database"], "it cannot be opened", "never started", "no database")
    for sql, says in (("PRAGMA user_version = 1", "not a database of postsix"),
                      (f"PRAGMA application_id = {0x70736978}", "of an older version"), ("PRAGMA user_version = 9999", "of a newer version")):
        with contextlib.closing(sqlite3.connect(database)) as db:
            db.execute(sql)
        fails(yard.check("--only", "database", config=config), ["database"], says, "", f"database: {says}")
    with open(database, "wb") as file:
        file.write(b"SQLite format 3\0" + b"x" * 5000)
    fails(yard.check("--only", "database", config=config), ["database"], "it cannot be read", "", "no database at all")
    config = yard.config("secret", ("^token_secret_file = .*", f"token_secret_file = {yard.folder}/none"))
    fails(yard.check("--only", "secret", config=config), ["secret"], "there is no such file", "from the backup", "no token secret")
    config = yard.config("key", (r"^(dkim_key_file = .*/)one\.rsa", r"\1two.rsa"))
    fails(yard.check("--only", "dns", "one", config=config), ["dns"], "the record of another key", f"`postsix dns -c {config} one`", "we sign with another key")
    config = yard.config("nokey", (r"^(dkim_key_file = .*/)one\.rsa", r"\1none.rsa"))
    fails(yard.check("--only", "dns", "one", config=config), ["dns"], "none.rsa", "postsix dkim-key", "a key that is not there")


def test_self(yard):
    found = yard.check("--only", "clock", "--self-test")
    line = [x for x in found.lines if x["check"] == "self-test"]
    ok(line and line[0]["level"] == "ok" and "operator@good.test" in line[0]["text"], "the self-test passes") or diag(found.out)
    ok(yard.until(lambda: len(yard.mails("operator@good.test")) >= 2, PATIENCE), "and the operator has both answers")
    eq([mail.facts["client"] for mail in yard.mails("operator@good.test") if mail.kind == "six"], ["2001:db8:25::6"],
       "the probe over IPv6, as anybody's")
    found = yard.check("--only", "policy", "--self-test=person@good.test", "--self-wait", f"{PATIENCE}s", "two")
    eq((found.status, len(yard.mails("person@good.test")), yard.sql("SELECT recipient FROM request WHERE requester = 'person@good.test'")),
       (0, 2, [{"recipient": "test@seis.test"}]), "another person's, at another site")
    found = yard.check("--only", "policy", "--self-test=person@v4only.test", "--self-wait", f"{PATIENCE}s")
    fails(found, ["self-test"], "the probe to person@v4only.test is failed (no-aaaa)", "may not take mail over IPv6", "one without IPv6", 1)


def test_own_records(yard):
    """A server wants a PTR: ours is looked at before anybody is blamed."""
    yard.up("--no-ptr")
    yard.send(message(), sender=b"me@ptr.test")
    bounce = lambda: [mail for mail in yard.mails("me@ptr.test") if mail.kind == "bounce"]
    ok(yard.until(bounce, PATIENCE) and "The fault is ours" in bounce()[0].text(), "the processed bounce says that it is our fault")
    log = yard.log()
    ok(f"alert=own-records, state=wrong, record=ptr, name={PTR6}, found=2001:db8:25::6 has no PTR record\n" in log
       and re.search(r": \w{13}: alert=own-records, state=wrong, class=ptr-required, remote_mta=dns; mx\.ptr\.test\n", log),
       "and the operator is told which") or diag(log[-3000:])
    fails(yard.check("--skip", "clock,units"), ["dns"], "has no PTR record", "publish", "so does postsix check")


TESTS = (test_sound, test_usage, test_silence, test_self, test_settings, test_certificates, test_files, test_residents, test_instances,
         test_own_records)


def main():
    names = [test.__name__.removeprefix("test_") for test in TESTS]
    parser = argparse.ArgumentParser(description="postsix check, against a lab")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="TEST", help=", ".join(names))
    only = parser.parse_args().only
    with Yard("check") as yard:
        yard.prepare()
        yard.up()
        began = time.monotonic()
        for name, test in zip(names, TESTS):
            if name in only:
                test(yard)
                diag(f"{name}: {time.monotonic() - began:.1f} s so far")
    done()


main()
