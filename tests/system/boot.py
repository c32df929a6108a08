#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""The life of a server: the package installed on a Debian with systemd as PID 1, `postsix setup`, requests from the lab's world, a
reboot, an upgrade while requests flow, the way back, and nothing left. tests/boot has what it stands on.

What systemd-nspawn cannot enforce is not claimed: no MemoryMax=, TasksMax= or CPUQuota= is tested here, and the figures of
`systemd-analyze security` are of what is configured.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "boot")]
# pylint: disable=wrong-import-position
import package  # noqa: E402
from server import INSTANCES, SERVICES, SOCKETS, Load, Server  # noqa: E402
from tap import diag, done, eq, ok  # noqa: E402

METRICS = "/var/lib/prometheus/node-exporter"
ALL = (*SERVICES, *SOCKETS, *INSTANCES, "postsix.target")
SECURITY = {"postsixd.service": 1.5, "postsix-milter.service": 1.5, "postsix-intake.service": 0.8}
# the report takes either family, the probe IPv6 alone
ANSWERED = ([("report", 4, "dual"), ("six", 6, "v6")], [("report", 6, "dual"), ("six", 6, "v6")])


def told(result, name, wanted=0):
    """Whether a command ended so; what it said, where it did not."""
    return ok(result.returncode == wanted, name) or diag(f"exit status {result.returncode}\n{result.stdout}")


def changes(before, after):
    return "\n".join([f"- {line}" for line in sorted(before - after)] + [f"+ {line}" for line in sorted(after - before)])


def check_install(server):
    before = server.files()
    told(server.install(), "apt installs the package")
    after = server.files()
    new = {line for line in after - before if re.match(r"/(etc|var)/|[0-9a-f]{32} ", line)}
    known = r"(/etc/(postsix|passwd|group|g?shadow|subuid|subgid)-?|/var/spool/postsix|/etc/\.pwd\.lock)\b|/var/lib/systemd"
    eq([line for line in new if not re.search(known, line)], [], "outside /usr it made users and its own folders only")
    eq([unit for unit in ALL if server.machine.is_active(unit)], [], "it started nothing")
    eq(server.machine.run("sh", "-c", "systemctl list-unit-files --state=enabled 'postsix*' --no-legend").stdout, "", "nor will the next boot")
    eq(len(server.machine.run("getent", "passwd", "postsix", "postsix-intake", "postsix-milter", "postsix-pipe").stdout.splitlines()), 4,
       "its four users are there")
    return before


def check_setup(server):
    before = server.files()
    clash = server.set_up()
    told(clash, "setup refuses where the host's own Postfix has port 25 of every address", 78)
    ok("port 25" in clash.stdout and "inet_interfaces=loopback-only" in clash.stdout, "and says how to mend it") or diag(clash.stdout)
    eq(changes(before, server.files()), "", "it changed nothing")
    server.make_room()
    before = server.files()
    told(server.set_up("--dry-run"), "setup --dry-run")
    eq(changes(before, server.files()), "", "it changed nothing")
    told(server.set_up(), "setup")
    before = server.files()
    again = server.set_up()
    ok(again.returncode == 0 and "Nothing to do" in again.stdout, "a second time it has nothing to do") or diag(again.stdout)
    eq(changes(before, server.files()), "", "and does nothing")
    server.publish()


def check_units(server):
    eq(server.active(*ALL), [], "all units are active")
    for unit in SERVICES:
        facts = server.machine.show(unit, "Type", "SubState", "StatusText", "NRestarts")
        ok(facts["Type"] == "notify" and facts["SubState"] == "running" and facts["NRestarts"] == "0", f"{unit}: said READY") or diag(facts)
    status = server.machine.show("postsixd.service", "StatusText")["StatusText"]
    ok("0 answered" in status and "Entries in the spool: 0." in status and "Probes pending: 0." in status, f"postsixd says how it is: {status}")
    eq(server.machine.run("systemctl", "--failed", "--no-legend", "--plain").stdout, "", "no unit of the machine failed")
    after = set(server.machine.show("postsix.target", "After")["After"].split())
    eq(sorted({*SERVICES, *SOCKETS} - after), [], "the target is reached after all that it wants")
    check_analysis(server)


def check_analysis(server):
    verified = server.machine.run("systemd-analyze", "verify", "--man=no", *SERVICES, *SOCKETS, "postsix.target", *INSTANCES)
    told(verified, "systemd-analyze verify")
    eq([line for line in verified.stdout.splitlines() if "postsix" in line], [], "it has nothing to say of our units")
    for unit, most in SECURITY.items():
        said = server.machine.run("systemd-analyze", "security", "--no-pager", unit).stdout
        found = re.search(r"Overall exposure level for \S+ ([0-9.]+) (\w+)", said.replace(":", ""))
        ok(found and float(found[1]) <= most, f"systemd-analyze security {unit}: {found and found[1]}, at most {most}") or diag(said[-3000:])


