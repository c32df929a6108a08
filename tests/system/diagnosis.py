#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What every peer of the lab's world is told, as it arrives: the class, and the verdict and evidence of each ability, in report.json
of the report and of the processed bounce; the survey's facts; the notes; and that text, HTML and JSON say the same, in both languages.

What a peer ought to be told was decided from the RFCs and the words of mail/verdict.h, not from what the program said."""
import collections
import configparser
import html.parser
import json
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import ROOT, House, message  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

LANGUAGES = {"en": "test@six.test", "cs": "test+cs@six.test"}
ABILITIES = ("deliver-v6", "receive-v6", "envelope-v6", "header-v6")
PATIENCE = 90  # s
SETTINGS = ("--postfix", "v6.smtp_helo_timeout=2s")  # five minutes otherwise; bannerless says nothing

# ---- the table --------------------------------------------------------------------------------------------------------------------

# report: of receive-v6, then what envelope-v6 and header-v6 have where it is not "unknown outcome-pending".
# bounce: class, phase, then receive-v6, envelope-v6, header-v6; () where the probe was accepted.
# hosts: "preference name a aaaa ns", then kind:reach:step of each IPv6 address. notes: sections of phrases.ini.
Peer = collections.namedtuple("Peer", "name report bounce hosts notes form")
ANSWERS, NOT_MET, PENDING, NOT_REACHED = ("unknown mx-answers-v6", "unknown mx-not-reached", "unknown outcome-pending",
                                          "unknown not-reached")
REACHED = "pass reached-over-v6"


def host(name, has="yes yes yes", *addresses, preference=10):
    return " ".join((str(preference), name, has, *(addresses or ("documentation:accepts:ehlo",))))


def peer(name, report=ANSWERS, bounce=(), hosts=None, notes=(), form="listed"):
    return Peer(name, report, bounce, hosts or [host(f"mx.{name}.test")], set(notes), form)


def unmet(name, reach, step, report, bounce):
    """Its one address does not answer as it should; what kind it is, is said then, too."""
    return peer(name, report, bounce, [host(f"mx.{name}.test", "yes yes yes", f"documentation:{reach}:{step}")], {"kind documentation"})


V4ONLY = host("mx.v4only.test", "yes no yes", "")
PEERS = [
    peer("good"),
    peer("v4only", "fail mx-without-aaaa", ("no-aaaa", "connect", "fail mx-without-aaaa", NOT_REACHED, NOT_REACHED), [V4ONLY]),
    unmet("deaf", "refused", "connect", NOT_MET, ("refused", "connect", "fail mx-refused", NOT_REACHED, NOT_REACHED)),
    unmet("lost", "timeout", "connect", NOT_MET, ("timeout", "connect", "fail mx-timeout", NOT_REACHED, NOT_REACHED)),
    peer("implicit", hosts=[host("implicit.test", "no yes yes", preference=0)], notes={"note implicit-aaaa"}, form="implicit"),
    peer("nouser", bounce=("no-such-user", "rcpt", REACHED, "unknown no-such-user", "unknown no-such-user")),
    peer("full", bounce=("mailbox-full", "rcpt", REACHED, "unknown mailbox-full", "unknown mailbox-full")),
    peer("grey"),
    peer("badmx", bounce=("sender-domain", "mail", REACHED, "fail sender-domain-refused", NOT_REACHED)),
    peer("ptr"),
    peer("nov6", bounce=("no-v6-policy", "rcpt", "fail no-v6-policy", NOT_REACHED, NOT_REACHED)),
    peer("liar", bounce=("no-such-user", "unknown", "pass accepted-then-bounced", "pass accepted-then-bounced",
                         "unknown accepted-then-bounced")),
    peer("strict"),
    # a sender that follows the alias all the same reaches it; that it may not be one is only said (RFC 5321 section 5.1)
    peer("wrongcname", notes={"note cname"}),
    # nobody may knock there for a stranger, so nothing is known before the probe has failed; then the kind is the reason
    peer("ula", PENDING, ("unroutable", "connect", "fail aaaa-not-global", NOT_REACHED, NOT_REACHED),
         [host("mx.ula.test", "yes yes yes", "ula:unknown:none")], {"kind ula"}),
    peer("mapped", PENDING, ("unroutable", "connect", "fail aaaa-not-global", NOT_REACHED, NOT_REACHED),
         [host("mx.mapped.test", "yes yes yes", "mapped:unknown:none")], {"kind mapped"}),
    peer("nsv4", hosts=[host("mx.nsv4.test", "yes yes no")], notes={"note ns-v4"}),
    unmet("bannerless", "timeout", "banner", NOT_MET, ("timeout", "banner", "fail session-timeout", NOT_REACHED, NOT_REACHED)),
    # 421 says nothing of IPv6 (RFC 5321 section 3.1), and no class is named for it
    unmet("busy", "busy", "banner", NOT_MET, ("other", "banner", *["unknown refused-before-mail"] * 3)),
    peer("secondary", hosts=[host("mx.secondary.test", "yes no yes", ""), host("mx2.secondary.test", preference=20)], notes={"note later"}),
    peer("tls", bounce=("tls", "mail", REACHED, "unknown tls", "unknown tls")),
    # after the text only the From in it is left that could have been meant, and the words mean neither
    peer("spammy", bounce=("content", "end", REACHED, "pass envelope-accepted", "unknown refused-for-content")),
    peer("slowdns"),
    # that the first host has an AAAA was never denied, so the second, which has none, decides nothing; and nobody refused
    peer("blackhole", PENDING, ("other", "connect", NOT_REACHED, NOT_REACHED, NOT_REACHED),
         [host("mx.blackhole.test", "unknown unknown unknown", ""), host("mx.v4only.test", "yes no yes", "", preference=20)],
         {"note incomplete"}),
]
REFUSED = [("p@nullmx.test", "550 5.7.27 "), ("p@nodomain.test", "550 5.1.8 "), ("p@mx.blackhole.test", "450 4.1.8 ")]

# ---- readers ----------------------------------------------------------------------------------------------------------------------


def squeeze(text):
    return " ".join(text.split())


class Phrases:
    """A language's phrases.ini, by another reader."""

    def __init__(self, language):
        self.ini = configparser.ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#", inline_comment_prefixes=(" ;",))
        self.ini.read(f"{ROOT}/templates/{language}/phrases.ini", encoding="utf-8")

    def raw(self, section, key="text"):
        return squeeze(self.ini.get(section, key))

    def filled(self, section, **facts):
        """As Mustache would, sections that are not nested."""
        text = re.sub(r"\{\{#(\w+)\}\}(.*?)\{\{/\1\}\}", lambda m: m[2] if facts.get(m[1]) else "", self.raw(section))
        return re.sub(r"\{\{(\w+)\}\}", lambda m: facts.get(m[1], ""), text)

    def pattern(self, section, key="text"):
        """That text with anything for its values, its sections there or not."""
        pieces = re.split(r"\{\{([#^/]?)\w+\}\}", self.raw(section, key))
        marks = {"#": "(?:", "^": "(?:", "/": ")?", "": ".*?"}
        return "".join(marks[piece] if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))

    def notes(self):
        """{section: pattern} of all that may be said about a survey, documentation addresses included."""
        found = {section: ("text" if section.startswith("note ") else "note") for section in self.ini.sections()
                 if section.startswith(("note ", "kind "))}
        return {section: self.pattern(section, key) for section, key in found.items() if self.raw(section, key)}


