#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 2: the N-th write, fsync, open, … of postsixd and postsix-intake fails, over one request and its DSN.

No mail may be lost, nothing may be set aside for a person that the next try would have read, and no 250 be said for
nothing. A program that ends is started again, as systemd would. Several labs at once: most of the time is waiting.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

from crashlab import BRIEF_SURVEYS, Lab, busy_children, children, cpu, read, until
from invariants import Invariants
from tap import diag, done, eq, ok

# A|B: by turns, unless ALL is set. From the start of postsixd, over what it does at its start, too.
LIVES = (("pwrite64", "EIO|ENOSPC"), ("pread64", "EIO"), ("fdatasync", "EIO"), ("sendto", "ENOBUFS|EINTR"), ("unlinkat", "EIO"),
         ("connect", "EAGAIN"), ("write", "ENOSPC"), ("ftruncate", "EIO"), ("inotify_add_watch", "ENOSPC"))
# With a daemon that is ready: before that, most opens are those of its libraries.
ATTACHED = (("openat", "EMFILE|EIO|EINTR"), ("read", "EINTR|EIO"), ("getdents64", "EIO"), ("socket", "EMFILE"),
            ("recvfrom", "EINTR|ECONNRESET"), ("epoll_ctl", "ENOMEM"))
# Once with workers that took messages before, once from the first message of a new resident.
INTAKE = (("write", "EIO|ENOSPC|EINTR"), ("fsync", "EIO|ENOSPC"), ("openat", "EMFILE"), ("renameat", "EIO"), ("sendto", "EIO|EINTR"),
          ("recvmsg", "EINTR"), ("accept4", "EMFILE"), ("clone", "EAGAIN"), ("read", "EINTR"))
