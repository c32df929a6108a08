#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""`postsix survey` against the lab's world: what it says of each peer, in every form; lists of ten thousand, bad lines, slow
readers and writers, SIGINT, and the line on a terminal."""
import collections
import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import B, House  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

PATIENCE = 120  # s: longer than anything takes
MANY = 10000
# under one name, so that none of them is ever another's
ZONE = """
$ORIGIN own.test.
*.many		MX	10 mx.good.test.
two		MX	10 mx.v4only.test.
two		MX	20 mx.good.test.
ula		MX	10 mx.ula
mx.ula		AAAA	fd00::1
self		MX	10 mx.self
mx.self		A	127.0.0.1
mx.self		AAAA	::1
busy		MX	10 mx.busy
mx.busy		AAAA	2001:db8:100:5e::1
rejects		MX	10 mx.rejects
mx.rejects	AAAA	2001:db8:100:5e::2
silent		MX	10 mx.silent
mx.silent	AAAA	2001:db8:100:5e::3
ssh		MX	10 mx.ssh
mx.ssh		AAAA	2001:db8:100:5e::4
shut		MX	10 mx.shut
mx.shut		AAAA	2001:db8:100:5e::5
tls		MX	10 mx.tls
mx.tls		AAAA	2001:db8:100:5e::6
drip		MX	10 mx.drip
mx.drip		AAAA	2001:db8:100:5e::7
"""
GREETERS = """
import asyncio

WORDS = {"1": b"421 4.3.2 busy, \\"really\\"\\r\\n", "2": b"554-\\x1b[31mgo\\r\\n554 away\\r\\n", "3": b"", "4": b"SSH-2.0-x\\r\\n",
         "5": None, "6": b"220 mx.tls\\r\\n", "7": b"2"}


async def serve(name, words):
    async def greet(reader, writer):
        try:
            if words is not None:
                writer.write(words)
                while line := await reader.readline() if name != "7" else b"-":
                    writer.write(b"250-mx.tls\\r\\n250 STARTTLS\\r\\n" if line[:4] == b"EHLO" else b"2")
                    await asyncio.sleep(0 if name != "7" else 0.1)
        except ConnectionError:
            pass
        writer.close()
    await asyncio.start_server(greet, f"2001:db8:100:5e::{name}", 25)


async def main():
    for name, words in WORDS.items():
        await serve(name, words)
    await asyncio.Event().wait()

asyncio.run(main())
"""
# what the CSV has of each: mx, then (host, address, reach, step, code) of each address, or of a host without
V4 = "198.51.100."
V6 = "2001:db8:100::"
OWN = "2001:db8:100:5e::"
FINE = ("accepts", "ehlo", "250")
EXPECTED = {
    "good.test": ("listed", ("mx.good.test", V4 + "10", *FINE), ("mx.good.test", V6 + "10", *FINE)),
    "v4only.test": ("listed", ("mx.v4only.test", V4 + "11", *FINE)),
    "deaf.test": ("listed", ("mx.deaf.test", V4 + "12", *FINE), ("mx.deaf.test", V6 + "12", "refused", "connect", "")),
    "lost.test": ("listed", ("mx.lost.test", V4 + "13", *FINE), ("mx.lost.test", "2001:db8:dead::13", "timeout", "connect", "")),
    "implicit.test": ("implicit", ("implicit.test", V6 + "14", *FINE)),
    "nullmx.test": ("null", ("", "", "", "", "")),
    "nodomain.test": ("no-domain", ("", "", "", "", "")),
    "nouser.test": ("listed", ("mx.nouser.test", V4 + "15", *FINE), ("mx.nouser.test", V6 + "15", *FINE)),
    "two.own.test": ("listed", ("mx.v4only.test", V4 + "11", *FINE), ("mx.good.test", V4 + "10", *FINE),
                 ("mx.good.test", V6 + "10", *FINE)),
    "ula.own.test": ("listed", ("mx.ula.own.test", "fd00::1", "", "", "")),
    "self.own.test": ("listed", ("mx.self.own.test", "127.0.0.1", "", "", ""), ("mx.self.own.test", "::1", "", "", "")),
    "busy.own.test": ("listed", ("mx.busy.own.test", OWN + "1", "busy", "banner", "421")),
    "rejects.own.test": ("listed", ("mx.rejects.own.test", OWN + "2", "rejected", "banner", "554")),
    "silent.own.test": ("listed", ("mx.silent.own.test", OWN + "3", "timeout", "banner", "")),
    "ssh.own.test": ("listed", ("mx.ssh.own.test", OWN + "4", "protocol", "banner", "")),
    "shut.own.test": ("listed", ("mx.shut.own.test", OWN + "5", "closed", "banner", "")),
    "tls.own.test": ("listed", ("mx.tls.own.test", OWN + "6", *FINE)),
    "drip.own.test": ("listed", ("mx.drip.own.test", OWN + "7", "timeout", "banner", "")),
}

Run = collections.namedtuple("Run", "status out err rss")


def command(house, *words):
    return ("ip", "netns", "exec", f"postsix-{house.name}-svc", f"{B}/postsix", "survey", *words)


def rss_of(pid):
    """The peak so far, in kB; 0 where it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return int((re.search(r"VmHWM:\s+(\d+)", file.read()) or [0, 0])[1])
    except OSError:
        return 0


