#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY fault 7: surveys stuck on a DNS that never answers cost the others nothing, and postsixd may die meanwhile.

postsixd asks a relay in the world that swallows every question about hole.test; Postfix goes on asking the DNS itself.
"""
import os
import re
import shutil
import tempfile
import time

from crashlab import Lab, read, until
from invariants import Invariants
from tap import diag, done, eq, ok

DEADLINE, STUCK, RELAY = 4, 100, "198.51.100.54"
ZONE = "hole.test. MX 10 mx.hole.test.\n*.hole.test. MX 10 mx.hole.test.\nmx.hole.test. A 198.51.100.10\nmx.hole.test. AAAA 2001:db8:100::10\n"
RELAY_PEER = f"""#!/usr/bin/python3
import selectors, socket
up = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
up.connect(("198.51.100.53", 53))
down = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
down.bind(("{RELAY}", 53))
clients, both = {{}}, selectors.DefaultSelector()
both.register(up, selectors.EVENT_READ), both.register(down, selectors.EVENT_READ)
number = 0
while True:
    for key, _ in both.select():
        if key.fileobj is down:
            packet, client = down.recvfrom(4096)
            if b"\\x04hole\\x04test\\0" in packet[12:].lower():
                continue
            number = (number + 1) % 65536
            clients[number] = client, packet[:2]
            up.send(number.to_bytes(2, "big") + packet[2:])
        else:
            packet = up.recv(4096)
            client, own = clients.pop(int.from_bytes(packet[:2], "big"), (None, b""))
            if client:
                down.sendto(own + packet[2:], client)
"""


def make_extra():
    folder = tempfile.mkdtemp(prefix="postsix-surveys-")
    os.chmod(folder, 0o755)
    os.mkdir(f"{folder}/peers")
    with open(f"{folder}/zone", "w", encoding="ascii") as file:
        file.write(ZONE)
    with open(f"{folder}/peers/relay", "w", encoding="ascii") as file:
        file.write(RELAY_PEER)
    os.chmod(f"{folder}/peers/relay", 0o755)
    return folder


def ask_the_relay(lab):
    """A new file: what runs already has the old one mounted."""
    path = f"/etc/netns/{lab.service}/resolv.conf"
    with open(f"{path}.new", "w", encoding="ascii") as file:
        file.write(f"nameserver {RELAY}\n")
    os.rename(f"{path}.new", path)
    lab.daemon.end()
    lab.daemon.start()


def times(lab, pattern):
    """When lines with that were logged, in seconds."""
    found = re.findall(rf"(?m)^\S+T(\d\d):(\d\d):([\d.]+)Z postsixd.*{pattern}", lab.log())
    return [int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in found]


def count(lab, pattern):
    return len(times(lab, pattern))


def waited(lab, sender):
    """From the request's line to the report's; None where one is missing."""
    begun = times(lab, f"request=answered, from=<{re.escape(sender)}>")
    ended = times(lab, f"mail=report, to=<{re.escape(sender)}>.*status=sent")
    return (ended[0] - begun[0]) % 86400 if begun and ended else None


def test_stuck(lab, invariants):
    lab.send("first@good.test")
    until(lambda: waited(lab, "first@good.test") is not None, 60)
    before = lab.daemon.usage()
    for number in range(STUCK):
        lab.send(f"a@h{number}.hole.test")
    ok(until(lambda: count(lab, "request=answered, from=<a@h") == STUCK, 60), f"7: {STUCK} requests from domains whose DNS is silent")
    others = [f"other{n}@good.test" for n in range(3)]
    for sender in others:
        lab.send(sender)
        until(lambda sender=sender: waited(lab, sender) is not None, 60)
    took = [waited(lab, sender) for sender in others]
    open_now = STUCK - count(lab, "survey=partial")
    ok(None not in took and open_now > 0, f"7: who comes then is answered while {open_now} are still stuck")
    diag(f"7: they waited {took} s")
    ok(until(lambda: count(lab, "mail=report, .*hole.test>.*status=sent") == STUCK, 60), "7: their reports go when the deadline is over")
    eq(count(lab, "survey=partial, domain=h"), STUCK, "7: and what was not known by then is logged")
    slowest = max(waited(lab, f"a@h{number}.hole.test") for number in range(STUCK))
    sixes = count(lab, "mail=six, .*hole.test>.*status=sent")
    ok(sixes == STUCK, f"7: the probes waited for nothing; the slowest report took {slowest:.1f} s of {DEADLINE}")
    after = lab.daemon.usage()
    found = invariants.settle(60)
    ok(not found, "I1-I4 of them") or diag("\n".join(found))
    ok(after[0] < 64 << 10 and until(lambda: lab.daemon.usage()[1] <= before[1], 30),
       f"I5: memory and descriptors {before}, then {after}, and {lab.daemon.usage()[1]} at rest")


def test_killed(lab, invariants):
    people = [f"k@k{number}.hole.test" for number in range(10)]
    for sender in people:
        lab.send(sender)
    until(lambda: count(lab, "request=answered, from=<k@k") == len(people), 60)
    lab.daemon.end(9)
    lab.daemon.start()
    ok(until(lambda: count(lab, "mail=report, to=<k@k.*status=sent") == len(people), 60),
       "1: postsixd is killed while surveys are under way: the reports go all the same")
    eq(count(lab, "survey=.*, domain=k"), 0, "1: and nobody is surveyed twice")
    found = invariants.settle(60, kills=1)
    ok(not found, "I1-I4 of them") or diag("\n".join(found))
    mails = [mail for mail in invariants.facts().inbox if mail["recipients"][0] in people]
    texts = [read(mail["file"]) for mail in mails if "multipart" in read(mail["file"])]
    ok(texts and all('"survey": null' in re.sub(r"=\r?\n", "", text) for text in texts), "1: they say that nothing is known")


def main():
    folder = make_extra()
    try:
        lab = Lab("surveys", "--extra", folder, "--set", f"postsix.survey_deadline={DEADLINE}")
        invariants = Invariants(lab)
        ask_the_relay(lab)
        start = time.monotonic()
        test_stuck(lab, invariants)
        test_killed(lab, invariants)
        diag(f"{time.monotonic() - start:.1f} s")
    finally:
        shutil.rmtree(folder)
    done()


if __name__ == "__main__":
    main()
