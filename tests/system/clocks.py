#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 14: postsixd and postsix-intake with a wall clock that is wrong from the start, jumps, and is set right.

wallclock.c makes it so, for these two processes alone. A clock that is ten years ahead expires every token that was given out before,
for as long as it is: notifications are then ignored, and the probe's outcome stays open. That is known, and what an expiry is for.
"""
import os
import subprocess
import sys
import tempfile
import time

from crashlab import HERE, Lab, cpu, until
from invariants import Invariants, id_text, violations
from tap import diag, done, eq, ok

DAY, YEAR = 86400, 31557600
PATIENCE = 60
TICK_SHARE = 0.05  # of a CPU, that one who has nothing to do may use
IDLE = 1.5  # seconds
INTERVAL = 3


class Clock:
    """The file that the programs read their error from."""

    def __init__(self, lab, library):
        self.lab, self.path = lab, f"{lab.folder}/clock"
        self.wrapper = ("env", f"LD_PRELOAD={library}", f"WALLCLOCK={self.path}")
        self.set(0)

    def set(self, seconds):
        with open(f"{self.path}.new", "w", encoding="ascii") as file:
            file.write(f"{seconds:.0f}")
        os.chmod(f"{self.path}.new", 0o644)
        os.rename(f"{self.path}.new", self.path)

    def restart(self, seconds):
        """Both programs, with that error."""
        for program in (self.lab.daemon, self.lab.intake):
            status = program.end()
            ok(status == 0, f"14: {program.name} stops, to be started {seconds / DAY:+.0f} d off") \
                or diag("\n".join([f"status {status}", *self.lab.log().splitlines()[-30:]]))
            self.set(seconds)
            program.start(*self.wrapper)
            program.wrapped = False  # env(1) becomes it
        # nobody looks into a database that is being opened
        until(lambda: self.lab.listens() and f"postsixd[{self.lab.daemon.pid}]: started" in self.lab.log())


def rows_of(invariants, sender):
    """kind → the message's row."""
    facts = invariants.facts()
    ids = [request["id"] for request in facts.requests if request["requester"] == sender]
    return {message["kind"]: message for message in facts.messages if message["request"] in ids}


def wrong(invariants, senders):
    """Like settle(), without its patience: in a lab whose other mails are on their way."""
    return [line for line in violations(invariants.facts(), 0, senders) if "left in" not in line]


def is_idle(lab, name):
    """No busy loop in either."""
    pids = [program.pid for program in (lab.daemon, lab.intake)]
    before, start = [cpu(pid) for pid in pids], time.monotonic()
    time.sleep(IDLE)
    used = sum(cpu(pid) for pid in pids) - sum(before)
    share = used / os.sysconf("SC_CLK_TCK") / (time.monotonic() - start)
    ok(share < TICK_SHARE, f"14: {name}: idle, it uses {share * 100:.1f} % of a CPU")


def test_started(lab, invariants, clock):
    """A clock that was wrong all along: nobody notices."""
    start_of_2038 = 2 ** 31 - time.time()
    for number, (name, error) in enumerate((("-1 d", -DAY), ("+1 d", DAY), ("+10 y", 10 * YEAR), ("-10 y", -10 * YEAR), ("2038", start_of_2038))):
        clock.restart(error if name != "2038" else 2 ** 31 - time.time() - 3)
        senders = [f"start{number}@good.test", f"start{number}@v4only.test"]
        for sender in senders:
            lab.send(sender)
        ok(until(lambda senders=senders: "bounce" in rows_of(invariants, senders[1]), PATIENCE), f"14: {name}: a notification is believed")
        if name == "2038":
            time.sleep(3)  # past the moment
            senders += [f"past{number}@good.test", f"past{number}@v4only.test"]
            for sender in senders[2:]:
                lab.send(sender)
            ok(until(lambda senders=senders: "bounce" in rows_of(invariants, senders[3]), PATIENCE), "14: after it, too")
        found = until(lambda senders=senders: not wrong(invariants, senders), PATIENCE) or wrong(invariants, senders)
        eq(found, True, f"14: {name}: requests are answered, once each")
        is_idle(lab, name)


