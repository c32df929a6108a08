#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Faults 4, 12 and 34 to 37 through systemd: on a server with the package, a service that is restarted, reloaded, killed, stopped and
short of everything while requests flow; a database that is locked, or of a newer or an older version; faulty configurations, keys,
certificates and sockets at a start and at a reload.

Of fault 35 the units' Limit…= are tried; systemd-nspawn enforces no MemoryMax= and no TasksMax=. The watchdog is set to 3 s by a
drop-in, for the test's sake. With AWAY=600 LOAD=2400 in the environment this is one test: postsixd is away for so many seconds, and
so many requests come; in the others it is 5 and 20."""
import base64
import concurrent.futures
import glob
import hashlib
import hmac
import os
import re
import shutil
import socket
import sqlite3
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "boot")]
# pylint: disable=wrong-import-position
from house_of_lab import V6, message  # noqa: E402
from server import CONFIG, DATABASE, INSTANCES, SERVICES, SOCKETS, Load, Server  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

LIMITS = ("requester_interval", "requester_daily", "domain_daily", "network_daily", "total_daily")
AWAY, LOAD = int(os.environ.get("AWAY") or 5), int(os.environ.get("LOAD") or 20)
DRAIN_SECONDS = 60
UNDONE = ("SELECT ? - (SELECT count(*) FROM request WHERE requester LIKE 'away%') + "
          "(SELECT count(*) FROM message WHERE state IN ('queued', 'sending')) AS n")
FIXTURES = os.path.join(HERE, "..", "data", "database")
SECRET = "/etc/postsix/token.secret"
OF_SYSTEMD = (243,)  # exit statuses before the program was there


def told(result, name, wanted=0):
    return ok(result.returncode == wanted, name) or diag(f"exit status {result.returncode}\n{result.stdout}")


def prepare(server):
    server.up()
    for done_ in (server.install(), server.make_room(), server.set_up()):
        if done_ and done_.returncode != 0:
            raise RuntimeError(done_.stdout)
    server.publish()
    server.configure(**{name: 0 for name in LIMITS})
    told(server.machine.run("systemctl", "reload", "postsixd"), "reload: a change of what is reloadable")


def check_load(load, what):
    """At the end of it, nothing is lost."""
    missing, twice = load.settle()
    eq(missing, [], f"{what}: {len(load.accepted)} requests taken, {load.refused} told to come again, each answered; {twice} mails came twice")
    eq([words for words in load.words if not re.match(r"4\d\d |\w*Error|$", words)], [], f"{what}: nobody was refused for good")
    return twice


def check_restarts(server):
    """Fault 12, in short, and 36: everything is restarted once, one after another, journald too."""
    with Load(server) as load:
        for unit in (*SERVICES, *INSTANCES, "postsix.target", "systemd-journald.service"):
            count = len(load.accepted)
            told(server.machine.run("systemctl", "restart", unit), f"restart of {unit} under load")
            server.until(lambda since=count: len(load.accepted) >= since + 3)
        count = len(load.accepted)
        for _ in range(5):
            told(server.machine.run("systemctl", "reload", "postsixd"), "reload under load")
        server.until(lambda: len(load.accepted) >= count + 3)
    eq(server.active(*SERVICES, *SOCKETS, *INSTANCES), [], "all is active after that")
    eq(check_load(load, "restarts and reloads"), 0, "restarts and reloads: none was answered twice")


def check_away(server):
    """Fault 12: while postsixd is away senders are told to come again, or the spool keeps what they sent."""
    server.machine.say("systemctl", "stop", "postsixd.socket", "postsixd.service")
    with Load(server, 0.5) as load:
        server.until(lambda: load.refused >= 3 or len(load.accepted) >= 3)
        server.machine.say("systemctl", "start", "postsix.target", "postsixd.service")
    check_load(load, "postsixd away")


def check_drain(server):
    """Fault 12, and how long it takes: while postsixd is away requests come that nothing asks it about, and wait in the spool."""
    policies = {i: server.machine.say("postconf", "-c", f"/etc/postfix-{i}", "-h", "postsix_policy") for i in ("dual", "v6")}

    def ask(policy):
        for i, unit in zip(("dual", "v6"), INSTANCES):
            server.machine.say("postconf", "-c", f"/etc/postfix-{i}", "-e", f"postsix_policy={policy(i)}")
            server.machine.say("systemctl", "reload", unit)

    ask(lambda i: "permit")
    server.machine.say("systemctl", "stop", "postsixd.socket", "postsixd.service")
    began = time.monotonic()
    with Load(server, AWAY / LOAD / 2, names=[f"away{number}@good.test" for number in range(LOAD)]) as load:
        load.thread.join(AWAY + 60)
        time.sleep(max(0, began + AWAY - time.monotonic()))
        waiting = len(server.machine.run("find", "/var/spool/postsix/new", "-type", "f").stdout.splitlines())
        server.machine.say("systemctl", "start", "postsixd.service")
        back = time.monotonic()
        server.until(lambda: server.sql(UNDONE, LOAD)[0]["n"] == 0, max(DRAIN_SECONDS, AWAY))
        handed = time.monotonic() - back
        server.until(lambda: not load.missing()[0], max(DRAIN_SECONDS, AWAY))
        took = time.monotonic() - back
    ask(lambda i: policies[i].strip())
    eq((waiting, load.missing()), (LOAD, ([], 0)), f"postsixd away for {AWAY} s: all of {LOAD} requests waited in the spool, and were answered")
    diag(f"after postsixd was back: the last mail for {LOAD} requests handed to Postfix in {handed:.1f} s, the last one arrived in {took:.1f} s")


def check_kills(server):
    with Load(server) as load:
        for unit in SERVICES:
            count, old = len(load.accepted), server.machine.main_pid(unit)
            began = time.monotonic()
            server.machine.say("kill", "-KILL", str(old))
            ok(server.until(lambda u=unit, o=old: server.machine.main_pid(u) not in (0, o) and server.machine.is_active(u)),
               f"{unit}: after kill -9 it runs again")
            diag(f"{unit}: after {time.monotonic() - began:.1f} s")
            server.until(lambda since=count: len(load.accepted) >= since + 3)
    check_load(load, "kills")


def check_watchdog(server):
    server.machine.write("/etc/systemd/system/postsixd.service.d/watchdog.conf", "[Service]\nWatchdogSec=3s\n")
    server.machine.say("systemctl", "daemon-reload")
    server.machine.say("systemctl", "restart", "postsixd")
    old, began = server.machine.main_pid("postsixd"), time.time()
    time.sleep(4)
    eq(server.machine.main_pid("postsixd"), old, "watchdog: postsixd lives for longer than that, as it says that it does")
    server.machine.say("kill", "-STOP", str(old))
    server.until(lambda: server.machine.main_pid("postsixd") not in (0, old) and server.machine.is_active("postsixd"), 60)
    ok(server.machine.main_pid("postsixd") not in (0, old), "watchdog: stopped by SIGSTOP it is killed, and another started")
    ok("atchdog" in server.machine.journal("postsixd.service", began), "watchdog: systemd's log says so")
    server.machine.say("rm", "/etc/systemd/system/postsixd.service.d/watchdog.conf")
    server.machine.say("systemctl", "daemon-reload")
    server.machine.say("systemctl", "restart", "postsixd")
    check_works(server, "after the watchdog")


def check_works(server, when):
    with Load(server, names=[re.sub(r"\W+", "-", when) + "@good.test"]) as load:
        server.until(lambda: load.accepted)
    lost = load.settle()
    ok(load.accepted and lost == ([], 0), f"{when}: a request is answered, both mails") or diag(f"{load.accepted} {load.words} {lost}")


# ---- what it refuses

def refused(server, name, status, *words, unit="postsixd.service"):
    """A start that fails, once, and says why. (A restart to come would be activating, auto-restart.)"""
    began, wall = time.monotonic(), time.time()
    result = server.machine.run("systemctl", "restart", unit)
    took = time.monotonic() - began
    facts = server.machine.show(unit, "ExecMainStatus", "ActiveState", "SubState")
    ok(result.returncode != 0 and facts == {"ExecMainStatus": str(status), "ActiveState": "failed", "SubState": "failed"},
       f"{name}: {unit} does not start, exit status {status}, and that is it ({took:.1f} s)") or diag(facts)
    log = server.machine.journal(unit, wall)
    ok(all(word in log for word in words), f"{name}: the log says why") or diag(log)
    if status not in OF_SYSTEMD:
        log = errors_of(server, unit.removesuffix(".service"), wall)
        ok(all(word in log for word in words), "as an error of that program") or diag(log)
    return log


def errors_of(server, program, since):
    """What somebody finds who looks for what is wrong (OPERATIONS.md, each day)."""
    return server.machine.run("journalctl", "--quiet", "--no-pager", "--output=cat", "-p", "warning", "-t", program, "--since",
                              f"@{since - 1}").stdout


def check_options(server):
    """What a program says past the log, as getopt(3) does, is an error of its in the journal, too."""
    for program in ("postsixd", "postsix-intake", "postsix-milter"):
        unit, wall = f"{program}.service", time.time()
        command = re.search(r"(?m)^ExecStart=(.*)$", server.machine.run("systemctl", "cat", unit).stdout)[1]
        folder = f"/run/systemd/system/{unit}.d"
        server.machine.say("mkdir", "-p", folder)
        server.machine.write(f"{folder}/option.conf", f"[Service]\nExecStart=\nExecStart={command} --no-such\n")
        server.machine.say("systemctl", "daemon-reload")
        ok(server.machine.run("systemctl", "restart", unit).returncode != 0, f"{program} with a wrong option does not start")
        ok(server.until(lambda: "--no-such" in errors_of(server, program, wall)), "and the journal has an error of it that says why") \
            or diag(server.machine.journal(unit, wall))
        server.machine.say("rm", "-r", folder)
        server.machine.say("systemctl", "daemon-reload")
        told(server.machine.run("systemctl", "restart", unit), "without the option it starts")


def check_configurations(server):
    """Fault 34."""
    good = server.machine.read(CONFIG)
    line = good.count("\n") + 2
    bad = f"{good}\nno_such_option = 1\n"
    server.machine.write(CONFIG, bad)
    pid, wall = server.machine.main_pid("postsixd"), time.time()
    server.machine.run("systemctl", "reload", "postsixd")
    server.until(lambda: f"{CONFIG}:{line}" in server.machine.journal("postsixd.service", wall))
    log = server.machine.journal("postsixd.service", wall)
    ok(f"{CONFIG}:{line}" in log, "a faulty configuration at a reload: the log has file and line") or diag(log)
    eq((server.machine.main_pid("postsixd"), server.machine.is_active("postsixd")), (pid, True), "and the old one stays in effect")
    facts = server.machine.show("postsixd.service", "ActiveState", "SubState", "StatusText")
    ok((facts["ActiveState"], facts["SubState"]) == ("active", "running") and facts["StatusText"].startswith("Reload refused"),
       f"the reload has ended, and the status says how: {facts['StatusText']}") or diag(facts)
    check_works(server, "after a refused reload")
    refused(server, "a faulty configuration at a start", 78, f"{CONFIG}:{line}")
    server.machine.write(CONFIG, good)
    check_files(server)
    server.machine.say("systemctl", "restart", "postsixd")
    check_works(server, "after faulty configurations")


def spoiled(server, path, how):
    """A file, damaged by a shell's command with it as $1, as long as this lasts."""
    server.machine.say("cp", "-a", path, "/tmp/kept")
    server.machine.say("sh", "-c", how, "sh", path)

    def mend():
        server.machine.say("rm", "-rf", path)
        server.machine.say("cp", "-a", "/tmp/kept", path)
    return mend


