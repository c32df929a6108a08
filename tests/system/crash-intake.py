#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 1: kill -9 of postsix-intake at every system call that changes something outside it, and of postsix-pipe.

strace(1) attaches to the resident and its workers ("child"), and follows what they start; it counts calls for each process apart. So the
N-th call kills whichever makes it: resident, child, or the parser below it. Over a request the resident is new, and starts its first
worker under strace; over a notification there are those that took messages before. The child's first write comes after the parser's; to
reach it, the workers are traced alone.
"""
import os
import re
import signal
import subprocess
import sys
import time

from crashlab import Lab, children, exists, read, signal_to, until
from invariants import Invariants, count_duplicates
from tap import diag, done, eq, ok

CHILD = ("recvmsg", "openat", "clone", "write", "fsync", "close", "renameat", "unlinkat", "sendto", "alarm")  # of the parser, too
RESIDENT = ("accept4", "socketpair", "clone", "close", "sendmsg", "ppoll", "recvfrom", "wait4")
START = ("socket", "unlink", "connect", "bind", "listen", "fcntl")
POINTS_MAX = 20


class Trace:
    """strace on a process that runs already, with injections, until it is closed."""

    def __init__(self, lab, pids, *options):
        self.path = f"{lab.folder}/strace"
        self.process = subprocess.Popen(("strace", "-o", self.path, *options, *(word for pid in pids for word in ("-p", str(pid)))),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.process.poll() is not None or all("TracerPid:\t0\n" not in read(f"/proc/{pid}/status") for pid in pids), 5, 0.005)

    def killed(self):
        """The processes that were, in order. strace names the process on each line where there are several."""
        return [int(pid) for pid in re.findall(r"(?m)^(\d+) +\+\+\+ killed by SIGKILL", read(self.path))] or \
            [0] * ("+++ killed by SIGKILL" in read(self.path))

    def close(self):
        self.process.terminate()
        self.process.wait()


def begin(lab, stage, sender):
    """Up to just before the message that this stage is about."""
    if stage == "notification":
        before = len(lab.log())
        lab.daemon.end()
        lab.send(sender)
        until(lambda: lab.entries() and taken(lab, before))  # the line comes after the entry, and is not that of the next message


def go(lab, stage, sender):
    if stage == "notification":
        lab.daemon.start()
    else:
        lab.send(sender)


def taken(lab, before):
    """Whether intake took a message since, or says that one is lost on the way; strace is then of no use any more."""
    return re.search(r"postsix-intake\[\d+\]: \S+: (entry=|deferred)", lab.log()[before:])


def kill_tree(lab, stage, sender, call, n):
    """One message with everybody's n-th call deadly. Who died: resident, child, parser, or None."""
    if stage == "request":
        lab.intake.end()
        lab.intake.start()
        until(lab.listens)
    begin(lab, stage, sender)
    resident, before = lab.intake.pid, len(lab.log())
    trace = Trace(lab, [resident, *children(resident)], "-f", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
    go(lab, stage, sender)
    until(lambda: trace.killed() or taken(lab, before), 5, 0.005)
    time.sleep(0.02)  # the log's line is written before the last calls
    who = trace.killed()
    trace.close()
    who = who or trace.killed()
    if not who:
        return None
    if resident in who:
        return "resident"
    return "parser" if "parser died: signal 9" in lab.log()[before:] else "child"


def kill_child(lab, stage, sender, call, n):
    """The same for the workers without their parsers."""
    begin(lab, stage, sender)
    before = len(lab.log())
    trace = Trace(lab, children(lab.intake.pid), "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
    go(lab, stage, sender)
    until(lambda: trace.killed() or taken(lab, before), 5, 0.005)
    time.sleep(0.02)
    trace.close()
    return "child" if trace.killed() else None


def recover(lab, invariants, sender, who):
    """What is wrong after it all had its chance."""
    if who == "resident" or not lab.intake.is_alive():
        lab.intake.start()
        until(lab.listens)
    if not lab.daemon.is_alive():
        lab.daemon.start()
    lab.flush()
    only = [sender]
    if who == "parser":
        return settle_unparsable(lab, invariants, sender)
    return invariants.settle(20, 0, only)


def settle_unparsable(lab, invariants, sender):
    """A parser that dies is not tried again: the message is noted as unparsable, and kept for a person to look at."""
    def look():
        facts = invariants.facts()
        found = [r["decision"] for r in facts.requests if r["requester"] == sender] + [d["decision"] for d in facts.notifications[-1:]]
        return "unparsable" in found and not facts.queued and not facts.spool and facts.quarantine
    seen = until(look, 20, 0.05)
    lab.sent.pop(sender)  # its outcome is never known; terminal, but not as the others
    for name in lab.entries("quarantine"):
        os.unlink(f"{lab.folder}/spool/quarantine/{name}")
    return [] if seen else [f"{sender}: not noted as unparsable"]


def test_stage(lab, invariants, stage, killer, who, calls):
    points = 0
    for call in calls:
        bad = []
        for n in range(1, POINTS_MAX):
            # twice, as there may be no worker at first, or a late line of the message before is taken for this one's
            for again in ("", "-again"):
                sender = f"{stage}-{killer.__name__}-{call}{n}{again}@good.test"
                victim = killer(lab, stage, sender, call, n)
                bad += [f"{call} {n} ({victim}): {sentence}" for sentence in recover(lab, invariants, sender, victim)]
                if victim is not None:
                    break
            points += victim is not None
            if victim is None:
                break
        ok(not bad and n < POINTS_MAX - 1, f"1: kill -9 of intake's {who} at each of {n - 1} {call}, over a {stage}: nothing lost, no duplicate")
        if bad:
            diag("\n".join(bad))
    return points


def test_start(lab, invariants):
    """A resident that dies while it starts, with a message waiting for it."""
    points = 0
    for call in START:
        bad = []
        for n in range(1, POINTS_MAX):
            lab.intake.end()
            sender = f"start-{call}{n}@good.test"
            lab.send(sender)
            lab.intake.start("strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
            until(lambda: not lab.intake.is_alive() or lab.listens(), 5, 0.005)
            time.sleep(0.05)
            was_killed = not lab.intake.is_alive()
            points += was_killed
            lab.intake.end()
            lab.intake.start()
            until(lab.listens)
            bad += [f"{call} {n}: {sentence}" for sentence in recover(lab, invariants, sender, None)]
            if not was_killed:
                break
        ok(not bad, f"1: kill -9 of intake at each of {n - 1} {call} of its start: nothing lost, no duplicate")
        if bad:
            diag("\n".join(bad))
    return points


def main():
    lab = Lab("crashi").take_over()
    invariants, start = Invariants(lab), time.monotonic()
    points = {}
    for stage in ("request", "notification"):
        points[f"tree, {stage}"] = test_stage(lab, invariants, stage, kill_tree, "processes", sorted(set(CHILD + RESIDENT)))
        points[f"child, {stage}"] = test_stage(lab, invariants, stage, kill_child, "child alone", ("write",))
    points["start"] = test_start(lab, invariants)
    diag(f"{points}, {time.monotonic() - start:.0f} s")
    ok(min(points.values()) > 0, f"1: {sum(points.values())} kill points of postsix-intake")
    eq(invariants.settle(), [], "I1-I4 of them all, without a kill of postsixd")
    eq(count_duplicates(invariants.facts()), 0, "I2: no duplicate at all")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
