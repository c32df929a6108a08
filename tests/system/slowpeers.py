#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Fault 8: mail servers that are slow or hostile over IPv6 only. Those of an honest requester, asking at the same time, do not wait
for them; each of the others ends with its one bounce, over IPv4; nothing stays in a queue.

Minutes of Postfix's patience are two seconds here."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import House  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

STEPS = ("ehlo", "mail", "rcpt", "data", "dot")
NAMES = ["silent", "drip", "endless", "later", "hangup", "oneline", "garbage", "lines", "dripreply", "endlessreply",
         *(f"stall{step}" for step in STEPS), *(f"shut{step}" for step in STEPS)]
REQUESTS = 2  # of each
TIMEOUTS = [word for name in ("helo", "mail", "rcpt", "data_init", "data_xfer", "data_done", "quit", "rset")
            for word in ("--postfix", f"v6.smtp_{name}_timeout=2s")]
PEERS = """
import asyncio
from smtpserver import Temper, run, serve
NAMES = %r

async def forever(writer, octets, seconds):
    while True:
        writer.write(octets)
        await writer.drain()
        await asyncio.sleep(seconds)

async def greet(name, writer):
    if name in ("drip", "endless"):
        await forever(writer, *{"drip": (b"2", 0.3), "endless": (b"220-and so on\\r\\n", 0.01)}[name])
    elif name == "silent":
        await asyncio.Event().wait()
    elif name == "hangup":
        return False
    writer.write({"later": b"421 4.3.2 not now\\r\\n", "oneline": b"220 " + b"x" * 1000000, "garbage": bytes(range(128, 256)) + b"\\0\\r\\n"}.get(name, b"220 mx ESMTP\\r\\n"))
    await writer.drain()
    if name == "oneline":
        await asyncio.Event().wait()
    return name not in ("later", "garbage")

async def answer(name, verb, writer):
    if name == "stall" + verb:
        await asyncio.Event().wait()
    if name in ("dripreply", "endlessreply") and verb == "rcpt":
        await forever(writer, *{"dripreply": (b"2", 0.3), "endlessreply": (b"450-and so on\\r\\n", 0.01)}[name])
    code = {"data": b"354", "quit": b"221"}.get(verb, b"450" if name == "lines" and verb == "rcpt" else b"250")
    writer.write((code + b"-line\\r\\n") * (99 * (name == "lines")) + code + b" ok\\r\\n")
    await writer.drain()

async def talk(name, reader, writer):
    going, verb = await greet(name, writer), ""
    while going:
        line = await reader.readuntil(b"\\r\\n.\\r\\n" if verb == "data" else b"\\r\\n")
        verb = "dot" if verb == "data" else line[:4].decode("latin-1").lower()
        if name == "shut" + verb:
            break
        await answer(name, verb, writer)
        going = verb != "quit"

async def hostile(name, address):
    async def on_connect(reader, writer):
        try:
            await talk(name, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    await asyncio.start_server(on_connect, address, 25, limit=1 << 22)

run(*(serve(f"mx.{name}.test", [f"198.51.100.{150 + n}"], Temper()) for n, name in enumerate(NAMES)),
    *(hostile(name, f"2001:db8:100::{150 + n}") for n, name in enumerate(NAMES)))
""" % NAMES
ZONE = "".join(f"{name}.test. MX 1 mx.{name}.test.\nmx.{name}.test. A 198.51.100.{150 + n}\nmx.{name}.test. AAAA 2001:db8:100::{150 + n}\n"
               for n, name in enumerate(NAMES))
OVER = "SELECT count(*) AS n FROM message WHERE outcome NOT IN ('pending', 'delayed') AND kind = 'six' AND request IN" \
       " (SELECT id FROM request WHERE requester NOT LIKE '%@good.test')"


def ask(house):
    """Two of each slow one, and an honest request after each pair of them: the honest ones."""
    honest = []
    for name in NAMES:
        for number in range(REQUESTS):
            ok(house.send(sender=f"p{number}@{name}.test".encode()).startswith("250"), f"8 {name}: its request is taken")
        honest.append(f"h.{name}@good.test")
        ok(house.send(sender=honest[-1].encode()).startswith("250"), "8 and an honest one")
    return honest


def test_honest(house, honest):
    def unanswered():
        return [who for who in honest if len(house.mails(who)) != 2]
    house.until(lambda: not unanswered() or house.sql(OVER)[0]["n"], 30)
    eq((unanswered(), house.sql(OVER)[0]["n"]), ([], 0), f"8 {len(honest)} honest requests are answered before any slow one is over")


def test_slow(house, start):
    house.until(lambda: house.sql(OVER)[0]["n"] == len(NAMES) * REQUESTS, 60)
    house.wait()
    diag(f"all is over {time.monotonic() - start:.1f} s after the first request")
    rows = house.sql("SELECT requester, outcome, class, diagnostic FROM request r JOIN message m ON m.request = r.id AND kind = 'six'"
                     " LEFT JOIN dsn d ON d.id = m.outcome_dsn")
    for name in NAMES:
        for address in (f"p{number}@{name}.test" for number in range(REQUESTS)):
            found = [row for row in rows if row["requester"] == address]
            eq([row["outcome"] for row in found], ["failed"], f"8 {address}: in the end it failed") or diag(found)
            mails = house.mails(address)
            eq((sorted(mail.kind for mail in mails if mail.kind != "delay"), {mail.family for mail in mails}), (["bounce", "report"], {4}),
               f"8 {address}: one report, one bounce, over IPv4")


def test_queues(house):
    left = [f"{path}/{name}" for instance in ("dual", "v6") for queue in ("incoming", "active", "deferred", "maildrop", "hold", "corrupt")
            for path, _, names in os.walk(f"{house.state}/{instance}/queue/{queue}") for name in names]
    eq(left, [], "8 both queues are empty")
    eq(re.findall(r".*postfix-\S+\[\d+\]: (?:fatal|panic|warning: process).*", house.log()), [], "8 nothing in Postfix died or was killed")


def main():
    with House("slowpeers") as house:
        house.up(*TIMEOUTS, zone=ZONE, peers={"slow": PEERS})
        start = time.monotonic()
        test_honest(house, ask(house))
        test_slow(house, start)
        test_queues(house)
        house.invariants("after slow and hostile peers")
    done()


main()