def check_answers(server, when, person):
    ok(server.send(sender=f"{person}@good.test".encode()).startswith("250"), f"{when}: a request is taken")
    came = server.await_kinds(f"{person}@good.test", 2)
    ok(came in ANSWERED, f"{when}: the report comes over dual, the six probe over v6 and IPv6") or diag(came)


def check_bounce(server, when, person):
    ok(server.send(sender=f"{person}@v4only.test".encode()).startswith("250"), f"{when}: a request from where IPv6 does not work")
    eq(server.await_kinds(f"{person}@v4only.test", 2), [("bounce", 4, "dual"), ("report", 4, "dual")],
       f"{when}: the report, and the processed bounce, over IPv4")


def check_operating(server):
    """The verbs, on a service that works."""
    for verb in (["status"], ["list"], ["show", "ada@good.test"], ["stats"], ["metrics"], ["export"]):
        said = server.machine.run("postsix", *verb)
        ok(said.returncode == 0 and said.stdout, f"postsix {' '.join(verb)}") or diag(f"{said.returncode}: {said.stdout}")
    # a container's clock is its host's: nothing in it keeps it right
    verdict = server.machine.run("postsix", "check", "--skip", "clock", "--self-test", seconds=180)
    told(verdict, "postsix check, its self-test included, clock left out")


def check_no_answer(server):
    """Where the daemon ends at each start it is systemd that listens, and that is nobody's answer."""
    server.machine.say("chmod", "700", "/etc/postsix")
    server.machine.run("systemctl", "restart", "postsixd.service")
    said = server.machine.run("postsix", "status")
    ok(said.returncode == 69 and re.search("(?m)^postsixd +does NOT answer", said.stdout), "postsix status, where postsixd cannot start") or diag(
        f"{said.returncode}: {said.stdout}")
    server.machine.say("chmod", "755", "/etc/postsix")
    server.machine.say("systemctl", "reset-failed", "postsixd.socket", "postsixd.service")
    server.machine.say("systemctl", "restart", "postsixd.socket", "postsixd.service")
    eq(server.machine.run("postsix", "status").returncode, 0, "and where it can again")


def enable_metrics(server):
    """As doc/OPERATIONS.md has it; the folder is the node exporter's. The timer begins a minute after the boot."""
    told(server.machine.run("systemctl", "start", "postsix-metrics.service"), "metrics, on a server without node exporter")
    eq(server.machine.show("postsix-metrics.service", "ConditionResult")["ConditionResult"], "no", "are none, and no failure")
    server.machine.say("mkdir", "-p", METRICS)
    told(server.machine.run("systemctl", "enable", "--now", "postsix-metrics.timer"), "postsix-metrics.timer is enabled")


def check_metrics(server):
    text = f"{METRICS}/postsix.prom"
    ok(server.until(lambda: server.machine.run("test", "-s", text).returncode == 0, 120), "the timer has them written") or diag(
        server.machine.journal("postsix-metrics.service"))
    eq(server.machine.say("stat", "--format=%A %U", text).strip(), "-rw-r--r-- root", "for the node exporter to read")
    eq(server.machine.say("ls", "-A", METRICS).split(), ["postsix.prom"], "and nothing beside")
    said = server.machine.read(text)
    eq([line for line in said.splitlines() if not re.fullmatch(SAMPLE, line)], [], "each line is of the text format 0.0.4")
    families = set(re.findall(r"(?m)^# TYPE (\w+) (?:counter|gauge)$", said))
    ok(families and families == set(re.findall(r"(?m)^# HELP (\w+) \S", said)) == set(re.findall(r"(?m)^(\w+)", said)),
       f"each of {len(families)} families has its HELP and TYPE") or diag(said)
    eq(sorted(parts_up(said).items()), [(part, "1") for part in ("intake", "milter", "postfix-dual", "postfix-v6", "postsixd")],
       "postsix_up is 1 for each part")
    server.machine.say("systemctl", "stop", "postsixd.socket", "postsixd.service")
    told(server.machine.run("systemctl", "start", "postsix-metrics.service"), "metrics, postsixd stopped")
    up = parts_up(server.machine.read(text))
    eq((up.pop("postsixd"), set(up.values())), ("0", {"1"}), "postsix_up is 0 for postsixd, and 1 for the others")
    server.machine.say("systemctl", "start", "postsixd.service")


def parts_up(text):
    return dict(re.findall(r'(?m)^postsix_up\{part="([^"]+)"\} (\d)$', text))


