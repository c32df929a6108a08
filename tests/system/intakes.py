# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-intake and postsix-pipe by themselves, without Postfix: what the tests intake*.py share. Not a test itself."""
import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests"))
B = os.path.join(ROOT, os.environ.get("B", "build"))
CORPORA = os.path.realpath(os.path.join(ROOT, "..", "shared", "corpora"))


class Intake:
    """A running postsix-intake with a spool of its own (or the one given, which then stays)."""

    def __init__(self, *options, spool=None, before=()):
        self.folder = tempfile.mkdtemp(prefix="postsix-intake-")
        self.spool = spool or self.folder
        for name in ("new", "quarantine"):
            os.makedirs(f"{self.spool}/{name}", exist_ok=True)
        self.socket = f"{self.folder}/socket"
        self.log_path = f"{self.folder}/log"
        self.process = None
        self.start(*options, before=before)

    def start(self, *options, before=()):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*before, f"{B}/postsix-intake", "--spool", self.spool, "--socket", self.socket, "--stderr", *options],
                stderr=log, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        atexit.register(self.stop)
        until(lambda: self.listens() or self.process.poll() is not None)

    def listens(self):
        """The socket is there a moment before anybody listens (__SO_ACCEPTCON)."""
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as sockets:
            return any(line.split()[3] == "00010000" for line in sockets if line.rstrip().endswith(f" {self.socket}"))

    def stop(self, how=signal.SIGTERM):
        """The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(30)

    def clean(self):
        self.stop()
        shutil.rmtree(self.folder)

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def pipe(self, message, arguments=None, **envelope):
        """Runs postsix-pipe; its exit status and what it says. message: bytes or an open file."""
        if arguments is None:
            values = {"instance": "v6", "queue_id": "4Test", "sender": "", "recipient": "test@six.test"} | envelope
            arguments = [os.fsencode(f"{name}={value}") if isinstance(value, str) else name.encode() + b"=" + value
                         for name, value in values.items()]
        feed = {"input": message} if isinstance(message, bytes) else {"stdin": message}
        done = subprocess.run([f"{B}/postsix-pipe", self.socket, *arguments], stdout=subprocess.PIPE, check=False,
                              timeout=60, **feed)
        return done.returncode, done.stdout.decode()

    def names(self, folder="new"):
        return sorted(name for name in os.listdir(f"{self.spool}/{folder}") if not name.startswith("."))

    def entry(self, name):
        """(envelope, facts) of an entry."""
        with open(f"{self.spool}/new/{name}", encoding="utf-8") as file:
            lines = file.read().split("\n")
        assert len(lines) == 3 and lines[2] == "", lines
        return json.loads(lines[0]), json.loads(lines[1])

    def take(self):
        """The facts of the one entry there is, which is removed."""
        (name,) = self.names()
        envelope, facts = self.entry(name)
        os.unlink(f"{self.spool}/new/{name}")
        return envelope, facts

    def parser_cost(self):
        """(ms, kB) of the one entry there is, of which the log tells after postsix-pipe is answered; nothing where there is none."""
        if not self.names():
            return 0, 0
        (name,) = self.names()
        line = re.compile(rf"entry={re.escape(name)}, .*parser_ms=(\d+), parser_kb=(\d+)")
        until(lambda: line.search(self.log()))
        return tuple(map(int, line.search(self.log()).groups()))


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def children_of(pid):
    found = []
    for task in os.listdir("/proc"):
        try:
            with open(f"/proc/{task}/stat", encoding="ascii", errors="replace") as stat:
                if int(stat.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(task))
        except (OSError, ValueError, IndexError):
            continue
    return found


def sockets_of(pid):
    try:
        return [link for link in (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")) if link.startswith("socket:")]
    except OSError:
        return []


def taker(intake, read_end):
    """The worker that has this descriptor, as soon as there is one."""
    wanted = os.readlink(f"/proc/self/fd/{read_end}")

    def look():
        for pid in children_of(intake.process.pid):
            try:
                if wanted in [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]:
                    return pid
            except OSError:
                pass
        return 0
    return until(look) and look()


class Held:
    """A message that is not at its end: a worker reads it and waits."""

    def __init__(self, intake, queue_id):
        self.read_end, self.write_end = os.pipe()
        self.client = subprocess.Popen([f"{B}/postsix-pipe", intake.socket, "instance=v6", f"queue_id={queue_id}", "recipient=a"],
                                       stdin=self.read_end, stdout=subprocess.PIPE)
        os.write(self.write_end, b"Subject: x\n")
        self.worker = taker(intake, self.read_end)
        os.close(self.read_end)

    def finish(self, rest=b"\nbody\n"):
        """postsix-pipe's exit status and what it says, once the message is whole; or without (None), as it ended by itself."""
        if rest is not None:
            os.write(self.write_end, rest)
            os.close(self.write_end)
        said = self.client.communicate(timeout=30)[0]
        if rest is None:
            os.close(self.write_end)
        return self.client.returncode, said.decode()


def attach(intake, *options):
    """strace(1) on the resident, its workers and what they start. It is over already where it could not, or where they all died of it."""
    pids = [intake.process.pid, *children_of(intake.process.pid)]
    strace = subprocess.Popen(["strace", "-f", "-q", *options, *(word for pid in pids for word in ("-p", str(pid)))],
                              stderr=subprocess.DEVNULL)
    if not until(lambda: strace.poll() is not None or all(map(is_traced, pids)), 5):
        strace.kill()
        strace.wait()
    return strace


def is_traced(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            return "TracerPid:\t0\n" not in status.read()
    except OSError:
        return True
