# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""A lab of a test's own, and what every system test may ask of it: mail sent octet for octet, mails that came, database, log,
and the invariants I1 to I5 that hold after whatever was done to the service.

    with House("mine") as house:              # LAB=… in the environment goes before: …-mine
        house.up("--set", "dual.warn_after=2")
        house.send(b"Subject: x\r\n\r\n", sender=b"me@good.test")
        house.wait()
        house.invariants("after this")

SMTP is spoken from sockets that were made inside the lab's world; no process is started for a message.
"""
import base64
import collections
import contextlib
import ctypes
import email
import email.policy
import email.utils
import itertools
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from tap import diag, ok  # noqa: E402 pylint: disable=wrong-import-position

B = os.path.realpath(os.path.join(ROOT, os.environ.get("B") or "build"))
CORPORA = os.environ.get("POSTSIX_CORPORA") or os.path.join(ROOT, "..", "shared", "corpora")
V6, DUAL6, DUAL4 = "2001:db8:25::6", "2001:db8:25::25", "192.0.2.25"
GOOD = {4: "198.51.100.10", 6: "2001:db8:100::10"}
OPERATOR = "operator@good.test"
KINDS = {1: "report", 2: "six", 3: "delay", 4: "bounce"}
TRACE = {"Received"}  # what is put on top of a letter, in no order
MAX = {"report": 24 << 10, "six": 8 << 10, "delay": 8 << 10, "bounce": 24 << 10}
counter = itertools.count(1)


def read(path):
    with open(path, encoding="utf-8", errors="backslashreplace") as file:
        return file.read()


def token_id(number):
    """How the log names an id: the first letters of every token with it."""
    return base64.b32encode((number & (1 << 64) - 1).to_bytes(8, "big")).decode().rstrip("=").lower()


def message(body=b"Hello.\r\n", **fields):
    """A person's message; fields may be named anew, or taken away by None. Values are octets or ASCII."""
    number = next(counter)
    values = {"From": "someone@good.test", "To": "test@six.test", "Subject": f"test {number}",
              "Date": email.utils.formatdate(), "Message-ID": f"<{number}.{time.time_ns()}@good.test>"}
    values |= {name.replace("_", "-"): value for name, value in fields.items()}
    octets = {name: value if isinstance(value, bytes) else value.encode() for name, value in values.items() if value is not None}
    return b"".join(name.encode() + b": " + value + b"\r\n" for name, value in octets.items()) + b"\r\n" + body


class Smtp:
    """One connection; say() gives the whole reply, lines joined by LF, or '' where the server has gone."""

    def __init__(self, sock):
        self.socket, self.file = sock, sock.makefile("rb")
        self.greeting = self.read()

    def read(self):
        lines = []
        with contextlib.suppress(OSError):
            while not lines or lines[-1][3:4] == "-":
                line = self.file.readline().decode("utf-8", "backslashreplace")
                if not line:
                    break
                lines.append(line.rstrip("\r\n"))
        return "\n".join(lines)

    def say(self, octets):
        with contextlib.suppress(OSError):
            self.socket.sendall(octets + b"\r\n")
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Mail:
    """What a server of the world took."""

    def __init__(self, facts):
        self.facts = facts
        self.server, self.family, self.sender = facts["server"], facts["family"], facts["sender"]
        self.recipients, self.time = facts["recipients"], facts["time"]
        with open(facts["file"], "rb") as file:
            self.octets = file.read()
        self.head, _, self.body = self.octets.partition(b"\r\n\r\n")
        # not by an e-mail library: a field is what begins in the first column, and nothing else ends a line
        self.fields = [(name.decode("latin-1"), value.strip()) for name, _, value in
                       (line.partition(b":") for line in re.split(rb"\r\n(?![ \t])", self.head))]
        self.parsed = email.message_from_bytes(self.octets, policy=email.policy.default)
        found = re.search(rb"(?im)^Message-ID:\s*<([a-z2-7]{39})@([a-z.]+)>\r?$", self.head)
        self.token, self.domain = (found[1].decode(), found[2].decode()) if found else ("", "")
        number = int.from_bytes(base64.b32decode(self.token[:13].upper() + "==="), "big") if found else 0
        self.kind, self.request = KINDS.get(number & 15, ""), token_id(number & ~15) if found else ""
        self.is_from_us = facts["client"] in (V6, DUAL6, DUAL4)

    def names(self):  # of the letter's own fields
        return [name for name, _ in self.fields if name not in TRACE]

    def field(self, name):  # the first such, unfolded, or None
        values = [value for n, value in self.fields if n.lower() == name.lower()]
        return re.sub(rb"\r\n(?=[ \t])", b"", values[0]).decode("utf-8", "backslashreplace") if values else None

    def own_octets(self):  # without the trace that Postfix put on top
        return re.sub(rb"\A(?:Received:[^\n]*\n(?:[ \t][^\n]*\n)*)*", b"", self.octets)

    def text(self):
        return self.parsed.get_body(("plain",)).get_content()


