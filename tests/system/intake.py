#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-pipe and postsix-intake: one entry for one message, whatever the message is (RELIABILITY faults 3, 20, 25-28, 35, 36)."""
import array
import base64
import hashlib
import os
import signal
import socket
import subprocess
import threading
import time

from intakes import B, Held, Intake, attach, children_of, until
from tap import diag, done, eq, ok, skip

MEMORY = 64 * 1024  # what one message may cost: kB of the parser's resident memory; parsers that take too long are ended


def report(**parts):
    text = parts.get("text", b"It did not work.\n")
    status = parts.get("status", b"Reporting-MTA: dns; mx.six.test\n\nFinal-Recipient: rfc822; a@b.test\nAction: failed\nStatus: 5.4.4\n")
    return (b"From: MAILER-DAEMON\nSubject: Undelivered\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
            b"--b\n\n" + text + b"\n--b\nContent-Type: message/delivery-status\n\n" + status +
            b"\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <probe@six.test>\n--b--\n")


def nested(n, inner=b"Content-Type: text/plain\n\nx\n"):
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(n))
    return head + inner


def mail_in_mail(n):
    message = report()
    for _ in range(n):
        message = (b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(message))
    return message


def field(name, value):
    return b"From: a@good.test\n" + name + b": " + value + b"\nSubject: hostile\n\nbody\n"


HOSTILE = {
    "27: 10,000 nested multiparts": nested(10000),
    "27: 200,000 flat parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 200000,
    "27: 200,000 flat parts of a report": b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n\n" * 200000,
    "27: 50,000 times message/rfc822": b"Content-Type: message/rfc822\n\n" * 50000,
    "27: mail in mail in base64, 20 deep": mail_in_mail(20),
    "27: 64 nested reports around 200 kB": nested(64).replace(b"mixed", b"report") + b"x\n" * 100000,
    "27: one boundary line of 200,000 octets": b"Content-Type: multipart/mixed; boundary=b\n\n--" + b"b" * 200000,
    "28: a line of 100,000": field(b"X-Long", b"x" * 100000),
    "28: a line of 10 MB": field(b"Subject", b"x" * 10_000_000),
    "28: 200,000 fields": b"X: y\n" * 200000 + b"\nbody\n",
    "28: 200,000 fields that are kept": b"To: y\n" * 200000 + b"\nbody\n",
    "28: 200,000 continuation lines": b"Subject: x\n" + b" y\n" * 200000 + b"\nbody\n",
    "28: 20,000 addresses": field(b"To", b",\n ".join(b"a%d@good.test" % i for i in range(20000))),
    "28: 200,000 References": field(b"References", b"\n ".join(b"<%d@good.test>" % i for i in range(200000))),
    "28: 50,000 parameters": field(b"Content-Type", b"multipart/mixed" + b"; a=b" * 50000),
    "28: 50,000 RFC 2231 pieces": field(b"Content-Type", b"multipart/mixed" + b"".join(b"; boundary*%d=b" % i for i in range(50000))),
    "28: 50,000 g:": field(b"To", b"g:" * 50000),
    "28: 100,000 (": field(b"To", b"(" * 100000),
    "28: 100,000 quotes": field(b"To", b'"' * 100001),
    "28: ( in Content-Type": field(b"Content-Type", b"(" * 100000),
    "28: 100,000 encoded-words": field(b"Subject", b"=?utf-8?q?=C3=A9?=\n " * 100000),
    "28: encoded-word beginnings": field(b"Subject", b"=?" * 8000),
    "25: only NULs": b"\0" * 500000,
    "25: only line ends": b"\r" * 500000,
    "a report of 300,000 recipients": report(status=b"Reporting-MTA: dns; x\n\n" + b"Final-Recipient: rfc822; a@b\n\n" * 300000),
    "no octet at all": b"",
    "random octets": bytes(range(256)) * 4000,
}


def test_plain(intake):
    message = b"From: a@good.test\nSubject: =?iso-8859-1?q?caf=E9?=\nMessage-ID: <1@good.test>\nX-Mailer: no\n\nbody\n"
    got = intake.pipe(message, sender="a@good.test", client_address="2001:db8:100::1")
    eq(got, (0, ""), "a message: exit 0, nothing said")
    envelope, facts = intake.take()
    eq((envelope["instance"], envelope["sender"], envelope["client_address"], envelope["size"]),
       ("v6", "a@good.test", "2001:db8:100::1", ""), "its envelope")
    eq(facts["fields"], [["From", "a@good.test"], ["Subject", "=?iso-8859-1?q?caf=E9?="], ["Message-ID", "<1@good.test>"]],
       "its fields, raw, without those that nobody wants")
    eq((facts["subject"], facts["is_report"], facts["dsn"]), ("café", False, None), "its subject, decoded")
    eq(facts["body_hash"], hashlib.sha256(b"body\n").hexdigest(), "20: the hash of its body")
    line = "instance=v6, size=%d, " % len(message)
    deadline = time.monotonic() + 10
    while line not in intake.log() and time.monotonic() < deadline:  # it is written after the answer
        time.sleep(0.02)
    ok("4Test: entry=4Test-v6-" in intake.log() and line in intake.log(), "one line in the log")