def survey(house, *words, stdin=b"", out=None):
    """The finished run; rss is its peak in kB. Standard output and error go to files, so that nobody waits for us."""
    with tempfile.TemporaryFile() as to, tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as source:
        source.write(stdin)
        source.seek(0)
        with subprocess.Popen(command(house, *words), stdin=source, stdout=out or to, stderr=errors) as process:
            rss = 0
            while process.poll() is None:
                rss = max(rss, rss_of(process.pid))
                time.sleep(0.01)
        to.seek(0)
        errors.seek(0)
        return Run(process.returncode, to.read().decode(), errors.read().decode(), rss)


def figures(text):
    """The summary, as {label: number}."""
    return {label.strip(): int(number) for label, number in re.findall(r"^( *\w.*?)  +(?:about +)?(\d+)$", text, re.M)}


def check_forms(house):
    run = survey(house, "--family", "both", "--csv", *EXPECTED)
    rows = list(csv.DictReader(io.StringIO(run.out, newline="")))
    eq((run.status, len(run.out.split("\r\n")), run.out.count("\n")), (0, len(rows) + 2, len(rows) + 1), "CSV: lines end in CRLF")
    for domain, (mx, *addresses) in EXPECTED.items():
        own = [row for row in rows if row["domain"] == domain]
        eq(([tuple(row[key] for key in ("host", "address", "reach", "step", "code")) for row in own], {row["mx"] for row in own}),
           (list(addresses), {mx}), f"CSV: {domain}")
    by_host = {row["host"]: row for row in rows}
    eq([by_host["mx.busy.own.test"]["banner"], by_host["mx.rejects.own.test"]["banner"], by_host["mx.ssh.own.test"]["banner"]],
       ['4.3.2 busy, "really"', "?[31mgo", "SSH-2.0-x"], "CSV: banners, without what they had to hide")
    eq([by_host[host]["starttls"] for host in ("mx.tls.own.test", "mx.good.test", "mx.busy.own.test")], ["yes", "no", "unknown"],
       "CSV: the offer of STARTTLS")
    own = {address for mx, *rest in EXPECTED.values() for _, address, *_ in rest if address}
    met = {address for mx, *rest in EXPECTED.values() for _, address, _, step, _ in rest if step in ("banner", "ehlo")}
    shown = figures(run.err)
    eq([shown.get(key) for key in ("Domains", "MX hosts", "IPv4 addresses", "IPv6 addresses")],
       [len(EXPECTED), len({host for mx, *rest in EXPECTED.values() for host, *_ in rest if host}),
        len([a for a in own if ":" not in a]), len([a for a in own if ":" in a])], "the talk's figures")
    eq(re.findall(r"accept a connection on port 25 +(\d+)", run.err),
       [str(len([a for a in met if ":" not in a])), str(len([a for a in met if ":" in a]))], "and how many accept a connection")

    run = survey(house, "--json", "--ordered", *EXPECTED)
    found = [json.loads(line) for line in run.out.splitlines()]
    eq([survey_of["domain"] for survey_of in found], list(EXPECTED), "JSON: one object a line, in the list's order with --ordered")
    eq([survey_of["mx"] for survey_of in found], [mx for mx, *_ in EXPECTED.values()], "JSON: the MX of each")
    eq(figures(run.err).get("Domains"), len(EXPECTED), "JSON: the figures are on standard error")

    run = survey(house, "--ordered", "--family", "6", "two.own.test", "busy.own.test", "nullmx.test", "nodomain.test", "implicit.test")
    eq(run.out[:run.out.index("Domains")], """\
two.own.test
     10 mx.v4only.test
        no IPv6 address
     20 mx.good.test
        2001:db8:100::10                       documentation accepts

busy.own.test
     10 mx.busy.own.test
        2001:db8:100:5e::1                     documentation busy 421
          4.3.2 busy, "really"

nullmx.test
  takes no mail (null MX)

nodomain.test
  no such domain

implicit.test
  no MX record: its own address stands
      0 implicit.test
        2001:db8:100::14                       documentation accepts

""", "the table")
    ok(max(map(len, run.out.splitlines())) <= 80 and not run.err, "which fits 80 columns")
    run = survey(house, "--no-reach", "--family", "4", "--csv", "deaf.test")
    eq([(row["address"], row["reach"]) for row in csv.DictReader(io.StringIO(run.out))], [(V4 + "12", "")],
       "--no-reach, --family 4: asks the DNS alone, shows IPv4 alone")