class House:
    def __init__(self, name):
        self.name = "-".join(filter(None, (os.environ.get("LAB"), name)))
        self.state = f"{B}/lab-{self.name}"
        self.processes, self.known = {}, {}

    def __enter__(self):
        if os.geteuid() != 0:
            sys.exit("only root can make network namespaces")
        return self

    def __exit__(self, *_):
        self.lab("down")

    def lab(self, *words, stdin=b"", check=True):
        done = subprocess.run([f"{ROOT}/tests/lab/lab", *words], input=stdin, capture_output=True, check=False, timeout=120,
                              env={**os.environ, "LAB": self.name, "B": B})
        if check and done.returncode != 0:
            raise RuntimeError(f"lab {' '.join(words)}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode("utf-8", "backslashreplace")

    def up(self, *words, zone="", peers=None):
        """zone is appended to the DNS; peers are names and texts of Python programs for --extra."""
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(f"{folder}/peers")
            with open(f"{folder}/zone", "w", encoding="utf-8") as file:
                file.write(zone)
            for name, text in (peers or {}).items():
                with open(f"{folder}/peers/{name}", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o755)) as file:
                    file.write("#!/usr/bin/python3 -B\n" + text)
            self.lab("up", "--extra", folder, *words)
        self.processes = {name: self.look(name) for name in ("intake", "postsixd")}

    @contextlib.contextmanager
    def inside(self, which="world"):
        """Sockets made in here belong to the world's network, or the service's ("svc")."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/postsix-{self.name}-{which}", "rb") as there:
            if libc.setns(there.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(home.fileno(), 0x40000000)

    def connect(self, host=V6, source=None, which="world"):
        with self.inside(which):
            family = 6 if ":" in host else 4
            return Smtp(socket.create_connection((host, 25), 30, (source or GOOD[family], 0)))

    def send(self, octets=None, sender=b"someone@good.test", to=b"test@six.test", host=None, helo=b"mx.good.test", parameters=b""):
        """The server's last word about the message: its 250, or the first refusal."""
        host = host or (V6 if to.lower().endswith((b"@six.test", b"@seis.test")) else DUAL6)
        octets = message() if octets is None else octets
        body = re.sub(rb"(?m)^\.", b"..", octets)
        smtp = self.connect(host)
        try:
            for line, wanted in ((b"EHLO " + helo, "2"), (b"MAIL FROM:<" + sender + b">" + parameters, "2"),
                                 (b"RCPT TO:<" + to + b">", "2"), (b"DATA", "3"),
                                 (body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".", "2")):
                reply = smtp.say(line)
                if not reply.startswith(wanted):
                    break
            return reply
        finally:
            smtp.close()

    # ---- out

    def wait(self, seconds=30):
        self.lab("wait", str(seconds))

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.1)
        return condition()

    def mails(self, address=None):
        """Of the whole world, in order of arrival, or those to one address."""
        path = f"{self.state}/inbox/index"
        found = [self.mail(line) for line in read(path).splitlines(True) if line.endswith("\n")] if os.path.exists(path) else []
        return [mail for mail in found if address is None or address in mail.recipients]

    def mail(self, line):
        if line not in self.known:
            self.known[line] = Mail(json.loads(line))
        return self.known[line]

    def sql(self, query, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/postsix.db?mode=ro", uri=True, timeout=5)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, values)]

    def log(self):
        return read(f"{self.state}/log/service.log")

    def look(self, program):
        """(pid, descriptors, resident kB) of one of our two residents; () where it does not run. Each smtpd(8) may keep a policy
        connection open, and intake has one to each of its workers: these do not count."""
        try:
            pid = int(read(f"{self.state}/pid/{program}"))
            asking = re.findall(rf"(?m)^(?:\S+ +){{5}}03 .*/postsix-lab-{self.name}/policy/socket$", read(f"/proc/{pid}/net/unix"))
            known = len(asking) if program == "postsixd" else len(read(f"/proc/{pid}/task/{pid}/children").split())
            descriptors = len(os.listdir(f"/proc/{pid}/fd")) - known
            return pid, descriptors, int(re.search(r"VmRSS:\s+(\d+)", read(f"/proc/{pid}/status"))[1])
        except (OSError, TypeError):
            return ()

    # ---- what always holds

    def invariants(self, when, duplicates=0, same_processes=True):
        """One test: I1 to I5 of RELIABILITY.md, with what is wrong as diagnosis. Call it when all is quiet."""
        faults = [*self.every_entry_ends(), *self.mails_are_few(duplicates), *self.nothing_bounces()]
        faults += self.residents_live() if same_processes else []
        ok(not faults, f"I1-I5 {when}") or diag("\n".join(faults))

    def every_entry_ends(self):
        """I1: what pipe(8) delivered is in the database exactly once, and nothing is on its way."""
        taken = re.findall(r"postfix-(dual|v6)/pipe\[\d+\]: (\w+): to=<.*status=sent", self.log())
        entries = [row["entry"] for row in self.sql("SELECT entry FROM request UNION ALL SELECT entry FROM dsn")]
        known = collections.Counter(tuple(reversed(entry.split("-")[:2])) for entry in entries)
        for which, count in (collections.Counter(taken) - known).items():
            yield f"I1: {count} of {which} taken by intake, not in the database"
        for which, count in (known - collections.Counter(taken)).items():
            yield f"I1: {count} of {which} in the database, not taken"
        for name in os.listdir(f"{self.state}/spool/new"):
            yield f"I1: {name} is still in the spool"
        for row in self.sql("SELECT id, kind, state FROM message WHERE state NOT IN ('sent', 'given-up')"):
            yield f"I1: message {row}"
        for row in self.sql("SELECT r.id, decision, count(m.id) AS n FROM request r LEFT JOIN message m ON m.request = r.id"
                            " AND kind IN ('report', 'six') GROUP BY r.id HAVING n != 2 * (decision = 'answer')"):
            yield f"I1: request {row}"

    def mails_are_few(self, duplicates):
        """I2, I3: at most four for a request, none twice, each small, to the envelope sender alone, and clean on the wire."""
        requester = {token_id(row["id"]): row["requester"] for row in self.sql("SELECT id, requester FROM request")}
        mails = [mail for mail in self.mails() if mail.is_from_us and mail.recipients != [OPERATOR]]
        twice = sum(count - 1 for count in collections.Counter(mail.token for mail in mails).values())
        if twice > duplicates:
            yield f"I2: {twice} Message-IDs came again"
        for request, count in collections.Counter(mail.request for mail in mails).items():
            if count > 4 + duplicates:
                yield f"I3: {count} mails for {request}"
        for mail in mails:
            if mail.recipients != [requester.get(mail.request)] or mail.recipients == [""]:
                yield f"I3: {mail.kind} to {mail.recipients}, its requester is {requester.get(mail.request)}"
            if len(mail.own_octets()) > MAX.get(mail.kind, 0):
                yield f"I3: {mail.kind} of {len(mail.own_octets())} octets"
            if mail.facts["faults"]:
                yield f"wire: {mail.facts['file']}: {mail.facts['faults']}"

    def nothing_bounces(self):
        """I4: pipe(8) ends as sent or deferred; Postfix reports on probes only; only a report that was believed makes mail."""
        log = self.log()
        for line in re.findall(r".*/pipe\[\d+\]: \w+: .*status=(?!sent|deferred).*", log):
            yield f"I4: {line}"
        for queue_id in set(re.findall(r"/bounce\[\d+\]: (\w+): sender .*notification: ", log)):
            sender = re.search(rf"qmgr\[\d+\]: {queue_id}: from=<(.*?)>", log)
            if not sender or not re.fullmatch(r"bounce\+[a-z2-7]{39}@(?:[a-z]\.)?(six|seis)\.test", sender[1]):
                yield f"I4: Postfix sent a notification about {queue_id} from {sender and sender[1]}"
        for row in self.sql("SELECT m.id, m.kind FROM message m LEFT JOIN dsn d ON d.id = m.dsn WHERE kind IN ('delay', 'bounce')"
                            " AND d.decision IS NOT 'used' AND NOT EXISTS (SELECT 1 FROM message p WHERE p.request = m.request"
                            " AND p.kind = 'six' AND p.state = 'given-up')"):
            yield f"I4: {row} without a notification that was used"

    def residents_live(self):
        """I5: the same processes, no more descriptors than at the start, small."""
        for name, (pid, descriptors, _) in self.processes.items():
            now = self.look(name)
            if not now or now[0] != pid:
                yield f"I5: {name} ended"
            elif now[1] > descriptors + 10:  # the daemon's sessions: submit_sessions for each instance
                yield f"I5: {name} has {now[1]} descriptors, had {descriptors}"
            elif now[2] > 64 << 10:
                yield f"I5: {name} has {now[2]} kB"
