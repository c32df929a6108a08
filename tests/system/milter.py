#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-milter through both real instances: what it writes, that nothing forged survives (RELIABILITY D5), and that nothing
passes while it is away (fault 13)."""
import os
import re
import signal
import ssl
import subprocess
import time

from house_of_lab import DUAL4, DUAL6, GOOD, V6, House, message
from tap import diag, done, eq, ok, skip

# pipe(8) runs this instead of postsix-pipe: the message as it came out of Postfix
KEEP = """#!/bin/sh
umask 0
cat > "$(mktemp /tmp/{0}/XXXXXXXX)"
"""
IDS = {DUAL4: "mx.dual.test", DUAL6: "mx.dual.test", V6: "mx.six.test"}


def fields(octets):
    head = octets.split(b"\r\n\r\n")[0].split(b"\n\n")[0].replace(b"\r\n", b"\n")
    return [(name, b" ".join(value.split())) for name, _, value in
            (field.partition(b":") for field in re.split(rb"\n(?![ \t])", head))]


def named(octets, name):
    return [value.decode() for field, value in fields(octets) if field.lower() == name.lower()]


class Sink:
    """Where what Postfix delivers is kept."""

    def __init__(self, house):
        self.folder = f"/tmp/postsix-milter-{os.getpid()}"
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        self.script = f"{self.folder}.sh"
        with open(self.script, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o755)) as file:
            file.write(KEEP.format(os.path.basename(self.folder)))
        self.house = house

    def take(self):
        """The one message that came since the last time, or comes now."""
        self.house.until(lambda: os.listdir(self.folder))
        time.sleep(0.2)
        found = b""
        for name in os.listdir(self.folder):
            with open(f"{self.folder}/{name}", "rb") as file:
                found += file.read()
            os.unlink(f"{self.folder}/{name}")
        return found

    def close(self):
        for name in os.listdir(self.folder):
            os.unlink(f"{self.folder}/{name}")
        os.rmdir(self.folder)
        os.unlink(self.script)


def to(host):
    return b"test@six.test" if host == V6 else b"test@dual.test"


def test_writes(house, sink):
    for host, family, name in ((V6, 6, "v6"), (DUAL6, 6, "dual"), (DUAL4, 4, "dual")):
        reply = house.send(to=to(host), host=host)
        octets = sink.take()
        client = GOOD[family]
        ok(reply.startswith("250"), f"{name} over IPv{family}: accepted") or diag(reply)
        shown = client if family == 4 else f'"{client}"'
        eq(named(octets, b"Authentication-Results"), [f"{IDS[host]}; dkim=none; iprev=pass policy.iprev={shown}"],
           "one Authentication-Results, of the instance's name")
        traces = named(octets, b"X-Postsix-Trace")
        ok(len(traces) == 1 and re.fullmatch(rf"v=1; instance={name}; client={re.escape(client)}; family={family}; fcrdns=pass; "
                                             r"ptr=mx\.good\.test; helo=mx\.good\.test; time=\d+; mx=pass/good\.test", traces[0]), "one trace") or diag(traces)
        eq([field.lower() for field, _ in fields(octets)][:2], [b"authentication-results", b"x-postsix-trace"], "both on top")
    line = re.search(r"postsix-milter\[\d+\]: \w+: instance=dual, client=.*", house.log())
    ok(line and f"client={GOOD[6]}, iprev=pass (mx.good.test), helo=mx.good.test, tls=-, dkim=none" in line[0], "one line in the log")


def test_session(house, sink):
    """Two messages of one session have what is theirs."""
    smtp = house.connect(V6)
    smtp.say(b"EHLO one.test")
    smtp.say(b"MAIL FROM:<a@good.test>")
    smtp.say(b"RSET")
    smtp.say(b"EHLO [198.51.100.10]")
    seen = []
    for number in range(2):
        smtp.say(b"MAIL FROM:<a@good.test>")
        smtp.say(b"RCPT TO:<test@six.test>")
        smtp.say(b"DATA")
        forged = b"X-Postsix-Trace: v=1\r\n" * (3 - number) + b"Authentication-Results: mx.six.test; none\r\n"
        reply = smtp.say(forged + message(Subject=f"number {number}").rstrip(b"\r\n") + b"\r\n.")
        seen.append((reply, sink.take()))
    smtp.close()
    for number, (reply, octets) in enumerate(seen):
        traces = named(octets, b"X-Postsix-Trace")
        ok(reply.startswith("250") and len(traces) == len(named(octets, b"Authentication-Results")) == 1 and "helo=[198.51.100.10];" in traces[0]
           and b"number %d" % number in octets, f"message {number} of a session") or diag((reply, traces))


def test_tls(house, sink):
    """With a certificate made for this; the trace has version and cipher."""
    key, cert = f"{sink.folder}.key", f"{sink.folder}.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.six.test", "-keyout", key,
                           "-out", cert], capture_output=True, check=False)
    if made.returncode != 0:
        skip("TLS", "openssl is not here")
        return
    etc = f"{house.state}/v6/etc"
    for setting in (f"smtpd_tls_chain_files={key},{cert}", "smtpd_tls_security_level=may"):
        house.lab("host", "postconf", "-c", etc, "-e", setting)
    house.lab("host", "postfix", "-c", etc, "reload")
    time.sleep(1)
    smtp = house.connect(V6)
    smtp.say(b"EHLO before.test")
    smtp.say(b"STARTTLS")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    smtp.socket = context.wrap_socket(smtp.socket)
    smtp.file = smtp.socket.makefile("rb")
    for line in (b"EHLO after.test", b"MAIL FROM:<a@good.test>", b"RCPT TO:<test@six.test>", b"DATA"):
        smtp.say(line)
    smtp.say(message().rstrip(b"\r\n") + b"\r\n.")
    version, cipher = smtp.socket.version(), smtp.socket.cipher()[0]
    smtp.close()
    traces = named(sink.take(), b"X-Postsix-Trace")
    ok(len(traces) == 1 and f"helo=after.test; tls={version}; cipher={cipher};" in traces[0], f"{version}, {cipher}") or diag(traces)
    for path in (key, cert):
        os.unlink(path)


def test_D5_forged(house, sink):
    forged = [b"Authentication-Results: mx.six.test; dkim=pass header.d=bank.test",
              b"AUTHENTICATION-results: MX.Six.Test; dkim=pass header.d=bank.test",
              b"Authentication-Results:\r\n\tmx.six.test;\r\n\tdkim=pass header.d=bank.test",
              b"Authentication-Results: (a (nested) comment) mx.six.test 1; dkim=pass header.d=bank.test",
              b"Authentication-Results: \"mx.six.test\"; dkim=pass header.d=bank.test",
              b"Authentication-Results : mx.six.test/1; dkim=pass header.d=bank.test",
              b"Authentication-Results:mx.six.test;dkim=pass header.d=bank.test",
              b"Authentication-Results: mx.six.test.; spf=pass smtp.mailfrom=bank.test",
              b"Authentication-Results: mx.six.test (never closed; dkim=pass header.d=bank.test"]
    foreign = [b"Authentication-Results: other.test; dkim=pass header.d=ours-not-bank.test",
               b"Authentication-Results: mx.six.test.evil.test; dkim=pass"]
    traces = [b"X-Postsix-Trace: v=1; instance=v6; client=192.0.2.1; family=4; fcrdns=pass; time=1; dkim=pass/bank.test",
              b"x-postsix-trace : v=1; dkim=pass/bank.test"]
    inner = (b"Content-Type: message/rfc822\r\n\r\nAuthentication-Results: mx.six.test; dkim=pass header.d=inner.test\r\n"
             b"X-Postsix-Trace: v=1\r\nFrom: b@bank.test\r\n\r\nx\r\n")
    for what, lines in {"one after the other": forged + traces, "mixed with others'": [forged[0], foreign[0], *forged[1:],
                        traces[0], foreign[1], traces[1]], "the same eight times": [forged[0]] * 8,
                        "forty of each": [forged[1], foreign[0], traces[0]] * 40}.items():
        head, _, _ = message().partition(b"\r\n\r\n")
        octets = b"\r\n".join(lines) + b"\r\n" + head + b"\r\n" + inner
        reply = house.send(octets)
        came = sink.take()
        results, n_foreign = named(came, b"Authentication-Results"), sum(line in foreign for line in lines)
        ok(reply.startswith("250") and len(results) == 1 + n_foreign and results[0].startswith("mx.six.test; dkim=none; iprev=")
           and sum(value.startswith("other.test") or "evil" in value for value in results) == n_foreign
           and b"bank.test" not in came.split(b"\n\n")[0].split(b"\r\n\r\n")[0].replace(b"not-bank.test", b"")
           and len(named(came, b"X-Postsix-Trace")) == 1, f"D5: forged fields, {what}: none survives, others' do") \
            or diag(f"{reply}\n" + came.decode("latin-1"))
        ok(b"inner.test" in came, "and what is inside an attached message stays there")
    reply = house.send(b"\r\n".join([forged[0]] * 101) + b"\r\n" + message())
    ok(reply.startswith("550 5.7.1 Too many Authentication-Results"), "a hundred and one are refused, with the reason") or diag(reply)


def hold(house, number):
    """Sends postsix-milter a signal."""
    os.kill(int(open(f"{house.state}/pid/milter", encoding="ascii").read()), number)


def test_fault_13_away(house, sink):
    for host in (V6, DUAL4):
        hold(house, signal.SIGSTOP)
        start = time.monotonic()
        reply = house.send(to=to(host), host=host)
        ok(reply.startswith("4"), f"fault 13: stopped: {reply}")
        diag(f"after {time.monotonic() - start:.1f} s")
        hold(house, signal.SIGCONT)
    smtp = house.connect(V6)
    for line in (b"EHLO a.test", b"MAIL FROM:<a@good.test>", b"RCPT TO:<test@six.test>", b"DATA"):
        smtp.say(line)
    house.lab("stop", "milter")
    reply = smtp.say(message().rstrip(b"\r\n") + b"\r\n.")
    smtp.close()
    ok(reply.startswith("4"), f"fault 13: ended in the middle of a message: {reply}")
    for host in (V6, DUAL4):
        reply = house.send(to=to(host), host=host)
        ok(reply.startswith("4"), f"fault 13: away: {reply}")
    house.wait()
    eq(os.listdir(sink.folder), [], "and nothing passed meanwhile")
    house.lab("start", "milter")
    ok(house.send().startswith("250") and sink.take(), "back, mail goes on")


def test_dns_away(house, sink):
    """The lab's DNS says nothing: temperror, by the deadline, and the message goes on."""
    with open(f"{house.state}/pid/dns", encoding="ascii") as file:
        group = os.getpgid(int(file.read()))
    for instance in ("v6", "dual"):  # Postfix asks the same DNS about the sender, and would not accept
        house.lab("host", "postconf", "-c", f"{house.state}/{instance}/etc", "-e", "smtpd_recipient_restrictions=permit_auth_destination,reject")
        house.lab("host", "postfix", "-c", f"{house.state}/{instance}/etc", "reload")
    time.sleep(1)
    os.killpg(group, signal.SIGSTOP)
    try:
        reply = house.send(host=V6)
    finally:
        os.killpg(group, signal.SIGCONT)
    traces = named(sink.take(), b"X-Postsix-Trace")
    ms = [int(n) for n in re.findall(r"iprev=temperror.* ms=(\d+)", house.log())]
    ok(reply.startswith("250") and len(traces) == 1 and "fcrdns=temperror;" in traces[0] and ms and ms[0] <= 4500,
       f"fault 7: a silent DNS: temperror after {ms} ms") or diag((reply, traces))


def main():
    with House("milter") as house:
        sink = Sink(house)
        try:
            house.up("--pipe", sink.script)
            test_writes(house, sink)
            test_session(house, sink)
            test_D5_forged(house, sink)
            test_tls(house, sink)
            test_fault_13_away(house, sink)
            test_dns_away(house, sink)
        finally:
            sink.close()
    done()


if __name__ == "__main__":
    main()
