#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""The lab itself: up and down from any state, its commands, its DNS, and the temper of every mail server in its world."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from tap import diag, done, eq, ok

NAME = "-".join(filter(None, (os.environ.get("LAB"), "lab-test")))
OTHER = f"{NAME}-b"
B = os.path.realpath(os.path.join(ROOT, os.environ.get("B") or "build"))
STATE = f"{B}/lab-{NAME}"
DUAL6, V6 = "2001:db8:25::25", "2001:db8:25::6"


class Answer:
    def __init__(self, *words, name=NAME, b=B, stdin=b"", seconds=60):
        process = subprocess.run([f"{ROOT}/tests/lab/lab", *words], input=stdin, capture_output=True, timeout=seconds,
                                 check=False, env={**os.environ, "LAB": name, "B": b})
        self.status = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()
        self.lines = self.out.splitlines()


def lab(*words, **how):
    return Answer(*words, **how)


def must(title, /, *words, **how):
    answer = lab(*words, **how)
    if not ok(answer.status == 0, title):
        diag(f"status {answer.status}\n{answer.out}\n{answer.err}")
    return answer


def alive(name=NAME):
    """The processes in both namespaces of a lab."""
    return [int(pid) for part in ("svc", "world") if os.path.exists(f"/run/netns/postsix-{name}-{part}")
            for pid in subprocess.run(["ip", "netns", "pids", f"postsix-{name}-{part}"], capture_output=True, text=True,
                                      check=True).stdout.split()]


def leftovers(name=NAME, b=B):
    places = [f"/run/netns/postsix-{name}-{part}" for part in ("svc", "world")]
    places += [f"/etc/netns/postsix-{name}-{part}" for part in ("svc", "world")]
    places += [f"/run/postsix-lab-{name}", f"/var/tmp/postsix-lab-{name}", f"{b}/lab-{name}"]
    return [place for place in places if os.path.lexists(place)]


def runs(pid):
    """False for a zombie too: whoever inherits those takes its time."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def has_gone(pids, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(runs(pid) for pid in pids):
        time.sleep(0.02)
    return [pid for pid in pids if runs(pid)]


def eventually(condition, seconds=5):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


# Speaks SMTP from the service's host, where postfix-v6 and postfix-dual speak from: prints the last reply.
TALK = """
import socket, sys
host, source, *lines = sys.argv[1:]
try:
    s = socket.create_connection((host, 25), 1, (source, 0))
except OSError as e:
    sys.exit(str(e).split("] ")[-1])
f = s.makefile("rb")
for line in [b""] + [l.encode().decode("unicode_escape").encode("latin-1") for l in lines]:
    s.sendall(line + b"\\r\\n" if line else b"")
    reply = f.readline()
    while reply[3:4] == b"-":
        reply = f.readline()
