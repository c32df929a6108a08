#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""D1, RFC 5321 section 5.1: which hosts of a requester's domain the six probe goes to. The domains stand in an extra zone, each with
the one thing that is odd about it; their mail hosts are good.test's, or have no IPv6 address."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import GOOD, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

ZONE = f"""
$ORIGIN test.
old-mx		A	{GOOD[4]}
second		MX	10 old-mx
second		MX	20 mx.good
nofall		MX	10 old-mx
nofall		AAAA	{GOOD[6]}
lost-mx		MX	10 there-is-no-such-host
lost-mx		AAAA	{GOOD[6]}
alias		CNAME	good
mx-alias	MX	10 mx-name
mx-name		CNAME	mx.good
bare		A	{GOOD[4]}
bare		AAAA	{GOOD[6]}
"""

# domain, why, outcome, class
ROWS = (
    ("second", "a later MX is tried where the first has no AAAA", "accepted", ""),
    ("nofall", "with an MX there is no falling back to the name's own AAAA", "failed", "no-aaaa"),
    ("alias", "a CNAME is followed", "accepted", ""),
    ("mx-alias", "and so is one that an MX points to", "accepted", ""),
    ("bare", "without an MX the name itself is the host", "accepted", ""),
)


def test_d1(house):
    for domain, *_ in ROWS:
        reply = house.send(message(), sender=b"d1@%s.test" % domain.encode())
        ok(reply.startswith("250"), f"D1 {domain}: the request is taken") or diag(reply)
    house.wait()
    rows = {r["requester"]: (r["outcome"], r["class"]) for r in house.sql(
        "SELECT requester, outcome, ifnull(class, '') AS class FROM message JOIN request ON request.id = message.request"
        " LEFT JOIN dsn ON dsn.id = outcome_dsn AND outcome = 'failed' WHERE kind = 'six'")}
    for domain, why, outcome, name in ROWS:
        eq(rows.get(f"d1@{domain}.test"), (outcome, name), f"D1 {domain}: {why}")
        sixes = [mail for mail in house.mails(f"d1@{domain}.test") if mail.kind == "six"]
        eq([(mail.server, mail.family) for mail in sixes], [("mx.good.test", 6)] * (outcome == "accepted"),
           f"D1 {domain}: where the six probe is")


def test_unresolvable(house):
    """An MX that leads nowhere is no reason to try the name either; nothing is lost over it."""
    reply = house.send(message(), sender=b"d1@lost-mx.test")
    ok(reply.startswith(("250", "450", "550")), "D1 lost-mx: taken, or refused in the session") or diag(reply)
    house.wait()
    eq([mail.kind for mail in house.mails("d1@lost-mx.test") if mail.kind == "six"], [], "D1 lost-mx: no six probe by the back door")


with House("mx") as the_house:
    the_house.up("--no-policy", zone=ZONE)
    test_d1(the_house)
    test_unresolvable(the_house)
    the_house.invariants("D1")
done()
