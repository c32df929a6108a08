#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 1, under load: kill -9 of postsixd, postsix-intake, its children and postsix-pipe at random moments.

What died is started again at once, as systemd would. Requests come in all the while, each from a sender of its own.
KILLS=1000 and SEED=… are the knobs.
"""
import collections
import os
import random
import re
import signal
import sys
import threading
import time

from crashlab import BRIEF_SURVEYS, Lab, Sender, busy_children, children, exists, read, signal_to, until
from invariants import Invariants, count_duplicates
from tap import diag, done, eq, ok

KILLS = int(os.environ.get("KILLS", "1000"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
REQUESTS = int(os.environ.get("REQUESTS", "0")) or max(20, KILLS * 6 // 10)
SENDERS = 3
UNDER_WAY_MAX = 24  # requests that are sent and not over, and how far they may be ahead of the kills
PATIENCE = 120
MEMORY_MAX, GROWTH_MAX = 64 * 1024, 8 * 1024  # kB


class Load:
    """Requests, from the first kill to the last."""

    def __init__(self, lab):
        self.lab, self.next, self.kills, self.stop, self.refused = lab, 0, 0, False, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(Sender(lab),), daemon=True) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def take_number(self):
        with self.lock:
            self.next += 1
            return self.next

    def is_time_for(self, number):
        over = read(f"{self.lab.folder}/inbox/index").count("\n") // 2
        return number < over + UNDER_WAY_MAX and number < self.kills * REQUESTS // KILLS + UNDER_WAY_MAX

    def run(self, sender):
        while not self.stop:
            number = self.take_number()
            if number > REQUESTS:
                break
            until(lambda: self.stop or self.is_time_for(number), PATIENCE, 0.05)
            if not self.lab.send(f"load{number}@good.test", by=sender):
                self.refused.append(number)
        sender.close()

    def is_alive(self):
        return any(thread.is_alive() for thread in self.threads)


class Supervisor(threading.Thread):
    """systemd's part: starts again what died. longest: for how long something was away."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.lab, self.stop, self.starts, self.longest = lab, False, 0, 0.0

    def run(self):
        looked = time.monotonic()
        while not self.stop:
            started = self.lab.supervise()
            self.starts += started
            self.longest = max(self.longest, time.monotonic() - looked if started else 0)
            looked = time.monotonic()
            time.sleep(0.005)


def victims(lab):
    """The pids to choose from, by what they are. A parser is none of them: its death is an answer, not a crash; nor is a child that
    has no message, which would be an easy death."""
    daemon, intake = lab.daemon.own_pid(), lab.intake.own_pid()
    return {"postsixd": [daemon] if daemon else [], "resident": [intake] if intake else [],
            "child": busy_children(intake) if intake else [], "pipe": pipes(lab)}


def pipes(lab):
    """Runs of postsix-pipe: children of pipe(8), which are found once in a while only."""
    return [pid for parent in lab.pipe_daemons for pid in children(parent)]


def kill_one(lab, chance):
    """At some moment, one of some kind; where none of it comes along, the daemon. What died, or None."""
    kind = chance.choices(("postsixd", "resident", "child", "pipe"), (30, 14, 28, 28))[0]
    time.sleep(chance.expovariate(1 / 0.015))
    if kind in ("child", "pipe") and not until(lambda: victims(lab)[kind], 0.2, 0.001):
        kind = "postsixd"
    found = victims(lab)[kind]
    if not found:
        return None
    pid = chance.choice(found)
    if not exists(pid):
        return None
    signal_to(pid, signal.SIGKILL)
    until(lambda: not exists(pid), 1, 0.001)
    return kind


def kill_many(lab, load, chance):
    """How often each kind was killed."""
    killed = collections.Counter()
    while killed.total() < KILLS:
        if killed.total() % 10 == 0:
            lab.pipe_daemons = lab.pids("pipe")  # that is costly
        kind = kill_one(lab, chance)
        if kind:
            killed[kind] += 1
            load.kills += 1
    return killed


def await_rest(lab, load, supervisor):
    """Until all that was sent is over, with everybody alive."""
    until(lambda: not load.is_alive(), PATIENCE, 0.1)
    load.stop = True
    time.sleep(0.2)  # what was killed last is started again
    supervisor.stop = True
    supervisor.join()
    until(lab.listens)
    lab.flush()


def explain(lab, found):
    """All that was logged about the first one that is wrong: of its sender, and of its tokens."""
    name = next(iter(re.findall(r"load\d+@good\.test", " ".join(found))), "nobody")
    log = lab.log().splitlines()
    words = {name} | {token[:11] for line in log if f"<{name}>" in line for token in re.findall(r"\b([a-z2-7]{13}): ", line)}
    ids = {queue for line in log if any(word in line for word in words) for queue in re.findall(r"\b(4[A-Za-z0-9]{12,16})\b", line)}
    diag("\n".join(line[:300] for line in log if any(word in line for word in words | ids)))


def main():
    diag(f"SEED={SEED} KILLS={KILLS} REQUESTS={REQUESTS}")
    # in the lab, Postfix gives a message up after 12 s of defeats; nobody's hours of patience are that short
    lab = Lab("crashl", BRIEF_SURVEYS, *(f"--set={instance}.give_up_after=600" for instance in ("dual", "v6"))).take_over()
    invariants, chance, start = Invariants(lab), random.Random(SEED), time.monotonic()
    lab.send("before@good.test")
    eq(invariants.settle(), [], "one request before")
    before = {program.name: program.usage() for program in (lab.daemon, lab.intake)}
    lab.pipe_daemons = []
    load, supervisor = Load(lab), Supervisor(lab)
    supervisor.start()
    killed = kill_many(lab, load, chance)
    at_work = time.monotonic() - start
    await_rest(lab, load, supervisor)
    found = invariants.settle(PATIENCE, killed["postsixd"])
    duplicates = count_duplicates(invariants.facts())
    diag(f"{dict(killed)} in {at_work:.0f} s, over after {time.monotonic() - start:.0f} s; {len(lab.sent)} requests, {duplicates} duplicates")
    eq(load.refused, [], "every request is taken: nobody in the world notices")
    if not ok(not found, f"1: {killed.total()} random kills over {len(lab.sent)} requests: nothing lost, each duplicate with the same Message-ID"):
        diag("\n".join(found[:50]))
        explain(lab, found)
    ok(duplicates <= killed["postsixd"], f"1: {duplicates} duplicates from {killed['postsixd']} kills of postsixd: at most one for each")
    diag(f"{supervisor.starts} starts, nobody away for more than {supervisor.longest * 1000:.0f} ms")
    for program in (lab.daemon, lab.intake):
        memory, files = program.usage()
        ok(program.is_alive() and memory < min(MEMORY_MAX, before[program.name][0] + GROWTH_MAX) and files <= before[program.name][1] + 8,
           f"I5: {program.name} is alive, {memory} kB and {files} descriptors, from {before[program.name]}")
    lab.send("after@good.test")  # workers are forked when there is work, and the last kill may have taken them all
    eq(invariants.settle(PATIENCE, killed["postsixd"]), [], "one request after")
    workers = children(lab.intake.pid)
    ok(0 < len(workers) <= 8 and until(lambda: not busy_children(lab.intake.pid)), f"I5: {len(workers)} workers of intake, none with a message")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
