#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-intake and postsix-milter on a host whose /dev/log is journald's, which is played here: fields, each line once, and
nobody waits when journald is away (RELIABILITY fault 36)."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import diag, done, eq, ok  # noqa: E402

B = os.path.realpath(os.environ.get("B", "build"))
PATIENCE = 60
# The program in a mount namespace with our /run, and a /dev of few devices whose log leads there.
NAMESPACE = """
set -eu
for name in null zero random urandom; do
	touch "$1/dev/$name"
	mount --bind "/dev/$name" "$1/dev/$name"
done
mount --bind "$1/run" /run
mount --rbind "$1/dev" /dev
shift
exec "$@"
"""


class Receiver:
    """A datagram socket that remembers; away() takes it from its path."""

    def __init__(self, path):
        self.path, self.lines = path, []
        self.back()

    def back(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)

    def away(self):
        self.socket.close()
        os.unlink(self.path)

    def read(self):
        try:
            while True:
                self.lines.append(self.socket.recv(65536).decode())
        except BlockingIOError:
            return self.lines

    def with_id(self, *ids):
        """The lines of these ids, as dictionaries."""
        entries = [dict(field.split("=", 1) for field in line.splitlines()) for line in self.read()]
        return [entry for entry in entries if entry.get("POSTSIX_ID") in ids]


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def start(*command, stderr=None):
    return subprocess.Popen(["unshare", "--mount", "--propagation", "private", "bash", "-c", NAMESPACE, "bash", folder, *command], stderr=stderr)


def deliver(queue_id):
    """One message by postsix-pipe: its exit status, and the seconds that it took."""
    begin = time.monotonic()
    result = subprocess.run([f"{B}/postsix-pipe", f"{folder}/intake.sock", "instance=dual", f"queue_id={queue_id}", "sender=a@good.test",
                             "recipient=test@six.test"], input=b"From: a@good.test\n\nHello\n", stdout=subprocess.PIPE, check=False)
    return result.returncode, time.monotonic() - begin


def check_refused():
    """What keeps each from starting comes to journald as an error of that program, once, and is not said twice."""
    with open(f"{folder}/bad.conf", "w", encoding="utf-8") as file:
        file.write("[x]\n")
    options = "start=refused, error=wrong options"
    for words, status, message in (
            (("postsixd", "--no-such"), 64, options), (("postsix-intake", "--no-such"), 78, options), (("postsix-milter", "x"), 78, options),
            (("postsixd", "-c", f"{folder}/bad.conf"), 78, f"start=refused, error={folder}/bad.conf:1: x: no such section; "),
            (("postsixd", "-c", f"{folder}/none.conf"), 78, f"start=refused, error={folder}/none.conf: No such file or directory; "),
            (("postsix-intake", "--spool", f"{folder}/none", "--socket", f"{folder}/x"), 78, f"cannot open the spool {folder}/none: "),
            (("postsix-milter", "--socket", f"unix:{folder}/none/x"), 78, f"cannot listen on unix:{folder}/none/x")):
        name = words[0]
        for is_journal in (True, False):
            before = len(journal.read())
            with open(f"{folder}/stderr", "w+b") as stderr:
                info = os.fstat(stderr.fileno())
                place = f"JOURNAL_STREAM={info.st_dev}:{info.st_ino}" if is_journal else "JOURNAL_STREAM=0:0"
                process = start("env", place, f"{B}/{name}", *words[1:], stderr=stderr)
                eq(process.wait(PATIENCE), status, f"{' '.join(words)} does not start".replace(folder, ""))
                stderr.seek(0)
                said = stderr.read().decode()
            lines = [line for line in journal.read()[before:] if f"MESSAGE={message}" in line]
            if message == options and not is_journal:
                eq((len(lines), bool(said)), (0, True), "and somebody who typed it is told, not journald") or diag(said)
                continue
            eq(len(lines), 1, "and journald is told why, once") or diag(journal.read()[before:])
            for field in ("PRIORITY=3", f"SYSLOG_IDENTIFIER={name}"):
                ok(all(field in line.splitlines() for line in lines), field)
            ok(message.split("error=")[-1] in said if not is_journal and name == "postsixd" else message not in said,
               "standard error has it where that is not the journal" if name == "postsixd" else "standard error has it not") or diag(said)


folder = tempfile.mkdtemp(prefix="postsix-journal-")
started = []
try:
    for name in ("dev", "run/systemd/journal", "spool/new", "spool/quarantine"):
        os.makedirs(f"{folder}/{name}")
    os.symlink("/run/systemd/journal/dev-log", f"{folder}/dev/log")
    journal = Receiver(f"{folder}/run/systemd/journal/socket")
    syslog = Receiver(f"{folder}/run/systemd/journal/dev-log")
    started.append(start(f"{B}/postsix-milter", "--socket", f"unix:{folder}/milter.sock"))
    started.append(start(f"{B}/postsix-intake", "--spool", f"{folder}/spool", "--socket", f"{folder}/intake.sock"))
    ok(until(lambda: os.path.exists(f"{folder}/intake.sock") and len(journal.read()) == 1), "both have started, and one line came to journald")
    lines = journal.read() or [""]
    for field in (f"MESSAGE=listening on unix:{folder}/milter.sock", "PRIORITY=6", "SYSLOG_FACILITY=2", "SYSLOG_IDENTIFIER=postsix-milter",
                  f"SYSLOG_PID={started[0].pid}", "POSTSIX_EVENT=listening"):
        ok(field in lines[0].splitlines(), field.replace(folder, ""))

    eq(deliver("4Xa")[0], 0, "a message is taken")
    ok(until(lambda: journal.with_id("4Xa")), "its line comes to journald, with its queue id")
    entry = (journal.with_id("4Xa") or [{}])[0]
    eq((entry.get("SYSLOG_IDENTIFIER"), entry.get("POSTSIX_EVENT"), entry.get("POSTSIX_INSTANCE")), ("postsix-intake", "entry", "dual"), "its keys are fields")
    ok(entry.get("MESSAGE", "").startswith(f"4Xa: entry={entry.get('POSTSIX_ENTRY')}, instance=dual, size={entry.get('POSTSIX_SIZE')}, "),
       "and its text is what it was")

    check_refused()

    journal.away()
    eq(deliver("4Xb")[0], 0, "journald is away: a message is taken")
    ok(until(lambda: any(": 4Xb: entry=" in line for line in syslog.read())), "its line goes to the socket of syslog(3)")
    ok(any(line.startswith("<22>") and " postsix-intake[" in line for line in syslog.read()), "as syslog(3) would write it")
    syslog.away()
    results = [deliver(f"4Xc{n}") for n in range(5)]
    ok(all(status == 0 and seconds < PATIENCE / 2 for status, seconds in results), "both are away: messages are taken, and nobody waits")
    journal.back()
    names = [f"4Xc{n}" for n in range(5)]
    ok(until(lambda: len(journal.with_id(*names)) == 5), "journald is back: all lines come")
    late = [(entry["SYSLOG_PID"], entry["POSTSIX_ID"]) for entry in journal.with_id(*names)]
    eq(sorted(name for _, name in late), names, "each once")
    ok(all([name for pid, name in late if pid == worker] == sorted(name for pid, name in late if pid == worker) for worker, _ in late),
       "those of a worker in their order")
    eq(len(journal.with_id("4Xa", "4Xb")), 1, "and none of those before once more")
    for process in started:
        process.terminate()
    eq([process.wait(PATIENCE) for process in started], [0, 0], "both stop when they are told")
finally:
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
            diag("killed")
    shutil.rmtree(folder)
done()