def check_files(server):
    key = next(match[1] for match in re.finditer(r"(?m)^dkim_key_file *= *(\S+)", server.machine.read(CONFIG)))
    for path, name, how, status, words in (
            (key, "an empty DKIM key", ': >"$1"', 78, [key]),
            (key, "no DKIM key", 'rm "$1"', 78, [key]),
            (key, "a DKIM key that is none", 'echo nonsense >"$1"', 78, [key]),
            (key, "a folder for a DKIM key", 'rm "$1" && mkdir "$1"', 78, [key]),
            (SECRET, "an empty token secret", ': >"$1"', 78, [SECRET]),
            (SECRET, "a token secret too short", 'echo short >"$1"', 78, [SECRET]),
            (SECRET, "no token secret", 'rm "$1"', 78, [SECRET])):
        mend = spoiled(server, path, how)
        refused(server, name, status, *words)
        mend()
    server.machine.say("mv", "/etc/postsix/keys", "/etc/postsix/keys.away")
    refused(server, "no folder of keys", 243, "credentials")
    server.machine.say("mv", "/etc/postsix/keys.away", "/etc/postsix/keys")


def check_no_storm(server):
    """What cannot start is not started again by each client that waits at its socket, and the client is told soon."""
    mend, wall = spoiled(server, SECRET, ': >"$1"'), time.time()
    server.machine.run("systemctl", "restart", "postsixd.service")
    said = []
    for _ in range(2):
        began = time.monotonic()
        said.append((server.send(sender=b"storm@good.test")[:3], time.monotonic() - began))
    eq([code for code, _ in said], ["451", "451"], f"senders are told 451, after {said[0][1]:.1f} s and {said[1][1]:.1f} s")
    most = max(22, int(2 * (time.time() - wall)) + 2)  # (20 in 10 s; a machine so slow that it never comes to that is in no storm)
    starts = server.machine.journal("postsixd.service", wall).count("Starting postsixd.service")
    ok(2 <= starts <= most, f"and postsixd was started {starts} times meanwhile, at most {most}")
    mend()
    told(server.machine.run("systemctl", "restart", "postsixd.service"), "a start brings the socket back")
    check_works(server, "after a postsixd that could not start")


