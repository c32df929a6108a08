#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""The policy service through the real Postfix: what is said to whom in the session, Joe jobs and floods of DSNs against the limits,
and a daemon that is slow, restarted, away, or visited by clients that are none (faults 12, 15, 16, 17, 22; A4, A5).

JOB=10000 sends as many forged requests as that, DSNS=100000 asks about as many token addresses; the defaults take a minute.
"""
import collections
import os
import random
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import DUAL4, DUAL6, GOOD, OPERATOR, V6, House, Smtp, message, token_id  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

JOB = int(os.environ.get("JOB", "600"))
DSNS = int(os.environ.get("DSNS", "20000"))
ERRORS = 9  # refusals after which Postfix would slow a client down (smtpd_soft_error_limit)
CAPS = {"requester_interval": 1, "requester_daily": 4, "domain_daily": 20, "network_daily": 30, "total_daily": 100}
ZONE = "".join(f"{name}.test. MX 1 mx.good.test.\n*.{name}.test. MX 1 mx.good.test.\n" for name in ("victim", "crowd", "honest", "extra", "single", *(f"t{n}" for n in range(120))))


class Client:
    """One place in the world; a new connection before Postfix loses its patience."""

    def __init__(self, house, host=V6, source=None):
        self.house, self.host, self.source, self.smtp, self.left = house, host, source or GOOD[6 if ":" in host else 4], None, 0

    def ready(self):
        if self.left == 0:
            self.close()
            with self.house.inside():
                family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
                connection = socket.socket(family)
                connection.settimeout(60)
                connection.bind((self.source, 0))
                connection.connect((self.host, 25))
            self.smtp, self.left = Smtp(connection), ERRORS
            self.smtp.say(b"EHLO mx.good.test")
        return self.smtp

    def recipient(self, sender, to, parameters=""):
        """The reply to RCPT TO, or to MAIL FROM where that is refused."""
        smtp = self.ready()
        reply = smtp.say(f"MAIL FROM:<{sender}>{parameters}".encode())
        if reply.startswith("2"):
            reply = smtp.say(f"RCPT TO:<{to}>".encode())
        self.left -= not reply.startswith("2")
        return reply

    def reset(self):
        self.smtp.say(b"RSET")

    def send(self, sender, to="test@six.test"):
        """The first refusal, or the 250 to the message."""
        reply = self.recipient(sender, to)
        if reply.startswith("2"):
            self.smtp.say(b"DATA")
            reply = self.smtp.say(message(From=sender or "x@good.test") + b".")
        else:
            self.reset()
        return reply

    def close(self):
        if self.smtp:
            self.smtp.close()
        self.smtp, self.left = None, 0


def ask(house, sender, to, host=None, parameters=""):
    client = Client(house, host or (V6 if re.search("six|seis", to) else DUAL6))
    try:
        return client.recipient(sender, to, parameters)
    finally:
        client.close()


# ---- words --------------------------------------------------------------------------------------

NEVER = "bounce+" + "a" * 39 + "@six.test"
HUMAN = r"; a person reads postmaster@(six|dual)\.test$"
# sender, recipient, what is said (regular expression)
SAID = [
    ("a@good.test", "test@six.test", r"250 "),
    ("b@good.test", "Test+x@Dual.Test", r"250 "),
    ("a@good.test", "nobody@six.test", r"550 5\.1\.1 <nobody@six\.test>: .*User unknown; to test, write to test@six\.test" + HUMAN),
    ("a@good.test", "info@dual.test", r"550 5\.1\.1 .*User unknown; to test, write to test@dual\.test" + HUMAN),
    ("a@good.test", "x@mx.six.test", r"550 5\.1\.1 .*User unknown$"),
    ("a@nodomain.test", "test@six.test", r"550 5\.1\.8 <a@nodomain\.test>: Sender address rejected: Domain not found"),
    ("a@nullmx.test", "test@six.test", r"550 5\.7\.27 <a@nullmx\.test>: Sender address rejected: Domain .* does not accept mail"),
    ("", "test@six.test", r"550 5\.7\.1 .*there is nobody to answer: the sender is <>.*" + HUMAN),
    ("", "abuse@six.test", r"550 5\.7\.1 .*nothing is sent from this address"),
    ("", "postmaster@six.test", r"250 "),
    ("", "postmaster", r"250 "),
    ("root@mx.six.test", "test@dual.test", r"550 5\.7\.1 .*this service does not test itself.*" + HUMAN),
    ("MAILER-DAEMON@good.test", "test@six.test", r"550 5\.7\.1 .*no machine is answered.*" + HUMAN),
    ("", NEVER, r"550 5\.7\.1 .*delivery notifications for one test.*" + HUMAN),
    ("", NEVER.replace("a@", "b@"), r"550 5\.7\.1 .*delivery notifications for one test.*" + HUMAN),
    ("", "bounce+x@six.test", r"550 5\.1\.1 .*User unknown"),
    ('"a b"@good.test', "test@six.test", r"250 "),
    ("a@[192.0.2.1]", "test@six.test", r"250 "),
]


def test_words(house):
    for sender, to, wanted in SAID:
        reply = ask(house, sender, to)
        ok(re.match(wanted, reply), f"<{sender}> to <{to}>: {wanted[:60]}") or diag(reply)
        ok(all(len(line) <= 510 for line in reply.split("\n")), "D2 within a reply line") or diag(reply)
    eq(ask(house, "jürgen@good.test", "test@six.test", parameters=" SMTPUTF8")[:4], "250 ", "fault 30: UTF-8 is asked about and taken")
    lines = re.findall(r"(\S+): policy=refused, reason=(\S+), limit=(\S+), from=<(.*?)>, to=<(.*?)>, client=(\S+), reply=(\d+)", house.log())
    eq(sorted({line[1] for line in lines}), ["bad-token", "forged-token", "null-sender", "own-domain", "system-sender"],
       "A1 each refusal of postsixd has its line in the log")
    eq(lines[0], ("NOTOKEN", "null-sender", "-", "", "test@six.test", GOOD[6], "550"), "which tells who, to whom, from where, and what was said")


def test_roles(house):
    roles = ("postmaster", "abuse", "hostmaster", "noc", "security", "webmaster")
    for number, role in enumerate(roles):
        domain = ("six.test", "dual.test", "seis.test", "doble.test", "mx.six.test", "mx.dual.test")[number]
        client = Client(house, V6 if "s.test" in domain or "six" in domain else DUAL6)
        eq(client.send(f"asks-{role}@good.test", f"{role}@{domain}")[:4], "250 ", f"RFC 2142: {role}@{domain} is taken")
        client.close()
    house.wait()
    senders = {mail.sender for mail in house.mails(OPERATOR)}
    eq({f"asks-{role}@good.test" for role in roles} - senders, set(), "RFC 2142: all of them reach the operator")


# ---- floods of notifications --------------------------------------------------------------------

def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Asker:
    """A client of the policy service, as smtpd(8) is one."""

    def __init__(self, house):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"/run/postsix-lab-{house.name}/policy/socket")
        self.socket.settimeout(20)
        self.file = self.socket.makefile("rb")

    def push(self, octets):
        try:
            self.socket.sendall(octets)
        except OSError:
            pass

    def ask(self, to, sender="", client="2001:db8:100::10"):
        self.push(f"request=smtpd_access_policy\nprotocol_state=RCPT\nsender={sender}\nrecipient={to}\nclient_address={client}\n\n".encode())
        return self.answer()

    def answer(self):
        line = self.file.readline()
        self.file.readline()
        return line.decode().strip()

    def is_closed(self, seconds=20):
        self.socket.settimeout(seconds)
        try:
            return self.file.read(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def close(self):
        self.file.close()
        self.socket.close()


def random_token():
    return "bounce+" + "".join(random.choices("abcdefghijklmnopqrstuvwxyz234567", k=39)) + "@six.test"


def flip(address):
    at = random.randrange(7, 40)
    return address[:at] + random.choice([c for c in "abcdefghijklmnop" if c != address[at]]) + address[at + 1:]


def test_tokens(house):
    """Fault 17: forged ones cost next to nothing, one that is genuine no more than its twenty, a spent one nothing."""
    client = Client(house)
    for sender in ("yes@good.test", "no@v4only.test"):
        client.send(sender)
    house.wait()
    house.until(lambda: len(house.sql("SELECT 1 FROM message WHERE outcome IN ('accepted', 'failed')")) == 2)
    token = next(mail.sender for mail in house.mails("yes@good.test") if mail.kind == "six")
    rows = house.sql("SELECT id, outcome FROM message WHERE kind = 'six' ORDER BY created, id")
    eq(sorted(row["outcome"] for row in rows), ["accepted", "failed"], "one probe is accepted, one failed")
    failed = [address for address in set(re.findall(r"bounce\+[a-z2-7]{39}@six\.test", house.log()))
              if any(address[7:20] == token_id(row["id"]) for row in rows if row["outcome"] == "failed")]
    eq(len(failed), 1, "the failed one's token stands in Postfix's log")
    ok(re.match(r"550 5\.7\.1 ", ask(house, "", failed[0])), "fault 18: a token whose probe failed is spent")
    eq(ask(house, "", token)[:4], "250 ", "one whose probe was accepted is not: the server may bounce it yet")

    before, entries = cpu(house.processes["postsixd"][0]), count_rows(house)
    asker, start = Asker(house), time.monotonic()
    refused = sum("550 5.7.1" in asker.ask(flip(token) if n % 2 else random_token()) for n in range(DSNS))
    each = (cpu(house.processes["postsixd"][0]) - before) / DSNS * 1e6
    eq(refused, DSNS, f"fault 17: {DSNS} forged tokens are refused")
    diag(f"at {each:.0f} us of CPU each, {DSNS / (time.monotonic() - start):.0f} a second, question and answer")
    replies = collections.Counter(asker.ask(token)[7:16] for _ in range(10000))
    ok(replies["450 4.7.1"] >= 9980 and replies["DUNNO"] <= 20, "fault 17: 10000 to one genuine token: at most twenty may come") or diag(replies)
    eq(count_rows(house), entries, "and the database saw none of it")
    asker.close()
    eq({client.send("", flip(token))[:9] for _ in range(3 * ERRORS)}, {"550 5.7.1"}, "the same through Postfix")
    lines = [line for line in house.log().splitlines() if "reason=forged-token" in line]
    ok(20 <= len(lines) <= 60, f"a flood of refusals is no flood of lines: {len(lines)}")
    client.close()


def count_rows(house):
    return house.sql("SELECT (SELECT count(*) FROM request) AS r, (SELECT count(*) FROM dsn) AS d, (SELECT count(*) FROM message) AS m")


# ---- clients that are none ----------------------------------------------------------------------

def test_bad_clients(house):
    """Faults 15 and 16."""
    closed = {}
    for name, octets in (("a line of 1 MB", b"a=" + b"x" * (1 << 20)), ("10000 attributes", b"".join(b"n%d=1\n" % n for n in range(10000)) + b"\n"),
                         ("a NUL", b"sender=a\0b\n\n"), ("no name", b"hello\n\n"), ("SMTP", b"EHLO x\r\n"),
                         ("a name twice", b"sender=a\nsender=b\n\n"), ("20 kB", b"".join(b"n%d=" % n + b"x" * 4000 + b"\n" for n in range(5)))):
        asker = Asker(house)
        asker.push(octets)
        closed[name] = asker.is_closed()
        asker.close()
    eq([name for name, is_closed in closed.items() if not is_closed], [], f"fault 16: closed at {', '.join(closed)}")
    half = Asker(house)
    half.push(b"request=smtpd_access_policy\nsender=a@goo")
    drip = Asker(house)
    idle = [Asker(house) for _ in range(1000)]
    start = time.monotonic()
    eq(ask(house, "idle@good.test", "test@six.test")[:4], "250 ", "fault 15: 1000 idle connections hold nobody up")
    diag(f"for {time.monotonic() - start:.2f} s")
    while time.monotonic() - start < 9:
        drip.push(b"a")
        time.sleep(1)
    ok(half.is_closed(8), "fault 16: half a request is closed after ten seconds")
    ok(drip.is_closed(8), "and so is one that drips")
    ok(not idle[-1].is_closed(0.1), "an idle one is not: Postfix keeps its own for minutes")
    eq(idle[-2].ask("nobody@six.test")[:16], "action=550 5.1.1", "and is answered")
    for asker in [half, drip, *idle]:
        asker.close()
    house.until(lambda: house.look("postsixd")[1] < 60)


# ---- limits -------------------------------------------------------------------------------------

def test_too_soon(house):
    client = Client(house)
    eq(client.send("hasty@honest.test")[:4], "250 ", "a first test is taken")
    replies = [client.send("hasty@honest.test") for _ in range(2)]
    wanted = r"450 4\.7\.1 .*: tests from one address are answered 1 seconds apart; the next can be answered at (20\S+ \S+) UTC" + HUMAN
    found = re.match(wanted, replies[0])
    ok(found, "a second one at once is not: 450, until when, and who helps") or diag(replies)
    ok(found and abs(time.mktime(time.strptime(found[1], "%Y-%m-%d %H:%M:%S")) - time.timezone - time.time()) < 600, "the time is UTC")
    time.sleep(3.1)
    eq(client.send("hasty+tag@honest.test")[:4], "250 ", "later it is taken")
    client.close()


def test_at_once(house):
    """Sessions side by side pass no limit together: a permission is a reservation."""
    clients = [Client(house, source=f"2001:db8:{n + 1:x}::1") for n in range(40)]
    for client in clients:
        client.ready()
    replies = [client.recipient("parallel@extra.test", "test@six.test")[:9] for client in clients]
    eq(collections.Counter(replies), {"250 2.1.5": 1, "450 4.7.1": 39}, "40 sessions with one sender: one is let in")
    for client in clients:
        client.close()


def job(house, number, sender, source):
    """number requests by eight clients at once, each connection from another source. The replies' beginnings, and the honest ones."""
    replies, lock = collections.Counter(), threading.Lock()

    def run(first):
        found, client = collections.Counter(), Client(house)
        for n in range(first, number, 8):
            if client.left == 0:
                client.source = source(n)
            found[client.send(sender(n))[:9]] += 1
        client.close()
        with lock:
            replies.update(found)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    honest = honest_requests(house, threads)
    for thread in threads:
        thread.join()
    return replies, honest


