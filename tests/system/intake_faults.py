#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""kill -9 and failing system calls at every step of intake over one message (RELIABILITY faults 1 and 2).

strace(1) attaches to the resident and strikes at the N-th call of one kind in each process: the resident, the worker, which is
new or has taken a message before, and the parser; until the resident has stopped and all are gone. Whatever is struck,
postsix-pipe exits 0 or 75; 0 only with a whole entry in the spool; and Postfix's next try, with an intake that is well again,
leaves exactly one."""
import os
import re
import signal
import subprocess

from intakes import Intake, attach, children_of, until
from tap import diag, done, ok, skip

MESSAGE = b"From: a@good.test\nSubject: precious\nMessage-ID: <1@good.test>\n\nbody\n"
DSN = (b"Subject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
       b"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1\n\n--b--\n")
CALLS_MAX = 200


class Round:
    """One message under one injection, then the next try without."""

    def __init__(self, inject, message, *options, is_warm=False):
        self.faults = []
        self.status = self.said = None
        self.calls = []
        self.intake = Intake(*options)
        if is_warm:
            until(lambda: self.intake.pipe(MESSAGE, queue_id="4Warm")[0] == 0)
            self.intake.take()
        self.struck = self.strike(inject, message)
        self.check_first()
        self.check_retry(message)
        self.log = self.intake.log()
        self.intake.clean()

    def strike(self, inject, message):
        trace = f"{self.intake.folder}/strace"
        strace = attach(self.intake, "-o", trace, "-e", inject)
        self.status, self.said = self.intake.pipe(message)
        workers = children_of(self.intake.process.pid)
        self.intake.stop()
        if not until(lambda: strace.poll() is not None, 3):  # it ends with the last of them
            strace.terminate()
            strace.wait()
            if "=close:" not in inject:  # which strace leaves open, as Linux never does: then nobody is seen to end
                self.faults.append("somebody is left after the stop")
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
        with open(trace, encoding="utf-8", errors="replace") as file:
            text = file.read()
        self.calls = sorted(set(re.findall(r"^\d+ +(\w+)\(", text, re.M)))
        return "(INJECTED)" in text or "killed by SIGKILL" in text

    def whole(self):
        """How many entries there are; each must be whole."""
        for name in self.intake.names():
            try:
                envelope, facts = self.intake.entry(name)
                if envelope["queue_id"] != "4Test" or not ("unparsable" in facts or facts["subject"]):
                    self.faults.append(f"an entry that is not this message's: {envelope} {facts}")
            except (ValueError, AssertionError) as fault:
                self.faults.append(f"half an entry: {fault!r}")
        return len(self.intake.names())

    def check_first(self):
        n = self.whole()
        if self.status not in (0, 75):
            self.faults.append(f"exit {self.status}")
        if self.status == 0 and n != 1:
            self.faults.append("exit 0 without an entry: the message is lost")
        if self.status == 75 and not re.fullmatch(r"4\.\d\.\d [ -~]+\n", self.said):
            self.faults.append(f"75 without a reason: {self.said!r}")

    def check_retry(self, message):
        self.intake.stop()
        self.intake.start()
        until(lambda: self.intake.pipe(message)[0] == 0, 5)
        if self.whole() != 1:
            self.faults.append(f"{len(self.intake.names())} entries after the next try")


def test_kill(message, what, is_warm):
    """Fault 1: kill -9 at every system call of every process."""
    calls = [call for call in Round("trace=all", message, is_warm=is_warm).calls if call != "exit_group"]
    faults, taken, deferred = [], 0, 0
    for call in calls:
        for n in range(1, CALLS_MAX):
            one = Round(f"inject={call}:signal=KILL:when={n}", message, is_warm=is_warm)
            if not one.struck:
                break
            faults += [f"{call} {n}: {fault}" for fault in one.faults]
            taken, deferred = taken + (one.status == 0), deferred + (one.status == 75)
    if not ok(not faults and len(calls) > 20 and taken and deferred,
              f"1: {what}: killed at {taken + deferred} places, each of {len(calls)} system calls: {deferred} deferred, {taken} taken, none lost, none twice"):
        diag("\n".join(faults))


def test_errors(calls, errors):
    """Fault 2: the N-th call of its kind fails, of a worker that is new or of one that took a message before."""
    for call in calls:
        faults, rounds, deferred = [], 0, 0
        for error, is_warm in ((error, is_warm) for error in errors for is_warm in (False, True)):
            for n in range(1, CALLS_MAX):
                one = Round(f"inject={call}:error={error}:when={n}", MESSAGE, is_warm=is_warm)
                if not one.struck:
                    break
                rounds, deferred = rounds + 1, deferred + (one.status == 75)
                faults += [f"{error} at {n}: {fault}" for fault in one.faults]
        if not ok(not faults and rounds, f"2: {call} fails with {', '.join(errors)}: {rounds} places, {deferred} deferred, none lost"):
            diag("\n".join(faults) or "it was never called")


def test_storage():
    """What the sender's Postfix is told, and that a failed fsync counts as not stored."""
    # a message that is too large is not parsed, so the first write is the entry's
    for inject, want in (("write:error=EIO:when=1", "4.3.0 "), ("write:error=ENOSPC:when=1", "4.3.1 "), ("fsync:error=EIO:when=1", "4.3.0 "), ("fsync:error=EIO:when=2", "4.3.0 "), ("fsync:error=ENOSPC:when=1", "4.3.1 "),
                         ("fsync:error=EDQUOT:when=1", "4.3.1 "), ("/renameat2?:error=ENOSPC:when=1", "4.3.1 "), ("openat:error=EMFILE:when=1+", "4.3.0 ")):
        one = Round(f"inject={inject}", MESSAGE + b"x" * 100_000, "--limit", "1")
        ok(one.status == 75 and one.said.startswith(want) and not one.faults, f"2: {inject}: {one.status} {one.said.strip()}")
        ok(f"deferred, status={want}" in one.log, "2: as the log says")


def main():
    if subprocess.run(["strace", "-e", "inject=all:when=1+", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 127 \
            or os.geteuid() != 0:
        skip("1, 2: faults by strace", "needs strace and root")
        done()
    test_storage()
    test_kill(MESSAGE, "a message", False)
    test_kill(DSN, "a report, by a worker that took a message before", True)
    test_errors(["fsync", "/renameat2?", "write"], ["EIO", "ENOSPC", "EINTR"])
    test_errors(["openat", "recvmsg", "sendto", "read"], ["EMFILE", "EINTR"])
    test_errors(["pipe2", "clone", "accept4", "socketpair", "sendmsg", "wait4", "/^p?poll", "close", "prlimit64"], ["ENOMEM"])


main()
done()
