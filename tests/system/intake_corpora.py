#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Every message of ../shared/corpora through postsix-pipe and postsix-intake (RELIABILITY fault 32): none crashes the parser, takes a
second or 64 MB, and every recipient block of dsn-fields.tsv stands in the entry, field by field."""
import csv
import os
import re
import time

from intakes import CORPORA, Intake
from tap import diag, done, eq, ok, skip

MEMORY = 64 * 1024
CUT = 1000  # octets kept of a field: DSN_FIELD_MAX
# Where the table has another Message-ID, or none: its parser ended the returned header at the first line without a colon
# (RFC 7103 section 7 lets us go on), took the wrapping message for the returned one, or knows no message/rfc822-headers.
RETURNED_ID = {
    "bounce-sisimai/bsd/lhost-office365-08.eml": "<SLXP216MB038146098DE3C3F3086AE5C9A97C0@SLXP216MB0381.KORP216.PROD.OUTLOOK.COM>",
    "bounce-sisimai/bsd/lhost-office365-09.eml": "<SLXP216MB0381A2BCD997D05F53CDB50BA9220@SLXP216MB0381.KORP216.PROD.OUTLOOK.COM>",
    "bounce-sisimai/bsd/lhost-office365-10.eml": "<SLXP216MB038178608410E5830A839FA7A9210@SLXP216MB0381.KORP216.PROD.OUTLOOK.COM>",
    "bounce-sisimai/bsd/lhost-office365-11.eml": "<SLXP216MB0381A4F513CF42F0FCDA0E2FA9250@SLXP216MB0381.KORP216.PROD.OUTLOOK.COM>",
    "bounce-sisimai/bsd/lhost-office365-12.eml": "<SLXP216MB03814587D983866DA15F34A9A9250@SLXP216MB0381.KORP216.PROD.OUTLOOK.COM>",
    "bounce-sisimai/bsd/lhost-postfix-57.eml": "<44kWHZ2S3Qz1yxHC@rokujo.cr.nyaan.jp>",
    "bounce-sisimai/bsd/lhost-x5-01.eml": "<2222222222.0000000000002.JavaMail.nekogate@cat.example.jp>",
    "bounce-flufl/dsn_05.txt": "<pfchbtkf3j0p7prf0sp45vi21fro3bs7ad@4ax.com>",
    "bounce-flufl/dsn_07.txt": "<Pine.LNX.4.33.0108011605240.12261-100000@robot.metu.edu.tr>",
    "bounce-flufl/dsn_15.txt": "<mailman.4360.1149475419.1567.gpc-talk@grizz.org>",
}
MESSAGE_FIELDS = ("reporting_mta", "received_from_mta", "original_envelope_id", "arrival_date")
RECIPIENT_FIELDS = {"final_recipient": "final_recipient", "original_recipient": "original_recipient", "action": "action_text",
                    "status": "status_text", "remote_mta": "remote_mta", "diagnostic_code": "diagnostic_code",
                    "last_attempt_date": "last_attempt_date", "will_retry_until": "will_retry_until"}


def files():
    for folder, _, names in sorted(os.walk(CORPORA)):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), CORPORA)


def run_all(intake):
    """{file: facts}, after the tests of cost."""
    facts, large, failed, worst = {}, [], [], [0, 0]
    for path in files():
        with open(os.path.join(CORPORA, path), "rb") as message:
            start = time.monotonic()
            status, said = intake.pipe(message, queue_id=f"4C{len(facts)}")
            took = time.monotonic() - start
        _, memory = intake.parser_cost()
        worst = [max(worst[0], took), max(worst[1], memory)]
        large += [path] * (memory >= MEMORY)
        if status != 0:
            failed.append(f"{path}: {status} {said}")
        else:
            _, facts[path] = intake.take()
    eq(failed, [], f"32: {len(facts)} files: exit 0")
    eq(large, [], f"32: none over 64 MB: at most {worst[1]} kB")
    diag(f"and at most {worst[0] * 1000:.0f} ms")
    eq([path for path, told in facts.items() if "unparsable" in told], [], "32: the parser survives all")
    return facts


def table():
    """{file: rows}"""
    rows = {}
    with open(os.path.join(CORPORA, "dsn-fields.tsv"), encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            rows.setdefault(os.path.join(row["corpus"], row["file"]), []).append(row)
    return rows


def same(ours, theirs):
    """The table's values are unfolded by another rule: blanks count as one. What is not UTF-8 is replaced by each its own way."""
    ours, theirs = (re.sub(r"[\s\x1a\ufffd?]+", " ", text).strip() for text in (ours, theirs))
    return ours == theirs or (len(theirs.encode()) > CUT - 50 and theirs.startswith(ours) and len(ours.encode()) > CUT - 200)


def differences(path, facts, rows):
    dsn = facts["dsn"]
    if dsn is None or len(dsn["recipients"]) != len(rows):
        return [f"{path}: {len(dsn['recipients']) if dsn else 'no'} blocks instead of {len(rows)}"]
    found = []
    for row, recipient in zip(rows, dsn["recipients"]):
        pairs = [(name, dsn[name], row[name]) for name in MESSAGE_FIELDS]
        pairs += [(name, recipient[ours], row[name]) for name, ours in RECIPIENT_FIELDS.items()]
        pairs.append(("returned_message_id", facts["returned_id"], RETURNED_ID.get(path, row["returned_message_id"])))
        wrong = [f"{name}: {ours!r}, table {theirs!r}" for name, ours, theirs in pairs if not same(ours, theirs)]
        if wrong:
            found.append(f"{path} block {row['n']}: " + "; ".join(wrong))
    return found


def text_of(path):
    """Its octets with LF line ends; some were edited later in one folder only."""
    try:
        with open(os.path.join(CORPORA, path), "rb") as file:
            return re.sub(rb"\r+\n|\r", b"\n", file.read())
    except FileNotFoundError:
        return None


def test_line_ends(facts):
    """RFC 7103 section 6: the same message says the same, whatever ends its lines."""
    different, pairs = [], 0
    for path in facts:
        if path.startswith("bounce-sisimai/bsd/"):
            plain = {key: value for key, value in facts[path].items() if key != "body_hash"}
            for ends in ("cr", "crlf"):
                other_path = path.replace("/bsd/", f"/{ends}/")
                other = facts.get(other_path) if text_of(path) == text_of(other_path) else None
                pairs += other is not None
                different += [f"{ends}: {path}"] if other and any(other.get(key) != value for key, value in plain.items()) else []
    eq((different, pairs > 0), ([], True), f"32: {pairs} messages with CR or CRLF read as with LF")


def main():
    if not os.path.isdir(CORPORA):
        skip("32: all messages and recipient blocks of the corpora", "../shared/corpora is not here")
        done()
    intake = Intake()
    facts = run_all(intake)
    intake.clean()
    rows = table()
    wrong = [line for path in rows for line in differences(path, facts[path], rows[path])]
    blocks = sum(map(len, rows.values()))
    if not ok(not wrong, f"32: {blocks} recipient blocks in {len(rows)} reports, field by field"):
        diag(f"{len(wrong)} differ")
        diag("\n".join(wrong))
    test_line_ends(facts)
    reports = [path for path, told in facts.items() if told["is_report"]]
    eq(sorted(set(rows) - set(reports)), [], f"32: each of them is taken for a report ({len(reports)} are, in all)")


main()
done()