def check_certificate(server):
    """Nobody's start fails for it: opportunistic TLS goes on, and the operator hears of it by `postsix check`."""
    config = ("postconf", "-c", "/etc/postfix-v6")
    files = server.machine.say(*config, "-xh", "smtpd_tls_chain_files").replace(",", " ").split()
    server.machine.say("sh", "-c", "openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key -out /tmp/good -subj /CN=mx.six.test -days 9 && "
                       "openssl x509 -in /tmp/good -signkey /tmp/key -days -1 -out /tmp/expired && cat /tmp/key /tmp/expired >/tmp/chain")
    server.machine.say(*config, "-e", "smtpd_tls_chain_files=/tmp/chain")
    told(server.machine.run("systemctl", "restart", INSTANCES[1]), "an expired certificate: the instance starts")
    found = server.machine.run("postsix", "check", "--only", "certificate")
    ok(found.returncode == 2 and "/tmp/chain" in found.stdout and "it expired on" in found.stdout, "postsix check says so") or diag(found.stdout)
    check_works(server, "with an expired certificate")
    server.machine.say(*config, "-e", f"smtpd_tls_chain_files={' '.join(files)}")
    server.machine.say("systemctl", "restart", INSTANCES[1])


def check_places(server):
    """Taken by somebody else: a port, and the paths of sockets."""
    unit = INSTANCES[1]
    server.machine.say("systemctl", "stop", unit)
    with server.inside("svc"), socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((V6, 25))
        other.listen()
        began = time.monotonic()
        result, wall = server.machine.run("systemctl", "start", unit), time.time()
        took = time.monotonic() - began
    log = server.machine.run("journalctl", "--quiet", "--no-pager", "--since", f"@{wall - took - 1}").stdout
    ok(result.returncode != 0 and not server.machine.is_active(unit), f"port 25 taken: {unit} does not start ({took:.1f} s)") or diag(result.stdout)
    ok(re.search(r"fatal: bind \S*2001:db8:25::6\S* port 25: Address already in use", log), "and its log says why") or diag(log[-2000:])
    told(server.machine.run("systemctl", "start", unit), "once it is free the instance starts")
    for path, name in (("/run/postsix/policy.sock", "postsixd"), ("/run/postsix/intake.sock", "postsix-intake")):
        server.machine.say("systemctl", "stop", f"{name}.socket", f"{name}.service")
        server.machine.say("sh", "-c", 'rm -f "$1" && mkdir "$1"', "sh", path)
        result = server.machine.run("systemctl", "start", f"{name}.service")
        states = [server.machine.show(f"{name}.{kind}", "ActiveState")["ActiveState"] for kind in ("socket", "service")]
        ok(result.returncode != 0 and states == ["failed", "inactive"], f"{path} taken: {name} does not start without it") or diag(states)
        log = server.machine.journal(f"{name}.socket")
        ok(path in log, "and the log says why") or diag(log)
        server.machine.say("rmdir", path)
        told(server.machine.run("systemctl", "start", f"{name}.service"), f"{name} starts once that is mended")
    check_works(server, "after what was taken")


