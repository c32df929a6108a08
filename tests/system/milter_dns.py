#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-milter by itself: a real client of the milter protocol (miltertest) on one side, a DNS server with every
fault on the other (RELIABILITY D5, D6, D9, faults 7 and 29). No Postfix, no lab: a network namespace with lo alone."""
import collections
import concurrent.futures
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import diag, done, eq, ok  # noqa: E402 pylint: disable=wrong-import-position

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
B = os.path.realpath(os.path.join(ROOT, os.environ.get("B") or "build"))
DNS, DEADLINE, HANG = "127.0.0.53", 3, 30000  # seconds that the milter has for a message; ms that nothing takes
KEY = ("v=DKIM1; k=rsa; p="
       "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApyLFTYTUQJWkhaXzupwuWcMXC7yE58eRJb19V1Tq2ojCwgXPr+SebNA2"
       "CIoW2iqItx6vq/hKGxzcJpPONeSULE88BQyt+3z9psZJxCKYeu6ZoWCKvdQmdyEnr/ER82EUNQGzAHoQachnC8Iil1Wkvp6ysGr7"
       "UV8x5fOC7fcXlb5eulh3VajuWgk1OkHcpJFhwwH0PHpsIB+re/MkjwzRxPAvp1HsA4tPBqFaEL83xwoSpkmE+PuVEf6IRcEcQmus"
       "xQ1G3asDtcZYMgO6GGq/SBzH1euCSMHd/9C1wW7T32W1tHRpLe7vmPHAAqpe3KqGRXXmQYF45c3zf9nfLYF/jQIDAQAB")
A, PTR, MX, TXT, AAAA, CNAME = 1, 12, 15, 16, 28, 5
WRAPPER = os.environ.get("MILTER_WRAPPER", "").split()  # say: valgrind --tool=helgrind


# ---- the DNS

def name(text):
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in text.split(".") if label) + b"\0"


def txt(text):
    octets = text.encode()
    return b"".join(bytes([len(octets[i:i + 255])]) + octets[i:i + 255] for i in range(0, len(octets) or 1, 255))


def answer(query, kind, datas, rcode=0, flags=0x8180, own=b"\xc0\x0c"):
    """A reply to query: its question, then a record for each of datas."""
    end = query.index(b"\0", 12) + 5
    records = [own + struct.pack(">HHIH", kind, 1, 60, len(data)) + data for data in datas]
    return query[:2] + struct.pack(">HHHHH", flags | rcode, 1, len(records), 0, 0) + query[12:end] + b"".join(records)


def question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
        at += query[at] + 1
    return ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0]


def reverse(number):
    return ".".join(reversed(socket.inet_pton(socket.AF_INET6, f"2001:db8:f::{number}").hex())) + ".ip6.arpa"


class Server:
    """Answers by the first label, or by the address; counts what it is asked."""

    def __init__(self):
        self.asked = collections.Counter()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((DNS, 53))
        self.tcp = socket.create_server((DNS, 53), backlog=200)
        for run in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=run, daemon=True).start()

    def serve_udp(self):
        while True:
            query, client = self.udp.recvfrom(4096)
            for reply in self.replies(query, False):
                self.udp.sendto(reply, client)

    def serve_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.serve_connection, args=(connection,), daemon=True).start()

    def serve_connection(self, connection):
        with connection:
            while len(head := connection.recv(2)) == 2:
                query = connection.recv(struct.unpack(">H", head)[0])
                for reply in self.replies(query, True):
                    connection.sendall(struct.pack(">H", len(reply)) + reply)

    def replies(self, query, is_tcp):
        asked, kind = question(query)
        self.asked[asked, kind] += 1
        cut = [answer(query, kind, [], flags=0x8380)]
        first = asked.split(".")[0]
        key = answer(query, TXT, [txt(KEY)])
        if kind == PTR:
            return self.pointers(query, asked, is_tcp, cut)
        if kind == MX:
            return self.exchanges(query, first, is_tcp, cut)
        if kind in (A, AAAA):
            return self.addresses(query, kind, first)
        return {
            "black": lambda: [], "servfail": lambda: [answer(query, kind, [], rcode=2)],
            "refused": lambda: [answer(query, kind, [], rcode=5)], "nx": lambda: [answer(query, kind, [], rcode=3)],
            "nodata": lambda: [answer(query, kind, [])],
            "cut": lambda: [key] if is_tcp else cut,
            "cuthang": lambda: [] if is_tcp else cut,
            "kb64": lambda: [answer(query, TXT, [txt("v=DKIM1; p=" + "A" * 64000)])] if is_tcp else cut,
            "kb2": lambda: [answer(query, TXT, [txt("v=DKIM1; p=" + "A" * 2000)])] if is_tcp else cut,
            "many": lambda: [answer(query, TXT, [txt(KEY[:30])] * 1000)] if is_tcp else cut,
            "two": lambda: [answer(query, TXT, [txt(KEY)] * 2)] if is_tcp else cut,
            "wrongid": lambda: [struct.pack(">H", i) + key[2:] for i in range(20) if struct.pack(">H", i) != query[:2]],
            "lateid": lambda: [struct.pack(">H", struct.unpack(">H", query[:2])[0] ^ 1) + key[2:], key],
            "zero": lambda: [b"", key], "onlyzero": lambda: [b""] * 3,
            "other": lambda: [key[:12] + name("a.test") + key[query.index(b"\0", 12) + 1:]],
            "garbage": lambda: [query[:2] + os.urandom(40)], "short": lambda: [query[:5]],
            "loop": lambda: [answer(query, CNAME, [name("loop._domainkey.good.test")])],
            "nul": lambda: [answer(query, TXT, [b"\x05a\0bcd"])], "empty": lambda: [answer(query, TXT, [b"\0"])],
            "ends": lambda: [answer(query, TXT, [b"\xffabc"])], "good": lambda: [key],
        }.get(first, lambda: [answer(query, kind, [], rcode=3)])()

    def pointers(self, query, asked, is_tcp, cut):
        names = {1: ["mx.good.test"], 2: ["elsewhere.test"], 5: [f"n{i}.test" for i in range(1000)], 6: ["black.test"],
                 7: ["evil name;.test"], 8: ["elsewhere.test", "mx.good.test"], 9: ["elsewhere.test", "black.test"],
                 10: [".".join(["x" * 60] * 4)]}
        for number, found in names.items():
            if asked == reverse(number):
                whole = answer(query, PTR, [name(text) for text in found])
                return [whole] if len(whole) < 500 or is_tcp else cut
        if asked == reverse(4):
            return []
        if asked == "9.2.0.192.in-addr.arpa":
            return [answer(query, PTR, [name("mx.good.test")])]
        return [answer(query, PTR, [], rcode=3)]

    def exchanges(self, query, first, is_tcp, cut):
        if first in ("mute", "black"):
            return []
        if first in ("servfail", "implicit", "nothing"):
            return [answer(query, MX, [], rcode=2 if first == "servfail" else 0)]
        if first == "loop":
            return [answer(query, CNAME, [name("loop.test")])]
        found = {"good": [(10, "mx.good.test")], "null": [(0, "")], "odd": [(1, "evil name;.test"), (2, "x" * 63 + ".a;b")],
                 "slow": [(1, "elsewhere.test"), (2, "black.test")], "half": [(1, "black.test"), (2, "mx.good.test")],
                 "many": [(i + 2, f"h{i}.test") for i in range(1000)] + [(1, "mx.good.test")],
                 "eleventh": [(11, "mx.good.test")] + [(i + 1, f"h{i}.test") for i in range(10)]}.get(first)
        if found is None:
            return [answer(query, MX, [], rcode=3)]
        whole = answer(query, MX, [struct.pack(">H", preference) + name(host) for preference, host in found])
        return [whole] if len(whole) < 500 or is_tcp else cut

    def addresses(self, query, kind, first):
        if first == "black":
            return []
        text = {"mx": "2001:db8:f::1", "implicit": "2001:db8:f::1", "elsewhere": "2001:db8:e::1"}.get(first)
        if first == "mx":  # one name, all clients that it is good for
            good = ["2001:db8:f::1", "2001:db8:f::8"] if kind == AAAA else ["192.0.2.9"]
            family = socket.AF_INET6 if kind == AAAA else socket.AF_INET
            return [answer(query, kind, [socket.inet_pton(family, one) for one in good])]
        if text and kind == AAAA:
            return [answer(query, kind, [socket.inet_pton(socket.AF_INET6, text)])]
        return [answer(query, kind, [], rcode=3)]


# ---- the milter and its client

class Milter:
    def __init__(self, folder):
        self.path, self.log_path = f"{folder}/socket", f"{folder}/log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*WRAPPER, f"{B}/postsix-milter", "--socket", f"unix:{self.path}", "--stderr",
                                             "--deadline", str(DEADLINE)], stderr=log)
        deadline = time.monotonic() + 30
        while "listening" not in self.log() and time.monotonic() < deadline:
            time.sleep(0.02)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"{field}:\s+(\d+)", file.read())[1])


def signature(selector="good", domain="good.test", rest=""):
    return (f" v=1; a=rsa-sha256; c=relaxed/simple; d={domain}; s={selector};{rest}\n"
            f"\th=from; bh={'A' * 43}=; b={'A' * 342}==")


def lua(text):
    return '"' + "".join(c if c.isalnum() or c in " ;=:.,@<>-_/+" else f"\\{b:03d}" for c in text for b in c.encode()) + '"' \
        if all(len(c.encode()) == 1 for c in text) else '"' + "".join(f"\\{b:03d}" for b in text.encode()) + '"'


Seen = collections.namedtuple("Seen", "reply authres trace deleted line ms seconds")


def talk(milter, queue_id, fields=(), client="2001:db8:f::3", macros=True, instance="v6", helo="mx.good.test",
         sender="<a@good.test>", earlier=None):
    """One message by miltertest: (reply, the two fields, how many deletions, log line)."""
    script = [f'conn = mt.connect({lua("unix:" + milter.path)}, 40, 0.05)', "mt.set_timeout(60)"]
    if macros:
        script.append(f'mt.macro(conn, SMFIC_CONNECT, "j", "mx.six.test", "{{daemon_name}}", {lua(instance)})')
    script += [f'mt.conninfo(conn, "unknown", "{client}")', f"mt.helo(conn, {lua(helo)})",
               f'mt.macro(conn, SMFIC_MAIL, "i", "{queue_id}")', *([f"mt.mailfrom(conn, {lua(earlier)})", "mt.abort(conn)"] if earlier else []),
               f"mt.mailfrom(conn, {lua(sender)})"]
    for field, value in (*fields, ("From", " a@good.test")):
        script.append(f"mt.header(conn, {lua(field)}, {lua(value)})")
    script += ["mt.eoh(conn)", 'mt.bodystring(conn, "Hello.\\r\\n")',
               'if mt.eom(conn) ~= nil then error "eom" end', 'mt.echo("reply " .. string.char(mt.getreply(conn)))',
               'mt.echo("authres " .. tostring(mt.getheader(conn, "Authentication-Results", 0)))',
               'mt.echo("trace " .. tostring(mt.getheader(conn, "X-Postsix-Trace", 0)))',
               'mt.echo("deleted " .. tostring(mt.eom_check(conn, MT_HDRDELETE)))', "mt.disconnect(conn)"]
    start = time.monotonic()
    out = subprocess.run(["miltertest"], input="\n".join(script), capture_output=True, text=True, check=False).stdout
    seconds = time.monotonic() - start
    value = {word: re.sub(r"\n\t", " ", match[1]).strip() for word in ("reply", "authres", "trace", "deleted")
             if (match := re.search(rf"(?m)^{word} ((?:.|\n\t)*)$", out))}
    line = re.search(rf"(?m)^.*: {queue_id}: .*$", milter.log())
    ms = re.search(r"ms=(\d+)", line[0]) if line else None
    return Seen(value.get("reply"), value.get("authres", ""), value.get("trace", ""), value.get("deleted"),
                line[0] if line else "", int(ms[1]) if ms else -1, seconds)


# ---- the tests

def test_keys(milter, server):
    for selector, wanted in {
            "good": "dkim=fail", "nx": 'dkim=permerror reason="no key"', "nodata": 'dkim=permerror reason="no key"',
            "black": "dkim=temperror", "servfail": "dkim=temperror", "refused": "dkim=temperror",
            "cut": "dkim=fail", "cuthang": "dkim=temperror", "kb64": 'dkim=policy reason="key record too long"',
            "kb2": 'dkim=policy reason="key record too long"', "many": 'dkim=permerror reason="several keys"',
            "two": 'dkim=permerror reason="several keys"', "wrongid": "dkim=temperror", "lateid": "dkim=fail",
            "zero": "dkim=fail", "onlyzero": "dkim=temperror", "other": "dkim=temperror", "garbage": "dkim=",
            "short": "dkim=temperror", "loop": 'dkim=permerror reason="no key"', "nul": 'dkim=permerror',
            "empty": 'dkim=permerror reason="key cannot be read"', "ends": "dkim="}.items():
        seen = talk(milter, f"KEY{selector}", [("DKIM-Signature", signature(selector))])
        if not ok(seen.reply == "c" and wanted in seen.authres and 0 <= seen.ms < HANG, f"fault 7: key {selector}: {wanted}"):
            diag(seen)
    eq(server.asked["good._domainkey.good.test", TXT], 1, "the key that is there was asked for once")


def test_reverse(milter, server):
    for client, (iprev, fcrdns, ptr) in {
            "2001:db8:f::1": ("pass", "pass", "mx.good.test"), "192.0.2.9": ("pass", "pass", "mx.good.test"),
            "2001:db8:f::2": ("fail", "fail", "elsewhere.test"), "2001:db8:f::3": ("permerror", "none", None),
            "2001:db8:f::4": ("temperror", "temperror", None), "2001:db8:f::5": ("fail", "fail", "n0.test"),
            "2001:db8:f::6": ("temperror", "temperror", "black.test"), "2001:db8:f::7": ("permerror", "none", None),
            "2001:db8:f::8": ("pass", "pass", "mx.good.test"), "2001:db8:f::9": ("temperror", "temperror", "elsewhere.test"),
            "2001:db8:f::a": ("permerror", "none", None)}.items():
        seen = talk(milter, "REV" + re.sub(r"\W", "", client), client=client)
        shown = client if "." in client else f'"{client}"'
        good = (f"iprev={iprev} policy.iprev={shown}" in seen.authres and f"fcrdns={fcrdns};" in seen.trace
                and f"client={client};" in seen.trace and (f"ptr={ptr};" in seen.trace if ptr else "ptr=" not in seen.trace)
                and f"family={6 if ':' in client else 4};" in seen.trace and 0 <= seen.ms < HANG)
        ok(good, f"fault 7: the name of {client}: {iprev}") or diag(seen)
    eq(sum(count for (asked, kind), count in server.asked.items() if kind == AAAA and re.fullmatch(r"n\d+\.test", asked)), 5,
       "of a thousand names five are looked up")


def test_exchanges(milter, server):
    rows = [("good", "f::1", "pass"), ("good", "f::3", "fail"), ("implicit", "f::1", "pass"), ("implicit", "f::3", "fail"),
            ("nothing", "f::1", "fail"), ("null", "f::1", "none"), ("nowhere", "f::1", "none"), ("odd", "f::1", "none"),
            ("mute", "f::1", "temperror"), ("servfail", "f::1", "temperror"), ("slow", "f::1", "temperror"),
            ("half", "f::1", "pass"), ("loop", "f::1", "fail"), ("many", "f::1", "pass"), ("eleventh", "f::1", "fail")]
    over_v4 = server.asked["mx.good.test", A]
    for number, (domain, client, wanted) in enumerate(rows):
        seen = talk(milter, f"MX{number}", client=f"2001:db8:{client}", sender=f"<a@{domain}.test>")
        ok(f"; mx={wanted}/{domain}.test" in seen.trace and f", mx={wanted} ({domain}.test)," in seen.line and seen.reply == "c"
           and 0 <= seen.ms < HANG, f"{domain}.test and {client}: mx={wanted}") or diag(seen)
    asked = [asked for (asked, kind) in server.asked if kind == AAAA and re.fullmatch(r"h\d+\.test", asked)]
    eq((len(asked), server.asked["h8.test", AAAA], server.asked["h9.test", AAAA]), (10, 2, 1),
       "of a thousand hosts, and of eleven, the ten preferred ones are looked up")
    eq((server.asked["nowhere.test", AAAA], server.asked["mx.good.test", A]), (0, over_v4), "no implicit MX of a name that is not, no other family")
    seen = talk(milter, "MXFOUR", client="192.0.2.9")
    ok("; mx=pass/good.test" in seen.trace, "over IPv4, too") or diag(seen)
    for number, (sender, wanted) in enumerate({
            "<>": "none", "<a@[192.0.2.9]>": "none", "<a@gr\u00fcn.test>": "none", "<postmaster>": "none", "<a@good.test;>": "none",
            "<@elsewhere.test:a@Good.Test>": "pass/Good.Test", '<"a@elsewhere.test"@good.test>': "pass/good.test"}.items()):
        before = sum(count for (_, kind), count in server.asked.items() if kind == MX)
        seen = talk(milter, f"MXSENDER{number}", client="192.0.2.9", sender=sender)
        after = sum(count for (_, kind), count in server.asked.items() if kind == MX)
        ok(re.search(rf"; mx={wanted}$", seen.trace) and after - before == ("pass" in wanted), f"sender {sender}: {wanted}") or diag(seen)
    seen = talk(milter, "MXAGAIN", client="192.0.2.9", sender="<>", earlier="<a@good.test>")
    ok(re.search("; mx=none$", seen.trace), "a session's messages have nothing to do with each other") or diag(seen)


def test_signatures(milter, server):
    fields = [("DKIM-Signature", signature(f"n{i}", "many.test")) for i in range(500)]
    seen = talk(milter, "MANY", fields)
    asked = sum(1 for asked, kind in server.asked if kind == TXT and asked.endswith(".many.test"))
    eq(asked, 5, "fault 29: of 500 signatures the keys of five are asked for")
    ok(seen.authres.count("dkim=") == 6 and 'dkim=policy reason="further signatures not verified"' in seen.authres
       and "more=495" in seen.trace and "more=495" in seen.line, "and the rest is policy") or diag(seen)
    seen = talk(milter, "BLACK5", [("DKIM-Signature", signature("black", f"d{i}.test")) for i in range(4)]
                + [("DKIM-Signature", signature())])
    ok(seen.authres.count("dkim=temperror") == 4 and "dkim=fail" in seen.authres and seen.ms < 3 * DEADLINE * 1000,
       "four silent keys cost one deadline, and the fifth signature nothing") or diag(seen)
    for number, domain in enumerate(["good.test(.evil.test", "good.test\\", "a\"b", "[192.0.2.1]", "good.test\x01",
                                     "gr\u00fcn.test", "x" * 64 + ".test", "..", "good.test\n\tX: y"]):
        before = sum(server.asked.values())
        seen = talk(milter, f"SPECIAL{number}", [("DKIM-Signature", signature("s", domain))], sender="<>")
        ok("dkim=neutral" in seen.authres and "header.d" not in seen.authres and "evil" not in seen.authres + seen.trace
           and sum(server.asked.values()) == before + 1, f"fault 29: d={domain!r} is not printed, and not asked for") \
            or diag(seen)


def test_forged(milter):
    ours = [" mx.six.test; dkim=pass", " MX.SIX.TEST; dkim=pass", "\n\tmx.six.test;\n\tdkim=pass",
            " (x) \"mx.six.test\" 1; none", " mx.six.test(; dkim=pass"]
    fields = [("Authentication-Results", value) for value in ours] + [("AUTHENTICATION-RESULTS", " other.test; dkim=pass")]
    fields += [("X-Postsix-Trace", " v=1"), ("x-postsix-trace", " v=1; instance=dual")]
    seen = talk(milter, "FORGED", fields)
    ok(seen.reply == "c" and seen.deleted == "true" and "forged=7" in seen.line, "D5: forged fields are deleted") or diag(seen)
    seen = talk(milter, "NONE", [("Authentication-Results", " other.test; dkim=pass")])
    ok(seen.reply == "c" and seen.deleted == "false" and "forged=0" in seen.line, "D5: others' fields stay") or diag(seen)
    for what in (fields[0], fields[-1]):
        seen = talk(milter, f"HUNDRED{what[0][0]}", [what] * 100)
        ok(seen.reply == "c" and "forged=100" in seen.line, f"100 of {what[0]} are deleted") or diag(seen)
        seen = talk(milter, f"TOOMANY{what[0][0]}", [what] * 101)
        ok(seen.reply == "y" and "refused, forged=101" in seen.line, "101 are refused") or diag(seen)


def test_strangers(milter):
    seen = talk(milter, "HELO", helo="a;b c\"d(e)\\f")
    ok("helo=a?b?c?d?e??f;" in seen.trace, "fault 23: HELO passes the filter") or diag(seen)
    seen = talk(milter, "HELO8", helo="gr\u00fcn\u202e.test")
    ok(re.search(r"helo=gr\?\?n\?\?\?\.test;", seen.trace), "fault 24: and what is not ASCII") or diag(seen)
    seen = talk(milter, "HELOLONG", helo="x" * 900)
    ok(re.search(r"helo=x{255};", seen.trace), "and is cut") or diag(seen)
    seen = talk(milter, "UNSPEC", client="unspec")
    ok(seen.reply == "c" and "family=0" in seen.trace and "client=" not in seen.trace and "iprev" not in seen.authres,
       "a client without an address") or diag(seen)


def test_tempfail(milter):
    for what, seen in {"no macros": talk(milter, "NOMACRO", macros=False),
                       "an instance that is none": talk(milter, "NOWORD", instance="mx.six.test")}.items():
        ok(seen.reply == "t" and seen.authres == "nil" and "deferred" in seen.line, f"{what}: put off, unchanged") or diag(seen)


def test_load(milter):
    """Stuck messages delay nobody else; nothing grows."""
    with concurrent.futures.ThreadPoolExecutor(110) as pool:
        stuck = [pool.submit(talk, milter, f"STUCK{i}", [("DKIM-Signature", signature("black"))]) for i in range(100)]
        time.sleep(1.2)
        free = talk(milter, "FREE", [("DKIM-Signature", signature())])
        still = sum(not future.done() for future in stuck)
        ok("dkim=fail" in free.authres and still > 0, f"fault 7: {still} stuck messages delay no other one") or diag(free)
        diag(f"it took {free.ms} ms")
        results = [future.result() for future in stuck]
        good = sum("dkim=temperror" in seen.authres and seen.ms < HANG for seen in results)
        eq(good, 100, "and each of them has its temperror")
    resident = milter.status("VmRSS")
    ok(resident < 64 << 10 or WRAPPER, f"resident: {resident} kB")
    time.sleep(0.3)
    eq(len([f for f in os.listdir(f"/proc/{milter.process.pid}/fd")]) < 20 or bool(WRAPPER), True, "descriptors are given back")


def main():
    if os.geteuid() != 0:
        sys.exit("only root can make network namespaces")
    if "--inside" not in sys.argv:
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, "-B", os.path.abspath(__file__), "--inside"])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/resolv.conf", "w", encoding="ascii") as file:
            file.write(f"nameserver {DNS}\n")
        subprocess.run(["mount", "--bind", f"{folder}/resolv.conf", "/etc/resolv.conf"], check=True)
        server, milter = Server(), Milter(folder)
        try:
            test_keys(milter, server)
            test_reverse(milter, server)
            test_exchanges(milter, server)
            test_signatures(milter, server)
            test_forged(milter)
            test_strangers(milter)
            test_tempfail(milter)
            test_load(milter)
            milter.process.send_signal(signal.SIGTERM)
            eq(milter.process.wait(10), 0, "SIGTERM ends it, with status 0")
        finally:
            milter.process.kill()
            milter.process.wait()
            if WRAPPER:
                print(milter.log(), file=sys.stderr)
            subprocess.run(["umount", "/etc/resolv.conf"], check=False)
    done()


if __name__ == "__main__":
    main()