def check_reboot(server):
    """What waits in a queue is there after it; what was answered is known, and not answered anew."""
    server.send(sender=b"gus@grey.test")
    ok(server.until(lambda: server.deferred() == 1 and server.kinds("gus@grey.test")), "a probe to a greylisting server waits in the queue")
    ok(server.until(lambda: server.count("attempt") > 0), "and the attempt is known, out of the journal")
    ok(server.until(lambda: "Probes pending: 1." in server.machine.show("postsixd.service", "StatusText")["StatusText"]), "and postsixd's status counts it") \
        or diag(server.machine.show("postsixd.service", "StatusText")["StatusText"])
    count, mails = server.count("request"), len(server.mails())
    server.machine.reboot()
    eq(server.active(*ALL, "postsix-metrics.timer"), [], "after a reboot all units are active")
    eq((server.count("request"), len(server.mails())), (count, mails), "what was answered is still known, and not answered anew")
    told(server.machine.run("postqueue", "-c", "/etc/postfix-v6", "-f"), "postqueue -f flushes it")
    eq([kind for kind, *_ in server.await_kinds("gus@grey.test", 2)], ["report", "six"], "what waited before comes after it")
    check_answers(server, "after a reboot", "rita")
    check_bounce(server, "after a reboot", "rolf")


def check_upgrade(server):
    server.configure(requester_interval=0, requester_daily=0, domain_daily=0, network_daily=0, total_daily=0)
    told(server.machine.run("systemctl", "reload", "postsixd"), "reload, with other limits")
    newer = package.renewed(server.deb, server.machine.path("/tmp/newer.deb"))
    pids = {unit: server.machine.main_pid(unit) for unit in SERVICES}
    with Load(server) as load:
        server.until(lambda: len(load.accepted) >= 10)
        told(server.install(newer), "an upgrade while requests flow")
        server.until(lambda: len(load.accepted) >= 30)
    ok("+1" in server.machine.say("dpkg-query", "-W", "postsix"), "it is the new version")
    eq(server.active(*ALL), [], "all units are active")
    eq([unit for unit in SERVICES if server.machine.main_pid(unit) == pids[unit]], [], "each service was restarted")
    missing, twice = load.settle()
    eq((missing, twice), ([], 0), f"{len(load.accepted)} requests taken, {load.refused} first told to come again; each was answered, none twice")
    eq([words for words in load.words if not re.match(r"4\d\d |\w*Error|$", words)], [], "nobody was refused for good")


def check_removal(server, before):
    told(server.machine.run("postsix", "setup", "--remove"), "setup --remove")
    eq([unit for unit in ALL if server.machine.is_active(unit)], [], "nothing of it runs")
    eq(server.machine.run("postmulti", "-l").stdout.split()[:1], ["-"], "the host's own Postfix is the only instance") or diag(
        server.machine.run("postmulti", "-l").stdout)
    ok(server.machine.is_active("postfix.service"), "and runs")
    told(server.machine.run("apt-get", "purge", "-qq", "-y", "postsix"), "apt purges the package")
    eq(server.machine.say("ls", "-A", METRICS), "", "no metrics are left")
    server.machine.say("rmdir", "-p", "--ignore-fail-on-non-empty", METRICS)
    server.machine.say("postconf", "-e", "inet_interfaces=all")  # as it was before make_room()
    after = server.files()
    left = [line for line in changes(before, after).splitlines() if not re.search(ACCOUNTS, line)]
    eq(left, [], "no file is left or changed, but for the accounts")
    eq(server.machine.run("find", "/run", "-maxdepth", "1", "-name", "postsix*").stdout, "", "nor anything of it in /run")
    eq(server.machine.run("sh", "-c", "systemctl list-units --all --no-legend --plain 'postsix*' 'postfix@*dual*' 'postfix@*v6*'").stdout, "", "no unit is left")


SAMPLE = r'# (HELP|TYPE) \w+ .+|[a-z_]+(\{\w+="[^"\\]*"(,\w+="[^"\\]*")*\})? -?[0-9.e+]+'

# Debian's packages leave their users, as the files of theirs that may be somewhere keep their numbers.
ACCOUNTS = r" ?/etc/(passwd|group|shadow|gshadow|subuid|subgid|\.pwd\.lock)-?( |$)"

with Server("boot") as the_server:
    the_server.up()
    pristine = check_install(the_server)
    check_setup(the_server)
    check_units(the_server)
    enable_metrics(the_server)
    check_answers(the_server, "at first", "ada")
    check_bounce(the_server, "at first", "bob")
    check_operating(the_server)
    check_no_answer(the_server)
    check_metrics(the_server)
    check_reboot(the_server)
    check_upgrade(the_server)
    check_removal(the_server, pristine)
done()
