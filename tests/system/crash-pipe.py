#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 1: pipe(8) is killed while it writes a message, as `postfix stop` may do it. Half a message is none.

The resident is held, so that pipe(8) fills the pipe to the brim and waits; what was written till then ends as a
whole message would. Postfix has all of it still, and tries again.
"""
import os
import re
import signal
import sys
import time

from crashlab import Lab, children, exists, signal_to, until
from invariants import Invariants
from tap import diag, done, eq, ok

OCTETS, HALF = 300_000, 200_000  # a pipe holds 64 kB; here it is less, without the CRs


def hold_half(lab, sender):
    """A pipe(8) that cannot go on, with its child waiting for an answer; both pids."""
    signal_to(lab.intake.pid, signal.SIGSTOP)
    lab.send(sender, octets=OCTETS)
    pipe = until(lambda: next((pid for pid in lab.pids("pipe") if children(pid)), 0))
    child = children(pipe)[0]
    time.sleep(0.3)
    return pipe, child


def sizes(lab, mark):
    """Of what intake put into the spool since."""
    return [int(size) for size in re.findall(r"entry=\S+, instance=v6, size=(\d+)", lab.log()[mark:])]


def main():
    lab = Lab("crashpp", "--postfix", "v6.transport_retry_time=2s").take_over()
    invariants = Invariants(lab)
    lab.send("before@good.test")  # the master waits a minute after a process that dies over its first delivery
    eq(invariants.settle(), [], "a request, before")
    for number, name in ((signal.SIGKILL, "SIGKILL"), (signal.SIGTERM, "SIGTERM")):
        sender, mark = f"{name.lower()}@good.test", len(lab.log())
        lab.daemon.end()
        pipe, child = hold_half(lab, sender)
        signal_to(pipe, number)
        ok(until(lambda: not exists(pipe)), f"1: pipe(8) ends by {name} with a part of a message written")
        ok(until(lambda: not exists(child), 60), f"1: {name}: postsix-pipe goes with it")
        signal_to(lab.intake.pid, signal.SIGCONT)
        time.sleep(0.5)
        eq([size for size in sizes(lab, mark) if size < HALF], [], f"1: {name}: no half message comes into the spool")
        lab.daemon.start()
        found = invariants.settle(30)
        ok(not found and len([size for size in sizes(lab, mark) if size > HALF]) == 1, f"1: {name}: the whole one does")
        diag("\n".join(found))
    ok(lab.intake.is_alive() and lab.daemon.is_alive(), "I5: both programs are alive")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
