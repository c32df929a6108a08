#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 36: SIGTERM, SIGINT and SIGHUP at random moments under a light load; logs that are rotated, or go nowhere.

SIGTERM and SIGINT are clean: no mail comes twice. SIGHUP is postsixd's reload, and nothing to the other two: it ends nobody. SEED=… and REQUESTS=150 are the knobs.
"""
import collections
import fcntl
import os
import random
import re
import signal
import sys
import threading
import time

import crashlab
from crashlab import Lab, Program, Sender, children, read, signal_to, until
from invariants import Invariants, count_duplicates
from tap import diag, done, eq, ok

SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
REQUESTS = int(os.environ.get("REQUESTS", "150"))
PATIENCE, SENDERS, GAP = 10, 3, 0.15
CLEAN = (signal.SIGTERM, signal.SIGINT)
crashlab.USERS["milter"] = "postsix-milter"
# the program's own words would come back with the lab's; here they go where a test sends them
ELSEWHERE = ("bash", "-c", 'exec "${@:2}" 2>"$1"', "bash")
CLOSED = ("bash", "-c", 'exec "$@" 2>&-', "bash")


class Load:
    """Requests by several clients, each tried again until it is taken: that is what a client does when it is told to come back."""

    def __init__(self, lab, name, count):
        self.lab, self.numbers, self.lock, self.name = lab, iter(range(count)), threading.Lock(), name
        self.lost = []
        self.threads = [threading.Thread(target=self.run, args=(Sender(lab),), daemon=True) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def run(self, sender):
        while True:
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                break
            who = f"{self.name}{number}@good.test"
            if not until(lambda who=who: self.lab.send(who, by=sender), PATIENCE, 0.1):
                self.lost.append(who)
            time.sleep(GAP)
        sender.close()

    def is_alive(self):
        return any(thread.is_alive() for thread in self.threads)


def milter_listens(lab):
    return os.path.exists(f"{lab.run_folder}/milter/socket")


def programs(lab):
    return [lab.daemon, lab.intake, lab.milter]


def catches(pid, number=signal.SIGTERM):
    """Whether it has come so far that it has a say about the signal: it has nothing to lose before."""
    status = read(f"/proc/{pid}/status")
    return any(int(bits, 16) & 1 << number - 1 for bits in re.findall(r"Sig(?:Cgt|Blk|Ign):\s+(\w+)", status))


def end(program, number):
    """(seconds, exit status) of its end; it is started again at once."""
    start = time.monotonic()
    until(lambda: catches(program.pid), 2)
    status = program.end(number, PATIENCE)
    took = time.monotonic() - start
    if status is None:
        program.end(signal.SIGKILL)
    program.start()
    return took, status


def hit_one(lab, chance, numbers, ends):
    """One signal, to one of the programs or to one of intake's workers."""
    number, name = chance.choice(numbers), chance.choice(("postsixd", "intake", "milter", "worker"))
    if name == "worker":
        for pid in children(lab.intake.pid)[:1]:
            signal_to(pid, number)
        return
    program = next(p for p in programs(lab) if p.name == name)
    if number == signal.SIGHUP:
        until(lambda: catches(program.pid, number), 2)  # a manager waits for READY
        signal_to(program.pid, number)
        ends.append((name, "SIGHUP", 0, None))
        return
    if not program.is_alive():
        ends.append(f"{name}: it ended with status {program.process.poll()} by itself, or by SIGHUP")
    took, status = end(program, number)
    ends.append((name, signal.Signals(number).name, took, status))
    if status != 0 or took > PATIENCE:
        ends.append(f"{name}: {signal.Signals(number).name}: status {status} after {took:.1f} s")


def settle(lab, invariants):
    """What is wrong when all has come to rest. A message that was put off is asked about again and again."""
    until(lambda: lab.listens() and milter_listens(lab))
    flushed = [0.0]

    def flush():
        if time.monotonic() - flushed[0] > 3:
            flushed[0] = time.monotonic()
            lab.flush()
    return invariants.settle(40, 0, meanwhile=flush)