print(reply.decode().strip())
"""


def talk(host, source, *lines):
    answer = lab("host", "/usr/bin/python3", "-c", TALK, host, source, *lines)
    return (answer.out or answer.err).strip()


def rcpt(host, source, sender, recipient):
    return talk(host, source, "EHLO mx.six.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>")


def test_nothing_is_up():
    answer = lab("inbox", "a@good.test")
    ok(answer.status == 1 and "not up" in answer.err, "a command without a lab says so")
    must("down without a lab is no fault", "down")
    empty = tempfile.mkdtemp()
    answer = lab("up", b=empty)
    ok(answer.status == 1 and f"{empty}/postsix" in answer.err, "up names the program that is missing")
    eq(leftovers(b=empty), [], "and leaves nothing behind")
    os.rmdir(empty)


def test_up_twice_and_after_a_crash():
    start = time.monotonic()
    must("up", "up")
    diag(f"up took {time.monotonic() - start:.1f} s")
    must("a message goes in", "send", "--to", "first@good.test")
    first = alive()
    must("up again", "up")
    eq(has_gone(first), [], "nothing of the first lab runs any more")
    eq(lab("inbox", "first@good.test").out, "", "the second one starts empty")
    crashed = alive()
    for pid in crashed:
        os.kill(pid, signal.SIGKILL)
    eq(has_gone(crashed), [], "everything was killed")
    must("up after a crash", "up", "--no-policy")  # mail is to come in while postsixd is away
    must("and it works", "send")
    must("to its end", "wait")


def test_two_labs():
    must("another lab beside it", "up", "--no-postsix", "--pipe", "/bin/false", name=OTHER)
    must("the other one answers", "send", "--to", "x@good.test", name=OTHER)
    eq((lab("inbox", "x@good.test").out, len(lab("inbox", "x@good.test", name=OTHER).lines)), ("", 1), "each has its own world")
    programs = lab("host", "true", name=OTHER).status, os.path.exists(f"{B}/lab-{OTHER}/pid/postsixd")
    eq(programs, (0, False), "--no-postsix starts neither of our programs")
    must("the other one goes down", "down", name=OTHER)
    eq(leftovers(OTHER), [], "without leaving anything")
    must("the first one still works", "send", "--to", "x@good.test")


def test_commands():
    eq(lab("host", "sh", "-c", "cat; exit 7", stdin=b"hello").__dict__ | {"lines": 0},
       {"status": 7, "out": "hello", "err": "", "lines": 0}, "host passes input, output and status on")
    eq(lab("world", "ip", "-o", "-4", "address", "show", "dev", "world").out.split()[3], "192.0.2.1/24", "world is the world")
    eq([lab("host", "id", "-u", user).status for user in ("postsix", "postsix-intake", "postsix-milter", "postsix-pipe")], [0, 0, 0, 0],
       "the service's users are there")
    ok("postdrop" in lab("host", "id", "-Gn", "postsix").out.split(), "postsix may pass to the inject sockets")
    eq(lab("up", "--extra", "/nonexistent").status, 1, "an --extra that is not there is a fault")


def test_send_and_inbox():
    message = b"Subject: =?utf-8?q?gr=C3=BCn?=\n\n.dot\n..\nlast"
    answer = must("send takes a message on standard input", "send", "--from", "me@good.test", "--to", "two@good.test",
                  "--to", "three@good.test", "--family", "4", "-", stdin=message)
    ok(answer.lines[-1].startswith("250 "), "and prints the server's last words")
    line = lab("inbox", "three@good.test").lines
    eq([row.split("\t")[1:] for row in line], [["mx.good.test", "4", "me@good.test", "grün"]], "inbox shows server, family, sender, Subject")
    with open(line[0].split("\t")[0], "rb") as file:
        eq(file.read(), message.replace(b"\n", b"\r\n") + b"\r\n", "the file has the octets of the message")
    must("a null sender", "send", "--from", "<>", "--to", "two@good.test")
    eq([row.split("\t")[2:4] for row in lab("inbox", "TWO@good.test").lines], [["4", "me@good.test"], ["6", "<>"]],
       "in order of arrival, IPv6 by default, <> for none")
    must("UTF-8 in an address", "send", "--from", "é@good.test", "--to", "ü@good.test")
    facts = json.loads(lab("inbox", "--json", "ü@good.test").out)
    eq((facts["sender"], facts["smtputf8"], facts["client"], facts["faults"]), ("é@good.test", True, "2001:db8:100::10", []),
       "the server's notes")
    answer = lab("send", "--to", "nobody@six.test")
    ok(answer.status == 1 and answer.out.startswith("550 5.1.1 "), "a refusal is printed, status 1")
    answer = lab("send", "--to", "test@six.test", "--family", "4")
    ok(answer.status == 1 and "no A record" in answer.out, "an IPv6-only MX cannot be reached over IPv4")


def test_wire_faults():
    talk("mx.good.test", "192.0.2.25", "EHLO x", "MAIL FROM:<>", "RCPT TO:<wire@good.test>", "DATA",
         r"Subject: x\r\n\r\na\nb\rc\r\n.d\r\n..e\r\n\x00\r\n" + "y" * 999 + r"\r\n.")
    facts = json.loads(lab("inbox", "--json", "wire@good.test").out or "{}")
    eq(facts.get("faults"), ["bare CR", "bare LF", "unstuffed dot", "long line", "NUL"], "the world sees what must not be on the wire")
    with open(facts["file"], "rb") as file:
        ok(b"\r\nd\r\n.e\r\n" in file.read(), "and takes one dot away")


def test_wait_and_log():
    must("postsixd stops", "stop", "postsixd")
    must("a request comes", "send", "--from", "late@good.test")
    answer = lab("wait", "2")
    ok(answer.status == 1 and "1 in spool" in answer.err, "wait says what is not empty")
    must("postsixd starts", "start", "postsixd")
    must("wait sees the end", "wait")
    eq(len(lab("inbox", "late@good.test").lines), 2, "two replies")
    log = lab("log").out
    order = [log.find(f"{who}[") for who in ("postfix-v6/pipe", "postsix-intake", "postsixd", "postfix-dual/smtp")]
    ok(min(order) >= 0, "the log has both instances, intake and the daemon")
    must("an instance stops", "stop", "v6")
    eq(lab("send").out, "[Errno 111] Connection refused\n", "and is gone")
    must("an instance starts", "start", "v6")
    must("and takes mail", "send")


def test_dns():
    script = ("import dns.flags, dns.message, dns.query, sys\n"
              "for server in ('198.51.100.53', '2001:db8:100::53'):\n"
              "    for name, kind in (('nodomain.test', 'MX'), ('mx.v4only.test', 'AAAA'), ('mx.six.test', 'AAAA')):\n"
              "        m = dns.query.udp(dns.message.make_query(name, kind), server, 2)\n"
              "        print(int(bool(m.flags & dns.flags.AA)), m.rcode().name, len(m.answer))\n")
    eq(lab("host", "/usr/bin/python3", "-c", script).lines, ["1 NXDOMAIN 0", "1 NOERROR 0", "1 NOERROR 1"] * 2,
       "the DNS answers with authority, over both families")
    script = ("import dns.message, dns.query, socket, dns.inet\n"
              "for server in ('198.51.100.53', '2001:db8:100::53'):\n"
              "    s = socket.socket(dns.inet.af_for_address(server), socket.SOCK_DGRAM)\n"
              "    s.setblocking(False)\n"
              "    for _ in range(3000):\n"
              "        dns.query.udp(dns.message.make_query('mx.good.test', 'AAAA'), server, 10, sock=s)\n"
              "    print('all')\n")
    eq(lab("host", "/usr/bin/python3", "-c", script).lines, ["all"] * 2, "however often one network asks")
    for address, name in ((V6, "mx.six.test"), (DUAL6, "mx.dual.test"), ("192.0.2.25", "mx.dual.test"),
                          ("198.51.100.10", "mx.good.test"), ("2001:db8:100::10", "mx.good.test")):
        eq(lab("world", "getent", "hosts", address).out.split()[1:], [name], f"{address} has a name that it owns")
        ok(address in lab("world", "getent", "ahosts", name).out, f"{name} has the address {address}")
    eq(lab("host", "cat", "/etc/hosts").lines, ["127.0.0.1 localhost", "::1 localhost"], "the machine's own hosts file is not seen")


OK = "250"
TEMPERS = [  # peer, the reply to RCPT TO from postfix-v6's address, from postfix-dual's over IPv4
    ("good", OK, OK), ("v4only", None, OK), ("deaf", "Connection refused", OK), ("lost", "timed out", OK),
    ("implicit", OK, None), ("nouser", "550 5.1.1 ", OK), ("full", "452 4.2.2 ", OK), ("grey", "450 4.2.0 ", OK),
    ("badmx", "503 ", OK), ("ptr", OK, OK), ("nov6", "550 5.7.510 ", OK), ("liar", OK, OK),
    ("strict", OK, "550 5.7.23 ")]  # (dual does not call itself mx.six.test)


def test_tempers():
    for peer, over_v6, over_v4 in TEMPERS:
        server = "implicit.test" if peer == "implicit" else f"mx.{peer}.test"
        for kind, source, wanted, sender in (("ahostsv6", V6, over_v6, "a@six.test"), ("ahostsv4", "192.0.2.25", over_v4, "")):
            address = (lab("host", "getent", kind, server).out.split() or [None])[0]
            if wanted is None:
                ok(address is None or "::ffff:" in address, f"{peer} has no address for {source}")
                continue
            reply = rcpt(address, source, sender, f"test@{peer}.test")
            ok(reply.startswith(wanted), f"{peer} over IPv{kind[-1]}: {wanted}") or diag(reply)
    test_badmx()
    reply = lab("send", "--to", "x@nullmx.test").out
    ok("no address record" in reply, "nullmx takes no mail")


def test_badmx():
    wanted = "553 5.5.4 <a@six.test>... Sender's best MX (mx.six.test.) has no IP"
    for source, host in ((V6, "2001:db8:100::18"), ("192.0.2.25", "198.51.100.18")):
        eq(talk(host, source, "EHLO x", "MAIL FROM:<a@six.test>"), wanted, f"badmx refuses an IPv6-only sender at {source}")
        ok(talk(host, source, "EHLO x", "MAIL FROM:<a@dual.test>").startswith(OK), "badmx takes a dual-stack one")


def test_grey_and_liar():
    ok(lab("send", "--to", "g@grey.test").out.startswith("450 4.2.0"), "grey says come back")
    must("liar accepts", "send", "--from", "lied@good.test", "--to", "x@liar.test")
    lines = lambda: lab("inbox", "lied@good.test").lines
    eq(eventually(lambda: [line.split("\t")[1:4] for line in lines()]), [["mx.good.test", "6", "<>"]], "liar thinks better of it")
    with open(lines()[0].split("\t")[0], encoding="ascii") as file:
        report = file.read()
    ok("report-type=delivery-status" in report and "Status: 5.1.1\n" in report, "in a proper DSN")
    ok(eventually(lambda: lab("send", "--to", "g@grey.test").status == 0, 8), "grey takes it later")


PEER = """#!/usr/bin/python3
from smtpserver import Temper, run, serve
run(serve("mx.extra.test", ["2001:db8:100:1::99", "198.51.100.99"], Temper(rcpt=lambda s, a: a[0] == "n" and "551 5.7.1 No")))
"""


def test_extra():
    folder = tempfile.mkdtemp()
    os.makedirs(f"{folder}/peers")
    with open(f"{folder}/zone", "w", encoding="ascii") as file:
        file.write("extra.test. MX 5 mx.extra.test.\nmx.extra.test. AAAA 2001:db8:100:1::99\nmx.extra.test. A 198.51.100.99\n")
    for name, mode, text in (("mine", 0o755, PEER), ("README", 0o644, "not a peer")):
        with open(f"{folder}/peers/{name}", "w", opener=lambda p, f, m=mode: os.open(p, f, m), encoding="ascii") as file:
            file.write(text)
    must("up with --extra and --no-ptr", "up", "--extra", folder, "--no-ptr", "--set", "site.one.title=A lab's own title")
    for family in "46":
        must(f"an extra peer takes mail over IPv{family}", "send", "--to", "e@extra.test", "--family", family)
    eq(lab("send", "--to", "n@extra.test").out, "551 5.7.1 No\n", "by its own temper")
    must("a request from there", "send", "--from", "e@extra.test")
    must("is answered", "wait")
    with open((lab("inbox", "e@extra.test").lines or ["/dev/null"])[-1].split("\t")[0], encoding="ascii") as file:
        ok("A lab's own title" in file.read().partition("\nTo: ")[0], "as --set says")
    ok(rcpt("2001:db8:100::19", V6, "", "x@ptr.test").startswith("550 5.7.25 "), "without a PTR, ptr refuses postfix-v6")
    ok(rcpt("2001:db8:100::19", DUAL6, "", "x@ptr.test").startswith(OK), "but not postfix-dual")
    with open(f"{folder}/peers/mine", "w", encoding="ascii") as file:
        file.write("#!/bin/sh\necho out of order; exit 3\n")
    answer = lab("up", "--extra", folder)
    ok(answer.status == 1 and "peer mine" in answer.err and "out of order" in answer.err, "a peer that fails is named, with its words")
    eq((leftovers(), alive()), ([], []), "and all is taken down")
    shutil.rmtree(folder)


def test_private_checkout():
    """Nobody but root may pass through the build folder, and its path is too long for a socket."""
    top = tempfile.mkdtemp()
    build = f"{top}/{'deep' * 20}/{'folder' * 10}"
    os.makedirs(build)
    for program in ("postsix", "postsix-pipe", "postsix-intake", "postsix-milter", "postsixd"):
        shutil.copy(f"{B}/{program}", build)
    must("up below a folder that only root can enter", "up", b=build)
    must("a request", "send", b=build)
    must("is answered", "wait", b=build)
    eq(len(lab("inbox", "someone@good.test", b=build).lines), 2, "twice")
    ok(os.path.exists(f"{build}/lab-{NAME}/postsix.db"), "its state is seen in the build folder")
    pids = alive()
    must("down, not knowing the build folder", "down")
    eq((leftovers(b=build), has_gone(pids)), ([], []), "leaves nothing")
    shutil.rmtree(top)


def main():
    if os.geteuid() != 0:
        sys.exit("only root can make network namespaces")
    lab("down")
    try:
        for test in (test_nothing_is_up, test_up_twice_and_after_a_crash, test_two_labs, test_commands, test_send_and_inbox,
                     test_wire_faults, test_wait_and_log, test_dns, test_tempers, test_grey_and_liar, test_extra,
                     test_private_checkout):
            test()
    finally:
        lab("down")
        lab("down", name=OTHER)
    done()


main()
