#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""A host with a single IPv6 address: dual listens there for both kinds of domains, v6 only sends from it. What a person
learns is the same as with two addresses; deliver-v6 is judged by the family that their server came over."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import DUAL4, DUAL6, OPERATOR, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402


def letters(house, who, count):
    house.until(lambda: len(house.mails(who)) >= count, 60)
    house.wait(60)
    return {mail.kind: mail for mail in house.mails(who)}


def test_ground(house):
    def asks(*command):
        return house.lab("host", *command)
    eq(sorted(re.findall(r"inet6 (2001:\S+)/", asks("ip", "-6", "-o", "address", "show", "dev", "service"))), [DUAL6],
       "the host has one IPv6 address")
    eq(sorted(re.findall(r"(\S+):25\b", asks("ss", "-Hltn"))), sorted([DUAL4, f"[{DUAL6}]"]), "nobody else listens on port 25")
    eq([asks("postconf", "-hc", f"{house.state}/v6/etc", name).strip() for name in
        ("master_service_disable", "smtp_bind_address6", "inet_protocols")], ["inet", DUAL6, "ipv6"], "v6 speaks IPv6, from there")


def test_request(house):
    """Both replies, each from where it belongs."""
    who = "single@good.test"
    reply = house.send(message(), sender=who.encode(), host=DUAL6)
    ok(reply.startswith("250"), "a request to the IPv6-only domain is taken") or diag(reply)
    got = letters(house, who, 2)
    eq(sorted(got), ["report", "six"], "both replies arrive")
    if set(got) != {"report", "six"}:
        return
    eq((got["six"].family, got["six"].facts["client"], got["six"].sender.split("@")[1]), (6, DUAL6, "six.test"),
       "the six probe over IPv6, from the one address")
    eq(got["report"].facts["client"], DUAL4, "the report from dual")
    ok("deliver-v6: pass" in got["report"].text(), "which judges the client that came over IPv6")
    eq(house.sql("SELECT instance, client_address FROM request WHERE requester = ?", who),
       [{"instance": "dual", "client_address": "2001:db8:100::10"}], "dual took it, and kept the client's address")
    house.until(lambda: house.sql("SELECT 1 FROM message WHERE outcome = 'accepted'"), 60)
    eq(house.sql("SELECT outcome FROM message WHERE kind = 'six'"), [{"outcome": "accepted"}], "v6's own report of its fate came home")


def test_bounce(house):
    who = "single@v4only.test"
    ok(house.send(message(), sender=who.encode(), host=DUAL6).startswith("250"), "a request from a domain without IPv6")
    got = letters(house, who, 2)
    eq(sorted(got), ["bounce", "report"], "brings report and processed bounce")
    eq([mail.sender for mail in got.values()], ["", ""], "from <>")
    eq(house.sql("SELECT class FROM dsn WHERE class IS NOT NULL AND class != ''"), [{"class": "no-aaaa"}], "with the reason")


def test_family(house):
    """Somebody who finds dual's IPv4 address for the IPv6-only domain, by a static route say, has not shown IPv6."""
    who = "four@good.test"
    ok(house.send(message(), sender=who.encode(), host=DUAL4).startswith("250"), "the IPv6-only domain is served over IPv4, too")
    report = letters(house, who, 2).get("report")
    ok(report and "deliver-v6: pass" not in report.text(), "deliver-v6 does not pass there")
    who = "dual@good.test"
    house.send(message(To="test@dual.test"), sender=who.encode(), to=b"test@dual.test", host=DUAL6)
    eq(sorted(letters(house, who, 2)), ["report", "six"], "the dual-stack domain works as ever")


def test_strangers(house):
    """Tokens, strangers' addresses and humans at the IPv6-only domain, which are v6's elsewhere."""
    for recipient, want in ((b"nobody@six.test", "550 5.1.1"), (b"bounce+" + b"a" * 39 + b"@six.test", "550"),
                            (b"a@good.test", "554 5.7.1")):
        ok(house.send(to=recipient, host=DUAL6).startswith(want), f"{recipient.decode()}: {want}")
    for number, recipient in enumerate((b"postmaster@six.test", b"abuse@mx.six.test", b"postmaster@mx.dual.test"), 1):
        ok(house.send(to=recipient, host=DUAL6).startswith("250"), f"{recipient.decode()} is a person")
        ok(house.until(lambda n=number: len(house.mails(OPERATOR)) == n, 60), "who gets it")
    ok("loops back" not in house.log(), "no instance takes the other for itself")


def test_liar(house):
    """A notification from outside, to the token address at the IPv6-only domain, comes through dual and counts."""
    who = "single@liar.test"
    house.send(message(), sender=who.encode(), host=DUAL6)
    ok(house.until(lambda: any(mail.kind == "bounce" for mail in house.mails(who)), 60), "a remote DSN makes the processed bounce")
    house.wait(60)


def test_token_domain(house):
    """A token domain is dual's here, as its host is."""
    who = "token@liar.test"
    house.send(message(To="test@seis.test"), sender=who.encode(), to=b"test@seis.test", host=DUAL6)
    ok(house.until(lambda: {mail.kind for mail in house.mails(who)} == {"report", "six", "bounce"}, 60),
       "a remote DSN to a token domain makes the processed bounce, too")
    eq([mail.sender.split("@")[1] for mail in house.mails(who) if mail.kind == "six"], ["a.seis.test"], "of the probe from there")
    reply = house.send(to=b"test@a.seis.test", host=DUAL6)
    ok(reply.startswith("550 5.1.1"), "where test@ is nobody") or diag(reply)
    house.wait(60)


def main():
    with House("single") as house:
        house.up("--single", "--set", "site.two.token_domain=a.seis.test", zone="a.seis.test. MX 10 mx.six.test.\n")
        test_ground(house)
        test_request(house)
        test_bounce(house)
        test_family(house)
        test_strangers(house)
        test_liar(house)
        test_token_domain(house)
        house.invariants("after all")
    done()


main()
