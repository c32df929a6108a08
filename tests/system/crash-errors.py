#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 2: the N-th write, fsync, open, … of postsixd and postsix-intake fails, over one request and its DSN.

No mail may be lost, nothing may be set aside for a person that the next try would have read, and no 250 be said for
nothing. A program that ends is started again, as systemd would. Three labs at once: most of the time is waiting.
"""
import os
import re
import subprocess
import sys
import threading
import time

from crashlab import Lab, children, read, until
from invariants import Invariants
from tap import diag, done, eq, ok

# From the start of postsixd: what it says at its start, too. EIO|ENOSPC: by turns.
LIVES = (("pwrite64", "EIO|ENOSPC"), ("fdatasync", "EIO"), ("sendto", "EIO"), ("sendto", "EINTR"), ("unlinkat", "EIO"),
         ("connect", "EAGAIN"), ("write", "ENOSPC"), ("ftruncate", "EIO"), ("inotify_add_watch", "ENOSPC"))
# With a daemon that is ready: before that, most opens are those of its libraries.
ATTACHED = (("openat", "EMFILE"), ("openat", "EIO"), ("openat", "EINTR"), ("read", "EIO"), ("read", "EINTR"), ("getdents64", "EIO"),
            ("pread64", "EIO"), ("socket", "EMFILE"), ("recvfrom", "EINTR"), ("recvfrom", "ECONNRESET"), ("epoll_ctl", "ENOMEM"))
INTAKE = (("write", "EIO"), ("write", "ENOSPC"), ("write", "EINTR"), ("fsync", "EIO"), ("fsync", "ENOSPC"), ("openat", "EMFILE"),
          ("renameat", "EIO"), ("sendto", "EIO"), ("sendto", "EINTR"), ("recvmsg", "EINTR"), ("accept4", "EMFILE"), ("clone", "EAGAIN"),
          ("read", "EINTR"))
# For as long as the trouble lasts, all of them; then it ends.
LASTING = (("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("openat", "EMFILE"), ("socket", "EMFILE"), ("unlinkat", "EROFS"))
POINTS_MAX = 120
TROUBLE = 3.0


class Worker:
    """One lab, and what was found in it."""

    def __init__(self, number):
        self.lab = Lab(f"crashe{number}").take_over()
        self.invariants = Invariants(self.lab)
        self.trace = f"{self.lab.folder}/strace"
        self.count = 0

    def new_sender(self, *words):
        self.count += 1
        return "-".join((*map(str, words), str(self.count))).lower() + "@good.test"

    def options(self, call, error, when):
        if os.path.exists(self.trace):
            os.unlink(self.trace)
        return "strace", "-qq", "-o", self.trace, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"

    def struck(self):
        return "(INJECTED)" in read(self.trace)

    def attach(self, pid, *options):
        process = subprocess.Popen((*options, "-p", str(pid)), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: process.poll() is not None or "TracerPid:\t0\n" not in read(f"/proc/{pid}/status"), 5, 0.005)
        return process

    def set_aside(self):
        return [f"in quarantine: {name}" for name in self.lab.entries("quarantine")]

    def settle(self, sender):
        """Wrong after all had its chance. One duplicate is allowed: an answer that cannot be read is none."""
        for program in (self.lab.daemon, self.lab.intake):
            if not program.is_alive():
                program.start()
        self.lab.flush()
        return self.invariants.settle(25, 1, [sender]) + self.set_aside()

    def life(self, call, error, when):
        """postsixd from start to SIGTERM. Whether it was struck, and what is wrong."""
        sender = self.new_sender(call, error, when)
        self.lab.daemon.end()
        self.lab.send(sender)
        until(self.lab.entries)
        self.lab.daemon.start(*self.options(call, error, when))
        until(lambda: not self.lab.daemon.is_alive() or self.struck(), 1.0, 0.02)
        found = self.settle(sender)
        self.lab.daemon.end()
        struck = self.struck()
        self.lab.daemon.start()
        return struck, found

    def attached(self, call, error, when):
        sender = self.new_sender(call, error, when)
        self.lab.daemon.end()
        self.lab.daemon.start()
        until(lambda: re.search(rf"postsixd\[{self.lab.daemon.own_pid()}\]: started", self.lab.log()))
        strace = self.attach(self.lab.daemon.own_pid(), *self.options(call, error, when))
        self.lab.send(sender)
        found = self.settle(sender)
        strace.terminate()
        strace.wait()
        return self.struck(), found

    def intake(self, call, error, when):
        sender = self.new_sender("i", call, error, when)
        strace = self.attach(self.lab.intake.pid, *self.options(call, error, when), "-f")
        self.lab.send(sender)
        until(self.struck, 0.5, 0.01)
        time.sleep(0.05)
        struck = self.struck()
        strace.terminate()
        strace.wait()
        return struck, self.settle_intake(sender, call, error)

    def settle_intake(self, sender, call, error):
        """A parser that cannot write is one that died: noted as unparsable, which is an end as well."""
        found = self.settle(sender)
        decisions = [r["decision"] for r in self.invariants.facts().requests if r["requester"] == sender]
        if call == "write" and decisions == ["unparsable"] and error != "EINTR":
            self.lab.sent.pop(sender)
            for name in self.lab.entries("quarantine"):
                os.unlink(f"{self.lab.folder}/spool/quarantine/{name}")
            return []
        return found

    def lasting(self, call, error, _):
        """Trouble with every call, for some time."""
        sender = self.new_sender("lasting", call, error)
        strace = self.attach(self.lab.daemon.own_pid(), *self.options(call, error, "1+"))
        self.lab.send(sender)
        time.sleep(TROUBLE)
        with open(f"/proc/{self.lab.daemon.own_pid()}/stat", encoding="ascii") as stat:
            ticks = sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
        struck = self.struck()
        strace.terminate()
        strace.wait()
        busy = [f"{ticks} ticks of CPU"] if ticks > 100 else []
        return struck, self.settle(sender) + busy + ([] if struck else ["was not struck"])


def one_row(worker, what, call, error):
    """Every N of one call and one error. The line to report."""
    bad, n = [], 0
    for n in range(1, POINTS_MAX):
        choice = error.split("|")
        struck, found = getattr(worker, what)(call, choice[n % len(choice)], n)
        bad += [f"{call} {n} {error}: {sentence}" for sentence in found]
        if found:
            for name in worker.lab.entries("quarantine"):
                os.unlink(f"{worker.lab.folder}/spool/quarantine/{name}")
        if not struck or what == "lasting" or len(bad) > 8:
            break
    who = "postsix-intake" if what == "intake" else "postsixd"
    how = "every" if what == "lasting" else f"each of {n - 1}"
    return n - 1, not bad, f"2: {error} at {how} {call} of {who} ({what}): nothing lost, no false 250", "\n".join(bad)


def work(number, rows, lines, workers):
    worker = workers[number]
    while rows:
        try:
            row = rows.pop(0)
        except IndexError:
            break
        lines.append(one_row(worker, *row))


def main():
    rows = [(what, *row) for what, table in (("life", LIVES), ("attached", ATTACHED), ("lasting", LASTING), ("intake", INTAKE)) for row in table]
    wanted = os.environ.get("ROWS")
    rows = [row for row in rows if not wanted or " ".join(row) in wanted.split(",")]
    start, lines = time.monotonic(), []
    workers = [Worker(n) for n in range(3)]
    threads = [threading.Thread(target=work, args=(n, rows, lines, workers)) for n in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    points = 0
    for n, good, line, what in sorted(lines, key=lambda row: row[2]):
        points += n
        if not ok(good, line):
            diag(what)
    diag(f"{points} points, {time.monotonic() - start:.0f} s")
    for worker in workers:
        eq(worker.invariants.settle(10, 1), [], f"I1-I4 of all in lab {worker.lab.name}")
        ok(worker.lab.daemon.is_alive() and worker.lab.intake.is_alive() and not children(worker.lab.intake.pid), "I5: both programs are alive")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
