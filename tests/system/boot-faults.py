#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Faults 4, 12, 34, 36 and 37 through systemd: on a server with the package, a service that is restarted, reloaded, killed and stopped
while requests flow; a database that is locked or of a newer version; faulty configurations at a start and at a reload.

Not claimed: fault 35. systemd-nspawn enforces no MemoryMax= and no TasksMax=; tests/system/rlimits.py has the limits of processes.
The watchdog is set to 3 s by a drop-in, for the test's sake."""
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "boot")]
# pylint: disable=wrong-import-position
from server import CONFIG, INSTANCES, SERVICES, SOCKETS, Load, Server  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

LIMITS = ("requester_interval", "requester_daily", "domain_daily", "network_daily", "total_daily")
AGAIN_SECONDS = 2


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


def check_kills(server):
    with Load(server) as load:
        for unit in SERVICES:
            count, old = len(load.accepted), server.machine.main_pid(unit)
            began = time.monotonic()
            server.machine.say("kill", "-KILL", str(old))
            server.until(lambda u=unit, o=old: server.machine.main_pid(u) not in (0, o) and server.machine.is_active(u))
            took = time.monotonic() - began
            ok(took <= AGAIN_SECONDS, f"{unit}: {took:.1f} s after kill -9 it runs again, at most {AGAIN_SECONDS}")
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

def refused(server, name, status, *words):
    """A start that fails within a second, once, and says why."""
    began, wall = time.monotonic(), time.time()
    result = server.machine.run("systemctl", "restart", "postsixd.service")
    took = time.monotonic() - began
    time.sleep(2.5)  # longer than RestartSec=
    facts = server.machine.show("postsixd.service", "ExecMainStatus", "ActiveState", "NRestarts", "Result")
    ok(result.returncode != 0 and facts["ActiveState"] == "failed" and facts["ExecMainStatus"] == str(status),
       f"{name}: postsixd does not start, exit status {facts['ExecMainStatus']}, not again and again") or diag(facts)
    ok(took < 3, f"{name}: it says so at once ({took:.1f} s)")
    log = server.machine.journal("postsixd.service", wall)
    ok(all(word in log for word in words), f"{name}: and why") or diag(log)
    return log


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
    check_works(server, "after a refused reload")
    refused(server, "a faulty configuration at a start", 78, f"{CONFIG}:{line}")
    server.machine.write(CONFIG, good)
    check_files(server)
    server.machine.say("systemctl", "restart", "postsixd")
    check_works(server, "after faulty configurations")


def check_files(server):
    key = next(match[1] for match in re.finditer(r"(?m)^dkim_key_file *= *(\S+)", server.machine.read(CONFIG)))
    for path, name in ((key, "an empty DKIM key"), ("/etc/postsix/token.secret", "an empty token secret")):
        server.machine.say("sh", "-c", f"cp -p {path} /tmp/kept && : >{path}")
        refused(server, name, 78, os.path.basename(path))
        server.machine.say("cp", "-p", "/tmp/kept", path)


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
            used = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
        ok(used < 0.05, f"a locked database: postsixd takes {100 * used:.1f} % of a processor, at most 5")
        eq(server.machine.main_pid("postsixd"), pid, "and goes on")
        count = len(load.accepted)
        server.until(lambda: len(load.accepted) >= count + 3)
    check_load(load, "a locked database")


with Server("boot-faults") as the_server:
    prepare(the_server)
    check_works(the_server, "at first")
    check_restarts(the_server)
    check_away(the_server)
    check_kills(the_server)
    check_watchdog(the_server)
    check_configurations(the_server)
    check_newer_database(the_server)
    check_locked_database(the_server)
    check_works(the_server, "at last")
done()
