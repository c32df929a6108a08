#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Two hosts behind one domain, as doc/OPERATIONS.md has it: both are MX of six.test, and each has a token domain of its own below
it. What comes back about a probe, from its own postfix-v6 or from a server that thinks better of it later, comes to the host
that sent it; at seis.test, which both have without token domains, it does not. Statistics of both are merged."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import B, OPERATOR, House, message, read  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

PATIENCE = 60
FIRST, SECOND = "2001:db8:25::6", "2001:db8:26::6"
# Beside the records that the lab has of the first one. Everybody goes to the second one for seis.test.
ZONE = "six.test. MX 10 mx2.six.test.\ndual.test. MX 10 mx2.dual.test.\nseis.test. MX 5 mx2.six.test.\ndoble.test. MX 10 mx2.dual.test.\n"


def inside(house, *command):
    return subprocess.run(["ip", "netns", "exec", f"postsix-{house.name}-svc", *command], capture_output=True, text=True, check=False)


def postsix(house, *words, status=0):
    ran = inside(house, f"{B}/postsix", words[0], "-c", f"{house.state}/postsix.conf", *words[1:])
    if ran.returncode != status:
        diag(f"postsix {' '.join(words)}: {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def up(first, second):
    """The second one has the first one's secret, DKIM keys, and the key of the hashes, from before the first request; its token
    domain comes later."""
    first.up("--set", "site.one.token_domain=a.six.test", zone=ZONE)
    keys = [f"site.{site}.dkim_{kind}key_file={first.state}/keys/{site}.{name}"
            for site in ("one", "two") for kind, name in (("", "rsa"), ("ed25519_", "ed25519"))]
    second.lab("up", "--beside", first.name, *(word for setting in (
        f"postsix.token_secret_file={first.state}/token.secret", *keys) for word in ("--set", setting)))
    second.processes = {name: second.look(name) for name in ("intake", "postsixd")}
    with open(f"{first.state}/retention.key", "wb") as file:
        file.write(os.urandom(32))
    owner = os.stat(f"{first.state}/postsix.db")
    os.chmod(f"{first.state}/retention.key", 0o600)
    os.chown(f"{first.state}/retention.key", owner.st_uid, owner.st_gid)
    shutil.copy2(f"{first.state}/retention.key", f"{second.state}/retention.key")
    os.chown(f"{second.state}/retention.key", owner.st_uid, owner.st_gid)


def own_records(house):
    """What postsix dns says is to be published for this host alone."""
    text = postsix(house, "dns", "one").partition("; ---- site one: of this host alone\n")[2]
    return "".join(line + "\n" for line in text.splitlines() if line and line[0] != ";")


def bad_checks(house, *words, status=0):
    found = json.loads(postsix(house, "check", "--only", "dns", "--json", *words, status=status) or '{"checks": []}')
    return [(line["subject"], line["text"], line["mend"]) for line in found["checks"] if line["level"] != "ok"]


def test_records(first, second):
    """Each host's own records as it prints them, and the proof of them; other faults are told of in test_faulty_records."""
    eq([subject for subject, _, _ in bad_checks(first, "one", status=2)],
       ["mx-alone a.six.test", "spf a.six.test"], "without its records, a token domain is wrong")
    for house, domain, host, address in ((first, "a", "mx", FIRST), (second, "b", "mx2", SECOND)):
        own = own_records(house)
        ok(own.startswith(f"{domain}.six.test. IN MX 10 {host}.six.test.\n{domain}.six.test. IN TXT \"v=spf1 ip6:{address} -all\"\n"),
           f"{domain}.six.test: its MX is {host}.six.test, which alone may send") or diag(own)
        first.lab("publish", stdin=own.encode())
    for house in (first, second):
        eq(bad_checks(house), [], f"{house.name}: then all is good")


def told(house, who):
    """The kinds of mail that who has, with the domain of the envelope sender of the probe."""
    return sorted((mail.kind, mail.sender.partition("@")[2]) for mail in house.mails(who))


def outcome(house, who):
    rows = house.sql("SELECT outcome FROM message m JOIN request r ON r.id = m.request WHERE kind = 'six' AND requester = ?", who)
    return [row["outcome"] for row in rows]


def ask(house, host, who, to=b"test@six.test"):
    reply = house.send(message(From=who), sender=who.encode(), to=to, host=host)
    ok(reply.startswith("250"), f"a request of {who} to {host}") or diag(reply)


def test_return(world, house, host, domain, other):
    """The local notifications of success and failure, and the late one of a server that said 250."""
    people = {"good": "accepted", "strict": "accepted", "v4only": "failed", "liar": "failed"}
    who = {name: f"{domain}@{name}.test" for name in people}
    for name in people:
        ask(world, host, who[name])
    for name, fate in people.items():
        wanted = [("report", "")] + ([("bounce", "")] if fate == "failed" else []) + \
            ([("six", f"{domain}.six.test")] if name != "v4only" else [])
        world.until(lambda n=name, w=wanted: told(world, who[n]) == sorted(w), PATIENCE)
        eq(told(world, who[name]), sorted(wanted), f"{who[name]} is told, the probe under {domain}.six.test")
        world.until(lambda n=name, f=fate: outcome(house, who[n]) == [f], PATIENCE)
        eq(outcome(house, who[name]), [fate], f"{name}: {fate}")
    for mail in (mail for name in people for mail in world.mails(who[name]) if mail.kind == "six"):
        eq((mail.domain, re.findall("@[a-z.]+", mail.field("From"))), ("six.test", ["@six.test"]), "its From and Message-ID are in six.test")
    rows = house.sql("SELECT d.client_address AS client FROM dsn d JOIN message m ON m.id = d.message JOIN request r ON r.id = m.request"
                     " WHERE requester = ? AND d.decision = 'used' AND action = 'failed'", who["liar"])
    eq([row["client"] for row in rows], ["2001:db8:100::21"], "liar's late notification came over the world, and was used")
    ok(f"@{domain}.six.test" not in other.log(), f"nothing of {domain}.six.test came to the other host")


def test_set_later(world, house):
    """A probe is on its way when the option is set: what is told of it to the address that it was sent under, is taken."""
    who = "early@deaf.test"
    ask(world, SECOND, who)
    world.until(lambda: house.sql("SELECT 1 FROM message WHERE kind = 'six' AND state = 'sent'"), PATIENCE)
    path = f"{house.state}/postsix.conf"
    text = read(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("[site one]\n", "[site one]\ntoken_domain = b.six.test\n"))
    for command in ((f"{house.state}/bin/render",), ("postfix", "-c", f"{house.state}/v6/etc", "reload")):
        got = inside(house, *command)
        eq(got.returncode, 0, f"{os.path.basename(command[0])}: token_domain is set") or diag(got.stdout + got.stderr)
    os.kill(house.look("postsixd")[0], signal.SIGHUP)
    ok(world.until(lambda: "reload=done" in house.log(), PATIENCE), "and reloaded")
    world.until(lambda: outcome(house, who) == ["failed"], PATIENCE)
    eq(outcome(house, who), ["failed"], "a probe of before is given up: its notification is used")
    ok(re.search(r"to=<bounce\+[a-z2-7]{39}@six\.test>, relay=postsix, .*status=sent", house.log()), "which went to its own address, at six.test")


def test_without(first, second):
    """Where both are MX of the only domain there is, the other one gets what comes late: that is what the option is for."""
    who = "lost@liar.test"
    ask(first, FIRST, who, to=b"test@seis.test")
    pattern = r"dsn=ignored, reason=no-such-probe, from=<>, to=<bounce\+[a-z2-7]{39}@seis\.test>, client=2001:db8:100::21"
    ok(first.until(lambda: re.search(pattern, second.log()), PATIENCE), "seis.test: a late notification comes to the host that does not know of it")
    first.wait(PATIENCE)
    eq((outcome(first, who), [kind for kind, _ in told(first, who)]), (["accepted"], ["report", "six"]), "and the probe stays accepted")


def test_shared(first):
    """With one secret each host knows the other's Message-IDs, and nobody answers at or below six.test."""
    six = next(mail for mail in first.mails("b@good.test") if mail.kind == "six")
    first.send(message(In_Reply_To=six.field("Message-ID")), sender=b"reply@good.test", host=FIRST)
    ok(first.until(lambda: first.sql("SELECT decision FROM request WHERE requester = 'reply@good.test'"), PATIENCE) ==
       [{"decision": "loop"}], "a reply to the second host's probe is known by the first")
    reply = first.send(sender=six.sender.encode(), host=FIRST)
    ok("this service does not test itself" in reply, "a request of the second host's token address is refused") or diag(reply)


def test_session(first):
    token = "bounce+" + "a" * 39
    for recipient, want in (("test@a.six.test", "550 5.1.1"), ("hostmaster@a.six.test", "550 5.1.1"), (f"{token}@b.six.test", "554 5.7.1"),
                            (f"{token}@a.six.test", "550 5.7.1"), (f"{token}@six.test", "550 5.7.1")):
        reply = first.send(to=recipient.encode(), host=FIRST)
        ok(want in reply, f"{recipient}: {want}") or diag(reply)
    for number, who in enumerate(("postmaster", "abuse"), 1):
        ok(first.send(to=f"{who}@a.six.test".encode(), host=FIRST).startswith("250"), f"{who}@a.six.test is a person")
        ok(first.until(lambda n=number: len(first.mails(OPERATOR)) == n, PATIENCE), "who gets it")


def test_statistics(first, second):
    """both@good.test asks both; everybody else asked one."""
    for host in (FIRST, SECOND):
        ask(first, host, "both@good.test")
    for house in (first, second):
        house.until(lambda h=house: outcome(h, "both@good.test") == ["accepted"], PATIENCE)
        house.wait(PATIENCE)
    with tempfile.TemporaryDirectory() as folder:
        figures = []
        for house in (first, second):
            figures.append(json.loads(postsix(house, "stats", "--json")))
            with open(f"{folder}/{house.name}.json", "w", encoding="utf-8") as file:
                json.dump(figures[-1], file)
        merging = subprocess.run([f"{B}/postsix", "stats", "--merge", "--json", *(f"{folder}/{house.name}.json" for house in (first, second))],
                                 capture_output=True, text=True, check=False)
    merged = json.loads(merging.stdout)
    for name in ("requests", "answered", "bounces"):
        eq(merged["counts"][name], sum(one["counts"][name] for one in figures), f"{name}: the sum")
    requesters = [{row["requester"] for row in house.sql("SELECT requester FROM request WHERE decision = 'answer'")} for house in (first, second)]
    got = merged["different"]["addresses"]
    eq((got["count"], got["exact"]), (len(requesters[0] | requesters[1]), True), "addresses: who asked both hosts is counted once")
    eq(len(requesters[0] & requesters[1]), 1, "which is one of them")


def test_faulty_records(first, second):
    """Last, as nothing is taken out of the lab's DNS again: another MX of a token domain, an A record in its path, no SPF."""
    first.lab("publish", stdin=b"a.six.test. MX 20 mx2.six.test.\n")
    found = bad_checks(first, "one", status=2)
    eq([subject for subject, _, _ in found], ["mx-alone a.six.test"], "a second MX of a token domain is found")
    ok(found and "mx.six.test alone" in found[0][1] and found[0][2][1:] == ["and no other: another host does not know these probes"],
       "and its mend is told") or diag(found)
    first.lab("publish", stdin=b'a.six.test. TXT "v=spf1 -all"\n')
    ask(first, FIRST, "spf@strict.test")
    first.until(lambda: len(told(first, "spf@strict.test")) == 2, PATIENCE)
    eq(told(first, "spf@strict.test"), [("bounce", ""), ("report", "")], "two SPF records there: strict refuses the probe")
    ok("alert=own-records, state=wrong, record=spf, name=a.six.test, found=SPF of a.six.test for 2001:db8:25::6: it is broken (permerror)" in first.log(),
       "and the log says whose fault it is") or diag(re.findall("alert=own.*", first.log()))
    first.lab("publish", stdin=b"mx2.six.test. A 192.0.2.66\n")
    found = bad_checks(second, "one", status=2)
    eq([subject for subject, text, _ in found if "has the A record 192.0.2.66" in text], ["no-a six.test", "no-a b.six.test"],
       "so is an A record in its path") or diag(found)
    found = bad_checks(second, "--strict", "one", status=2)
    ok("ns-no-a b.six.test" in [subject for subject, _, _ in found], "--strict: and one of its name servers") or diag(found)


def test_self_test(first, second):
    """The MX that is tried first is the second host's: what goes there never comes into the first one's database."""
    first.lab("publish", stdin=b"six.test. MX 1 mx2.six.test.\n")
    for house in (first, second):
        ran = inside(house, f"{B}/postsix", "check", "-c", f"{house.state}/postsix.conf", "--only", "spool", "--self-test",
                     "--self-wait", "20s", "--json", "one")
        found = [line for line in json.loads(ran.stdout)["checks"] if line["check"] == "self-test"]
        ok(len(found) == 1 and "the request came through" in found[0]["text"], f"{house.name}: a self-test is of this host") or diag(found)


def main():
    with House("hosts") as first, House("hosts") as second:
        second.name += "-2"
        second.state += "-2"
        up(first, second)
        test_set_later(first, second)
        test_records(first, second)
        test_return(first, first, FIRST, "a", second)
        test_return(first, second, SECOND, "b", first)
        test_without(first, second)
        test_shared(first)
        test_session(first)
        test_statistics(first, second)
        first.invariants("at the first host")
        second.invariants("at the second")
        test_faulty_records(first, second)
        test_self_test(first, second)
    done()


main()
