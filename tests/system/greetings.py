#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Faults 9, 23, 24: mail servers that are hostile over IPv6 in whatever they say: banner, EHLO, the reply to RCPT TO. The survey hears
them, and so does Postfix. Report and processed bounce, as they arrive, have no field, part, tag, attribute, link or JSON member of
theirs, no control character, and nothing that turns text round, in any part."""
import html.parser
import json
import os
import re
import sys
import unicodedata

import jsonschema

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hostile import mail_faults  # noqa: E402
from house_of_lab import MAX, ROOT, House, read  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

PATIENCE = 90  # s
SETTINGS = ("--postfix", "v6.smtp_helo_timeout=5s", "--postfix", "v6.smtp_rcpt_timeout=5s")
MARK = b"marker"  # by which it is seen that the words came at all

# Octets of one line; each is said with MARK before it
WORDS = {
    "plain": b"word",
    "controls": bytes(octet for octet in [*range(32), 127] if octet not in b"\r\n"),
    "c1": bytes(range(128, 160)), "latin1": b"gr\xfc\xdfe \xff\xfe", "c1utf8": "\u0080\u0085\u009b2J\u009d".encode(),
    "escape": b"\x1b[2J\x1b]0;owned\x07\x1b[31m",
    "script": b"<script>alert(1)</script>", "image": b"<img src=http://evil.test/x.png onerror=alert(1)>",
    "anchor": b'<a href="http://evil.test/">click</a>', "close": b"</pre></p></td></tr></table></main></body></html><h1>owned</h1>",
    "style": b"<style>*{display:none}</style>", "comment": b"<!-- ", "cdata": b"<![CDATA[ ]]>", "attribute": b"\" onmouseover='x' style=\"",
    "entity": b"&lt;b&gt; &#60;b&#62; &amp;lt;", "bidi": "\u202eevil\u2066\u2067\u2069\u200f\u061c".encode(),
    "hidden": "\u200b\u200d\ufeff\u00ad\u2060\U000e0041".encode(), "lines": "a\u2028b\u2029c\u0085d\x0b\x0ce".encode(),
    "json": b'"}], "verdict": "pass", "\\u0000\\', "template": b"{{requester}} {{#has_survey}} {{{x}}} {{=<% %>=}}",
    "cr": b"a\rX-Evil: 1\rBcc: victim@good.test", "lf": b"a\nX-Evil: 1\nBcc: victim@good.test", "field": b"Bcc: victim@good.test",
    "boundary": b"--=-", "encoded": b"=?utf-8?q?=0d=0aBcc:victim=40good.test?=", "percent": b"%s%n%99999d",
    "line512": b"y" * 500, "line2000": b"<" * 2000,
}
# what the words are said in: (banner, each line of EHLO's reply, reply to RCPT TO); %s is the words
WAYS = {"banner": (b"554-%s\r\n554 %s", b"mx", b"550 no"), "greeted": (b"220-%s\r\n220 %s", b"%s", b"550-5.1.1 %s\r\n550 5.1.1 %s")}
EHLO_LINES = {"script": 10000, "bidi": 1000}
NAMES = [f"{words}-{way}" for words in WORDS for way in WAYS]

PEERS = f"""
import asyncio
from smtpserver import Temper, run, serve
WORDS, WAYS, EHLO_LINES, MARK = {WORDS!r}, {WAYS!r}, {EHLO_LINES!r}, {MARK!r}

async def talk(words, way, reader, writer):
    banner, ehlo, rcpt = (said.replace(b"%s", MARK + b" " + WORDS[words]) for said in WAYS[way])
    said = {{b"EHLO": (b"250-" + ehlo + b"\\r\\n") * EHLO_LINES.get(words, 2) + b"250 8BITMIME", b"RCPT": rcpt, b"QUIT": b"221 bye"}}
    writer.write(banner + b"\\r\\n")
    verb = b""
    while verb != b"QUIT":
        verb = (await reader.readuntil(b"\\n"))[:4].upper()
        writer.write(said.get(verb, b"250 ok") + b"\\r\\n")
        await writer.drain()

async def hostile(name, address):
    words, way = name.split("-")
    async def on_connect(reader, writer):
        try:
            await talk(words, way, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    await asyncio.start_server(on_connect, address, 25)

NAMES = {NAMES!r}
run(*(serve(f"mx.{{name}}.test", [f"198.51.100.{{130 + n}}"], Temper()) for n, name in enumerate(NAMES)),
    *(hostile(name, f"2001:db8:100:4::{{n + 1:x}}") for n, name in enumerate(NAMES)))
"""
ZONE = "".join(f"{name}.test. MX 1 mx.{name}.test.\nmx.{name}.test. A 198.51.100.{130 + n}\nmx.{name}.test. AAAA 2001:db8:100:4::{n + 1:x}\n"
               for n, name in enumerate(NAMES))


class Tags(html.parser.HTMLParser):
    """Every tag with its attributes, and what else is no text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.others = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(attrs)))

    def handle_comment(self, data):
        self.others.append(data)

    handle_pi = unknown_decl = handle_comment

    def count(self, tag):
        return len([name for name, _ in self.found if name == tag])


