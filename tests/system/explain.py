#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""`postsix explain` as people and scripts run it: files, folders, mbox, standard input, languages, exit statuses; and, where
../shared/corpora is at hand, every bounce there: no crash, every one classed, and 95 % agreement with the known reasons."""
import json
import os
import resource
import subprocess
import sys
import tempfile

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
from tap import diag, done, eq, ok, skip  # noqa: E402

os.chdir(TOP)
B = os.environ.get("B", "build")
CORPORA = "../shared/corpora"
SUCCESS = ("delivered", "relayed", "expanded")  # reports of these say of no failure
OURS = ("--table", "templates/diagnose.tab", "--templates", "templates", "--local", "")

BOUNCE = """From: MAILER-DAEMON@x.test
Subject: failure notice

Hi. This is the qmail-send program at x.test.

<{}@y.test>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 no such user

--- Below this line is a copy of the message.

Return-Path: <b@x.test>
"""


def explain(*arguments, stdin="", table=OURS):
    return subprocess.run([f"{B}/postsix", "explain", *table, *arguments], input=stdin.encode(), capture_output=True,
                          timeout=300, check=False)


def records(done_):
    return [json.loads(line) for line in done_.stdout.decode("ascii").splitlines()]


def classes(done_):
    return [(r.get("recipient"), r.get("class")) for r in records(done_)]


def write(*path, text):
    os.makedirs(os.path.dirname(os.path.join(*path)), exist_ok=True)
    with open(os.path.join(*path), "w", encoding="utf-8") as file:
        file.write(text)
    return os.path.join(*path)


def test_sources(folder):
    one, two = (write(folder, "box", name, text=BOUNCE.format(name)) for name in ("one", "two"))
    mbox = write(folder, "mbox", text="".join(f"From x\n{BOUNCE.format(name)}\n" for name in ("three", "four")))
    for part, name in (("cur", "five"), ("new", "six"), ("tmp", "seven")):
        write(folder, "maildir", part, name, text=BOUNCE.format(name))
    write(folder, "box", ".hidden", text="no mail")
    eq(classes(explain("--json", one, two)), [("one@y.test", "no-such-user"), ("two@y.test", "no-such-user")], "files")
    eq(classes(explain("--json", f"{folder}/box")), [("one@y.test", "no-such-user"), ("two@y.test", "no-such-user")],
       "a folder, without its hidden files")
    eq([r for r, _ in classes(explain("--json", f"{folder}/maildir"))], ["five@y.test", "six@y.test"],
       "a Maildir, without what is not yet delivered")
    got = records(explain("--json", mbox))
    eq([(r["recipient"], r["message"]) for r in got], [("three@y.test", 1), ("four@y.test", 2)], "an mbox is recognised")
    with open(mbox, encoding="utf-8") as file:
        text = file.read()
    eq([r for r, _ in classes(explain("--json", stdin=text))], ["three@y.test", "four@y.test"], "standard input")
    eq([r for r, _ in classes(explain("--json", one, "-", stdin=BOUNCE.format("eight")))],
       ["one@y.test", "eight@y.test"], "standard input among others")
    eq(len(records(explain("--json", "--mbox", stdin=BOUNCE.format("one") + "\n\nFrom y\n" + BOUNCE.format("two")))), 2,
       "--mbox: though it does not begin as one")


def test_words(folder):
    one = write(folder, "box", "one", text=BOUNCE.format("one"))
    got = explain(one)
    text = got.stdout.decode("utf-8")
    ok(got.returncode == 0 and "one@y.test: no-such-user" in text and "diagnose.tab:" in text, "class and evidence")
    ok(all(f"{title}: " in text for title in ("What happened", "What it means", "Who can mend it")), "and advice")
    ok(all(len(line) <= 76 for line in text.splitlines()[1:]), "in at most 76 columns")
    brief = explain("--brief", one).stdout.decode("utf-8")
    ok("no-such-user" in brief and "What it means" not in brief, "--brief: without advice")
    czech = explain("--lang", "cs", one).stdout.decode("utf-8")
    ok("no-such-user" in czech and czech != text, "--lang cs")
    ok(all(f"{title}: " in czech for title in ("Co se stalo", "Co to znamená", "Kdo to může napravit", "Co mu napsat")),
       "its titles, too")
    test_foreign(folder)
    advice = records(explain("--json", one))[0]["advice"]
    eq(sorted(advice), ["happened", "means", "send", "who"], "the same in JSON")
    local = write(folder, "local", text="content * * * * * does not like recipient\n")
    eq([(r["class"], r["row"]) for r in records(explain("--json", one, table=(*OURS[:4], "--local", local)))],
       [("content", "local:1")], "a row of one's own goes before")


def test_foreign(folder):
    """Somebody else's bounce: nothing of ours, and of IPv6 only what it says itself."""
    text = "From: MAILER-DAEMON@x.test\nSubject: failure notice\n\n<a@y.test>:\n{}\n"
    late, six = (write(folder, "foreign", name, text=text.format(words)) for name, words in (
        ("late", "Reason: Maximum-Time-Expired (connection timed out)"),
        ("six", "connect to mx.y.test[2001:db8::1]:25: Connection timed out")))
    for lang in ("en", "cs"):
        got = [r for r in records(explain("--json", "--lang", lang, late, six))]
        eq([r["class"] for r in got], ["timeout", "timeout"], f"{lang}: two that came too late")
        eq(["IPv6" in r["advice"]["happened"] for r in got], [False, True], f"{lang}: IPv6 where the bounce names an address")


