#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 15: many at once. REQUESTS=1500 as fast as Postfix takes them, while 1000 others hold connections to the policy
service open and say nothing.

The benchmark's world.c sends and receives: it counts what came for each request, and when. How long a request waits is told and not
judged; most of it is waiting for Postfix, which hands out twenty messages at a time for one destination.
"""
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import ROOT, V6, House, read  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

REQUESTS = int(os.environ.get("REQUESTS", "1500"))
IDLE, SESSIONS = 1000, 40  # Postfix lets one client have 50
MEMORY_MAX = 200 << 10  # kB
DESCRIPTORS_MAX = 20  # more than at the start: sessions with both instances
WORLD = ("test@six.test", V6, "2001:db8:100::70", "2001:db8:100::70", "198.51.100.70")


def peak(pid):
    """Resident kB at most, since it began."""
    return int(re.search(r"VmHWM:\s+(\d+)", read(f"/proc/{pid}/status"))[1])


def children(pid):
    path = f"/proc/{pid}/task/{pid}/children"
    return len(read(path).split()) if os.path.exists(path) else 0


def hold_open(house):
    """Connections to the policy service, as of so many smtpd(8) that have nothing to ask."""
    found = []
    for _ in range(IDLE):
        found.append(socket.socket(socket.AF_UNIX))
        found[-1].connect(f"/run/postsix-lab-{house.name}/policy/socket")
    return found


def count_closed(connections):
    closed = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            closed += connection.recv(1) == b""
        except BlockingIOError:
            pass
    return closed


def ask(connection):
    connection.settimeout(10)
    connection.sendall(b"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@good.test\nrecipient=nobody@six.test\n"
                       b"client_address=2001:db8:100::10\n\n")
    return connection.recv(4096)


class Watch(threading.Thread):
    """The most workers that intake had."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.stop = pid, 0, False

    def run(self):
        while not self.stop:
            self.most = max(self.most, children(self.pid))
            time.sleep(0.05)


def run_world(house, folder):
    """(first line, a list for each request): sent, accepted, report, six probe, in µs, and how many of both came."""
    subprocess.run(("cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o", f"{folder}/world", f"{ROOT}/tests/bench/world.c"), check=True)
    out = subprocess.run(("ip", "netns", "exec", f"postsix-{house.name}-world", f"{folder}/world", str(REQUESTS), str(SESSIONS), "0", "0",
                          *WORLD), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True, timeout=300).stdout
    return [[int(word) for word in line.split()] for line in out.splitlines()[1:]]


def tell(rows, what, first, last):
    times = sorted((row[last] - row[first]) / 1e6 for row in rows if row[first] and row[last])
    if len(times) > 1:
        cuts = statistics.quantiles(times, n=100)
        diag(f"{what}: p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, the longest {times[-1]:.2f} s")


def test_crowd(house, folder):
    before = {name: house.look(name) for name in ("postsixd", "intake")}
    connections = hold_open(house)
    watch, start = Watch(before["intake"][0]), time.monotonic()
    watch.start()
    rows = run_world(house, folder)
    seconds = time.monotonic() - start
    house.wait(120)
    watch.stop = True
    diag(f"{len(rows)} requests in {seconds:.0f} s, {SESSIONS} connections at a time")
    tell(rows, "DATA to 250", 0, 1)
    tell(rows, "250 to the report", 1, 2)
    tell(rows, "250 to the six probe", 1, 3)
    eq(len(rows), REQUESTS, f"15: {REQUESTS} requests at once")
    eq([sum(row[1] == 0 for row in rows), sum(row[4] == 0 or row[5] == 0 for row in rows), sum(row[4] > 1 or row[5] > 1 for row in rows)],
       [0, 0, 0], "15: none is refused, none lacks one of its replies, none has one twice")
    counts = house.sql("SELECT count(*) AS n, count(DISTINCT requester) AS people, sum(decision = 'answer') AS answered FROM request")[0]
    eq(counts, {"n": REQUESTS, "people": REQUESTS, "answered": REQUESTS}, "15: and so says the database")
    eq(house.sql("SELECT count(*) AS n FROM message WHERE state != 'sent'")[0]["n"], 0, "15: nothing is left to send")
    memory = {name: peak(look[0]) for name, look in before.items()}
    ok(memory["postsixd"] < MEMORY_MAX, f"15: postsixd had {memory['postsixd'] >> 10} MB at most, {before['postsixd'][2] >> 10} at the start")
    ok(memory["intake"] < before["intake"][2] + 4096, f"15: intake had {memory['intake'] >> 10} MB at most, {before['intake'][2] >> 10} at the start")
    allowed = int(re.search(r"--children\0(\d+)", read(f"/proc/{before['intake'][0]}/cmdline"))[1])
    ok(0 < watch.most <= allowed, f"15: and {watch.most} workers at most, {allowed} are allowed")
    closed = count_closed(connections)
    eq(closed, 0, f"15: {IDLE} idle connections are still open")
    ok(b"action=550 5.1.1" in ask(connections[0]), "15: and the oldest of them is answered")
    for connection in connections:
        connection.close()
    for name, (pid, descriptors, _) in before.items():
        house.until(lambda name=name, descriptors=descriptors: house.look(name)[1] <= descriptors + DESCRIPTORS_MAX)
        now = house.look(name)
        ok(now and now[0] == pid and now[1] <= descriptors + DESCRIPTORS_MAX, f"15: {name} has {now[1]} descriptors again, {descriptors} at the start")


def main():
    with House("crowd") as house, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        house.up(zone=read(f"{ROOT}/tests/bench/lab/zone"))
        test_crowd(house, folder)
    done()


main()
