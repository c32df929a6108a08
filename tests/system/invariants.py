# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY section 2, invariants I1 to I4, read off the database, both queues, the spool, the world's inbox and the log.

Not a test itself; crash.py shows that each invariant can be violated. I5 is about processes: Program.usage().
"""
import collections
import copy
import functools
import json
import os
import re
import sqlite3

from crashlab import read, until
from house_of_lab import MAX as SIZES, token_id

id_text = functools.lru_cache(None)(token_id)  # of every message, each time that somebody looks
QUEUES = ("incoming", "active", "deferred", "maildrop", "hold", "corrupt")
MESSAGES_MAX = 4


class Facts:
    """What is so at this moment, in plain lists."""

    def __init__(self, lab, files):
        self.requests, self.messages, self.notifications = read_database(lab.database)
        self.inbox = [read_mail(line, files) for line in read(f"{lab.folder}/inbox/index").splitlines()]
        self.queued = queued(lab)
        self.spool = lab.entries()
        self.quarantine = lab.entries("quarantine")
        self.log = lab.log()
        self.sent = dict(lab.sent)

    def copy(self):
        return copy.deepcopy(self)


def queued(lab):
    return [f"{i}/{q}/{name}" for i in ("dual", "v6") for q in QUEUES for _, _, names in os.walk(f"{lab.folder}/{i}/queue/{q}")
            for name in names]


def read_database(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)
    database.row_factory = sqlite3.Row
    try:
        database.execute("BEGIN")
        return [[dict(row) for row in database.execute(f"SELECT * FROM {table}")] for table in ("request", "message", "dsn")]
    finally:
        database.close()


def read_mail(line, files):
    if line not in files:
        facts = json.loads(line)
        with open(facts["file"], "rb") as file:
            message = file.read()
        ours = re.sub(rb"(?m)\A(?:Received:.*\n(?:[ \t].*\n)*)+", b"", message)
        found = re.search(rb"(?im)^Message-ID:\s*<([^>\s]*)>", ours)
        files[line] = {**facts, "message_id": found[1].decode("latin-1") if found else "", "size": len(ours)}
    return files[line]


def terminal_states(facts, senders):
    """I1."""
    rows = collections.defaultdict(list)
    for request in facts.requests:
        rows[request["requester"]].append(request)
    for sender in senders:
        found = rows[sender]
        if len(found) != facts.sent[sender]:
            yield f"I1: {facts.sent[sender]} requests of {sender} were accepted, {len(found)} are in the database"
        yield from (f"I1: a request of {sender} has no decision" for request in found if not request["decision"])
    requester = {request["id"]: request["requester"] for request in facts.requests}
    for message in facts.messages:
        name = f"{message['kind']} for {requester.get(message['request'])}"
        if message["state"] not in ("sent", "given-up") and requester.get(message["request"]) in senders:
            yield f"I1: {name} is {message['state']}"
        if message["state"] == "given-up" and f"{id_text(message['id'])}: mail={message['kind']}" not in facts.log:
            yield f"I1: {name} was given up, and no operator can see it"
        if message["outcome"] == "pending" and requester.get(message["request"]) in senders:
            yield f"I1: {name} has no outcome"
    yield from (f"I1: left in a queue: {name}" for name in facts.queued)
    yield from (f"I1: left in the spool: {name}" for name in facts.spool)


def copies(facts, senders, kills):
    """I2: each mail once, or at most once more for each kill, and then as the same message.

    A kill may repeat two mails: what both instances said 250 to between two commits.
    """
    requester = {request["id"]: request["requester"] for request in facts.requests}
    arrived = collections.defaultdict(list)
    for mail in facts.inbox:
        arrived[mail["message_id"].partition("@")[0][:13]].append(mail)
    for message in facts.messages:
        sender, found = requester.get(message["request"]), arrived[id_text(message["id"])]
        if sender not in senders:
            continue
        name = f"{message['kind']} for {sender}"
        lost = message["state"] == "sent" and not found and message["outcome"] not in ("failed", "delayed")
        if lost:
            yield f"I2: {name} was sent and did not arrive"
        if len(found) > min(1 + kills, max(message["attempts"], 1)):
            yield f"I2: {name} arrived {len(found)} times: {kills} kills, {message['attempts']} attempts"
        if len({mail["message_id"] for mail in found}) > 1:
            yield f"I2: {name} came with several Message-IDs"
    known = {id_text(message["id"]) for message in facts.messages}
    yield from (f"I2: a message that is none of ours came to {mail['recipients']}: {mail['message_id']}" for mail in facts.inbox
                if mail["message_id"].partition("@")[0][:13] not in known)


def bounds(facts):
    """I3."""
    owner = {id_text(message["id"]): message for message in facts.messages}
    requester = {request["id"]: request["requester"] for request in facts.requests}
    for request, n in collections.Counter(message["request"] for message in facts.messages).items():
        if n > MESSAGES_MAX:
            yield f"I3: {n} messages for one request of {requester.get(request)}"
    for mail in facts.inbox:
        message = owner.get(mail["message_id"].partition("@")[0][:13])
        if message is None:
            continue
        to = requester.get(message["request"])
        if mail["recipients"] != [to]:
            yield f"I3: {message['kind']} for {to} came to {mail['recipients']}"
        if mail["size"] > SIZES[message["kind"]]:
            yield f"I3: a {message['kind']} of {mail['size']} octets"


def statuses(facts):
    """I4: postsix-pipe exits 0 or 75 only (soft_bounce shows anything else); notifications cause mail once, by their token."""
    lines = facts.log.splitlines() if re.search("SOFTBOUNCE|status=bounced", facts.log) else ()
    yield from (f"I4: {line}" for line in lines if "relay=postsix" in line and re.search("SOFTBOUNCE|status=bounced", line))
    told = [message for message in facts.messages if message["kind"] in ("delay", "bounce")]
    used = {row["id"] for row in facts.notifications if row["decision"] == "used"}
    yield from (f"I4: {id_text(message['id'])} tells of a notification that was not used" for message in told
                if message["dsn"] is not None and message["dsn"] not in used)


def violations(facts, kills=0, only=None):
    """A sentence for each. only: the senders to look at, else all; what is left in queues or spool is anybody's."""
    senders = set(facts.sent) if only is None else set(only)
    return [*terminal_states(facts, senders), *copies(facts, senders, kills), *bounds(facts), *statuses(facts)]


def count_duplicates(facts):
    return len(facts.inbox) - len({mail["message_id"] for mail in facts.inbox})


class Invariants:
    """Looks at a lab again and again; a message is read once."""

    def __init__(self, lab):
        self.lab, self.files = lab, {}

    def facts(self):
        return Facts(self.lab, self.files)

    def is_well(self, kills=0, only=None):
        """Whether there are no violations now; without a look at the rest while some mail is on its way."""
        return not (queued(self.lab) or self.lab.entries() or violations(self.facts(), kills, only))

    def settle(self, seconds=20, kills=0, only=None, meanwhile=lambda: None):
        """Violations once nothing changes them any more: at once when there are none, else after so many seconds."""
        def hold():
            meanwhile()
            return self.is_well(kills, only)

        return [] if until(hold, seconds, 0.03) else violations(self.facts(), kills, only)