def test_jumps(lab, invariants, clock):
    """Probes on their way while the clock jumps by a day, ahead and then back behind."""
    clock.restart(0)
    people = [f"jump{n}@deaf.test" for n in range(20)]
    for sender in people:
        lab.send(sender)
    until(lambda: all(rows_of(invariants, p).get("six", {}).get("state") == "sent" for p in people[-3:]), 5)
    clock.set(DAY)
    lab.send("ahead@good.test")
    time.sleep(0.5)
    outcomes = [rows_of(invariants, p)["six"]["outcome"] for p in people]
    ok("unknown" not in outcomes, f"14: a jump by a day ahead expires no probe: {sorted(set(outcomes))}")
    ok(until(lambda: all("delay" in rows_of(invariants, p) for p in people), PATIENCE), "14: notifications of delay are believed a day ahead")
    clock.set(-DAY)
    lab.send("behind@good.test")
    ok(until(lambda: all("bounce" in rows_of(invariants, p) for p in people), PATIENCE), "14: and those of failure a day behind")
    found = until(lambda: not wrong(invariants, [*people, "ahead@good.test", "behind@good.test"]), PATIENCE)
    ok(found, "14: everybody is answered, once each") or diag("\n".join(wrong(invariants, people)[:9]))
    is_idle(lab, "after the jumps")


def test_set_right(lab, invariants, clock):
    """What was written while the clock was ten years ahead: mail that waits for its next attempt, and when somebody was answered last."""
    for how, error in (("at once", 10 * YEAR), ("at a restart", 10 * YEAR)):
        name = how.replace(" ", "")
        clock.restart(error)
        lab.send(f"twice{name}@good.test")
        until(lambda name=name: not wrong(invariants, [f"twice{name}@good.test"]))
        lab.postfix("dual", "stop")
        lab.send(f"waits{name}@good.test")
        until(lambda name=name: rows_of(invariants, f"waits{name}@good.test").get("report", {}).get("attempts"))
        lab.postfix("dual", "start")
        if how == "at once":
            clock.set(0)
        else:
            clock.restart(0)
        report = rows_of(invariants, f"waits{name}@good.test")["report"]
        ok(until(lambda name=name: rows_of(invariants, f"waits{name}@good.test")["report"]["state"] == "sent", PATIENCE),
           f"14: set right {how}: mail that waits is sent, not in ten years") or diag(f"{id_text(report['id'])} {report}")
        lab.send(f"twice{name}@good.test")
        ok(until(lambda name=name: not wrong(invariants, [f"twice{name}@good.test"]), PATIENCE), f"14: set right {how}: who was answered then is answered now")
        decisions = [r["decision"] for r in invariants.facts().requests if r["requester"] == f"twice{name}@good.test"]
        eq(decisions, ["answer", "answer"], "14: no limit holds him up")


def test_patience(lab, invariants, clock):
    """Mail that waits for its instance, and probes that wait for their notification, while the clock jumps about."""
    clock.restart(0)
    lab.postfix("dual", "stop")
    people = [f"patience{n}@deaf.test" for n in range(20)]
    for sender in people:
        lab.send(sender)

    def rows():
        return [rows_of(invariants, sender) for sender in people]
    ok(until(lambda: all(row.get("six", {}).get("state") == "sent" for row in rows()) and any(row["report"]["attempts"] for row in rows()), PATIENCE),
       "14: reports wait for dual, probes are out")
    for number, (name, error) in enumerate((("+1 d", DAY), ("-1 d", -DAY), ("+10 y", 10 * YEAR), ("-10 y", -10 * YEAR))):
        clock.set(error)
        lab.send(f"turn{number}@good.test")
        until(lambda number=number: rows_of(invariants, f"turn{number}@good.test"))
        time.sleep(0.5)
        found = rows()
        ok(not any(row["report"]["state"] == "given-up" for row in found), f"14: a jump to {name} gives no mail up")
        ok(not any(row["six"]["outcome"] == "unknown" for row in found), f"14: a jump to {name} expires no probe")
    clock.restart(DAY)
    lab.send("between@good.test")
    until(lambda: rows_of(invariants, "between@good.test"))
    clock.restart(0)
    eq([row["report"]["state"] for row in rows()].count("given-up"), 0, "14: nor does a start")
    lab.postfix("dual", "start")
    ok(until(lambda: all(row["report"]["state"] == "sent" for row in rows()), 60), "14: dual is back, all are sent")


def main():
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        library = f"{folder}/wallclock.so"
        subprocess.run(("cc", "-shared", "-fPIC", "-O2", "-o", library, f"{HERE}/wallclock.c"), check=True)
        lab = Lab("clocks", *(f"--set={i}.give_up_after=600" for i in ("dual",)), f"--set=postsix.requester_interval={INTERVAL}")
        invariants, clock = Invariants(lab), Clock(lab, library)
        test_started(lab, invariants, clock)
        test_jumps(lab, invariants, clock)
        test_set_right(lab, invariants, clock)
        test_patience(lab, invariants, clock)
        diag(f"{time.monotonic() - start:.0f} s")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