def test_report(intake):
    eq(intake.pipe(report())[0], 0, "a report: exit 0")
    _, facts = intake.take()
    recipient = facts["dsn"]["recipients"][0]
    eq((recipient["final_recipient"], recipient["action"], recipient["status"]), ("rfc822; a@b.test", "failed", "5.4.4"), "its recipient")
    eq((facts["report_text"], facts["returned_id"]), ("It did not work.\n", "<probe@six.test>"), "its text and what it returns")


def test_repeat(intake):
    """Fault 20: Postfix delivers again when it did not hear the answer."""
    for body in (b"one", b"two"):
        intake.pipe(b"Subject: " + body + b"\n\n", queue_id="4Same")
    intake.pipe(b"Subject: three\n\n", queue_id="4Same", recipient="other@six.test")
    names = intake.names()
    eq(len(names), 2, "20: a second delivery replaces the entry of the first; another recipient's is another")
    eq(sorted(intake.entry(name)[1]["subject"] for name in names), ["three", "two"], "20: with the latest content")
    for name in names:
        os.unlink(f"{intake.spool}/new/{name}")


def test_requests(intake):
    for arguments, what in (
            (["instance=v6"], "without queue_id and recipient"),
            (["instance=v6", "queue_id=1", "recipient=a", "colour=red"], "with a name that there is not"),
            (["instance=v6", "queue_id=1", "recipient=a", "recipient=b"], "with a name twice"),
            (["instance=v6", "queue_id=1", "recipient"], "with an argument that is none"),
            (["instance=v6", "queue_id=1", "recipient=" + "a" * 1001], "with a value of 1001 octets"),
            (["instance=v6", "queue_id=1", "recipient=a", "sender=" + "a" * 17000], "of more than 16 kB"),
            ([], "without arguments")):
        status, said = intake.pipe(b"\n", arguments=arguments)
        ok(status == 75 and said.startswith("4.3.5 ") and said.count("\n") == 1, f"a request {what}: 75, {said.strip()}")
    eq(intake.names(), [], "and no entry")
    intake.pipe(b"\n", recipient="../../etc/passwd", queue_id="/../x\x01", sender=b"\xffa@good.test")
    (name,) = intake.names()
    ok(name.startswith("____x_-v6-"), f"no value of the envelope reaches the file's name: {name}")
    eq(intake.take()[0]["sender"], "\x1aa@good.test", "30: a sender that is not UTF-8 stays invalid")


def raw_request(intake, packet, fds):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(10)
        sock.connect(intake.socket)
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sock.sendmsg([packet], control)
        return sock.recv(1000)