def honest_requests(house, threads):
    """One every second or so while the job runs: who, and the reply."""
    client, found = Client(house, DUAL4), []
    while any(thread.is_alive() for thread in threads) and len(found) < 3:
        who = f"h{time.monotonic_ns()}@good.test"
        found.append((who, client.send(who, "test@dual.test")))
        time.sleep(1)
    client.close()
    return found


def out(house, pattern):
    """Mails of ours to addresses like that."""
    return [mail for mail in house.mails() if mail.is_from_us and re.search(pattern, mail.recipients[0])]


def test_joe_jobs(house):
    """Fault 22."""
    jobs = (
        ("one forged sender, one /64", lambda n: "victim@victim.test", lambda n: GOOD[6], r"^victim@victim\.test", CAPS["requester_daily"], 1),
        ("one domain's senders, many /64", lambda n: f"v{n}@s{n % 7}.crowd.test", lambda n: f"2001:db8:{n % 5000 + 0x1000:x}::1", r"crowd\.test$",
         CAPS["domain_daily"], CAPS["domain_daily"]),
        ("one domain's senders, one /64", lambda n: f"w{n}@single.test", lambda n: f"2001:db8:200::{n + 1:x}", r"single\.test$",
         CAPS["domain_daily"], CAPS["domain_daily"]),
        ("all domains, one /64", lambda n: f"all{n}@t{n % 120}.test", lambda n: f"2001:db8:300::{n + 1:x}", r"^all\d+@",
         CAPS["network_daily"], CAPS["network_daily"]),
    )
    for name, sender, source, pattern, cap, wanted in jobs:
        start = time.monotonic()
        replies, honest = job(house, JOB, sender, source)
        seconds = time.monotonic() - start
        house.wait(60)
        mails = out(house, pattern)
        ok(len(mails) <= 2 * cap, f"fault 22 {name}: {len(mails)} mails out for {JOB} requests, two for each of at most {cap}")
        ok(len(mails) >= 2 * wanted, f"{name}: and so far they are answered") or diag(replies)
        ok(all(reply[:3] in ("250", "450", "550") for reply in replies), f"{name}: the rest is refused in the session") or diag(replies)
        ok(replies["250 2.0.0"] <= cap + 8, f"{name}: hardly one is let in and ignored") or diag(replies)
        eq([reply for _, reply in honest if not reply.startswith("250 2.0.0")], [], f"{name}: {len(honest)} honest requests in between are taken")
        eq([who for who, _ in honest if len(house.mails(who)) != 2], [], "and answered")
        diag(f"{JOB / seconds:.0f} requests a second, {dict(replies)}")