def check_faults(house):
    with tempfile.NamedTemporaryFile() as file:
        file.write("# a list\n\ngood.test\na..b\n žluť.test \n[192.0.2.1]\ndeaf.test # the end".encode())
        file.flush()
        run = survey(house, "--no-reach", "--csv", "--ordered", "--file", file.name)
        eq((run.status, [row["domain"] for row in csv.DictReader(io.StringIO(run.out))]), (65, ["good.test", "deaf.test"]),
           "bad lines: exit status 65, the rest is done")
        eq(re.findall(rf"{file.name}:(\d+): \S", run.err), ["4", "5", "6"], "each is told with its file and line")
        run = survey(house, "--no-reach", "--csv", "-f", "/nonexistent", "-f", file.name, "good.test", "-", stdin=b"two.own.test\n")
        eq((run.status, sorted(row["domain"] for row in csv.DictReader(io.StringIO(run.out)))),
           (66, ["deaf.test", "good.test", "good.test", "two.own.test", "two.own.test"]),
           "arguments, standard input and files; one that is not there: 66")
    eq([survey(house, *words).status for words in (["--family", "5"], ["--parallel", "0"], ["--deadline", "x"], ["--what"], ["--help"])],
       [64, 64, 64, 64, 0], "wrong options: 64")
    with open("/dev/full", "wb") as full:
        eq([survey(house, "--no-reach", *form, "good.test", out=full).status for form in ((), ("--json",))], [74, 74],
           "output that cannot be written: 74")
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command(house, "--no-reach", "good.test")], capture_output=True,
                            check=False)
    eq(closed.returncode, 74, "a closed output, too, and nothing of it goes into whatever is opened instead")
    names = "".join(f"d{n}.many.own.test\n" for n in range(5000)).encode()
    with subprocess.Popen(command(house, "--no-reach"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        threading.Thread(target=write_quietly, args=(process.stdin, names), daemon=True).start()
        process.stdout.readline()
        process.stdout.close()
        eq(process.wait(PATIENCE), -signal.SIGPIPE, "a reader who leaves (| head) ends it")


def write_quietly(pipe, octets):
    try:
        pipe.write(octets)
        pipe.close()
    except OSError:
        pass


def check_many(house):
    names = "".join(f"d{n}.many.own.test\n" for n in range(MANY)).encode()
    for words in (["--no-reach"], [], ["--no-reach", "--ordered"]):
        began = time.monotonic()
        run = survey(house, "--json", *words, stdin=names)
        took = time.monotonic() - began
        lines = run.out.splitlines()
        diag(f"{MANY} domains {' '.join(words)}: {took:.1f} s, {MANY / took:.0f}/s, peak {run.rss} kB")
        eq((run.status, len(lines), len({json.loads(line)["domain"] for line in lines})), (0, MANY, MANY),
           f"{MANY} domains {' '.join(words)}: each once")
        ok(run.rss < 48 << 10, "in less than 48 MB")
        eq([figures(run.err).get(key) for key in ("Domains", "MX hosts", "IPv6 addresses")], [MANY, 1, 1], "which count as one host")
        if "--ordered" in words:
            eq([json.loads(line)["domain"] for line in lines], names.decode().split(), "in order")


def check_slow_reader(house):
    """Nobody reads: it stops asking, and does not grow. Then somebody does, and nothing is lost."""
    total, written = 50000, [0]

    def write(pipe):
        for n in range(total):
            pipe.write(f"d{n}.many.own.test\n".encode())
            written[0] += 1
        pipe.close()

    with subprocess.Popen(command(house, "--no-reach", "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, bufsize=0) as process:
        writer = threading.Thread(target=write, args=(process.stdin,))
        writer.start()
        seen, began = -1, time.monotonic()
        while (written[0] != seen or seen < 1000) and time.monotonic() - began < PATIENCE:
            seen = written[0]
            time.sleep(1)
        ok(seen < total // 2, f"whose output nobody reads takes no more of the list: {seen} of {total}")
        rss = rss_of(process.pid)
        ok(rss < 48 << 10, f"in {rss} kB")
        lines = process.stdout.read().count(b"\n")
        writer.join()
        eq((process.wait(PATIENCE), lines), (0, total), "and once somebody reads, all of it is done")


def check_interrupt(house):
    for words, wanted in (([], "Domains"), (["--json", "--ordered"], "")):
        with subprocess.Popen(command(house, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(b"good.test\nlost.test\nsilent.own.test\n")
            process.stdin.flush()
            first = process.stdout.readline().decode()  # there is no end of the list, and two are under way
            process.send_signal(signal.SIGINT)
            out, err = (text.decode() for text in process.communicate(timeout=PATIENCE))
            written = len(re.findall(r'(?m)^[\w.]+test$|^{"', first + out))
            ok("good.test" in first and wanted in out, f"SIGINT {' '.join(words)}: what was done is written")
            eq((process.returncode, figures(out + err).get("Domains")), (130, written), "with the figures, exit status 130")
            ok(1 <= written < 3, "and nothing of what was not done")


def terminal(house, term, *words):
    """What is drawn on a terminal that is standard error."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": term}
    with subprocess.Popen(command(house, *words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, env=env) as process:
        os.close(theirs)
        drawn = b""
        while select.select([ours], [], [], PATIENCE)[0]:
            try:
                drawn += os.read(ours, 65536)
            except OSError:  # nobody has it open any more
                break
        process.wait(PATIENCE)
    os.close(ours)
    return drawn.decode()


def check_progress(house):
    began = time.monotonic()
    drawn = terminal(house, "xterm", "--deadline", "2", "lost.test", "good.test")
    took = time.monotonic() - began
    lines = re.findall(r"\r([^\r\x1b]+)\x1b\[K", drawn)
    ok(lines and all(re.fullmatch(r"\[[# ]{20}\] +\d+ %  \d+ done, \d+ under way, \d+/s", line) for line in lines),
       "on a terminal, a line says how far it is") or diag(repr(drawn))
    ok(len(lines) <= 10 * took, "not more often than ten times a second")
    ok(drawn.endswith("\r\x1b[K"), "and is gone at the end")
    eq(terminal(house, "dumb", "--deadline", "2", "lost.test"), "", "on a dumb one, nothing")
    eq(survey(house, "--deadline", "2", "lost.test").err, "", "nor into a file")


with House("survey") as the_house:
    the_house.up("--no-postsix", "--pipe", "/bin/true", zone=ZONE, peers={"greeters": GREETERS})
    check_forms(the_house)
    check_faults(the_house)
    check_many(the_house)
    check_slow_reader(the_house)
    check_interrupt(the_house)
    check_progress(the_house)
done()
