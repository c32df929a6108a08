#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-intake's workers: who starts and who ends them, and that nothing of one message is left for the next (RELIABILITY
faults 1, 2, 35, 36; invariant I5)."""
import array
import os
import re
import signal
import socket
import subprocess
import threading
import time

from intakes import B, Held, Intake, attach, children_of, sockets_of, until
from tap import diag, done, eq, ok, skip

GOOD = b"From: a@good.test\nSubject: =?utf-8?q?caf=C3=A9?=\nMessage-ID: <1@good.test>\n\nbody\n"
HOSTILE = {
    "with too much to say": b"".join(b"To: %s\n" % (b"\x01" * 1900) for _ in range(60)) + b"\n",
    "of 5,000 nested parts": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(5000)),
    "of 3 MB": b"Subject: big\n\n" + b"x" * 3_000_000,
    "of nothing": b"",
    "of NULs": b"\0" * 100_000,
}
SHARE = 500


def status_of(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(rf"^{name}:\s+(\d+)", file.read(), re.M)[1])


def descriptors(pid):
    return sorted(re.sub(r"\d+", "", os.readlink(f"/proc/{pid}/fd/{fd}")) for fd in os.listdir(f"/proc/{pid}/fd"))


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))


def is_there(pid):
    """And no zombie, which nobody may care for where its parent is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def send_raw(intake, packet, fds):
    """A client that is not postsix-pipe, till it is answered or hung up on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(10)
        sock.connect(intake.socket)
        sock.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
        return sock.recv(1000)


def send_oddities(intake, null):
    """Everything that does not end in an entry."""
    good = b"instance=v6\0queue_id=1\0recipient=a\0"
    for packet, fds in ((good, []), (good, [null, null]), (good, [null] * 5), (good + b"x" * 20000, [null]), (good[:-1], [null]),
                        (b"", [null]), (b"", [])):
        send_raw(intake, packet, fds)
    held = Held(intake, "4Gone")
    held.client.kill()
    held.client.wait()
    held.finish(b"")
    intake.pipe(b"\n", arguments=["instance=v6", "queue_id=1", "recipient=a", "recipient=b"])


def test_on_demand():
    intake = Intake()
    eq(children_of(intake.process.pid), [], "no worker before the first message")
    for _ in range(20):
        intake.pipe(GOOD)
    ok(len(children_of(intake.process.pid)) in (1, 2), "one, while messages come one by one; or two, where the next was quicker than the word")
    held = [Held(intake, f"4H{i}") for i in range(8)]
    eq(len({one.worker for one in held} - {0}), 8, "eight for eight messages at once")
    ninth = subprocess.Popen([f"{B}/postsix-pipe", intake.socket, "instance=v6", "queue_id=4Ninth", "recipient=a"], stdin=subprocess.DEVNULL)
    time.sleep(0.2)
    eq((ninth.poll(), len(children_of(intake.process.pid))), (None, 8), "15: and no more: the ninth waits")
    eq(held[3].finish()[0], 0, "one of them is done")
    eq(ninth.wait(5), 0, "15: then the ninth is taken")
    eq({one.finish()[0] for one in held[:3] + held[4:]}, {0}, "as are the others")
    eq(len(children_of(intake.process.pid)), 8, "the workers stay")
    diag(f"resident {status_of(intake.process.pid, 'VmRSS')} kB, workers {sorted(status_of(p, 'VmRSS') for p in children_of(intake.process.pid))}")
    eq(intake.stop(), 0, "36: all end where none has a message")
    ok("children are at work" not in intake.log(), "36: at once, since nobody is waited for")
    intake.clean()


def test_life():
    """I5: one worker, and everything that it may meet, again and again."""
    intake, null = Intake("--children", "1", "--limit", "1000000"), os.open("/dev/null", os.O_RDONLY)
    intake.pipe(GOOD)
    _, want = intake.take()
    (worker,) = children_of(intake.process.pid)
    wrong = []
    for what, message in HOSTILE.items():
        intake.pipe(message)
        intake.take()
        intake.pipe(GOOD)
        _, facts = intake.take()
        wrong += [what] if facts != want else []
    eq(wrong, [], f"35: a good message is read as ever after each of {len(HOSTILE)} bad ones")
    send_oddities(intake, null)
    intake.pipe(GOOD)
    eq(intake.take()[1], want, "35: and after each kind of client that is none")
    for _ in range(3):  # until the heap is as large as it gets
        for message in HOSTILE.values():
            intake.pipe(message)
            intake.take()
    have, resident, before = descriptors(worker), descriptors(intake.process.pid), status_of(worker, "VmRSS")
    for _ in range(15):
        send_oddities(intake, null)
        for message in (GOOD, *HOSTILE.values()):
            intake.pipe(message)
            intake.take()
    grown = status_of(worker, "VmRSS") - before
    eq(children_of(intake.process.pid), [worker], "I5: it was the same worker all the time")
    eq(descriptors(worker), have, "I5: which has the descriptors that it had")
    eq(descriptors(intake.process.pid), resident, "I5: as has the resident")
    ok(grown < 128, f"I5: and {grown} kB more memory after 225 messages and odd clients")
    for _ in range(SHARE):
        intake.pipe(b"\n")
    (second,) = children_of(intake.process.pid)
    ok(second != worker and not is_there(worker), f"I5: after {SHARE} messages another has its place")
    eq(re.findall(r"child \d+ .*", intake.log()), [], "of which nobody is told")
    intake.clean()
    os.close(null)


def test_alarm():
    """Each message has its own patience."""
    intake = Intake()
    intake.pipe(GOOD)
    trace = f"{intake.folder}/strace"
    strace = attach(intake, "-o", trace, "-e", "trace=alarm,recvmsg")
    if strace.poll() is not None:
        skip("alarm", "strace cannot attach")
        return
    for _ in range(2):
        intake.pipe(GOOD)
    intake.stop()
    strace.wait(5)
    with open(trace, encoding="utf-8") as file:
        calls = re.findall(r"alarm\((\d+)\) += (\d+)", file.read())
    eq(sorted(call[0] for call in calls), ["0", "0", "300", "300"], "a message has 300 s, and the wait for the next has no end")
    intake.clean()
    intake = Intake()
    held = Held(intake, "4Late")
    os.kill(held.worker, signal.SIGALRM)
    eq(held.finish(None)[0], 75, "a message that takes longer is deferred")
    ok(until(lambda: re.search(r"child \d+ died: signal 14, its message will be tried again", intake.log())), "as the log says")
    intake.clean()


def test_idle_dies():
    intake = Intake()
    intake.pipe(GOOD)
    (worker,) = children_of(intake.process.pid)
    os.kill(worker, signal.SIGKILL)
    ok(until(lambda: not is_there(worker)), "1: a worker that dies without a message is reaped")
    eq(intake.pipe(GOOD)[0], 0, "1: the next message is taken")
    ok(re.search(r"died: signal 9$", intake.log(), re.M), "1: the log says no more than that")
    intake.clean()


def test_all_die():
    """Workers that die at once: a message each, and nobody is busy with it."""
    intake = Intake()
    strace = attach(intake, "-o", "/dev/null", "-e", "trace=alarm", "-e", "inject=alarm:signal=KILL:when=1+")
    if strace.poll() is not None:
        skip("1: all workers die", "strace cannot attach")
        return
    eq([intake.pipe(GOOD)[0] for _ in range(10)], [75] * 10, "1: while every worker dies at once, messages are deferred")
    before = ticks(intake.process.pid)
    time.sleep(1)
    ok(ticks(intake.process.pid) - before <= 1 and not children_of(intake.process.pid), "1: with no message, nothing happens")
    strace.terminate()
    strace.wait()
    eq(len(re.findall("died: signal 9, its message will be tried again", intake.log())), 10, "1: one died for each")
    eq(intake.pipe(GOOD)[0], 0, "1: when it is over, they are taken")
    intake.clean()


def test_no_fork():
    intake = Intake()
    held = Held(intake, "4Held")
    strace = subprocess.Popen(["strace", "-q", "-o", "/dev/null", "-p", str(intake.process.pid), "-e", "trace=/clone|fork",
                               "-e", "inject=/clone|fork:error=EAGAIN:when=1+"], stderr=subprocess.DEVNULL)
    until(lambda: status_of(intake.process.pid, "TracerPid") != 0, 5)
    have = descriptors(intake.process.pid)
    eq([intake.pipe(GOOD)[0] for _ in range(3)], [75] * 3, "2: where no worker can be started, messages are deferred")
    ok("fork: Resource temporarily unavailable, will retry" in intake.log(), "2: the log says so")
    eq(descriptors(intake.process.pid), have, "2: nothing is left open")
    eq(held.finish()[0], 0, "2: the one that there is goes on")
    ok(until(lambda: intake.pipe(GOOD)[0] == 0), "2: and takes the next")  # once the resident has heard that it is free
    strace.terminate()
    strace.wait()
    intake.clean()


def test_resident_dies():
    """kill -9 of the resident: its workers end, and are in nobody's way."""
    intake = Intake()
    idle = [Held(intake, f"4I{i}") for i in range(3)]
    held = Held(intake, "4Held")
    for one in idle:
        one.finish()
    workers = {one.worker for one in idle}
    intake.stop(signal.SIGKILL)
    ok(until(lambda: not any(map(is_there, workers))), "1: workers without a message end with the resident")
    ok(is_there(held.worker), "1: the one with a message does not")
    intake.start()
    ok(until(lambda: intake.pipe(GOOD)[0] == 0), "1: a new one serves the same socket meanwhile")
    eq(held.finish()[0], 0, "1: the message at hand is taken")
    ok(until(lambda: not is_there(held.worker)), "1: then its worker ends")
    eq(len([name for name in intake.names() if name.startswith("4H")]), 1, "1: the entry is there")
    intake.clean()