def test_restart(house):
    """Limits survive a restart, and a kill."""
    client = Client(house)
    for _ in range(20):
        if client.send("victim@victim.test").startswith("550"):
            break
        time.sleep(1.1)
    client.close()
    house.wait()
    eq(len(out(house, "^victim@")), 2 * CAPS["requester_daily"], "the victim of a Joe job gets two mails for each of its tests in a day")
    for how in ("TERM", "KILL"):
        house.lab("stop", "postsixd", how)
        house.lab("start", "postsixd")
        for sender in ("victim@victim.test", "new@a.crowd.test"):
            reply = ask(house, sender, "test@six.test")
            ok(re.match(r"550 5\.7\.1 .* in 24 hours; the next can be answered at ", reply), f"after {how}: {sender} is over the limit") or diag(reply)
    house.processes["postsixd"] = house.look("postsixd")


def test_total(house):
    """Nobody passes the cap of all together."""
    client, replies = Client(house, DUAL4), []
    for n in range(CAPS["total_daily"] + 5):
        replies.append(client.send(f"t@t{n}.test", "test@dual.test"))
    client.close()
    house.wait(60)
    requests = house.sql("SELECT count(*) AS n FROM request WHERE decision = 'answer'")[0]["n"]
    ok(requests <= CAPS["total_daily"], f"{requests} requests are answered in all, at most {CAPS['total_daily']}") or diag(replies[-1])