def test_statuses(folder):
    one = write(folder, "box", "one", text=BOUNCE.format("one"))
    mail = write(folder, "mail", text="From: a@x.test\nSubject: hello\n\nhello\n")
    none = write(folder, "none", text="this is no mail\n")
    empty = write(folder, "empty", text="")
    bad = write(folder, "bad", text="# x\nnonsense\n")
    eq([(explain(*a).returncode) for a in ((one,), (mail,), (none,), (empty,), ("/nonexistent",), (one, none, one))],
       [0, 0, 65, 65, 66, 65], "0 classed, 65 no mail, 66 cannot be read")
    eq(len(records(explain("--json", "/nonexistent", none, one))), 2, "the rest is done")
    got = explain(one, table=("--table", bad, "--templates", "templates"))
    ok(got.returncode == 78 and f"{bad}:2: column 1, class: " in got.stderr.decode(), "78 for a bad table, with file and line")
    got = explain("--lang", "xx", one)
    ok(got.returncode == 78 and got.stderr, "78 for a language that there is not")
    eq([explain("--nonsense").returncode, explain("--help").returncode], [64, 0], "64 for a wrong option; --help")
    with open("/dev/full", "wb") as full:
        eq(subprocess.run([f"{B}/postsix", "explain", *OURS, one], stdout=full, stderr=subprocess.DEVNULL,
                          check=False).returncode, 74, "74 where nothing can be written")


def test_hostile(folder):
    """What kills a parser, or would: own samples, a header without end, parts in parts, and all of it in one mbox."""
    texts = ["From: a@x.test\nX: " + "x" * 1000000, "To: " + "g:" * 50000 + "\n\nx\n", "\0" * 100000, "(" * 300000,
             "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\n" * 200000,
             "From: MAILER-DAEMON@x\n\n" + "<a@x.test>: no\n" * 200000,
             "From: MAILER-DAEMON@x\n\n" + "@" * 3000000]
    paths = [write(folder, f"hostile-{i}", text=text) for i, text in enumerate(texts)]
    got = explain("--json", "--brief", *paths)
    ok(got.returncode in (0, 65) and b"cannot be parsed" not in got.stderr, "a parser that lives through all of it")
    eq(len({r["file"] for r in records(got)}), len(texts), "and says something of each")


def test_endless():
    """A file without an end, and an mbox without one whose reader goes."""
    # (memory is bounded, so that a mistake costs no more than this test)
    with subprocess.Popen([f"{B}/postsix", "explain", *OURS, "/dev/zero"], stderr=subprocess.DEVNULL, preexec_fn=lambda:
                          resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))) as endless:
        _, endless.returncode, used = os.wait4(endless.pid, 0)
    ok(os.waitstatus_to_exitcode(endless.returncode) == 65 and used.ru_maxrss < 100000,
       f"a line without an end is read as far as a message goes (in {used.ru_maxrss} kB)")
    with subprocess.Popen(["yes", "From x\n" + BOUNCE.format("one")], stdout=subprocess.PIPE) as many, \
            subprocess.Popen([f"{B}/postsix", "explain", *OURS], stdin=many.stdout, stdout=subprocess.PIPE) as reader:
        many.stdout.close()
        reader.stdout.readline()
        reader.stdout.close()
        try:
            eq(reader.wait(60), 74, "nothing more is read when nobody reads")
        except subprocess.TimeoutExpired:
            ok(False, "nothing more is read when nobody reads")
            reader.kill()


def test_corpora():
    if not os.path.isdir(CORPORA):
        for name in ("every bounce is classed", "95 % agreement"):
            skip(name, f"skipped: {CORPORA} is not here")
        return
    folders = [os.path.join(where, d) for where, dirs, _ in os.walk(CORPORA) for d in dirs]
    got = explain("--json", "--brief", *folders)
    ok(got.returncode in (0, 65) and not [w for w in got.stderr.decode("utf-8", "replace").splitlines()
                                          if "it is empty" not in w], "no sample kills the parser")
    said = records(got)
    eq([r for r in said if r["kind"] == "bounce" and "class" not in r and r["action"] not in SUCCESS
        and not r["status"].startswith("2.")], [],
       f"every bounce of {len(said)} samples is classed")
    ok(sum("class" in r for r in said) > 1000, "and they are many")
    table = subprocess.run(["tests/bench/confusion"], capture_output=True, env=os.environ | {"B": B}, check=False)
    ok(table.returncode == 0, "95 % agreement with the known reasons, and every disagreement looked at")
    diag(table.stdout.decode("utf-8", "replace") + table.stderr.decode("utf-8", "replace"))


with tempfile.TemporaryDirectory(prefix="postsix-explain-") as scratch:
    test_sources(scratch)
    test_words(scratch)
    test_statuses(scratch)
    test_hostile(scratch)
test_endless()
test_corpora()
done()