# For as long as the trouble lasts, all of them; then it ends.
LASTING = (("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("openat", "EMFILE"), ("socket", "EMFILE"), ("unlinkat", "EROFS"))
TABLES = (("life", LIVES), ("attached", ATTACHED), ("lasting", LASTING), ("intake", INTAKE), ("new intake", INTAKE))
LABS, SHARES = 4, {"pwrite64": 4, "read": 2, "openat": 2}  # rows with many points are shared out
POINTS_MAX = 120
TROUBLE = 3.0


class Worker:
    """One lab, and what was found in it."""

    def __init__(self, number):
        self.lab = Lab(f"crashe{number}", BRIEF_SURVEYS).take_over()
        self.invariants = Invariants(self.lab)
        self.trace = f"{self.lab.folder}/strace"
        self.count = 0

    def new_sender(self, *words):
        self.count += 1
        return "-".join((*map(str, words), str(self.count))).lower() + "@good.test"

    def options(self, call, error, when):
        if os.path.exists(self.trace):
            os.unlink(self.trace)
        return "strace", "-I2", "-qq", "-o", self.trace, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"

    def struck(self):
        return "(INJECTED)" in read(self.trace)

    def attach(self, pids, *options):
        process = subprocess.Popen((*options, *(word for pid in pids for word in ("-p", str(pid)))), stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        until(lambda: process.poll() is not None or all("TracerPid:\t0\n" not in read(f"/proc/{pid}/status") for pid in pids), 5, 0.005)
        return process

    def set_aside(self):
        return [f"in quarantine: {name}" for name in self.lab.entries("quarantine")]

    def settle(self, sender):
        """Wrong after all had its chance. One duplicate is allowed: an answer that cannot be read is none."""
        supervise = self.lab.supervise
        supervise()
        self.lab.flush()
        return self.invariants.settle(25, 1, [sender], supervise) + self.set_aside()

    def restart(self):
        """A daemon without sessions that lie idle."""
        self.lab.daemon.end()
        self.lab.daemon.start()
        until(lambda: re.search(rf"postsixd\[{self.lab.daemon.own_pid()}\]: started", self.lab.log()))

    def life(self, call, error, when):
        """postsixd from start to SIGTERM. Whether it was struck, and what is wrong."""
        sender = self.new_sender(call, error, when)
        self.lab.daemon.end()
        self.lab.send(sender)
        until(self.lab.entries)
        self.lab.daemon.start(*self.options(call, error, when))
        until(lambda: not self.lab.daemon.is_alive() or self.struck(), 1.0, 0.02)
        found = self.settle(sender)
        if self.lab.daemon.wrapped:
            self.lab.daemon.process.terminate()  # strace goes, and takes it along without further faults
            self.lab.daemon.process.wait()
            self.lab.daemon.start()
        return self.struck(), found

    def attached(self, call, error, when):
        sender = self.new_sender(call, error, when)
        self.restart()
        strace = self.attach([self.lab.daemon.own_pid()], *self.options(call, error, when))
        self.lab.send(sender)
        found = self.settle(sender)
        strace.terminate()
        strace.wait()
        return self.struck(), found

    def intake(self, call, error, when):
        sender = self.new_sender("i", call, error, when)
        strace = self.attach([self.lab.intake.pid, *children(self.lab.intake.pid)], *self.options(call, error, when), "-f")
        self.lab.send(sender)
        until(self.struck, 0.5, 0.01)
        time.sleep(0.05)
        struck = self.struck()
        strace.terminate()
        strace.wait()
        return struck, self.settle_intake(sender, call, error)

    def new_intake(self, call, error, when):
        self.lab.intake.end()
        self.lab.intake.start()
        until(self.lab.listens)
        return self.intake(call, error, when)

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
        self.restart()
        strace = self.attach([self.lab.daemon.own_pid()], *self.options(call, error, "1+"))
        self.lab.send(sender)
        time.sleep(TROUBLE)
        ticks = cpu(self.lab.daemon.own_pid())
        struck = self.struck()
        strace.terminate()
        strace.wait()
        busy = [] if ticks < 60 else [f"{ticks} ticks of CPU"]
        return struck, self.settle(sender) + busy + ([] if struck else ["was not struck"])


def one_row(worker, what, call, errors, first=1, step=1):
    """Every N of one call, or a share of them. What to report."""
    bad, n = [], 0
    for n in range(first, POINTS_MAX, step):
        choice = errors.split("|")
        error = choice[n % len(choice)]
        struck, found = getattr(worker, what.replace(" ", "_"))(call, error, n)
        bad += [f"{call} {n} {error}: {sentence}" for sentence in found]
        for name in worker.lab.entries("quarantine"):
            os.unlink(f"{worker.lab.folder}/spool/quarantine/{name}")
        if not struck or what == "lasting" or len(bad) > 8:
            break
    return (what, call, errors), len(range(first, n, step)), bad


def rows():
    every = [(what, *row) for what, table in TABLES for row in table]
    wanted = os.environ.get("ROWS")
    every = [row for row in every if not wanted or " ".join(row[:2]) in wanted.split(",")]
    if os.environ.get("ALL"):
        every = [(what, call, error) for what, call, errors in every for error in errors.split("|")]
    shared = [(*row, first, SHARES.get(row[1], 1)) for row in every for first in range(1, 1 + SHARES.get(row[1], 1))]
    return [row for row in shared if row[0] != "lasting" or row[3] == 1]


def work(worker, left, results):
    try:
        while True:
            results.append(one_row(worker, *left.pop(0)))
    except IndexError:
        pass


def summary(results):
    """A line for each row, whoever had a part of it. The number of points."""
    total = 0
    for row in sorted({row for row, _, _ in results}):
        points = sum(n for r, n, _ in results if r == row)
        bad = [sentence for r, _, found in results if r == row for sentence in found]
        total += points
        what, call, error = row
        who, how = "postsix-intake" if "intake" in what else "postsixd", "every" if what == "lasting" else f"each of {points}"
        if not ok(not bad, f"2: {error} at {how} {call} of {who} ({what}): nothing lost, no false 250"):
            diag("\n".join(bad))
    return total


def main():
    start, left, results = time.monotonic(), rows(), []
    with concurrent.futures.ThreadPoolExecutor(LABS) as pool:
        workers = list(pool.map(Worker, range(LABS)))
    threads = [threading.Thread(target=work, args=(worker, left, results)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    diag(f"{summary(results)} points, {time.monotonic() - start:.0f} s")
    for worker in workers:
        eq(worker.invariants.settle(10, 1, None, worker.lab.supervise), [], f"I1-I4 of all in lab {worker.lab.name}")
        ok(worker.lab.daemon.is_alive() and worker.lab.intake.is_alive() and until(lambda: not busy_children(worker.lab.intake.pid)),
           "I5: both programs are alive, and no worker of intake has a message")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