def test_signals(lab, invariants, chance, numbers, name):
    """No mail comes twice, and no signal is answered but as it should."""
    before, load, ends = count_duplicates(invariants.facts()), Load(lab, name, REQUESTS // 2), []
    while load.is_alive():
        time.sleep(chance.expovariate(1 / 0.2))
        hit_one(lab, chance, numbers, ends)
    found = settle(lab, invariants)
    what = "/".join(signal.Signals(number).name for number in numbers)
    eq(load.lost, [], f"36: {what}: every request is taken sooner or later")
    eq([end for end in ends if isinstance(end, str)], [], f"36: {what}: each program ends within {PATIENCE} s, with the status that it should")
    ok(not found, f"36: {what} under load: nothing lost, nothing in a queue") or diag("\n".join(found[:20]))
    duplicates = count_duplicates(invariants.facts()) - before
    eq(duplicates, 0, f"36: {what}: no mail came twice")
    ok(all(program.is_alive() for program in programs(lab)), f"36: {what}: all three are there")
    ends = [end for end in ends if not isinstance(end, str)]
    diag(f"{dict(collections.Counter(end[:2] for end in ends))}, the longest took {max(end[2] for end in ends):.2f} s")
    ok(len(ends) >= 4, f"36: {what}: {len(ends)} ends")


def one_request(lab, invariants, name):
    """Whether requests are answered as always, within seconds."""
    start = time.monotonic()
    load = Load(lab, name, 9)
    until(lambda: not load.is_alive(), 30)
    found = load.lost + settle(lab, invariants)
    return found or ([f"it took {time.monotonic() - start:.0f} s"] if time.monotonic() - start > 15 else [])


def test_rotation(lab, invariants):
    """As logrotate does it: moved away, and made anew; what runs goes on writing to the old one."""
    path = f"{lab.folder}/log/service.log"
    owner = os.stat(path)
    os.rename(path, f"{path}.1")
    with open(path, "wb"):
        os.chown(path, owner.st_uid, owner.st_gid)
        os.chmod(path, owner.st_mode & 0o777)
    eq(one_request(lab, invariants, "rotated"), [], "36: the log is moved away: nothing else happens")
    ok(re.search(r"postsixd\[\d+\]: .*rotated0", read(f"{path}.1")), "36: who has it open goes on")
    for program in programs(lab):
        end(program, signal.SIGTERM)
    settle(lab, invariants)
    ok("postsixd" in read(path) and "postsix-milter" in read(path), "36: who starts writes to the new one")


def run_elsewhere(lab, invariants, name, *wrapper):
    """All three with that standard error."""
    for program in programs(lab):
        program.end()
        program.start(*wrapper)
        program.wrapped = False  # bash becomes it
    until(lambda: lab.listens() and milter_listens(lab))
    pids = [program.pid for program in programs(lab)]
    found = one_request(lab, invariants, name)
    for pid in children(lab.intake.pid):
        signal_to(pid, signal.SIGKILL)  # intake logs that
    time.sleep(0.3)
    found += one_request(lab, invariants, f"{name}more")
    return found + [f"{program.name} ended: {program.process.poll()}" for program, pid in zip(programs(lab), pids)
                    if program.pid != pid or not program.is_alive()]


def test_no_log(lab, invariants):
    """journald away: standard error closed, its reader gone, or its reader asleep with the pipe full."""
    eq(run_elsewhere(lab, invariants, "closed", *CLOSED), [], "36: standard error closed: mail is answered")
    path = f"{lab.folder}/log/pipe"
    os.mkfifo(path)
    os.chmod(path, 0o666)
    reader = os.open(path, os.O_RDWR)  # so that opening it waits for nobody
    fcntl.fcntl(reader, 1031, 4096)  # F_SETPIPE_SZ
    eq(run_elsewhere(lab, invariants, "asleep", *ELSEWHERE, path), [], "36: nobody reads standard error: mail is answered")
    before = len(lab.sent)
    os.close(reader)
    eq(one_request(lab, invariants, "gone"), [], "36: standard error's reader is gone: mail is answered")
    for pid in children(lab.intake.pid):
        signal_to(pid, signal.SIGKILL)
    time.sleep(0.3)
    ok(all(program.is_alive() for program in programs(lab)) and len(lab.sent) > before, "36: and nobody died of SIGPIPE")
    for program in programs(lab):
        eq(end(program, signal.SIGTERM)[1], 0, f"36: {program.name} stops as always")


def main():
    start = time.monotonic()
    diag(f"SEED={SEED} REQUESTS={REQUESTS}")
    lab = Lab("signals", *(f"--set={instance}.give_up_after=600" for instance in ("dual", "v6")))
    lab.milter = Program(lab, "milter")
    lab.take_over()
    lab.milter.end()
    lab.milter.start()
    invariants, chance = Invariants(lab), random.Random(SEED)
    test_signals(lab, invariants, chance, CLEAN, "clean")
    test_signals(lab, invariants, chance, (*CLEAN, signal.SIGHUP), "hup")
    test_rotation(lab, invariants)
    test_no_log(lab, invariants)
    diag(f"{time.monotonic() - start:.0f} s")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