# ---- away ---------------------------------------------------------------------------------------

def test_away(house):
    """Fault 12: nothing is accepted unchecked."""
    house.lab("stop", "postsixd")
    before = len(re.findall(r"client=", house.log()))
    for host, to in ((V6, "test@six.test"), (DUAL6, "test@dual.test"), (DUAL4, "test@dual.test"), (V6, NEVER)):
        reply = ask(house, "away@good.test", to, host)
        ok(re.match(r"451 4\.3\.5 .*the service is away, please try again later", reply), f"fault 12: {host} {to} says 451") or diag(reply)
    eq(ask(house, "a@good.test", "nobody@six.test")[:9], "550 5.1.1", "an address that is nobody's stays so")
    ok(len(re.findall(r"smtpd\[\d+\]: \w{10,}: client=", house.log())) <= before, "nothing was accepted")
    house.lab("start", "postsixd")
    eq(ask(house, "away@good.test", "test@six.test")[:4], "250 ", "it is back, and they are answered")
    house.processes["postsixd"] = house.look("postsixd")


def test_connections(house):
    """Fault 17: who connects too often is told so before it costs anything; others do not feel it."""
    greetings = collections.Counter()
    for _ in range(30):
        with house.inside(), socket.socket(socket.AF_INET6) as connection:
            connection.settimeout(60)
            connection.bind(("2001:db8:66::1", 0))
            connection.connect((V6, 25))
            greetings[connection.recv(1000)[:9]] += 1
    ok(greetings[b"421 4.7.0"] > 0 and greetings[b"220 mx.si"] >= 20, f"one client's 21st connection in a minute is not served: {dict(greetings)}")
    eq(ask(house, "other@good.test", "test@six.test")[:4], "250 ", "another client is")


def main():
    with House("policy") as house:
        house.up()
        test_words(house)
        test_roles(house)
        test_tokens(house)
        test_bad_clients(house)
        test_away(house)
        house.wait()
        house.invariants("after floods and bad clients")
        house.up(*(word for name, value in CAPS.items() for word in ("--set", f"postsix.{name}={value}")), zone=ZONE)
        test_too_soon(house)
        test_at_once(house)
        test_joe_jobs(house)
        test_restart(house)
        test_total(house)
        house.invariants("after the Joe jobs")
        house.up("--postfix", "v6.smtpd_client_event_limit_exceptions=", "--postfix", "v6.smtpd_client_connection_rate_limit=20")
        test_connections(house)
    done()


main()
