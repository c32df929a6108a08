#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RFC 3834 and 5230 from end to end: which messages are answered, why the others are not, and what the answers look like whatever
came in. The rows of the autoresponder corpus, where it is at hand, go the same way."""
import base64
import csv
import os
import quopri
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import CORPORA, House, message  # noqa: E402
from tap import diag, done, eq, ok, skip  # noqa: E402

ZONE = "*.crowd.test. MX 1 mx.good.test.\nmixed.test. MX 0 .\nmixed.test. MX 10 mx.good.test.\n"
SECRET = b"unspeakable"  # A17: must be in none of our mails
RECEIVED = b"Received: from a.test by b.test; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
MANY_FIELDS = b"".join(b"X-%d: %s\r\n" % (n, b"x" * 990) for n in range(400))

# the rule, what it is, the message, the local part of the sender, the decision
CASES = [
    ("A1", "a person", message(), "person", "answer"),
    ("A2", "auto-generated", message(Auto_Submitted="auto-generated"), "a", "auto-submitted"),
    ("A2", "letter case", message(Auto_Submitted="AUTO-Replied"), "b", "auto-submitted"),
    ("A2", "an unknown word", message(Auto_Submitted="perhaps"), "c", "auto-submitted"),
    ("A2", "nothing", message(Auto_Submitted=""), "d", "auto-submitted"),
    ("A2", "two fields, the second one", b"Auto-Submitted: no\r\n" + message(Auto_Submitted="auto-notified"), "e", "auto-submitted"),
    ("A2", "folded, after a comment", message(Auto_Submitted="(no)\r\n auto-replied\r\n\t(x)"), "f", "auto-submitted"),
    ("A3", "no", message(Auto_Submitted="no"), "g", "answer"),
    ("A3", "no, with a parameter", message(Auto_Submitted="No; x=auto-replied"), "h", "answer"),
    ("A3", "no, in comments", message(Auto_Submitted="(auto-replied)\r\n no (really)"), "i", "answer"),
    ("A5 B1", "MAILER-DAEMON", message(), "MAILER-DAEMON", "system-sender"),
    ("A5 B1", "owner-", message(), "Owner-List", "system-sender"),
    ("A5 B1", "-request", message(), "list-request", "system-sender"),
    ("A5 B1", "VERP", message(), "list-bounces+me=x.test", "system-sender"),
    ("A5", "noreply, who asked", message(), "noreply", "answer"),
    ("A6", "no From", message(From=None), "j", "malformed"),
    ("A6", "two From", b"From: one@good.test\r\n" + message(), "k", "malformed"),
    ("A6", "a header without end", MANY_FIELDS + message(), "l", "malformed"),
    ("A6", "no header at all", b"\r\nHello.\r\n", "m", "malformed"),
    ("A8 B1", "a list", message(List_Id="<x.test>"), "n", "list"),
    ("A8 B1", "one-click", message(List_Unsubscribe="<https://x.test>"), "o", "list"),
    ("A8", "Precedence", message(Precedence="Bulk"), "p", "precedence"),
    ("A8", "first-class", message(Precedence="first-class"), "q", "answer"),
    ("A8", "suppressed", message(X_Auto_Response_Suppress="DR, OOF"), "r", "auto-response-suppress"),
    ("A8", "read receipts alone", message(X_Auto_Response_Suppress="DR, RN"), "s", "answer"),
    ("D3", "48 hops and ours", RECEIVED * 48 + message(), "t", "answer"),
    ("A6", "a Subject of 10 kB on one line", message(Subject="lorem ipsum " * 850), "u", "malformed"),
    ("D10", "a blank before the colon", message().replace(b"Subject:", b"Subject :"), "v", "answer"),
    ("D10", "two Subjects", message().replace(b"Subject:", b"Subject: the first\r\nSubject:"), "w", "answer"),
    ("D10", "an open quote in From", message(From='"me <person@good.test>'), "x", "answer"),
    ("D10", "a naked local part in From", message(From="person"), "y", "answer"),
    ("D10", "an angle too many in From", message(From="<<person@good.test>>"), "z", "answer"),
    ("D10", "a line that is no field: for Postfix, the body begins", b"what is this\r\n" + message(), "aa", "malformed"),
    ("D10", "no blank line before the body", message().replace(b"\r\n\r\n", b"\r\n"), "ab", "answer"),
    ("B7", "not named in To", message(To="somebody@good.test"), "ac", "answer"),
    ("A12", "To and Cc to many", message(To=", ".join(f"u{n}@good.test" for n in range(50)), Reply_To="other@good.test"), "ad", "answer"),
]

# what it is, the Subject's octets, what it is when decoded (None: ends there)
LONG = "lorem ipsum dolor sit amet consectetur " * 256
SUBJECTS = [
    ("none", None, None), ("empty", b"", None), ("ASCII", b"Hello", "Hello"), ("10 kB", re.sub(rb"(.{900}) ", rb"\1\r\n ", LONG.encode()), LONG),
    ("one word, as long as a line may be", b"x" * 980, "x" * 980),
    ("an encoded word", b"=?iso-8859-1?q?gr=FCn?=", "grün"),
    ("two, of which the blank is none", b"=?utf-8?b?4oKs?=\r\n =?utf-8?b?4oKs?=", "€€"),
    ("a character in halves", b"=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", None),
    ("not an encoded word", b"=?utf-8?x?broken?= =?", None),
    ("raw UTF-8", "grüne Äpfel 🍏".encode(), "grüne Äpfel 🍏"),
    ("raw UTF-8, one word of 1.6 kB", ("日本語のとても長い件名" * 50).encode(), "日本語のとても長い件名" * 50),
    ("emoji without blanks", ("🍏" * 240).encode(), "🍏" * 240),
    ("raw Latin-1", b"gr\xfcn", None), ("a tab", b"a\tb", None), ("NUL", b"a\0b", None), ("right to left", "a\u202eb".encode(), None),
]

# Message-ID, In-Reply-To, References; the In-Reply-To and References of the answer (RFC 5322 3.6.4)
THREADS = [
    ("<a@x>", None, None, "<a@x>", "<a@x>"), ("<a@x>", None, "<r@x> <s@x>", "<a@x>", "<r@x> <s@x> <a@x>"),
    ("<a@x>", "<p@x>", None, "<a@x>", "<p@x> <a@x>"), ("<a@x>", "<p@x> <q@x>", None, "<a@x>", "<a@x>"),
    ("<a@x>", "<p@x>", "<r@x>", "<a@x>", "<r@x> <a@x>"), (None, None, None, None, None), (None, None, "<r@x>", None, "<r@x>"),
    (None, "<p@x>", None, None, "<p@x>"), ("<a@x>", None, "<r@x>\r\n\t<s@x>\r\n (c) <t@x>", "<a@x>", "<r@x> <s@x> <t@x> <a@x>"),
    ("no angles@x", None, "<r@x>", None, "<r@x>"), ("<a b@x>", None, None, None, None), ("<a@x> <b@x>", None, None, "<a@x>", "<a@x>"),
]


class Test:
    def __init__(self, house):
        self.house, self.taken = house, {}

    def ask(self, octets, sender):
        reply = self.house.send(octets, sender=sender.encode())
        found = re.match(r"250 2\.0\.0 Ok: queued as (\w+)$", reply)
        if found:
            self.taken[found[1]] = sender
        return found[1] if found else reply

    def decision(self, queue_id):
        rows = self.house.sql("SELECT decision FROM request WHERE queue_id = ?", queue_id)
        return rows[0]["decision"] if len(rows) == 1 else f"{len(rows)} rows"

    def everything_is_logged(self):
        """A1, for all that went in: one row, and one line that says the same."""
        log, wrong = self.house.log(), []
        for queue_id, sender in self.taken.items():
            lines = re.findall(rf"request=(answered|ignored)(?:, reason=([\w-]+)[ ,].*?)?, from=<.*, queue_id={queue_id},", log)
            decision = self.decision(queue_id)
            if lines != [("answered", "") if decision == "answer" else ("ignored", decision)]:
                wrong.append((sender, decision, lines))
        eq(wrong, [], f"A1 each of {len(self.taken)} messages has one row, and one line in the log with the same reason")


def subject_faults(mail):
    """A14: RFC 2047 2 and 5: lines, words, whole characters in each."""
    raw = [value for name, value in mail.fields if name == "Subject"]
    if len(raw) != 1 or len(raw[0]) > 4000:
        return [f"Subject: {len(raw)} fields"]
    lines = (b"Subject: " + raw[0]).split(b"\r\n")
    faults = [f"a line of {len(line)}" for line in lines if len(line) > (76 if b"=?" in line else 998)]
    for word in re.findall(rb"=\?[^ \r\n]*", raw[0]):
        match = re.fullmatch(rb"=\?utf-8\?([bq])\?([^? ]+)\?=", word, re.I)
        try:
            octets = base64.b64decode(match[2], validate=True) if match[1] in b"bB" else quopri.decodestring(match[2], header=True)
            octets.decode()
        except (ValueError, TypeError):
            faults.append(f"encoded word {word!r}")
        faults += [f"an encoded word of {len(word)}"] if len(word) > 75 else []
    return faults


def test_cases(test):
    asked = [(case, test.ask(case[2].replace(b"Hello.", SECRET), f"{case[3]}@good.test")) for case in CASES]
    over = test.ask(RECEIVED * 49 + message(), "hops@good.test")
    ok(over.startswith("554 5.4.0 "), "D3 49 hops and ours: refused in the session") or diag(over)
    null = test.ask(message(), "")
    for sender in (b"#@[]", b"nobody", b"x@nullmx.test", b"x@nodomain.test", b"x@mixed.test"):
        reply = test.house.send(sender=sender)
        ok(re.match(r"5\d\d 5", reply), f"A4 A5 D4 from {sender.decode()}: refused in the session") or diag(reply)
    test.house.wait()
    for (rule, what, _, _, decision), queue_id in asked:
        eq(test.decision(queue_id), decision, f"{rule} {what}: {decision}")
    eq(test.decision(null), "null-sender", "A4 <>: no answer")
    eq([mail.recipients for mail in test.house.mails() if SECRET in mail.octets], [], "A17 nothing of any body comes back")
    answered = {f"{case[3]}@good.test" for case in CASES if case[4] == "answer"}
    eq({r for mail in test.house.mails() for r in mail.recipients}, answered, "A19 answers go to the envelope senders of those, to nobody else")
    first = [mail.parsed["Subject"] for mail in test.house.mails("w@good.test")]
    ok(all(subject.endswith(": the first") for subject in first), "D10 of two Subjects the first counts")


def test_subjects(test):
    for number, (what, octets, _) in enumerate(SUBJECTS):
        for domain in ("good", "v4only"):
            test.ask(message(Subject=octets), f"s{number}@{domain}.test")
    test.house.wait()
    for number, (what, _, wanted) in enumerate(SUBJECTS):
        mails = test.house.mails(f"s{number}@good.test") + test.house.mails(f"s{number}@v4only.test")
        eq(sorted(mail.kind for mail in mails), ["bounce", "report", "report", "six"], f"A14 Subject {what}: all its mails")
        eq([fault for mail in mails for fault in subject_faults(mail)], [], f"A14 Subject {what}: lines, encoded words")
        for mail in mails if wanted else []:
            theirs = mail.parsed["Subject"].split(": ", 2)[-1].rstrip("….")
            ok(mail.parsed["Subject"].startswith("Auto: ") and len(theirs) >= min(20, len(wanted)) and wanted.startswith(theirs.rstrip()),
               f"A14 Subject {what}: decoded, it begins with theirs") or diag(mail.parsed["Subject"])


def test_threads(test):
    for number, (message_id, in_reply_to, references, *_) in enumerate(THREADS):
        test.ask(message(Message_ID=message_id, In_Reply_To=in_reply_to, References=references), f"t{number}@good.test")
    many = " ".join(f"<{n}.reference@good.test>" for n in range(500))
    test.ask(message(Message_ID="<last@x>", References=re.sub("((?:<.*?> ){20})", "\\1\r\n ", many)), "many@v4only.test")
    test.house.wait()
    for number, (*asked, in_reply_to, references) in enumerate(THREADS):
        found = {(mail.field("In-Reply-To"), mail.field("References")) for mail in test.house.mails(f"t{number}@good.test")}
        eq(found, {(in_reply_to, references)}, f"A15 B6 {asked}")
    for mail in test.house.mails("many@v4only.test"):
        ids = mail.field("References").split()
        ok(ids[0] == "<0.reference@good.test>" and ids[-1] == "<last@x>" and len(ids) < 60, f"A15 500 References: {mail.kind} has a few")


def test_sizes(test):
    big = b"A line of text, one of many.\r\n" * 30000
    for name, octets in (("big", message(big)), ("wide", message(b"y" * 900000 + b"\r\n")),
                         ("to", message(To=",\r\n ".join(f"user{n}@good.test" for n in range(600))))):
        ok(test.ask(octets, f"{name}@v4only.test")[:3] != "552", f"A7 {name}: {len(octets)} octets are taken")
    test.house.wait()
    small = max(len(mail.own_octets()) for mail in test.house.mails("s2@v4only.test"))
    for name in ("big", "wide", "to"):
        sizes = [len(mail.own_octets()) for mail in test.house.mails(f"{name}@v4only.test")]
        ok(len(sizes) == 2 and max(sizes) < small + 400, f"A7 {name}: answers as small as ever") or diag(sizes)


# ---- the corpus ---------------------------------------------------------------------------------------------------------------

OWN = {"pigeonhole/reply-01.eml": "test@six.test", "pigeonhole/reply-02.eml": "x@dual.test"}  # upstream: the responder's own addresses
# Rows where we answer on purpose or because of the rewriting: two by RFC 5230 4.5, one by upstream's clock, and a Delivered-To that
# names upstream's recipient
EXCEPTIONS = {"pigeonhole/reply-10.eml", "pigeonhole/reply-11.eml", "qmail-autoresponder/02.eml", "qmail-autoresponder/24.eml"}


def corpus_sender(row, octets, number):
    sender = row["env_from"].strip("<>")
    if not row["env_from"] and row["file"].startswith("pigeonhole/"):
        sender = re.search(rb"(?im)^From:.*?([\w.+=-]+@[\w.-]+)", octets)[1].decode()
    local, at, _ = sender.rpartition("@")
    return OWN.get(row["file"], f"{local}@n{number}.crowd.test" if at and sender != "#@[]" else sender)


def test_corpus(test):
    folder = os.path.join(CORPORA, "autoresponder")
    if not os.path.exists(f"{folder}/expected.tsv"):
        skip("fault 33 the autoresponder corpus", f"not in {CORPORA}")
        return
    with open(f"{folder}/expected.tsv", encoding="utf-8") as file:
        rows = list(csv.DictReader((line for line in file if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE))
    asked = []
    for number, row in enumerate(rows):
        with open(f"{folder}/{row['file']}", "rb") as file:
            octets = re.sub(rb"\r?\n", b"\r\n", file.read())
        asked.append((row, test.ask(octets, corpus_sender(row, octets, number)), number))
    test.house.wait()
    for row, answer, number in asked:
        decision = f"refused {answer}" if " " in answer else test.decision(answer)
        wanted = "reply" if row["file"] in EXCEPTIONS else row["expect"]
        got = "reply" if decision == "answer" else "no-reply"
        ok(wanted in (got, "must-not-fail"), f"fault 33 {row['file']}: {wanted}") or diag(f"{decision}; {row['upstream_case']}")
        if got == "reply":
            mails = [mail for mail in test.house.mails() if mail.recipients[0].endswith(f"@n{number}.crowd.test")]
            eq([fault for mail in mails for fault in subject_faults(mail)] + [len(mails)], [2], f"A14 {row['file']}: its Subject")
    eq(len(rows), 79, "fault 33 every row of the corpus")


def test_limits(house):
    """A9, B2: one answer in requester_interval, requester_daily of them a day; letter case of the local part is no way out."""
    decisions = []
    for sender, pause in ((b"me@good.test", 0), (b"ME@good.test", 0), (b"you@good.test", 4), (b"me@good.test", 4), (b"Me@good.test", 0)):
        house.send(sender=sender)
        house.wait()
        decisions.append(house.sql("SELECT decision FROM request ORDER BY arrived DESC, rowid DESC"))
        time.sleep(pause)
    eq(sorted(row["decision"] for row in decisions[-1]), ["answer"] * 3 + ["too-many", "too-soon"], "A9 B2 limits for each requester")
    eq([len(house.mails(a)) for a in ("me@good.test", "ME@good.test", "Me@good.test", "you@good.test")], [4, 0, 0, 2], "A9 and only those")


def main():
    with House("answers") as house:
        # the daemon's own word about what came in; policy.py has the session's
        house.up("--no-policy", zone=ZONE)
        test = Test(house)
        for run in (test_cases, test_subjects, test_threads, test_sizes, test_corpus):
            run(test)
            house.invariants(f"after {run.__name__}")
        test.everything_is_logged()
        house.up("--no-policy", "--set", "postsix.requester_interval=3", "--set", "postsix.requester_daily=2")
        test_limits(house)
        house.invariants("with limits")
    done()


main()