class Page(html.parser.HTMLParser):
    """The words of an HTML part, and the rows of its tables, each cell a list of the texts of its elements."""

    def __init__(self, text):
        super().__init__()
        self.words, self.rows, self.cell, self.skip = [], [], None, False
        self.feed(text)
        self.text = squeeze(" ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.skip = tag == "style"
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.cell = []
            self.rows[-1].append(self.cell)

    def handle_endtag(self, tag):
        self.skip = False
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.skip or not data.strip():
            return
        self.words.append(data)
        if self.cell is not None:
            self.cell.append(squeeze(data))


Letter = collections.namedtuple("Letter", "kind language text page tree")


def letter_of(mail, language):
    html_part = mail.parsed.get_body(("html",)).get_content()
    part = next(p for p in mail.parsed.walk() if p.get_content_type() == "application/json")
    return Letter(mail.kind, language, mail.text().replace("\r\n", "\n"), Page(html_part), json.loads(part.get_content()))


# ---- one letter -------------------------------------------------------------------------------------------------------------------


def abilities_faults(letter, phrases):
    """The abilities as JSON has them, in text and HTML, with the sentence of that evidence."""
    text = squeeze(letter.text)
    for ability in ABILITIES:
        found = letter.tree["abilities"][ability]
        verdict, title = phrases.raw(f"verdict {found['verdict']}"), phrases.raw(f"ability {ability}", "title")
        sentence = phrases.pattern(f"evidence {found['evidence']}")
        if not re.search(rf"{ability}: {re.escape(verdict)} {re.escape(title)}\. {sentence}", text):
            yield f"{ability} in the text"
        mark = {"pass": "✓ ", "fail": "✗ ", "unknown": "? "}[found["verdict"]] + verdict
        if not [row for row in letter.page.rows if len(row) == 2 and row[0] == [title, ability] and row[1][0] == mark
                and re.fullmatch(sentence, " ".join(row[1][1:]))]:
            yield f"{ability} in the HTML: {[row for row in letter.page.rows if row and ability in row[0]]}"


def state_of(address, knocked, phrases):
    """What a person reads beside an address."""
    step = phrases.filled(f"step {address['step']}")
    reach = phrases.filled(f"reach {address['reach']}", step=step, code=str(address["code"] or ""))
    kind = phrases.raw(f"kind {address['kind']}")
    if not knocked:
        return kind
    return f"{reach}; {kind}" if kind and address["reach"] != "accepts" else reach


def hosts_faults(letter, phrases):
    for one in letter.tree["survey"]["hosts"]:
        row = [row for row in letter.page.rows if len(row) == 2 and row[0] and row[0][0] == one["name"]]
        if len(row) != 1 or not row[0][0][-1].endswith(str(one["preference"])):
            yield f"{one['name']} in the HTML"
            continue
        lines = re.search(rf"(?m)^ *{one['preference']}  {re.escape(one['name'])}\n((?:       .*\n)*)", letter.text)
        if not lines:
            yield f"{one['name']} in the text"
            continue
        for address in one["v6"]:
            state = state_of(address, letter.tree["survey"]["knocked"], phrases)
            if not re.search(rf"(?m)^ +{re.escape(address['address'])} +{re.escape(state)}$", lines[1]):
                yield f"{address['address']} {state} in the text: {lines[1]}"
            if not re.search(rf"{re.escape(address['address'])} [✓✗]? ?{re.escape(state)}", " ".join(row[0][1])):
                yield f"{address['address']} {state} in the HTML: {row[0][1]}"


def notes_of(text, phrases):
    return {section for section, pattern in phrases.notes().items() if re.search(pattern, text)}


def bounce_faults(letter, phrases):
    """What happened, what it means, whom to ask, what to send: of that class, in text and HTML."""
    bounce, text = letter.tree["bounce"], squeeze(letter.text)
    for key in ("happened", "means", "send"):
        pattern = phrases.pattern(f"class {bounce['class']}", key)
        for where, whole in (("text", text), ("HTML", letter.page.text)):
            if not re.search(pattern, whole):
                yield f"{key} of {bounce['class']} in the {where}"
    for word in (bounce["status"], bounce["action"]):
        if word not in text or word not in letter.page.text:
            yield f"{word} is not in both"


def facts_of(survey):
    """The hosts in the words of the table."""
    found = []
    for one in survey["hosts"]:
        addresses = [f"{a['kind']}:{a['reach']}:{a['step']}" for a in one["v6"]] or [""]
        found.append(" ".join((str(one["preference"]), one["name"], one["a"], one["aaaa"], one["ns_aaaa"], *addresses)))
    return found


def verdicts(letter):
    return [f"{found['verdict']} {found['evidence']}" for found in (letter.tree["abilities"][ability] for ability in ABILITIES)]


def test_letter(row, letter, phrases):
    what = f"{row.name}, {letter.language} {letter.kind}"
    faults = [*abilities_faults(letter, phrases), *hosts_faults(letter, phrases)]
    if letter.kind == "bounce":
        faults += bounce_faults(letter, phrases)
    eq(faults, [], f"{what}: text, HTML and JSON agree")
    long = [line for line in letter.text.splitlines() if len(line) > 76 and " " in line.strip()]
    ok(not long and "{{" not in letter.text + letter.page.text, f"{what}: at most 76 columns, no tag of a template") or diag(long)
    for where, text in (("text", squeeze(letter.text)), ("HTML", letter.page.text)):
        eq(notes_of(text, phrases) - SLOW_NOTES.get(row.name, set()), row.notes, f"{what}: the notes in the {where}")
    if letter.kind == "report":
        others = NOT_REACHED if row.report == "fail mx-without-aaaa" else PENDING
        eq(verdicts(letter), ["pass arrived-over-v6", row.report, others, others], f"{what}: the verdicts")
        eq(letter.tree["bounce"], None, f"{what}: no class yet")
    else:
        found = letter.tree["bounce"]
        eq([found["class"], found["phase"], *verdicts(letter)], [*row.bounce[:2], "pass arrived-over-v6", *row.bounce[2:]],
           f"{what}: class, phase and verdicts")


# By the deadline of 10 s the name servers of slowdns may be known, or not yet: they are asked for when the survey begins
SLOW_NOTES = {"slowdns": {"note incomplete"}}


def test_survey(row, letter):
    survey = letter.tree["survey"]
    facts = facts_of(survey)
    if row.name == "slowdns":
        ok(survey["took_ms"] > 3000, f"slowdns: its survey took {survey['took_ms']} ms")
        facts = [fact.replace("yes yes unknown", "yes yes yes") for fact in facts]
    elif row.name == "blackhole":
        ok(survey["took_ms"] > 9000 and not survey["complete"], f"blackhole: its survey ended, after {survey['took_ms']} ms")
    else:
        ok(survey["complete"], f"{row.name}: its survey is complete")
    eq((survey["domain"], survey["mx"], facts), (f"{row.name}.test", row.form, row.hosts), f"{row.name}: what the survey found")
    eq([one["cname"] for one in survey["hosts"]], [row.name == "wrongcname"] * len(row.hosts), f"{row.name}: which host is an alias")
    aaaa = [at for at, one in enumerate(survey["hosts"]) if one["v6"]]
    eq(aaaa[:1], [at for at, one in enumerate(row.hosts) if ":" in one][:1], f"{row.name}: which host is the first with IPv6")


# ---- all of them ------------------------------------------------------------------------------------------------------------------


def ask(house):
    """Everybody at once, as each question to slowdns and blackhole keeps the milter waiting."""
    replies = {}

    def send(name, language, to):
        address = f"{language}@{name}.test"
        replies[address] = house.send(message(From=address), sender=address.encode(), to=to.encode())

    threads = [threading.Thread(target=send, args=(row.name, language, to)) for row in PEERS for language, to in LANGUAGES.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    eq([reply for reply in replies.items() if not reply[1].startswith("250 2.0.0 ")], [], f"{len(replies)} requests are taken")


def test_peer(house, row, phrases):
    surveyed = []
    for language in LANGUAGES:
        mails = house.mails(f"{language}@{row.name}.test")
        wanted = ["bounce", "report"] if row.bounce else ["report"]
        letters = [letter_of(mail, language) for mail in mails if mail.kind in ("report", "bounce")]
        eq(sorted(letter.kind for letter in letters), wanted, f"{row.name}, {language}: its letters")
        eq("six" in {mail.kind for mail in mails}, not row.bounce or row.name == "liar", f"{row.name}, {language}: the six probe")
        for letter in letters:
            test_letter(row, letter, phrases[language])
            surveyed.append(letter)
    for letter in surveyed[:1]:
        test_survey(row, letter)
    eq([letter.kind for letter in surveyed if facts_of(letter.tree["survey"]) != facts_of(surveyed[0].tree["survey"])], [],
       f"{row.name}: all its letters tell of one survey")
    return surveyed


def show(row, letters):
    """The outcome as measured, for whoever reads the log."""
    found = {letter.kind: letter for letter in letters if letter.language == "en"}
    if "report" in found:
        diag(f"{row.name:11}report: {', '.join(verdicts(found['report'])[1:2])}"
             + (f"; bounce: {found['bounce'].tree['bounce']['class']} at {found['bounce'].tree['bounce']['phase']}: "
                f"{', '.join(verdicts(found['bounce'])[1:])}" if "bounce" in found else "; accepted"))


def main():
    with House("diagnosis") as house:
        house.up(*SETTINGS)
        start = time.monotonic()
        ask(house)
        house.until(lambda: not house.sql("SELECT 1 FROM message WHERE outcome IN ('pending', 'delayed')"), PATIENCE)
        house.wait(PATIENCE)
        wanted = {f"{language}@{row.name}.test": 1 + bool(row.bounce) for row in PEERS for language in LANGUAGES}
        house.until(lambda: all(len([m for m in house.mails(who) if m.kind in ("report", "bounce")]) >= n for who, n in wanted.items()),
                    PATIENCE)
        diag(f"all is over after {time.monotonic() - start:.1f} s")
        phrases = {language: Phrases(language) for language in LANGUAGES}
        for row in PEERS:
            show(row, test_peer(house, row, phrases))
        for address, wanted in REFUSED:
            reply = house.send(sender=address.encode())
            ok(reply.startswith(wanted), f"{address} is refused in the session: {wanted}") or diag(reply)
        house.invariants("after every peer")
    done()


if __name__ == "__main__":
    main()