def test_wrong_clients(intake):
    good = b"instance=v6\0queue_id=1\0recipient=a\0"
    null = os.open("/dev/null", os.O_RDONLY)
    write_only = os.open("/dev/null", os.O_WRONLY)
    for packet, fds, what in ((good, [], "no descriptor"), (good, [null, null], "two descriptors"), (good[:-1], [null], "no NUL at the end"),
                              (good + b"x" * 20000, [null], "20 kB"), (good, [write_only], "a descriptor that cannot be read")):
        answer = raw_request(intake, packet, fds)
        ok(answer.startswith(b"4.3."), f"a client with {what}: {answer.decode()}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.connect(intake.socket)
        eq(intake.pipe(b"\n")[0], 0, "a client that says nothing holds nobody up")
    intake.take()
    os.close(null)
    os.close(write_only)


def test_gone(intake):
    """pipe(8) kills postsix-pipe at its time limit: what was read till then is half a message."""
    held = Held(intake, "4Half")
    held.client.kill()
    held.client.wait()
    held.finish(b"")
    ok(until(lambda: "4Half: deferred, status=4.3.0 nobody waits" in intake.log()), "36: a client that was killed leaves no half message")
    eq(intake.names(), [], "36: no entry")


def test_hostile(intake):
    worst_time = worst_memory = 0
    for what, message in HOSTILE.items():
        start = time.monotonic()
        status, said = intake.pipe(message)
        took = time.monotonic() - start
        _, memory = intake.parser_cost()
        _, facts = intake.take()
        if not ok(status == 0 and memory < MEMORY and "unparsable" not in facts, f"{what}: {memory} kB"):
            diag(f"{status} {said} {str(facts)[:300]}")
        worst_time, worst_memory = max(worst_time, took), max(worst_memory, memory)
    diag(f"slowest {worst_time * 1000:.0f} ms, largest parser {worst_memory} kB")
    eq(intake.names("quarantine"), [], "none in quarantine")


def test_nul(intake):
    """Fault 25: a NUL anywhere changes no decision."""
    plain = report(text=b"x\n")
    intake.pipe(plain)
    _, want = intake.take()
    want.pop("body_hash")
    different = 0
    for i in range(0, len(plain), 7):
        intake.pipe(plain[:i] + b"\0" + plain[i:])
        _, facts = intake.take()
        facts.pop("body_hash")
        different += facts != want
    eq(different, 0, "25: the same facts with a NUL in any seventh place")


def test_size(intake):
    """Fault 26: memory does not grow with the message; one octet over the limit is told, not retried."""
    def resident():
        with open(f"/proc/{intake.process.pid}/status", encoding="ascii") as status:
            return int([line for line in status if line.startswith("VmHWM")][0].split()[1])

    before, limit = resident(), 1_000_000 + 64 * 1024
    for size, unparsable in ((limit, None), (limit + 1, "too large"), (50_000_000, "too large")):
        head = b"Subject: big\n\n"
        eq(intake.pipe(head + b"x" * (size - len(head)))[0], 0, f"26: {size} octets: exit 0")
        _, facts = intake.take()
        eq(facts.get("unparsable"), unparsable, f"26: which is {unparsable or 'within the limit'}")
    ok(resident() - before < 1024, f"26: the resident grew by {resident() - before} kB")


def test_parser_gives_up(intake):
    """No hook is needed for facts that are too long: control characters take six octets in JSON."""
    message = b"".join(b"To: %s\n" % (b"\x01" * 1900) for _ in range(60)) + b"\n"
    eq(intake.pipe(message, queue_id="4Long"), (0, ""), "a message with too much to say: exit 0")
    _, facts = intake.take()
    eq(facts, {"unparsable": "parser gave up: status 2"}, "is unparsable")
    (name,) = intake.names("quarantine")
    with open(f"{intake.spool}/quarantine/{name}", "rb") as file:
        ok(file.read() == message, "and kept in quarantine")
    ok("unparsable=parser gave up: status 2, quarantine=yes" in intake.log(), "and logged")
    for i in range(105):
        intake.pipe(message, queue_id=f"5L{i}")
    eq((len(intake.names("quarantine")), len(intake.names())), (100, 105), "of which at most 100 are kept")
    ok("quarantine=Disk quota exceeded" in intake.log(), "as the log says")
    for name in intake.names():
        os.unlink(f"{intake.spool}/new/{name}")


LIMITS = {"Max cpu time": "2", "Max file size": "0", "Max core file size": "0", "Max processes": "0", "Max open files": "16",
          "Max address space": str(64 * 1024 * 1024)}


def test_parser_is_confined(intake):
    """While the parser is stopped: what it has, and what it may."""
    def with_parser():
        return [child for child in children_of(intake.process.pid) if children_of(child)]

    until(with_parser)
    (child,) = with_parser()
    (parser,) = children_of(child)

    def limits():
        with open(f"/proc/{parser}/limits", encoding="ascii") as file:
            return " ".join(file.read().split())

    until(lambda: "Max open files 16 16" in limits())  # the last that it sets
    for name, value in LIMITS.items():
        ok(f"{name} {value} {value}" in limits(), f"35: the parser's {name} is {value}")
    eq(os.listdir(f"/proc/{parser}/fd"), ["0"], "35: the parser's one descriptor")
    ok(os.readlink(f"/proc/{parser}/fd/0").startswith("pipe:"), "35: is a pipe")


def test_parser_dies(intake, inject, queue_id, why, call="prlimit64"):
    """Only the parser calls setrlimit(2), so strace(1) can kill it there without a hook in the program. And inside its
    fence it calls only what it may, so strace has it ask for its number there, where it ends: the filter sees that."""
    strace = attach(intake, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{inject}")
    if strace.poll() is not None:
        skip(f"parser: {why}", "strace cannot attach")
        return
    start = time.monotonic()
    watcher = threading.Thread(target=test_parser_is_confined, args=(intake,))
    if "STOP" in inject:
        watcher.start()
    status, _ = intake.pipe(b"Subject: x\n\n", queue_id=queue_id)
    took = time.monotonic() - start
    if watcher.ident:
        watcher.join()
    strace.terminate()
    strace.wait()
    eq(status, 0, f"{why}: exit 0, no retry")
    _, facts = intake.take()
    eq(facts, {"unparsable": why}, f"{why}: an entry")
    ok(any(name.startswith(queue_id) for name in intake.names("quarantine")), f"{why}: a copy in quarantine")
    diag(f"{why}: after {took:.1f} s")


def test_many(intake):
    """Fault 15, in small: more connections than children wait, none is lost."""
    results = []

    def one(i):
        results.append(intake.pipe(b"Subject: x\n\n", queue_id=f"6M{i}")[0])

    threads = [threading.Thread(target=one, args=(i,)) for i in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eq((results, len(intake.names())), ([0] * 60, 60), "15: 60 messages at once by 2 children: all taken")
    for name in intake.names():
        os.unlink(f"{intake.spool}/new/{name}")


def test_term():
    """Fault 36: a stop lets the message at hand be stored."""
    intake = Intake()
    held = Held(intake, "4Stop")
    for pid in [intake.process.pid, *children_of(intake.process.pid)]:
        os.kill(pid, signal.SIGTERM)
    until(lambda: not os.path.exists(intake.socket), 0.5)
    eq(held.finish()[0], 0, "36: the message at hand when the whole group got SIGTERM is taken")
    eq(intake.process.wait(15), 0, "36: the resident exits 0")
    eq(len(intake.names()), 1, "36: the entry is there")
    status, said = intake.pipe(b"\n")
    ok(status == 75 and said.startswith("4.3.0 "), f"nobody there: 75, {said.strip()}")
    intake.clean()


def test_kill():
    """A child that dies (out of memory, kill -9) defers; the resident goes on. A socket left by a dead one is replaced."""
    intake = Intake()
    held = Held(intake, "4Kill")
    os.kill(held.worker, signal.SIGKILL)
    status, said = held.finish(None)
    eq(status, 75, f"1: a child that is killed: 75, {said.strip()}")
    eq(intake.pipe(b"\n")[0], 0, "1: the next message is taken")
    ok("died: signal 9, its message will be tried again" in intake.log(), "1: and the log tells")
    second = subprocess.run([f"{B}/postsix-intake", "--spool", intake.spool, "--socket", intake.socket, "--stderr"],
                            capture_output=True, check=False, timeout=10)
    eq(second.returncode, 78, "6: a second one on the same socket does not start")
    intake.stop(signal.SIGKILL)
    ok(os.path.exists(intake.socket), "a socket file is left by one that is killed")
    intake.start()
    until(lambda: intake.pipe(b"\n")[0] == 0, 5)
    eq(intake.pipe(b"\n")[0], 0, "and the next one replaces it")
    intake.clean()


def test_full_disk():
    """Fault 3: a full spool defers with 4.3.1, and recovers alone."""
    intake = Intake()
    small = f"{intake.folder}/small"
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "postsix-test", small], stderr=subprocess.DEVNULL, check=False).returncode:
        skip("3: disk full", "cannot mount a tmpfs")
        intake.clean()
        return
    full = Intake(spool=small)
    try:
        fill = subprocess.run(["dd", "if=/dev/zero", f"of={small}/filler", "bs=4096"], stderr=subprocess.DEVNULL, check=False)
        status, said = full.pipe(b"Subject: x\n\nbody\n")
        ok(fill.returncode and status == 75 and said.startswith("4.3.1 "), f"3: a full disk: 75, {said.strip()}")
        eq(os.listdir(f"{small}/new"), [], "3: no entry and no temporary file")
        os.unlink(f"{small}/filler")
        eq((full.pipe(b"Subject: x\n\nbody\n")[0], len(full.names())), (0, 1), "3: taken once there is room")
    finally:
        full.clean()
        subprocess.run(["umount", small], check=True)
        intake.clean()


def test_start():
    for options, what in (([], "without options"), (["--spool", "/nonexistent", "--socket", "/tmp/x"], "without a spool"),
                          (["--spool", "/tmp", "--socket", "/tmp/x", "--children", "0"], "with no children"), (["--colour"], "with an unknown option")):
        result = subprocess.run([f"{B}/postsix-intake", *options, "--stderr"], capture_output=True, check=False, timeout=10)
        eq((result.returncode, bool(result.stderr)), (78, True), f"34: started {what}: 78, and says why")


one = Intake("--limit", "1000000", "--children", "2")
many = Intake()
test_plain(many)
test_report(many)
test_repeat(many)
test_requests(many)
test_wrong_clients(many)
test_gone(many)
test_hostile(many)
test_nul(many)
test_size(one)
test_many(one)
test_parser_gives_up(one)
test_parser_dies(many, "signal=SEGV:when=2", "4Segv", "parser died: signal 11")
test_parser_dies(many, "retval=0:syscall=getpid:when=1", "4Sys", "parser died: signal 31", call="exit_group")
test_parser_dies(many, "signal=STOP:when=6", "4Hang", "parser took too long")
eq(many.pipe(b"Subject: x\n\n")[0], 0, "and the next message is taken as if nothing had been")
eq((one.stop(), many.stop()), (0, 0), "both exit 0 when stopped")
one.clean()
many.clean()
test_term()
test_kill()
test_full_disk()
test_start()
done()