def test_stop_is_bounded():
    intake = Intake()
    held, begun = Held(intake, "4Slow"), time.monotonic()
    status = intake.stop()
    took = time.monotonic() - begun
    ok(status == 0 and took >= 9, f"36: a message that does not end holds a stop up for {took:.1f} s")
    ok("stopping while 1 children are at work" in intake.log(), "36: as the log says")
    held.finish()
    ok(until(lambda: not is_there(held.worker)), "36: its worker ends with it")
    intake.clean()


def test_stop_under_load():
    """A stop is heard where there is always something else to do."""
    intake, results, over = Intake("--children", "2"), [], threading.Event()

    def send(i):
        n = 0
        while not over.is_set() and n < 5000:
            n += 1
            results.append(intake.pipe(GOOD, queue_id=f"7L{i}x{n}")[0])

    threads = [threading.Thread(target=send, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    until(lambda: results.count(0) > 50)
    begun = time.monotonic()
    status = intake.stop()
    took = time.monotonic() - begun
    over.set()
    for thread in threads:
        thread.join()
    eq(status, 0, "36: under load it stops")
    diag(f"after {took:.2f} s")
    eq(set(results), {0, 75}, "36: the last ones are deferred")
    eq(len(intake.names()), results.count(0), "36: each that was taken is there")
    intake.clean()


def test_stop_is_first():
    """A stop comes before connections that wait: a resident that is never without work hears it."""
    intake, clients = Intake("--children", "200"), []
    intake.pipe(GOOD)  # so that it is up
    os.kill(intake.process.pid, signal.SIGSTOP)
    for _ in range(100):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.settimeout(10)
        client.connect(intake.socket)
        client.send(b"nonsense")
        clients.append(client)
    os.kill(intake.process.pid, signal.SIGTERM)
    os.kill(intake.process.pid, signal.SIGCONT)
    eq(intake.process.wait(15), 0, "36: a resident with 100 connections before it stops")
    answered = 0
    for client in clients:
        try:
            answered += client.recv(100) != b""
        except ConnectionResetError:
            pass
        client.close()
    ok(answered < 20, f"36: {answered} of them came first")
    intake.clean()


def test_sockets():
    """A worker holds one socket when it waits: not the others', nor the one that is listened on."""
    intake = Intake()
    held = [Held(intake, f"4S{i}") for i in range(4)]
    eq([len(sockets_of(one.worker)) for one in held], [2] * 4, "a worker has two sockets: the resident's, and its client's")
    for one in held:
        one.finish()
    ok(until(lambda: [len(sockets_of(one.worker)) for one in held] == [1] * 4), "and one, when it waits")
    intake.clean()


test_on_demand()
test_life()
test_alarm()
test_idle_dies()
test_all_die()
test_no_fork()
test_resident_dies()
test_stop_is_bounded()
test_stop_under_load()
test_stop_is_first()
test_sockets()
done()
