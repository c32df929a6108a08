#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-setup and what it renders: clean files, faults that are named, and two running instances that accept, refuse,
defer and notify as the comments in postfix/ promise. postsix-pipe is a script here that writes down its arguments."""
import contextlib
import ctypes
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import diag, done, eq, ok  # noqa: E402

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
POSTSIX = os.path.join(TOP, os.environ.get("B") or "build", "postsix")
SETUP = os.path.join(TOP, "postfix/postsix-setup")
SPACE = f"postsix-pf-{os.getpid()}"
DUAL, V6 = "192.0.2.25", "2001:db8:25::6"
PEERS = {DUAL: "198.51.100.20", V6: "2001:db8:100::20"}
TOKEN = "bounce+" + "a2" * 19 + "b"

CONFIG = """[postsix]
operator_address = operator@good.test
token_secret_file = {0}/secret
intake_socket = /intake.sock
intake_children = 4
[dual]
hostname = mx.dual.test
listen = 192.0.2.25 2001:db8:25::25
[v6]
hostname = mx.six.test
listen = 2001:db8:25::6
warn_after = 3
give_up_after = 9
retry_min = 1
retry_max = 2
connect_timeout = 2
[site one]
v6_domain = six.test
dual_domain = dual.test
[site two]
v6_domain = seis.test
dual_domain = doble.test
token_domain = a.seis.test
contact = ayuda
"""

ZONE = """$ORIGIN .
$TTL 60
@ SOA ns.test. root.ns.test. 1 60 60 60 5
@ NS ns.test.
$ORIGIN test.
ns A 198.51.100.53
good MX 10 mx.good
mx.good AAAA 2001:db8:100::10
v4only MX 10 mx.v4only
mx.v4only A 198.51.100.11
deaf MX 10 mx.deaf
mx.deaf AAAA 2001:db8:100::20
nullmx MX 0 .
"""

NSD = """server:
  ip-address: 198.51.100.53
  username: ""
  chroot: ""
  zonesdir: {0}
  database: ""
  pidfile: {0}/nsd.pid
  xfrdfile: {0}/xfrd
  zonelistfile: {0}/zonelist
  logfile: {0}/nsd.log
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: zone
"""

PIPE = """#!/bin/sh
printf '[%s] ' "$@" >>{0}/out/args
echo >>{0}/out/args
[ ! -e {0}/out/exit ] || {{ echo "5.1.1 hard words"; exit "$(cat {0}/out/exit)"; }}
cat >>{0}/out/mail
"""


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def run(*command, timeout=60):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=timeout)


def inside(*command):
    return run("ip", "netns", "exec", SPACE, *command)


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.1)
    return what()


class Instances:
    def __init__(self, folder):
        self.folder, self.root, self.sets = folder, folder + "/tree", []

    def setup(self, *more, config=None):
        return run(SETUP, "-c", config or self.folder + "/postsix.conf", "--root", self.root, "--postsix", POSTSIX,
                   "--pipe-user", "nobody", "--programs", self.folder, *more)

    def etc(self, instance, name=""):
        return f"{self.root}/etc/postfix-{instance}/{name}".rstrip("/")

    def inject(self, instance):
        return f"{self.root}/var/spool/postfix-{instance}/public/inject"

    def log(self, instance):
        return read(f"{self.folder}/{instance}.log")

    def args(self):
        return [dict(a.split("=", 1) for a in re.findall(r"\[([a-z_]+=.*?)\] ", line))
                for line in read(self.folder + "/out/args").splitlines()]

    def logged(self, instance, pattern, seconds=60):
        if ok(until(lambda: re.search(pattern, self.log(instance)), seconds), f"{instance} logs {pattern[:80]}"):
            return
        diag(self.log(instance)[-3000:])


class Talk:
    """One SMTP session: say() returns the last line of the answer, told() all of it."""
    def __init__(self, where, source=None):
        if where.startswith("/"):
            # a socket's name has room for 107 octets
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(f"/proc/self/fd/{os.open(os.path.dirname(where), os.O_PATH)}/{os.path.basename(where)}")
        else:
            self.socket = socket.create_connection((where, 25), 10, (source or PEERS[where], 0))
        self.socket.settimeout(20)
        self.file = self.socket.makefile("rb")
        self.answer()

    def answer(self):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            lines.append(self.file.readline().decode().rstrip())
        return lines

    def told(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.answer()

    def say(self, line):
        return self.told(line)[-1]

    def recipient(self, sender, recipient):
        self.say("RSET")
        self.say(f"MAIL FROM:<{sender}>" + (" SMTPUTF8" if not sender.isascii() else ""))
        return self.say(f"RCPT TO:{recipient}")

    def send(self, sender, recipient, hello="EHLO"):
        self.say(f"{hello} peer.test")
        first = self.recipient(sender, recipient)
        self.say("DATA")
        return first, self.say("From: a@good.test\r\nSubject: x\r\n\r\nhi\r\n.")


def test_faults(pf):
    broken = pf.folder + "/broken"
    for want, why, *arguments in (
            (64, "unknown argument", "triple"), (64, "needs a value", "--set"), (64, "wants dual.NAME=VALUE", "--set", "x=y"),
            (66, "cannot read", "--templates", "/nonexistent"), (66, "cannot read", "-c", "/nonexistent")):
        got = pf.setup(*arguments)
        eq((got.returncode, why in got.stdout), (want, True), f"{' '.join(arguments)} is exit status {want}, with a reason")
    for old, new, why in (
            ("operator@good.test", "boss@six.test", r"operator_address: .*site's own"),
            ("listen = 2001:db8:25::6", "listen = 192.0.2.6", r"v6.listen|listen: "),
            ("listen = 2001:db8:25::6", "listen = all", "listen: "),
            ("retry_max = 2", "retry_max = soon", "retry_max: "),
            ("listen = 2001:db8:25::6", "listen = 2001:db8:25::6 2001:DB8:25:0::25", "v6.listen: .*that one only"),
            ("warn_after = 3", "warn_after = 3\ntls_key = /key", "v6.tls_key: .*without tls_certificate")):
        write(broken, CONFIG.format(pf.folder).replace(old, new))
        got = pf.setup(config=broken)
        eq((got.returncode, bool(re.search(r"broken:\d+: .*" + why, got.stdout))), (78, True), f"{new.splitlines()[-1]}: file, line and reason")
        diag(got.stdout)
    shutil.copytree(TOP + "/postfix", pf.folder + "/templates")
    write(pf.folder + "/templates/v6/aliases", "# one\n# @nonsense@\n")
    got = pf.setup("--templates", pf.folder + "/templates")
    eq((got.returncode, "v6/aliases:2: unknown placeholder @nonsense@" in got.stdout), (65, True), "an unknown placeholder")
    ok(not os.path.exists(pf.root), "a fault leaves nothing written")


def test_rendering(pf, sets):
    got = pf.setup(*sets)
    eq((got.returncode, got.stdout), (0, ""), "it renders and is silent")
    before = {i: os.stat(pf.etc(i, "main.cf")).st_mtime_ns for i in ("dual", "v6")}
    got = pf.setup("-v", *sets)
    ok("wrote" not in got.stdout and got.stdout.count("unchanged") == 9, "a second run writes nothing")
    eq({i: os.stat(pf.etc(i, "main.cf")).st_mtime_ns for i in before}, before, "and leaves the files alone")
    eq(pf.setup("-v", *sets, "--set", "v6.smtpd_timeout=7s", "--set", "v6.notify_classes=bounce").stdout.count("wrote"), 1,
       "a changed parameter writes one file")
    main = read(pf.etc("v6", "main.cf"))
    eq(re.findall(r"(?m)^(?:smtpd_timeout|notify_classes).*", main), ["smtpd_timeout = 7s", "notify_classes = bounce"],
       "--set adds and replaces")
    pf.setup(*sets)
    for i in ("dual", "v6"):
        text = "".join(read(pf.etc(i, name)) for name in os.listdir(pf.etc(i)))
        ok(not re.search(r"@[a-z][a-z0-9_]*@", text), f"{i}: no placeholder is left")


def test_operator_address(pf):
    """Whatever letters a local part may have. Mail for humans goes from v6 by way of dual, a probe to the operator does not."""
    address = "o=p#1/q+r|s@good.test"
    write(pf.folder + "/operator.conf", CONFIG.format(pf.folder).replace("operator@good.test", address))
    eq(pf.setup("--root", pf.folder + "/operator", config=pf.folder + "/operator.conf").stdout, "", "an operator of odd letters")
    etc = f"{pf.folder}/operator/etc/postfix-"
    asked = [run("postmap", "-q", who, f"regexp:{etc}{i}/aliases").stdout for i, who in (("v6", "abuse@six.test"), ("dual", "postmaster@mx.dual.test"))]
    eq(asked, ["postmaster@mx.dual.test\n", f"{address}\n"], "v6 leaves it to dual who that is")
    table = run("postconf", "-c", f"{etc}v6", "-hx", "transport_maps").stdout.strip()
    asked = [run("postmap", "-q", who, table).stdout for who in ("mx.dual.test", address, "good.test")]
    eq(asked, ["to-dual:[2001:db8:25::25]\n", "", ""], "and no other mail goes there") or diag(table)
    eq(run("postconf", "-c", f"{etc}v6", "-P").stdout.count("smtp_bind_address6"), 0, "all mail of v6 comes from one address")


def test_queue_is_closed(pf):
    for i in ("dual", "v6"):
        got = run("postconf", "-c", pf.etc(i), "-h", "authorized_submit_users", "authorized_mailq_users", "authorized_flush_users").stdout
        eq(got, "\n\n\n", f"{i}: users neither submit, nor see the queue, which has tokens, nor flush it")


def test_data_folder(pf):
    """Killed between making the folder and giving it away."""
    folder = f"{pf.root}/var/lib/postfix-v6"
    owner = os.stat(folder).st_uid
    os.chown(folder, 0, 0)
    pf.setup(*pf.sets)
    eq((os.stat(folder).st_uid, owner != 0), (owner, True), "v6: data_directory is Postfix's again")


def test_single(pf):
    """One address for both: dual has port 25, v6's domains and v6's names; the tests of the lab have it run."""
    write(pf.folder + "/single.conf", CONFIG.format(pf.folder).replace("listen = 2001:db8:25::6", "listen = 2001:DB8:25:0::25\n"
                                                                       "tls_certificate = /chain\ntls_key = /key"))
    eq(pf.setup("--root", pf.folder + "/single", config=pf.folder + "/single.conf").stdout, "", "one address, in two spellings")
    text = {i: read(f"{pf.folder}/single/etc/postfix-{i}/main.cf") for i in ("dual", "v6")}
    for i, line in (("dual", "virtual_mailbox_domains = dual.test six.test doble.test a.seis.test seis.test"), ("dual", "master_service_disable ="),
                    ("dual", "virtual_alias_domains = mx.dual.test mx.six.test"), ("v6", "master_service_disable = inet"),
                    ("v6", "virtual_mailbox_domains = six.test a.seis.test seis.test"), ("dual", "smtpd_tls_security_level ="),
                    ("v6", "smtpd_tls_security_level = may"),
                    ("v6", f"smtpd_tls_chain_files = {pf.folder}/single/key {pf.folder}/single/chain")):
        ok(("\n" + line + "\n" in text[i]) is (line != "master_service_disable ="), f"{i}: {line}") or diag(text[i])
    ok(r"|ayuda@seis\.test)$/" in read(f"{pf.folder}/single/etc/postfix-dual/aliases"), "dual: the contact at v6's domain is a person")


def test_clean(pf):
    for i in ("dual", "v6"):
        eq(inside("postfix", "-c", pf.etc(i), "check").stdout, "", f"{i}: postfix check is silent")
        got = inside("postconf", "-c", pf.etc(i), "-n").stdout
        ok("warning:" not in got and "virtual_transport = postsix" in got, f"{i}: postconf -n is clean")
        got = inside("postconf", "-c", pf.etc(i), "-M").stdout
        ok("warning:" not in got and "inject" in got, f"{i}: postconf -M is clean")
        eq(inside("postfix", "-c", pf.etc(i), "start").returncode, 0, f"{i} starts")


def test_recipients(where, domain, other):
    talk = Talk(where)
    hello = talk.told("EHLO peer.test")
    for word in ("PIPELINING", "DSN", "SMTPUTF8", "SIZE"):
        ok(any(word in line for line in hello), f"{domain}: {word} is offered")
    ok(not any("ETRN" in line for line in hello), f"{domain}: ETRN is not")
    for sender, recipient, want in (
            ("a@good.test", f"<test@{domain}>", "250"), ("a@good.test", f"<TeSt+any.thing@{domain.upper()}>", "250"),
            ("a@good.test", f'<"test+a b"@{domain}>', "250"), ("a@good.test", f"<{TOKEN}@{domain}>", "250"),
            ("", f"<{TOKEN.upper()}@{domain}>", "250"), ("ä@good.test", f"<test@{domain}>", "250"),
            ("a@good.test", "<postmaster>", "250"), ("a@good.test", f"<abuse@{domain}>", "250"),
            ("a@good.test", f"<{TOKEN[:-1]}@{domain}>", "550 5.1.1"), ("a@good.test", f"<{TOKEN}a@{domain}>", "550 5.1.1"),
            ("a@good.test", f"<tester@{domain}>", "550 5.1.1"), ("a@good.test", f"<ayuda@{domain}>", "550 5.1.1"),
            ("a@good.test", f"<test@{other}>", "554 5.7.1"), ("a@good.test", "<a@good.test>", "554 5.7.1"),
            ("a@good.test", f"test@{domain}", "501 5.1.3"), ("a", f"<test@{domain}>", "504 5.5.2"),
            ("a@nodomain.test", f"<test@{domain}>", "550 5.1.8"), ("a@nullmx.test", f"<test@{domain}>", "550 5.7.27"),
            ("a@nodomain.test", f"<nobody@{domain}>", "550 5.1.1")):
        got = talk.recipient(sender, recipient)
        ok(got.startswith(want), f"{sender} to {recipient}: {want}") or diag(got)
    talk.say("RSET")
    ok(talk.say("MAIL FROM:<a@good.test> SIZE=999999999").startswith("552"), f"{domain}: too large is said at once")
    eq(talk.say("VRFY test")[:3], "502", f"{domain}: no VRFY")


def test_token_domain():
    """What there is at a domain for tokens alone; dual knows nothing of it."""
    talk = Talk(V6)
    talk.told("EHLO peer.test")
    for recipient, want in (
            (TOKEN, "250"), (TOKEN.upper(), "250"), ("postmaster", "250"), ("Abuse", "250"), ("test", "550 5.1.1"), ("test+x", "550 5.1.1"),
            ("bounce", "550 5.1.1"), ("ayuda", "550 5.1.1"), ("hostmaster", "550 5.1.1"), ("noc", "550 5.1.1")):
        got = talk.recipient("a@good.test", f"<{recipient}@a.seis.test>")
        ok(got.startswith(want), f"{recipient}@a.seis.test: {want}") or diag(got)
    got = talk.recipient("", f"<{TOKEN}@seis.test>")
    ok(got.startswith("250"), "tokens of the time before it was set are still taken at seis.test") or diag(got)
    for domain, hint in (("seis.test", "; to test, write to test@seis.test; a person reads postmaster@seis.test"),
                         ("a.seis.test", "; a person reads postmaster@a.seis.test")):
        got = talk.recipient("a@good.test", f"<nobody@{domain}>")
        ok(got.endswith(f"<nobody@{domain}>: Recipient address rejected: User unknown{hint}"), f"nobody@{domain} is told whom to ask") or diag(got)
    talk = Talk(DUAL)
    talk.told("EHLO peer.test")
    ok(talk.recipient("a@good.test", f"<{TOKEN}@a.seis.test>").startswith("554 5.7.1"), "dual does not relay to it")


def test_pipelining():
    """SMTP smuggling, and whoever talks before their turn: with HELO any command, with EHLO what follows DATA."""
    sender, recipient = "MAIL FROM:<a@good.test>\r\n", "RCPT TO:<test@six.test>\r\n"
    for hello, words in (("HELO", sender + recipient + "RSET"), ("EHLO", sender + recipient + "DATA\r\nSubject: x\r\n\r\nhi\r\n.")):
        talk = Talk(V6)
        talk.told(f"{hello} peer.test")
        talk.socket.sendall(words.encode() + b"\r\n")
        got = talk.file.read().decode().splitlines()
        eq(got[-1:], ["554 5.5.0 Error: SMTP protocol synchronization"], f"{hello}: who does not wait is cut off") or diag(got)
    talk = Talk(V6)
    talk.told("EHLO peer.test")
    talk.socket.sendall(f"{sender}{recipient}RSET\r\n".encode())
    eq([talk.answer()[-1][:3] for _ in range(3)], ["250"] * 3, "EHLO: what may be sent at once is taken")


def test_pipe(pf):
    for hello in ("HELO", "EHLO"):
        for answer in Talk(V6).send('"a b"@good.test', '<"test+c d"@six.test>', hello):
            eq(answer[:3], "250", f"{hello}: accepted")
    ok(until(lambda: len(pf.args()) == 2), "both reach the pipe")
    got = min(pf.args(), key=lambda args: len(args["client_protocol"]))  # they may overtake each other
    eq([got[n] for n in ("instance", "sender", "recipient", "client_helo", "client_protocol", "client_hostname")],
       ["v6", '"a b"@good.test', '"test+c d"@six.test', "peer.test", "SMTP", "unknown"], "with their envelope")
    eq(got["client_address"], "IPv6:" + PEERS[V6], "Postfix tags an IPv6 client's address")
    ok(re.fullmatch("[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9A-Za-z]+", got["queue_id"]), "queue ids are long ones")


def test_dsn(pf):
    inject = Talk(pf.inject("v6"))
    for who in ("good", "v4only", "deaf"):
        inject.say("EHLO postsixd")
        inject.say(f"MAIL FROM:<{TOKEN}@a.seis.test>")
        inject.say(f"RCPT TO:<a@{who}.test> NOTIFY=SUCCESS,FAILURE,DELAY")
        inject.say("DATA")
        eq(inject.say(f"Subject: {who}\r\n\r\nhi\r\n.")[:3], "250", f"inject takes a probe to {who}")
    def mail():
        return re.sub(r"\n[ \t]+", " ", read(pf.folder + "/out/mail"))
    for what, pattern in (
            ("success", r"Action: relayed\nStatus: 2\.0\.0\nRemote-MTA: dns; mx\.good\.test"),
            ("failure", r"Action: failed\nStatus: 5\.4\.4\nDiagnostic-Code: X-Postfix; Host or domain name not found\. Name service"
             r" error for name=mx\.v4only\.test type=AAAA: Host found but no data record"),
            ("delay", r"Action: delayed\nStatus: 4\.4\.1"), ("giving up", r"Action: failed\nStatus: 4\.4\.1")):
        ok(until(lambda p=pattern: re.search(p, mail()), 60), f"its {what} comes to the pipe as a DSN") or diag(mail()[-2000:])
    eq([[a[n] for n in ("sender", "recipient", "client_address", "client_helo", "client_protocol")] for a in pf.args()[2:]],
       [["", TOKEN + "@a.seis.test", "", "", ""]] * 4, "with an empty sender and no client")
    ok("zero result" not in pf.log("v6"), "no complaint about a bounce template")


def test_never_bounced(pf):
    """Fault 3 and I4: whatever the pipe does, a stranger is sent nothing."""
    for status in ("69", "1"):
        write(pf.folder + "/out/exit", status)
        Talk(V6).send("victim@good.test", "<test@six.test>")
        pf.logged("v6", r"dsn=4\.1\.1, status=SOFTBOUNCE")
    pf.logged("v6", r"from=<victim@good\.test>, status=expired")
    os.unlink(pf.folder + "/out/exit")
    time.sleep(1)
    ok("to=<victim@" not in pf.log("v6"), "neither a warning nor a bounce goes to the sender")


def test_own_host(pf):
    """Whoever has an account here connects from our own addresses: as a stranger does."""
    for where, domain in ((DUAL, "dual.test"), (V6, "six.test")):
        talk = Talk(where, where)
        talk.say("EHLO mx.dual.test")
        for recipient, want in (("a@good.test", "554 5.7.1"), (f"tester@{domain}", "550 5.1.1"), (f"test@{domain}", "250")):
            got = talk.recipient("a@good.test", f"<{recipient}>")
            ok(got.startswith(want), f"from {where} itself to {recipient}: {want}") or diag(got)
        got = talk.recipient("a@nodomain.test", f"<test@{domain}>")
        ok(got.startswith("550 5.1.8"), f"from {where} itself in a forged name: 550 5.1.8") or diag(got)


def test_operator(pf):
    Talk(V6).send("a@good.test", "<ayuda@seis.test>")
    pf.logged("v6", r"to=<postmaster@mx.dual.test>, orig_to=<ayuda@seis.test>, relay=2001:db8:25::25\[.*status=sent")
    pf.logged("dual", r"to=<operator@good.test>, orig_to=<postmaster@mx.dual.test>, relay=mx.good.test\[2001:db8:100::10\]:25.*status=sent")
    Talk(pf.inject("v6")).send("bounce+x@six.test", "<operator@good.test>")
    pf.logged("v6", r"to=<operator@good.test>, relay=mx.good.test\[2001:db8:100::10\]:25.*status=sent")


def test_dns_failure(pf):
    os.kill(int(read(pf.folder + "/nsd.pid")), 15)
    talk = Talk(DUAL)
    talk.say("EHLO peer.test")
    eq(talk.recipient("a@good.test", "<test@dual.test>")[:9], "450 4.1.8", "without DNS the sender is asked to come again")


def build_space(pf):
    """One namespace that is the host and the world at once. This process moves into it; nothing of it is left."""
    os.makedirs(f"/etc/netns/{SPACE}")
    write(f"/etc/netns/{SPACE}/resolv.conf", "nameserver 198.51.100.53\noptions timeout:1 attempts:1\n")
    run("ip", "netns", "add", SPACE)
    inside("ip", "link", "set", "lo", "up")
    for address in ("192.0.2.25/32", "198.51.100.20/32", "198.51.100.53/32"):
        inside("ip", "addr", "add", address, "dev", "lo")
    for address in ("2001:db8:25::25", V6, "2001:db8:100::10", "2001:db8:100::20"):
        inside("ip", "addr", "add", address + "/128", "dev", "lo", "nodad")
    write(pf.folder + "/zone", ZONE)
    write(pf.folder + "/nsd.conf", NSD.format(pf.folder))
    write(pf.folder + "/postsix-pipe", PIPE.format(pf.folder), 0o755)
    os.mkdir(pf.folder + "/out")
    os.chmod(pf.folder + "/out", 0o777)
    inside("nsd", "-c", pf.folder + "/nsd.conf")
    sink = subprocess.Popen(["ip", "netns", "exec", SPACE, "smtp-sink", "-u", "nobody", "[2001:db8:100::10]:25", "50"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"/run/netns/{SPACE}", encoding="ascii") as handle:
        setns(handle.fileno())
    return sink


def setns(fd):
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def remove_space(pf, sink):
    for i in ("dual", "v6"):
        inside("postfix", "-c", pf.etc(i), "stop")
    if sink:
        sink.terminate()
        sink.wait()
    for pid in inside("ip", "netns", "pids", SPACE).stdout.split():
        if pid.isdigit() and int(pid) != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 15)
    run("ip", "netns", "del", SPACE)
    shutil.rmtree(f"/etc/netns/{SPACE}", ignore_errors=True)


def main():
    folder = tempfile.mkdtemp(prefix="postsix-pf-")
    os.chmod(folder, 0o755)
    pf, sink = Instances(folder), None
    sets = [a for i in ("dual", "v6") for a in ("--set", f"{i}.maillog_file={folder}/{i}.log",
                                                "--set", f"{i}.maillog_file_prefixes={tempfile.gettempdir()}",
                                                "--set", f"{i}.smtpd_milters=",
                                                "--set", f"{i}.postsix_policy=")]
    pf.sets = sets
    write(folder + "/postsix.conf", CONFIG.format(folder))
    try:
        test_faults(pf)
        test_rendering(pf, sets)
        test_operator_address(pf)
        test_queue_is_closed(pf)
        test_data_folder(pf)
        test_single(pf)
        sink = build_space(pf)
        test_clean(pf)
        test_recipients(DUAL, "dual.test", "six.test")
        test_recipients(V6, "six.test", "dual.test")
        test_token_domain()
        test_own_host(pf)
        test_pipelining()
        test_pipe(pf)
        test_dsn(pf)
        test_never_bounced(pf)
        test_operator(pf)
        test_dns_failure(pf)
    finally:
        remove_space(pf, sink)
        shutil.rmtree(folder, ignore_errors=True)
    done()


main()
