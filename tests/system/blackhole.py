#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""A hundred requesters whose mail hosts' DNS never answers, and then one whose answers at once: its report does not wait for theirs.

All domains and hosts are different ones, so that no survey serves two of them. The milter asks the same DNS, which would keep each
request waiting for four seconds before there is a survey at all; so there is none here."""
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

STUCK, FRESH, SENDERS = 100, 5, 10
# the second MX is there so that reports can be delivered
ZONE = "$ORIGIN test.\n" + "".join(f"stuck{n} MX 10 mx{n}.blackhole\nstuck{n} MX 20 mx.v4only\n" for n in range(STUCK)) + "".join(
    f"fresh{n} MX 10 mx.fresh{n}\nmx.fresh{n} A 198.51.100.10\nmx.fresh{n} AAAA 2001:db8:100::10\n" for n in range(FRESH + 1))
PATIENCE = 60  # s


def ask(house, name):
    address = f"p@{name}.test"
    reply = house.send(message(From=address), sender=address.encode())
    return [] if reply.startswith("250 2.0.0 ") else [(name, reply)]


def ask_all(house, names):
    refused, names = [], list(names)

    def work():
        while names:
            refused.extend(ask(house, names.pop(0)))

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def seconds(stamp):
    hours, minutes, rest = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def milestones(house, name):
    """When its request was recorded, its survey was over, and its report handed to Postfix, in seconds of the day; None: not yet."""
    log = house.log()
    found = (re.search(rf"(?m)^\S+T([\d:.]+)Z postsixd\[\d+\]: \w+: {what}", log) for what in (
        rf"request=answered, from=<p@{name}\.test>", rf"survey=\w+, domain={name}\.test,", rf"mail=report, to=<p@{name}\.test>,.* status=sent"))
    return [seconds(match[1]) if match else None for match in found]


def reported(house, name):
    house.until(lambda: milestones(house, name)[2] is not None, PATIENCE)
    begun, surveyed, sent = milestones(house, name)
    if None in (begun, surveyed, sent):
        return None
    return round((sent - begun) % 86400 * 1000)


def over(house):
    """How many of the stuck surveys are."""
    return len(re.findall(r"survey=\w+, domain=stuck\d+\.test,", house.log()))


def test_stuck(house):
    ok(ask(house, "fresh0") == [], "one comes while nothing is stuck")
    alone = reported(house, "fresh0")
    ok(alone is not None, f"its report goes after {alone} ms")
    eq(ask_all(house, [f"stuck{n}" for n in range(STUCK)]), [], f"{STUCK} requests whose hosts' DNS never answers are taken")
    house.until(lambda: house.sql("SELECT count(*) AS n FROM request")[0]["n"] == STUCK + 1, PATIENCE)
    eq(over(house), 0, "and recorded before any of their surveys is over")
    times = []
    for name in (f"fresh{n}" for n in range(1, FRESH + 1)):
        ok(ask(house, name) == [], f"{name} comes then")
        times.append(reported(house, name))
    before = over(house)
    print_times(alone, times)
    ok(None not in times, f"{len(times)} who come after them have their reports") or diag(times)
    eq(before, 0, f"all of them while all {STUCK} are still stuck")
    surveys = [milestones(house, f"fresh{n}")[1] is not None for n in range(1, FRESH + 1)]
    ok(all(surveys) and not re.search(r"survey=(?:partial|none), domain=fresh", house.log()), "with whole surveys")


def print_times(alone, times):
    diag(f"from request to report: alone {alone} ms; behind {STUCK} that are stuck {', '.join(map(str, times))} ms")


def test_end(house):
    house.until(lambda: over(house) == STUCK, PATIENCE)
    eq(len(re.findall(r"survey=partial, domain=stuck\d+\.test, mx=listed, hosts=2,", house.log())), STUCK,
       "the surveys that are stuck end with what is known")
    first, *_, last = sorted(milestones(house, f"stuck{n}")[1] - milestones(house, f"stuck{n}")[0] for n in range(STUCK))
    ok(first > 9, f"at their deadline of 10 s, and none before: from {first:.1f} to {last:.1f} s")
    house.until(lambda: house.sql("SELECT count(*) AS n FROM message WHERE kind = 'report' AND state = 'sent'")[0]["n"]
                == STUCK + FRESH + 1, PATIENCE)
    eq(house.sql("SELECT count(*) AS n FROM message WHERE kind = 'report' AND state = 'sent'")[0]["n"], STUCK + FRESH + 1,
       "and everybody's report is handed over")


def main():
    with House("blackhole") as house:
        house.up("--postfix", "v6.smtpd_milters=", zone=ZONE)
        start = time.monotonic()
        test_stuck(house)
        test_end(house)
        diag(f"{time.monotonic() - start:.1f} s")
    done()


if __name__ == "__main__":
    main()