def check_newer_database(server):
    """Fault 37, downwards: what it does not know it leaves alone, and senders keep their mail."""
    server.machine.say("systemctl", "stop", "postsixd.service")
    version = server.sql("PRAGMA user_version")[0]["user_version"]
    server.sql("PRAGMA user_version = 99")
    refused(server, "a database of a newer version", 65, "newer")
    with Load(server, names=["early@good.test"]) as load:
        server.until(lambda: load.refused or load.accepted, 60)
        ok(load.refused or load.accepted, f"meanwhile a sender is told {list(load.words) or 'that its mail is taken'}")
        eq(server.kinds("early@good.test"), [], "and nobody is answered")
        server.sql(f"PRAGMA user_version = {version}")
        server.machine.say("systemctl", "restart", "postsixd.service")  # its socket comes back with it
        server.until(lambda: load.accepted, 60)
    check_load(load, "with the right database again")


def older(version):
    """That frozen database, as if it had been left a minute ago: a file of ours, its token secret."""
    with open(f"{FIXTURES}/version-{version}.sql", encoding="utf-8") as file:
        text = file.read()
    path = tempfile.mkstemp()[1]
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(text)
    age = int(time.time()) - 60 - database.execute("SELECT max(created) FROM message").fetchone()[0]
    columns = {"request": ("arrived", "date", "first_received"), "message": ("created", "due", "sent", "outcome_at", "accepted_at"),
               "dsn": ("arrived",)}
    for table, names in columns.items():
        database.execute(f"UPDATE {table} SET " + ", ".join(f"{name} = {name} + {age}" for name in names))
    database.close()
    return path, re.search(r"(?m)^-- token secret: (\w+)$", text)[1]


