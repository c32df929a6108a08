#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY 9, 23, 24: whatever a stranger wrote, our letter has the fields, the parts, the tags, the attributes, the links and the
JSON members that it has with a harmless word in that place; one line a line, no control character, nothing that turns the reading
direction, at most 24 kB, 7 bits. Our output is read back by parsers that are not ours: CPython's email, html.parser and json, jsonschema
by doc/report.schema.json, and GMime. A NUL ends a string of C: what comes before it is tested here, and base/scrub.h replaces it at the
door."""
import email
import email.policy
import html.parser
import json
import os
import re
import tempfile

import jsonschema
from driver import Driver
from house import Tap, read

MAX = 24 * 1024
SUBJECT = "Subject: About {{subject}}\n\n"
TEXT = SUBJECT + """Body {{plain}}
  In a row: {{row}}
{{#hosts}}
- {{name}} {{#why}}({{why}}){{/why}}
{{/hosts}}
{{phrase_rendered}}
Diagnostic-Code: {{diagnostic_lines}}
""" + "-- \nbye\n"
HTML = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><style>td > p { color: red }</style><title>{{subject}}</title></head>
<body><!-- > --><p class="a">{{plain}}</p><table>{{#hosts}}<tr><td title='x > y'>{{name}}</td><td>{{why}}</td></tr>{{/hosts}}</table>
<p>{{row}}</p><p>{{phrase_rendered}}</p><pre>{{diagnostic_lines}}</pre><a href="mailto:help@dual.test">us</a></body></html>
"""
VALUES = {"subject": b"word", "plain": b"word", "row": b"word", "phrase_rendered": b"word", "diagnostic_lines": b"word\nword",
          "hosts": [{"name": b"word", "why": b"word"}, {"name": b"word", "why": b"word"}]}
FIELDS = {"from_name": b"Six Test", "to": b"jan@good.test", "in_reply_to": b"<m1@good.test>", "references": b"<r1@x.test>",
          "request_in_reply_to": b"", "re_subject": b"word", "status_part": b"Reporting-MTA: dns; word\n\nAction: failed\n",
          "returned": b"Subject: word\n"}
JSON_FIELDS = {name: b"word" for name in "id requester recipient client_address helo protocol ptr tls dkim class phase action status "
               "remote_mta diagnostic".split()}
ADDRESS = {"address": "2001:db8::1", "kind": "documentation", "reach": "accepts", "step": "ehlo", "connect_ms": 1, "banner_ms": 2,
           "ehlo_ms": None, "code": 250, "starttls": "yes", "banner": "word"}
HOST = {"name": "word", "preference": 10, "cname": False, "literal": False, "a": "no", "aaaa": "yes", "ns_aaaa": "unknown", "v4": [],
        "v6": [ADDRESS, ADDRESS]}
SURVEY = {"v": 1, "domain": "word", "mx": "listed", "complete": True, "knocked": True, "a_only": False, "took_ms": 5, "mx_records": 3,
          "hosts": [HOST, HOST, HOST]}

ATTACKS = [
    b"x\rBcc: v@x.test", b"x\nBcc: v@x.test", b"x\r\nBcc: v@x.test", b"x\r\n\r\nBcc: v@x.test", b"x\r\n\tBcc: v@x.test", b"x\n\n\n\nx",
    b"x\0\r\nBcc: v@x.test", "x\u0085Bcc: v@x.test".encode(), "x\u2028Bcc: v@x.test\u2029y".encode(), "x\u202etset.x@v\u202c".encode(),
    "\u2066x\u2069\u200b\ufeff\u061c\u200f".encode(), "x\U000e0041\U000e0042".encode(), b"x\x1b[2J\x1b]0;t\x07\x9b1m\x7f\x08\x0b\x0c",
    b"x</td><script>alert(1)</script>", b"x\"><img src=http://x.test/i.png onerror=x>", b"x' onclick='x", b"x\" onclick=\"x",
    b"x<!--", b"x-->", b"x]]><style>", b"x</style></title></pre></textarea><a href=http://x.test>", b"x<", b"x&lt;b&gt;", b"x&#60;b&#62;",
    b"x&", b"x\\", b"x\\\\\"}", b"\\\"}", b"\",\"v\":2,\"x\":\"", b"x{{plain}}", b"{{#hosts}}", b"{{{row}}}", b"{{", b"}}", b"{{! ",
    b"http://x.test/ https://x.test www.x.test mailto:v@x.test", b"javascript:alert(1)", b"=?utf-8?q?x=0D=0ABcc:_v=40x.test?=",
    b"=?utf-8?b?eA0KQmNjOiB2QHgudGVzdA==?=", b"=?utf-8?q?x?= =?utf-8?q?=0D=0ABcc:?=", b"=3Cb=3E=0D=0A", b"\xff\xfe\x80", b"\xc0\xbc\xe0\x80\xbc",
    b"\xed\xa0\x80\xf4\x90\x80\x80", b"--=-64e0eb1c7a6ca2a09229a56ea84e0339--\r\n", b"\r\n.\r\nMAIL FROM:<>\r\n", b"From x\nFrom y",
    b"Content-Type: text/html\n\n<b>", "žluťoučký kůň".encode(), b"word " * 2000, b"w" * 10000, b"\x1b" * 10000, b"<" * 10000,
    "ů".encode() * 5000, b"\\" * 10000, b"\n" * 10000, b"a\r\n" * 3000, b"\xf0\x9f\x92\xa9" * 2500, b"x" * 997 + b"\r\n.\r\n",
]
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")


class Tags(html.parser.HTMLParser):
    """Everything in a page that is not text."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.seen, self.text = [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag):
        self.seen.append("/" + tag)

    def handle_comment(self, data):
        self.seen.append("!" + data)

    def handle_decl(self, decl):
        self.seen.append("!" + decl)

    def handle_pi(self, data):
        self.seen.append("?" + data)

    def unknown_decl(self, data):
        self.seen.append("!?" + data)

    def handle_data(self, data):
        self.text += data


def members(value):
    """The members of a JSON value without what they hold; a list is as its first item."""
    if isinstance(value, dict):
        return {name: members(inner) for name, inner in value.items() if name not in ("cut", "family")}
    return [members(inner) for inner in value[:1]] if isinstance(value, list) else type(value).__name__


def strings(value):
    if isinstance(value, dict):
        value = list(value.values()) + list(value)
    return [value] if isinstance(value, str) else [s for v in value for s in strings(v)] if isinstance(value, list) else []


def walk(part):
    """All parts; of a delivery status the whole, whose blocks CPython would show as text."""
    yield part
    if part.get_content_maintype() == "multipart":
        for inner in part.iter_parts():
            yield from walk(inner)


def shape(message, gmime):
    """What must be the same, and the faults that show without comparison."""
    faults = []
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    parts = list(walk(parsed))
    found = {"fields": parsed.keys(), "to": parsed["To"], "gmime fields": gmime["fields"], "gmime to": gmime["to"],
             "parts": [(p.get_content_type(), p.keys()) for p in parts], "defects": [p.defects for p in parts],
             "gmime parts": [(p["type"], p["fields"]) for p in gmime["parts"]]}
    if len(message) > MAX or not message.isascii() or re.search(rb"\r(?!\n)|(?<!\r)\n|[^\r\n]{999}|[^\t\r\n -~]", message):
        faults.append("the octets")
    for name, value in parsed.items():
        if HIDDEN.search(value):
            faults.append(f"{name}: {value!r}")
    for part in parts:
        kind = part.get_content_type()
        if part.is_multipart():
            continue  # (a delivery status is printable, as the octets are)
        text = part.get_payload(decode=True).decode().replace("\r\n", "\n")
        if HIDDEN.search(text.replace("\t", "") if kind == "text/rfc822-headers" else text):
            faults.append(f"{kind} has {HIDDEN.search(text)}")
        if kind == "text/plain":
            faults += [f"line {line!r}" for line in text.split("\n") if len(line) > 76 and not faults]
            found["first and last"] = text[:4], text[-8:]
            found["signatures"] = text.count("\n-- \n")
        elif kind == "text/html":
            found["tags"] = Tags(text).seen
        elif kind == "application/json":
            found["json"] = json.loads(text)
    return found, faults


def without(found, field):
    """As if no message had it."""
    if isinstance(found, dict):
        return {name: without(inner, field) for name, inner in found.items()}
    return type(found)(without(inner, field) for inner in found if inner != field) if isinstance(found, (list, tuple)) else found


class Letters:
    def __init__(self, tap, folder):
        self.tap, self.driver, self.faults = tap, Driver(), []
        self.paths = {name: f"{folder}/{name}".encode() for name in ("text", "html")}
        for name, text in (("text", TEXT), ("html", HTML)):
            with open(self.paths[name], "w", encoding="utf-8") as file:
                file.write(text)
        schema, survey = (json.loads(read(f"doc/{name}.schema.json")) for name in ("report", "survey"))
        self.validators = jsonschema.Draft202012Validator(schema), jsonschema.Draft202012Validator(survey)
        self.letters, self.cut = 0, 0
        self.harmless, faults = self.write(VALUES, FIELDS, JSON_FIELDS | {"survey": json.dumps(SURVEY).encode()})
        tap.eq(faults, [], "a harmless letter is well-formed")
        tap.eq([kind for kind, _ in self.harmless["parts"]], ["multipart/mixed", "multipart/alternative", "text/plain", "text/html",
               "application/json", "message/delivery-status", "text/rfc822-headers"], "it has every part")
        tap.eq(self.harmless["json"]["survey"], SURVEY, "its survey is in report.json")
        tap.eq(self.against_schema(self.harmless["json"]), [], "which is as its schema says")
        broken = json.loads(json.dumps(self.harmless["json"]))
        broken["survey"]["hosts"][1]["v6"][0]["kind"] = broken["kind"] = "x"
        tap.eq(len(self.against_schema(broken)), 2, "and the schema looks at both halves of it")

    def against_schema(self, report):
        """What is wrong with report.json by its schema, and with the survey in it by the survey's."""
        faults = list(self.validators[0].iter_errors(report))
        return faults + list(self.validators[1].iter_errors(report["survey"])) if report["survey"] is not None else faults

    def write(self, values, fields, json_fields):
        answer = self.driver.ask(do="letter", template=self.paths["text"], html=self.paths["html"], values=values,
                                 fields=fields | json_fields, max=MAX)
        if answer["error"]:
            return answer["error"], []
        self.letters += 1
        return shape(answer["out"], self.driver.ask(do="parts", message=answer["out"]))

    def compare(self, place, attack, values=None, fields=None, json_fields=None):
        """Writes the letter; where a value is too long it is cut, as the daemon cuts it."""
        json_fields = JSON_FIELDS | {"survey": json.dumps(SURVEY).encode()} | (json_fields or {})
        found, faults = self.write(values or VALUES, FIELDS | (fields or {}), json_fields)
        if found == -27:  # EFBIG
            return False
        if not isinstance(found, dict):
            self.faults.append(f"{place}, {attack[:60]!r}: error {found}")
            return True
        report = found.pop("json")
        checked = report | {"survey": None} if place == "survey" else report  # (whose writer takes no such names)
        faults += [str(fault) for fault in self.against_schema(checked)]
        faults += [f"json: {s!r}" for s in strings(report) if HIDDEN.search(s) or "\n" in s]
        wanted = dict(self.harmless)
        if report["cut"]:
            self.cut += 1
        elif members(report) != members(wanted["json"]):
            faults.append(f"members: {report}")
        del wanted["json"]
        if len(attack) > 500:  # attachments give way, from the end
            for name in ("parts", "gmime parts", "defects"):
                wanted[name] = wanted[name][:max(len(found[name]), 5)]
        if place == "in_reply_to":  # what is no message's id is not in the thread
            for field in {"In-Reply-To", "References"} - set(found["fields"]):
                wanted = without(wanted, field)
        faults += [f"{name}: {found[name]!r}, not {wanted[name]!r}" for name in wanted if found[name] != wanted[name]]
        self.faults += [f"{place}, {attack[:60]!r}: {fault[:500]}" for fault in faults]
        return True

    def everywhere(self, attack):
        for name in VALUES:
            cut = attack
            while not self.compare(name, attack, values=VALUES | {name: [{"name": cut, "why": cut}, {"name": b"word", "why": b"word"}]
                                                                  if name == "hosts" else cut}):
                cut = cut[:len(cut) // 2]
            if len(cut) < 512 and len(cut) < len(attack):
                self.faults.append(f"{name}, {attack[:60]!r}: cut to {len(cut)}")
        for name in FIELDS:
            if name not in ("to", "status_part", "returned"):
                self.compare(name, attack, fields={name: attack})
        for name in JSON_FIELDS:
            self.compare("json " + name, attack, json_fields={name: attack})
        text = attack.decode("utf-8", "replace")
        hostile = SURVEY | {"domain": text, "hosts": [HOST | {"name": text, "v6": [ADDRESS | {"address": text, "banner": text}]}, HOST, HOST]}
        self.compare("survey", attack, json_fields={"survey": json.dumps(hostile).encode()})


def attachments(letters):
    """What is quoted there goes between lines of its own, as ASCII; a client that takes them for fields finds only them."""
    for attack in ATTACKS:
        for name in ("status_part", "returned"):
            found, faults = letters.write(VALUES, FIELDS | {name: attack}, JSON_FIELDS)
            if isinstance(found, dict):
                kinds = [kind for kind, _ in found["parts"] if kind not in ("text/rfc822-headers", "message/delivery-status")]
                same = all(found[k] == letters.harmless[k] for k in ("fields", "to", "gmime fields", "gmime to", "tags", "first and last"))
                if not same or kinds != [kind for kind, _ in letters.harmless["parts"][:5]]:
                    faults.append(str(found))
            letters.faults += [f"{name}, {attack[:60]!r}: {fault[:500]}" for fault in faults or ([] if isinstance(found, dict) else [found])]


def report(tap, letters, name):
    if not tap.ok(not letters.faults, name):
        tap.diag(f"{len(letters.faults)} faults\n" + "\n".join(map(str, letters.faults[:12])))
    letters.faults = []


t = Tap()
with tempfile.TemporaryDirectory() as place:
    letters = Letters(t, place)
    for one in ATTACKS:
        letters.everywhere(one)
    report(t, letters, f"{len(ATTACKS)} hostile strings in {len(VALUES) + len(FIELDS) - 3 + len(JSON_FIELDS) + 1} places change nothing")
    attachments(letters)
    report(t, letters, "nor in the attachments")
    for one in ATTACKS:
        result, _ = letters.write(VALUES, FIELDS | {"to": one}, JSON_FIELDS)
        if result != -22:  # EINVAL
            letters.faults.append(f"to {one[:60]!r}: {result}")
    report(t, letters, "a recipient that is no address gets no letter")
    for one in ATTACKS:
        result, wrong = letters.write(VALUES, FIELDS, JSON_FIELDS | {"survey": one})
        if wrong or result["json"]["survey"] is not None:
            letters.faults.append(f"survey {one[:60]!r}: {wrong}")
    report(t, letters, "a survey that is not JSON is none")
    t.diag(f"{letters.letters} letters, {letters.cut} of them with a report that was cut")
t.done()
