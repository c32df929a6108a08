#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY faults 10 and 11: an instance is away, refuses, says 421 or hangs, at every step of the dialogue.

The instance's inject socket is a fake server's meanwhile (fakeinject.py); mail from the world still comes in by the real one.
Two labs: one for what hangs, which takes the minute that postsixd waits for a silent server, and one for all else.
"""
import os
import random
import re
import sys
import threading
import time

from crashlab import Lab, read, until
from fakeinject import STEPS, FakeInject
from invariants import Invariants, id_text
from tap import diag, done, eq, ok

SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
SILENCE, PROBE_PATIENCE = 60, 12  # seconds: src/adapter/submit.c, tests/lab/postsix.conf
FAULT_IS_OURS = "The fault is ours"


def place_fake(lab, tempers):
    """No session with the real one is left idle."""
    lab.daemon.end()
    fake = FakeInject(f"{lab.run_folder}/v6/public/inject", tempers)
    lab.daemon.start()
    return fake


def rows_of(facts, sender):
    """kind → the message's row."""
    ids = [request["id"] for request in facts.requests if request["requester"] == sender]
    return {message["kind"]: message for message in facts.messages if message["request"] in ids}


def arrived(facts, row):
    return [mail for mail in facts.inbox if row and mail["message_id"].startswith(id_text(row["id"]))]


def kinds_arrived(facts, sender):
    return sorted(kind for kind, row in rows_of(facts, sender).items() for _ in arrived(facts, row))


def test_dual_away(lab, invariants):
    """Fault 10: reports and processed bounces wait, probes go; each state that a message over dual can be in."""
    lab.postfix("dual", "stop")
    people = [f"away{n}@good.test" for n in range(6)] + [f"away{n}@v4only.test" for n in range(4)]
    for sender in people:
        lab.send(sender)
    ok(until(lambda: all("six" in kinds_arrived(invariants.facts(), p) for p in people if "good" in p)), "10: dual away: the probes go")
    ok(until(lambda: all("bounce" in rows_of(invariants.facts(), p) for p in people if "v4only" in p)), "10: the probes that bounce are noted")
    facts = invariants.facts()
    ok(all(rows_of(facts, p)["report"]["state"] == "queued" for p in people), "10: the reports wait")
    waits = [int(n) for n in re.findall(r"mail=report.*command=connect.* will retry in (\d+)s", lab.log())]
    ok(waits and max(waits) <= 60, f"10: with back-off: {sorted(set(waits))} s")
    lab.postfix("dual", "start")
    start = time.monotonic()
    found = invariants.settle(70)
    ok(not found, f"10: dual is back: everything once, after {time.monotonic() - start:.1f} s")
    diag("\n".join(found))


def test_dual_stops(lab, invariants, chance):
    """Fault 10: it stops at some moment while messages are on their way, whatever their state."""
    stops = 4
    for n in range(stops):
        for m in range(3):
            lab.send(f"stop{n}-{m}@good.test")
        time.sleep(chance.random() * 0.1)
        lab.postfix("dual", "stop")
        time.sleep(0.2)
        lab.postfix("dual", "start")
    found = invariants.settle(70, stops)
    ok(not found, f"10: {stops} stops under way: nothing lost, at most one duplicate for each")
    diag("\n".join(found))


ANSWERS = [(step, reply) for step in STEPS for reply in ("421 4.3.2 Going down", "451 4.3.0 Not now")] + \
    [(step, "550 5.7.1 No") for step in ("greeting", "EHLO", "MAIL", "DATA")]
CLOSES = [(step, "close") for step in STEPS]
FINAL = [("RCPT", "550 5.7.1 No"), ("dot", "550 5.7.1 No")]


def test_v6_in_time(lab, invariants, name, tempers):
    """Fault 11: it answers badly for a while that is shorter than the patience."""
    fake = place_fake(lab, tempers)
    people = [f"{name}{n}@good.test" for n in range(len(tempers))]
    for sender in people:
        lab.send(sender)
    until(lambda: fake.struck == set(tempers), 20)
    eq(set(tempers) - fake.struck, set(), f"11: {name}: each of {len(tempers)} was met")
    ok(until(lambda: all("report" in kinds_arrived(invariants.facts(), p) for p in people), 20), f"11: {name}: the reports over dual went")
    fake.stop()
    start = time.monotonic()
    found = invariants.settle(70, 1, people)
    facts = invariants.facts()
    extra = [f"{p}: {kinds}" for p in people if (kinds := kinds_arrived(facts, p)) != ["report", "six"]]
    ok(not found and not extra, f"11: {name}: v6 is back in time: each probe is delivered once, after {time.monotonic() - start:.1f} s")
    diag("\n".join(found + extra))