def hidden(text):
    """Characters that nobody sees, or that move others, but for those that a language is written with (base/text.c), and the hyphen
    that is seen at a line's end only."""
    return sorted({f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn")
                   and c not in "\r\n\u200c\u200d\u00ad"})


def letter_faults(mail, tags, schema, harmless):
    """mail_faults() has the header, the parts' number and the octets; here are the parts themselves."""
    text = mail.text()
    page = mail.parsed.get_body(("html",)).get_content()
    part = next(p for p in mail.parsed.walk() if p.get_content_type() == "application/json")
    found = Tags(page)
    faults = mail_faults(mail)
    faults += [f"tags {set(found.found) - tags}"] if set(found.found) - tags or found.others else []
    faults += [f"{tag}: {found.count(tag)} for {harmless.count(tag)}" for tag in ("table", "tr", "td", "th", "pre", "style", "h1", "h2")
               if found.count(tag) != harmless.count(tag)]
    tree, octets = json.loads(part.get_content()), part.get_payload(decode=True)
    faults += [error.message[:200] for error in jsonschema.Draft202012Validator(schema).iter_errors(tree)]
    faults += [] if octets.isascii() else ["JSON is not ASCII"]
    for where, said in (("text", text), ("HTML", page), ("JSON", "".join(strings(tree))), ("Subject", str(mail.parsed["Subject"]))):
        faults += [f"{where}: {hidden(said)}"] if hidden(said) else []
    faults += [f"{len(mail.octets)} octets"] if len(mail.own_octets()) > MAX[mail.kind] else []
    if re.search(r"(?mi)^(?:bcc|x-evil):", text + mail.octets.decode("latin-1")):
        faults.append("a field of theirs at the beginning of a line")
    return faults


def strings(tree):
    """Every string there is in it."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, (dict, list)):
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from strings(value)


def letters_of(house, name):
    return {mail.kind: mail for mail in house.mails(f"p@{name}.test") if mail.kind in ("report", "bounce")}


def page_of(mail):
    return Tags(mail.parsed.get_body(("html",)).get_content())


def test_letters(house):
    for name in NAMES:
        ok(house.send(sender=f"p@{name}.test".encode()).startswith("250 2.0.0 "), f"{name}: its request is taken")
    house.until(lambda: all(len(letters_of(house, name)) == 2 for name in NAMES), PATIENCE)
    house.wait(PATIENCE)
    tags = {tag for kind in ("report", "bounce") for tag in Tags(read(f"{ROOT}/templates/en/{kind}.html")).found}
    schema = json.loads(read(f"{ROOT}/doc/report.schema.json"))
    heard = 0
    for name in NAMES:
        letters, plain = letters_of(house, name), letters_of(house, f"plain-{name.split('-')[1]}")
        eq(sorted(letters), ["bounce", "report"], f"{name}: report and processed bounce")
        for kind, mail in letters.items():
            faults = letter_faults(mail, tags, schema, page_of(plain[kind]))
            ok(not faults, f"9 23 24 {name}: nothing of theirs in the {kind}") or diag("\n".join(faults))
        if "bounce" in letters:
            said = next(p for p in letters["bounce"].parsed.walk() if p.get_content_type() == "application/json").get_content().decode()
            heard += MARK.decode() in said and MARK.decode() in letters["bounce"].text()
    ok(heard > 0.9 * len(NAMES), f"9 the words of {heard} of {len(NAMES)} are quoted in JSON and text, so that was seen")
    eq(house.mails("victim@good.test"), [], "23 the victim gets nothing")


def test_survey(house):
    """What the survey heard, as the database keeps it."""
    rows = {row["domain"]: row["json"] for row in house.sql("SELECT substr(requester, 3) AS domain, s.json FROM survey s JOIN request r ON r.id = s.request")}
    banners = [address["banner"] for text in rows.values() for one in json.loads(text)["hosts"] for address in one["v6"]]
    eq(len(banners), len(NAMES), "each was knocked at")
    eq([banner for banner in banners if hidden(banner)], [], "and no banner keeps what nobody sees")
    ok(len([banner for banner in banners if banner]) > 0.9 * len(NAMES), "though most are kept")


def main():
    with House("greetings") as house:
        house.up(*SETTINGS, zone=ZONE, peers={"hostile": PEERS})
        test_letters(house)
        test_survey(house)
        log = [line for line in house.log().split("\n") if re.search(r" postsix(d|-intake|-milter)\[", line)]
        eq([line for line in log if hidden(line)], [], "9 no line of our log has what nobody sees")
        house.invariants("after hostile greetings")
    done()


if __name__ == "__main__":
    main()