def token(secret, number):
    """As seal_mint() makes it, good for a day; tests/system/forged.py holds that against postsixd."""
    signed = number.to_bytes(8, "big") + int(time.time() // 60 + 1440).to_bytes(4, "big")
    mac = hmac.new(secret.encode(), b"bounce\0six.test\0" + signed, hashlib.sha256).digest()[:12]
    return "".join(base64.b32encode(part).decode().rstrip("=").lower() for part in (signed[:8], signed[8:] + mac))


def notification(about):
    block = (f"Reporting-MTA: dns; mx.full.test\r\n\r\nFinal-Recipient: rfc822; {about}\r\nAction: failed\r\nStatus: 5.2.2\r\n"
             "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\r\n").encode()
    body = (b"--=\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--=\r\nContent-Type: message/delivery-status\r\n\r\n" + block
            + b"\r\n--=--\r\n")
    return message(body, From="MAILER-DAEMON@full.test", Subject="Undelivered", MIME_Version="1.0",
                   Content_Type='multipart/report; report-type=delivery-status; boundary="="')


def check_older_database(server, version):
    """Fault 37, upwards: work that was in flight under an earlier release is in flight under this one."""
    count = len(server.kinds("eve@full.test"))
    path, secret = older(version)
    server.machine.say("systemctl", "stop", "postsixd.socket", "postsixd.service")
    server.machine.say("sh", "-c", f"mkdir /tmp/state && mv {DATABASE}* /tmp/state")
    mend = spoiled(server, SECRET, f'echo {secret} >>"$1"')
    shutil.copy(path, server.machine.path(DATABASE))
    os.unlink(path)
    server.machine.say("sh", "-c", f"chown postsix:postsix {DATABASE} && chmod 600 {DATABASE}")
    told(server.machine.run("systemctl", "start", "postsixd.service"), f"a database of version {version}: postsixd starts")
    ok(server.sql("PRAGMA user_version")[0]["user_version"] > version, "it is brought up to date")
    probe = server.sql("SELECT id, state, outcome FROM message WHERE kind = 'six' AND outcome = 'pending'")
    eq([(row["state"], row["outcome"]) for row in probe], [("sent", "pending")], "the probe in flight is in flight")
    server.until(lambda: len(server.kinds("eve@full.test")) > count)
    eq([kind for kind, *_ in server.kinds("eve@full.test")].count("report"), count // 2 + 1, "the report that waited for an instance comes")
    said = server.send(notification("eve@full.test"), sender=b"", to=f"bounce+{token(secret, probe[0]['id'])}@six.test".encode())
    ok(said.startswith("250"), "a late notification about the probe is taken") or diag(said)
    server.until(lambda: len(server.kinds("eve@full.test")) > count + 1)
    eq([kind for kind, *_ in server.kinds("eve@full.test")].count("bounce"), count // 2 + 1, "and brings the processed bounce")
    eq(server.sql("SELECT outcome FROM message WHERE id = ?", probe[0]["id"])[0]["outcome"], "failed", "the probe has failed")
    check_works(server, f"with a database of version {version}")
    server.machine.say("systemctl", "stop", "postsixd.socket", "postsixd.service")
    server.machine.say("sh", "-c", f"rm {DATABASE}* && mv /tmp/state/* /var/lib/postsix && rmdir /tmp/state")
    mend()
    server.machine.say("systemctl", "start", "postsixd.service")


# ---- limits

def limit(server, **limits):
    """Of the units' processes, by a drop-in for each; restarts them."""
    for unit in SERVICES:
        place = f"/etc/systemd/system/{unit}.d/limits.conf"
        text = "".join(f"{name}={value}\n" for name, value in limits.get(unit.partition(".")[0].replace("-", "_"), {}).items())
        if text:
            server.machine.write(place, f"[Service]\n{text}")
        else:
            server.machine.run("rm", "-f", place)
    server.machine.say("systemctl", "daemon-reload")
    server.machine.say("systemctl", "restart", *SERVICES)


def crowd(server, names):
    """All at once; those that were not taken, and what they were told."""
    def send(name):
        try:
            return server.send(message(From=name), sender=name.encode())
        except OSError as error:
            return type(error).__name__
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        replies = dict(zip(names, pool.map(send, names)))
    return {name: reply for name, reply in replies.items() if not reply.startswith("250")}


def check_limits(server):
    """Fault 35: a unit that gives its processes hardly anything."""
    few = {"LimitNOFILE": 64, "LimitAS": "128M"}
    for what, limits in (("64 descriptors, 128 MB", dict.fromkeys(("postsixd", "postsix_intake", "postsix_milter"), few)),
                         ("16 descriptors but for postsixd, 3 processes for intake", {
                             "postsix_milter": {"LimitNOFILE": 16}, "postsix_intake": {"LimitNOFILE": 16, "LimitNPROC": 3}})):
        names = [f"few{len(limits['postsix_intake'])}-{number}-{int(time.time())}@good.test" for number in range(30)]
        limit(server, **limits)
        pids = {unit: server.machine.main_pid(unit) for unit in SERVICES}
        late = crowd(server, names)
        time.sleep(1)
        eq([reply for reply in late.values() if not re.match(r"4[25]1 |\w*Error|$", reply)], [],
           f"{what}: {len(names) - len(late)} of {len(names)} at once are taken, the others told to come later")
        restarts = {unit: int(server.machine.show(unit, "NRestarts")["NRestarts"]) for unit in SERVICES}
        ok(max(restarts.values()) <= 1, f"{what}: nothing dies again and again") or diag(f"{pids} {restarts}")
        limit(server)
        diag(f"{what}: {server.deferred()} wait in the queues")  # retry_min would have them come in 5 minutes
        for i in ("dual", "v6"):
            told(server.machine.run("postqueue", "-c", f"/etc/postfix-{i}", "-f"), f"{what}: the queue of {i} is flushed")
        with Load(server, 0.2, names=iter(list(late))) as load:
            load.thread.join(60)
        load.accepted += [name for name in names if name not in late]
        check_load(load, f"{what}, and then without")


def lose_address(server):
    """v6's, of which Postfix is told by a restart that fails. What gives it back."""
    device, address = server.machine.say("ip", "-6", "-o", "address", "show", "to", "2001:db8:25::6/128").split()[1:4:2]
    server.machine.say("ip", "-6", "address", "del", address, "dev", device)
    ok(server.machine.run("systemctl", "restart", INSTANCES[1]).returncode != 0, "postfix-v6 does not start without its address")
    return lambda: server.machine.say("ip", "-6", "address", "add", address, "dev", device, "nodad")


def check_instances(server):
    """As at a boot where the address is late; a master(8) that is killed; and none of postsix."""
    give_back = lose_address(server)
    give_back()
    ok(server.until(lambda: server.machine.is_active(INSTANCES[1])), "it does when the address has come, by itself")
    for i, unit in zip(("dual", "v6"), INSTANCES):
        place = f"/var/spool/postfix-{i}/pid/master.pid"
        pid = server.machine.read(place).strip()
        server.machine.say("kill", "-KILL", pid)
        ok(server.until(lambda place=place, pid=pid, unit=unit: server.machine.read(place).strip() != pid and server.machine.is_active(unit)),
           f"postfix-{i} is back after its master was killed")
    ours = (*SERVICES, *SOCKETS)
    server.machine.say("systemctl", "stop", "postsix.target")
    ok(server.until(lambda: server.active(*ours) == list(ours)), "with the target all of postsix stops")
    told(server.machine.run("systemctl", "restart", "postfix.service", *INSTANCES), "Postfix is restarted")
    eq(server.active(*ours), list(ours), "and starts nothing of it")
    server.machine.say("systemctl", "start", "postsix.target")
    check_works(server, "after that")


def check_locked_database(server):
    """Fault 4: somebody else has the database; requests wait in the spool, at no cost."""
    pid = server.machine.main_pid("postsixd")

    def ticks():
        return sum(map(int, server.machine.read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:13]))

    with Load(server, 0.5) as load:
        server.until(lambda: len(load.accepted) >= 3)
        with server.locked():
            began, before = time.monotonic(), ticks()
            time.sleep(8)
            status = server.machine.show("postsixd.service", "StatusText")["StatusText"]
            used = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
        ok(used < 0.05, f"a locked database: postsixd takes {100 * used:.1f} % of a processor, at most 5")
        ok(re.match(r"The database: .*, will retry\. .* Entries in the spool: [1-9]", status), f"its status says so: {status}")
        eq(server.machine.main_pid("postsixd"), pid, "and goes on")
        count = len(load.accepted)
        server.until(lambda: len(load.accepted) >= count + 3)
    check_load(load, "a locked database")


def check_all(server):
    check_works(server, "at first")
    check_restarts(server)
    check_away(server)
    check_drain(server)
    check_kills(server)
    check_watchdog(server)
    check_configurations(server)
    check_options(server)
    check_no_storm(server)
    check_certificate(server)
    check_places(server)
    check_instances(server)
    check_limits(server)
    check_newer_database(server)
    for each in sorted(int(re.search(r"(\d+)\.sql$", path)[1]) for path in glob.glob(f"{FIXTURES}/version-*.sql")):
        check_older_database(server, each)
    check_locked_database(server)
    check_works(server, "at last")


with Server("boot-faults") as the_server:
    prepare(the_server)
    (check_drain if os.environ.get("AWAY") else check_all)(the_server)
done()