def test_v6_final(lab, invariants):
    """A refusal of this message is final, and told as our fault."""
    fake = place_fake(lab, FINAL)
    people = [f"final{n}@good.test" for n in range(len(FINAL))]
    for sender in people:
        lab.send(sender)
    seen = until(lambda: all(is_told(invariants.facts(), p) for p in people), 60)
    fake.stop()
    ok(seen, "11: a refusal of this message: one processed bounce says that the fault is ours")


def is_told(facts, sender):
    """Report and one processed bounce that says so, no probe; the probe is given up and its outcome unknown."""
    rows = rows_of(facts, sender)
    bounces = arrived(facts, rows.get("bounce"))
    return kinds_arrived(facts, sender) == ["bounce", "report"] and FAULT_IS_OURS in read(bounces[0]["file"]) and \
        (rows["six"]["state"], rows["six"]["outcome"]) == ("given-up", "unknown")


def test_v6_never(lab, invariants, tempers):
    """Fault 11: it hangs, at each step, and does not come back; 451 beside it."""
    fake = place_fake(lab, tempers)
    people = [f"never{n}@good.test" for n in range(len(tempers))]
    for sender in people:
        lab.send(sender)
    reports = until(lambda: all("report" in kinds_arrived(invariants.facts(), p) for p in people), 10)
    struck = until(lambda: fake.struck == set(tempers), 10)
    told = until(lambda: all(is_told(invariants.facts(), p) for p in people), SILENCE + PROBE_PATIENCE + 10, 0.2)
    facts = invariants.facts()
    fake.stop()
    time.sleep(1)
    quiet = len(invariants.facts().inbox) == len(facts.inbox)
    return ((struck, f"11: v6 hangs at each of {len(STEPS)} steps, or says 451"), (reports, "11: the reports over dual go meanwhile"),
            (told, "11: after the patience each requester is told once that the fault is ours"), (quiet, "11: and nothing more is sent"),
            (not invariants.settle(10), "I1-I4 of them: " + "; ".join(invariants.settle(1))))


def test_later(results):
    """The lab of what hangs, on its own thread."""
    lab = Lab("crashh", "--set", "postsix.submit_sessions=20").take_over()
    invariants = Invariants(lab)
    tempers = [(step, "hang") for step in STEPS] + [(step, "451 4.3.0 Not now") for step in ("greeting", "MAIL")]
    results += test_v6_never(lab, invariants, tempers)
    lab.send("after@good.test")
    found = invariants.settle(70)
    results.append((not found, "11: v6 is back: the next request is answered"))


def main():
    diag(f"SEED={SEED}")
    results = []
    later = threading.Thread(target=test_later, args=(results,), daemon=True)
    if not os.environ.get("QUICK"):
        later.start()
    lab = Lab("crasha", "--set", "postsix.submit_sessions=20", "--set", "postsix.probe_patience=60").take_over()
    invariants = Invariants(lab)
    lab.send("before@good.test")
    eq(invariants.settle(), [], "a request, before")
    before = lab.daemon.usage()
    test_dual_away(lab, invariants)
    test_dual_stops(lab, invariants, random.Random(SEED))
    test_v6_in_time(lab, invariants, "answers", ANSWERS)
    test_v6_in_time(lab, invariants, "closes", CLOSES)
    test_v6_final(lab, invariants)
    later.join(120)
    for good, name in results:
        ok(good, name)
    ok(not later.is_alive() and len(results) == 6, "11: all of the other lab's tests ran")
    time.sleep(6)  # idle sessions end after 5 s
    memory, files = lab.daemon.usage()
    ok(memory < before[0] + 4096 and files <= before[1], f"I5: postsixd: {memory} kB, {files} descriptors, from {before}")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
