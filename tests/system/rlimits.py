#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Fault 35: each of our residents with hardly any memory or descriptors, under a hundred requests at once. At worst the answer is
"later", in the session or to Postfix; nobody dies again and again; and when the limits are gone, each request has its one answer.

How little memory a program starts with differs between machines, so that is tried out."""
import collections
import concurrent.futures
import contextlib
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import B, House  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

REQUESTS = 100
MB = 1 << 20
MORE = 2  # than the least, in MB


def start(house, name, *limits):
    """Whether it starts under these limits, and stays."""
    house.lab("stop", name)
    try:
        house.lab("start", name, *(("prlimit", *limits) if limits else ()))
        time.sleep(0.3 if limits else 0)
        return bool(house.look(name))
    except RuntimeError:
        return False


def least_memory(house, name):
    """In MB; what does not start is no service, and its manager tells."""
    return next(size for size in (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512) if start(house, name, f"--as={size * MB}"))


def send(house, sender):
    try:
        return house.send(sender=sender.encode())
    except OSError as error:
        return f"000 {error}"


def supervise(house, limits, finished):
    """systemd's part: how often each that died was started again."""
    starts = dict.fromkeys(limits, 0)
    while not finished:
        for name in limits:
            starts[name] += not house.look(name) and start(house, name, *limits[name])
        time.sleep(0.2)
    return starts


def ask(house, what, limits):
    """A hundred at once: their replies, and how often something was started again meanwhile."""
    finished, senders = [], [f"{re.sub('[^a-z0-9]+', '-', what.lower())}-{number}@good.test" for number in range(REQUESTS)]
    with concurrent.futures.ThreadPoolExecutor(REQUESTS + 1) as pool:
        watching = pool.submit(supervise, house, limits, finished)
        replies = dict(zip(senders, pool.map(lambda sender: send(house, sender), senders)))
        time.sleep(1)
        finished.append(True)
    return replies, watching.result()


def test_limited(house, what, limits):
    eq([name for name in limits if not start(house, name, *limits[name])], [], f"35 {what}: started")
    replies, starts = ask(house, what, limits)
    diag(sorted(collections.Counter(reply[:40] for reply in replies.values() if reply[:3] != "250").items()))
    late = [sender for sender, reply in replies.items() if not reply.startswith("250 ")]
    eq({replies[sender] for sender in late if not re.match("4[25]1 ", replies[sender])}, set(),
       f"35 {what}: {REQUESTS - len(late)} of {REQUESTS} are taken, the others told to come later")
    ok(max(starts.values()) <= 1, f"35 {what}: nothing died again and again") or diag(starts)
    eq([name for name in limits if not start(house, name)], [], f"35 {what}: started without limits")
    eq([reply for reply in (send(house, sender) for sender in late) if not reply.startswith("250 ")], [], f"35 {what}: who comes later is taken")
    house.until(lambda: set(replies) <= {row["requester"] for row in house.sql("SELECT requester FROM request")})
    house.wait()

    def unanswered():
        came = collections.defaultdict(list)
        for mail in house.mails():
            came[mail.recipients[0]].append(mail.kind)
        return [sender for sender in replies if sorted(came[sender]) != ["report", "six"]]
    house.until(lambda: not unanswered(), 60)  # what Postfix deferred comes later
    eq([(sender, house.sql("SELECT decision FROM request WHERE requester = ?", sender)) for sender in unanswered()], [], f"35 {what}: in the end each is answered once")
    house.processes = {name: house.look(name) for name in house.processes}
    house.invariants(f"after {what}")


def test_refused(house):
    """postsixd reads the journal, too, a descriptor a file: with a few it would hang there at each turn."""
    ok(not start(house, "postsixd", "--nofile=63"), "35 postsixd with 63 descriptors does not start")
    ok("start=refused, error=63 descriptors (LimitNOFILE=) are too few" in house.log(), "and says why") or diag(house.log()[-500:])
    ok(start(house, "postsixd", "--nofile=64"), "with one more it does")


def serves(size):
    """Whether the milter says READY with so many MB, and what became of it a second later."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(f"{folder}/notify")
        with subprocess.Popen(["prlimit", f"--as={size * MB}", f"{B}/postsix-milter", "--stderr", "--socket", f"unix:{folder}/milter"],
                              env={"NOTIFY_SOCKET": f"{folder}/notify"}, stderr=subprocess.DEVNULL) as milter:
            try:
                while True:
                    readable, _, _ = select.select([notify], [], [], 0.1)
                    if readable or milter.poll() is not None:
                        break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    milter.wait(1)
                return bool(readable), milter.poll()
            finally:
                milter.kill()


def test_ready():
    """What cannot serve does not say that it does."""
    tried = {size: serves(size) for size in range(8, 34, 2)}
    eq({size: result for size, result in tried.items() if result[0] != (result[1] is None)}, {}, "35 milter: READY only where it stays")
    ok(not tried[8][0] and tried[32][0], "35 milter: both were seen") or diag(tried)


def main():
    test_ready()
    with House("rlimits") as house:
        # patience is the lab's 12 s otherwise: a probe that is given up meanwhile is told of, as it should be
        house.up("--postfix", "v6.smtpd_client_connection_count_limit=0", "--set", "postsix.probe_patience=600",
                 "--set", "v6.give_up_after=600")
        least = {}
        for name in ("intake", "milter", "postsixd"):
            least[name] = least_memory(house, name)
            test_limited(house, f"{name} with {least[name] + MORE} MB", {name: [f"--as={(least[name] + MORE) * MB}"]})
        test_limited(house, "milter with 50 MB", {"milter": [f"--as={50 * MB}"]})
        test_limited(house, "milter with 128 MB", {"milter": [f"--as={128 * MB}"]})
        test_limited(house, "16 descriptors", dict.fromkeys(("intake", "milter"), ["--nofile=16"]))
        test_refused(house)
        test_limited(house, "64 descriptors", {"intake": [f"--as={128 * MB}", "--nofile=64"], "postsixd": ["--nofile=64"], "milter": ["--nofile=64"]})
    done()


main()
