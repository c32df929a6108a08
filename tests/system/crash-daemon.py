#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 1: kill -9 of postsixd at every system call that changes something outside it, over one request and its DSN.

strace(1) kills it at the entry of the N-th call of one kind; N goes up until a whole life, from start to SIGTERM, passes without
a kill. The request waits in the spool when that life begins, so the points of the start have mail to lose as well.
POINTS=write,fdatasync looks at these calls only.
"""
import os
import signal
import sys
import time

from crashlab import BRIEF_SURVEYS, Lab, until
from invariants import Invariants, count_duplicates, violations
from tap import diag, done, eq, ok

CALLS = ("write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "unlink", "unlinkat", "sendto",
         "sendmsg", "connect", "mkdir")
POINTS_MAX = 400


def is_over(lab, sender, invariants):
    """Everything about this request is done, or its daemon was killed."""
    return not lab.daemon.is_alive() or invariants.is_well(only=[sender])


def live_to_point(lab, invariants, sender, call, n):
    """One life of postsixd under strace; strace ends as it did. 0, -9 where it was killed, or what should not be."""
    lab.send(sender)
    until(lab.entries)
    process = lab.daemon.start("strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}")
    until(lambda: is_over(lab, sender, invariants), 15)
    if process.poll() is None:
        lab.daemon.end()
    return process.wait()


def test_points(lab, invariants):
    points, start = {}, time.monotonic()
    for call in os.environ.get("POINTS", ",".join(CALLS)).split(","):
        bad = []
        for n in range(1, POINTS_MAX):
            sender = f"{call}{n}@good.test"
            status = live_to_point(lab, invariants, sender, call, n)
            if status == 0:
                break
            points[call] = n
            bad += [f"{call} {n}: ended with {status}"] if status != -signal.SIGKILL else []
            lab.daemon.start()
            found = invariants.settle(20, 1, [sender])
            bad += [f"{call} {n}: {sentence}" for sentence in found]
            lab.daemon.end()
        else:
            bad.append(f"{call}: still killed at {n}")
        if not ok(not bad, f"1: kill -9 of postsixd at each of {points.get(call, 0)} {call}: nothing lost, at most one duplicate"):
            diag("\n".join(bad))
    ok(sum(points.values()) > 0, f"1: {sum(points.values())} kill points of postsixd")
    diag(f"{points}, {count_duplicates(invariants.facts())} duplicates, {time.monotonic() - start:.0f} s")
    lab.daemon.start()
    eq(invariants.settle(20, sum(points.values())), [], "I1-I4 of them all")


def break_one(facts, what, sentence, change):
    """The invariants say this of what change does to these good facts."""
    broken = facts.copy()
    change(broken)
    found = violations(broken)
    if not ok([s for s in found if s.startswith(what[:2]) and sentence in s], f"{what} is seen"):
        diag("\n".join(found))


def test_invariants(lab, invariants):
    """They can be violated, each one."""
    lab.daemon.start()
    lab.send("first@good.test")
    lab.send("second@good.test")
    eq(invariants.settle(), [], "two requests, nothing wrong")
    facts = invariants.facts()
    first = facts.requests[0]

    def message(f, kind):
        return next(m for m in f.messages if m["kind"] == kind)

    break_one(facts, "I1 lost request", "0 are in the database", lambda f: f.requests.remove(first))
    break_one(facts, "I1 no decision", "no decision", lambda f: f.requests[0].update(decision=""))
    break_one(facts, "I1 not sent", "is sending", lambda f: message(f, "report").update(state="sending"))
    break_one(facts, "I1 no outcome", "no outcome", lambda f: message(f, "six").update(outcome="pending"))
    break_one(facts, "I1 silently given up", "no operator", lambda f: (message(f, "six").update(state="given-up"), setattr(f, "log", "")))
    break_one(facts, "I1 in a queue", "left in a queue", lambda f: f.queued.append("dual/deferred/4x"))
    break_one(facts, "I1 in the spool", "left in the spool", lambda f: f.spool.append("4x-v6-0"))
    break_one(facts, "I2 lost mail", "did not arrive", lambda f: f.inbox.pop())
    break_one(facts, "I2 duplicate", "arrived 2 times", lambda f: f.inbox.append(f.inbox[0]))
    break_one(facts, "I2 another Message-ID", "several Message-IDs", lambda f: f.inbox.append(
        {**f.inbox[0], "message_id": f.inbox[0]["message_id"][:13] + "a" * 26 + "@six.test"}))
    break_one(facts, "I2 a bounce", "none of ours", lambda f: f.inbox.append({**f.inbox[0], "message_id": "20261123.4x@mx.dual.test"}))
    break_one(facts, "I3 five messages", "messages for one request", lambda f: f.messages.extend({**f.messages[0], "id": i} for i in range(5)))
    break_one(facts, "I3 to somebody else", "came to ['other", lambda f: f.inbox[0].update(recipients=["other@good.test"]))
    break_one(facts, "I3 too large", "octets", lambda f: f.inbox[0].update(size=13000))
    break_one(facts, "I4 a bounce by pipe(8)", "status=bounced", lambda f: setattr(f, "log", f.log + "x: relay=postsix, status=bounced (Command died)\n"))
    break_one(facts, "I4 mail without a reason", "was not used", lambda f: f.messages.append(
        {**f.messages[0], "id": f.requests[0]["id"] + 4, "kind": "bounce", "dsn": 99}))
    lab.daemon.end()


def main():
    lab = Lab("crash", BRIEF_SURVEYS).take_over()
    lab.daemon.end()
    invariants = Invariants(lab)
    test_invariants(lab, invariants)
    test_points(lab, invariants)
    ok(lab.daemon.is_alive() and lab.intake.is_alive(), "I5: both programs are alive")
    lab.daemon.end(signal.SIGTERM)
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
