#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What a service manager does to the programs, by a stand-in for it: readiness, status, watchdog, sockets that stay open, reload
and rotation of the token secret (RELIABILITY faults 4, 12, 34, 36, 37). With systemd itself: tests/system/boot.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import crashlab
from crashlab import Lab, Program, read, signal_to, until
from invariants import Invariants, count_duplicates
from tap import diag, done, eq, ok, skip

PATIENCE = int(os.environ.get("PATIENCE", "60"))
crashlab.USERS["milter"] = "postsix-milter"


class Manager:
    """Listens to sd_notify(3): every message with the time that it came."""

    def __init__(self, path):
        self.said, self.path = [], path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            text = self.socket.recv(65536).decode()
            self.said.append((time.monotonic(), text))

    def count(self, word):
        return sum(word in text.split("\n") for _, text in self.said)

    def last(self, name):
        return next((line.partition("=")[2] for _, text in reversed(self.said) for line in text.split("\n") if line.startswith(f"{name}=")), "")


class Managed(Program):
    """A program with a manager of its own, and maybe a socket handed over."""

    def __init__(self, lab, name, watchdog=0):
        super().__init__(lab, name)
        self.manager, self.watchdog, self.listen = Manager(f"{lab.run_folder}/manager-{name}"), watchdog, None

    def start(self, *wrapper):
        env = {**os.environ, "NOTIFY_SOCKET": self.manager.path}
        if self.watchdog:
            env["WATCHDOG_USEC"] = str(int(self.watchdog * 1000000))
        if self.listen:
            # as systemd has it: the socket is number 3, and the program knows that it is meant
            wrapper = ("bash", "-c", f'exec 3<&{self.listen.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "bash", *wrapper)
        user = crashlab.USERS[self.name]
        with open(f"{self.lab.folder}/log/service.log", "ab") as log:
            self.process = subprocess.Popen(("ip", "netns", "exec", self.lab.service, "setpriv", f"--reuid={user}", f"--regid={user}",
                                             "--init-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", *wrapper,
                                             *self.command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.lab.folder,
                                            umask=0o007, env=env, pass_fds=[self.listen.fileno()] if self.listen else [])
        self.pid = self.process.pid
        return self.process

    def restart(self):
        """Whether it says that it is ready."""
        before = self.manager.count("READY=1")
        self.end()
        self.start()
        return until(lambda: self.manager.count("READY=1") > before, PATIENCE)

    def reload(self):
        """Whether it said that it begins and, after that, that it is ready."""
        before = len(self.manager.said)
        signal_to(self.pid, signal.SIGHUP)

        def told():
            words = [line for _, text in self.manager.said[before:] for line in text.split("\n")]
            return "RELOADING=1" in words and "READY=1" in words[words.index("RELOADING=1"):] and words
        words = until(told, PATIENCE)
        return bool(words) and any(re.fullmatch(r"MONOTONIC_USEC=[1-9]\d+", word) for word in words)


def handed_over(kind, path):
    """The socket that a .socket unit would make."""
    if os.path.exists(path):
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX, kind)
    listening.bind(path)
    os.chmod(path, 0o666)
    listening.listen(100)
    return listening


def config(lab):
    return f"{lab.folder}/postsix.conf"


def edit(lab, old, new):
    text = read(config(lab))
    assert old in text, old
    with open(config(lab), "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))


def logged(lab, pattern, mark=0):
    return until(lambda: re.search(pattern, lab.log()[mark:]), PATIENCE)


def ask_policy(path, recipient="nobody@six.test"):
    """The connection, with a question on its way."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(path)
    connection.sendall(f"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@good.test\nrecipient={recipient}\n"
                       "client_address=2001:db8:100::10\n\n".encode())
    return connection


def test_ready_and_status(lab, daemon):
    ok(daemon.manager.count("READY=1") == 1, "postsixd says that it is ready")
    lab.send("status@good.test")
    ok(until(lambda: re.fullmatch(r"Requests since the start: 1 answered, 0 ignored\. Entries in the spool: 0\. "
                                  r"Mail waiting: \d+; under way: \d+ to dual, \d+ to v6\. Probes pending: \d+\. Surveys: \d+\.",
                                  daemon.manager.last("STATUS")), PATIENCE), f"and how it is: {daemon.manager.last('STATUS')}")


def inbox(lab, address):
    return [read(line.split("\t")[0]) for line in lab.lab("inbox", address).splitlines()]


def test_reload(lab, daemon):
    mark = len(lab.log())
    edit(lab, "[site one]\n", "[site one]\ntitle = Renamed tester\n")
    ok(daemon.reload(), "36: SIGHUP: RELOADING with its time, then READY")
    ok(logged(lab, r"reload=done, sites=2, secrets=1\n", mark), "36: and the log says so")
    lab.send("renamed@good.test")
    ok(until(lambda: len(inbox(lab, "renamed@good.test")) == 2, PATIENCE)
       and all("From: Renamed tester <" in text for text in inbox(lab, "renamed@good.test")), "36: letters are by the new configuration")
    mark = len(lab.log())
    edit(lab, "[postsix]\n", "[postsix]\nsubmit_sessions = 7\n")
    ok(daemon.reload(), "36: an option that wants a restart was changed")
    ok(logged(lab, r"reload=done, error=\S*postsix\.conf:\d+: postsix\.submit_sessions: a change wants a restart, ignoring\n", mark),
       "36: the log names it with its line")
    edit(lab, "submit_sessions = 7\n", "")


def test_faulty(lab, daemon):
    """Each fault by itself is refused, with its place; what was good before stays."""
    template = f"{lab.folder}/templates/en/report.txt"
    secret = f"{lab.folder}/token.secret"

    def spoil(path, text):
        mode, good = os.stat(path).st_mode & 0o777, read(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return good

    faults = (("an unknown option", config(lab), read(config(lab)).replace("[dual]\n", "[dual]\nnonsense = 1\n"), r"postsix\.conf:\d+: nonsense: no such option"),
              ("a value out of range", config(lab), read(config(lab)).replace("[postsix]\n", "[postsix]\ntoken_lifetime = 1s\n"), r"postsix\.conf:\d+: token_lifetime: "),
              ("no site", config(lab), read(config(lab)).split("[site one]")[0], r"postsix\.conf:\d+: .site NAME.: at least one site"),
              ("a broken template", template, "Subject: x\n\n{{#open}}\n", r"en/report\.txt"),
              ("a secret that is too short", secret, "short\n", r"token\.secret: "),
              ("a key that is none", f"{lab.folder}/keys/one.rsa", "x\n", r"keys/one\.rsa: "))
    for what, path, text, pattern in faults:
        mark, good = len(lab.log()), spoil(path, text)
        ok(daemon.reload() and logged(lab, rf"reload=refused, error=\S*{pattern}.*, the old configuration stays\n", mark),
           f"37: {what}: refused, with its place") or diag(lab.log()[mark:])
        spoil(path, good)
    ok(daemon.manager.last("STATUS").startswith("Reload refused"), "37: the status says so")
    lab.send("still@good.test")
    ok(until(lambda: len(inbox(lab, "still@good.test")) == 2, PATIENCE)
       and "From: Renamed tester <" in inbox(lab, "still@good.test")[0], "37: requests are answered as before")
    ok(daemon.reload() and until(lambda: daemon.manager.last("STATUS").startswith("Requests"), PATIENCE),
       "37: and a good one is taken, after all")


def test_rotation(lab, daemon):
    """A probe of the old secret, whose failure comes when a new one signs."""
    secret, mark = f"{lab.folder}/token.secret", len(lab.log())
    old = read(secret)
    lab.send("old@deaf.test")
    ok(logged(lab, r"mail=six, to=<old@deaf.test>, instance=v6, status=sent", mark), "a probe is out, by the old secret")
    with open(secret, "w", encoding="utf-8") as file:
        file.write(f"{os.urandom(32).hex()}\n{old}\n")
    ok(daemon.reload() and logged(lab, r"reload=done, sites=2, secrets=2\n", mark), "two secrets")
    lab.send("new@v4only.test")
    ok(until(lambda: any("returned" in text or "delivery-status" in text for text in inbox(lab, "old@deaf.test")), PATIENCE)
       and logged(lab, r"dsn=used, outcome=failed, .*\n", mark), "the old probe's failure is believed")
    ok(until(lambda: any("delivery-status" in text for text in inbox(lab, "new@v4only.test")), PATIENCE), "and a new one's")
    ok("reason=forged" not in lab.log()[mark:], "none was taken for forged")


def test_reload_under_load(lab, daemon, invariants):
    before, stop = count_duplicates(invariants.facts()), threading.Event()

    def reload_often():
        while not stop.wait(0.05):
            signal_to(daemon.pid, signal.SIGHUP)
            for program in (lab.intake, lab.milter):
                signal_to(program.pid, signal.SIGHUP)

    thread = threading.Thread(target=reload_often)
    thread.start()
    sent = sum(lab.send(f"load{n}@good.test") for n in range(60))
    found = invariants.settle(PATIENCE)
    stop.set()
    thread.join()
    eq((sent, found), (60, []), "36: sixty requests while all three get SIGHUP over and over: each has its one answer")
    eq(count_duplicates(invariants.facts()) - before, 0, "36: none twice")
    ok(all(program.is_alive() for program in (daemon, lab.intake, lab.milter)), "36: nobody ended")
    ok(daemon.manager.count("RELOADING=1") > 10, f"36: {daemon.manager.count('RELOADING=1')} reloads in all")


def test_sockets(lab, daemon, intake):
    """Restarts that nobody on the sockets notices."""
    policy, inode = f"{lab.run_folder}/policy/socket", os.stat(f"{lab.run_folder}/policy/socket").st_ino
    eq(ask_policy(policy).recv(100)[:11], b"action=550 ", "12: the socket handed over is served")
    eq(daemon.end(), 0, "4: postsixd stops")
    waiting = ask_policy(policy)
    daemon.start()
    eq(waiting.recv(100)[:11], b"action=550 ", "12: who asked while it was away is answered by the next one")
    eq(os.stat(policy).st_ino, inode, "12: the socket is the same")
    eq(intake.end(), 0, "4: postsix-intake stops")
    sent = lab.send("waits@good.test")
    time.sleep(0.5)
    mark = len(lab.log())
    intake.start()
    ok(sent and logged(lab, r"request=answered, from=<waits@good.test>"), "4: a message that came while it was away is taken by the next one")
    ok("status=deferred" not in lab.log()[mark:], "4: and was not deferred")


def longest_silence(manager, since, until_then):
    times = [since] + [when for when, text in manager.said if "WATCHDOG=1" in text.split("\n") and since < when < until_then] + [until_then]
    return max(b - a for a, b in zip(times, times[1:]))


def stuck(program, inject, act):
    """The longest time without a word to the watchdog, while a system call takes eight seconds; None where strace cannot attach."""
    strace = subprocess.Popen(("strace", "-p", str(program.pid), "-o", "/dev/null", "-e", f"inject={inject}:delay_enter=8000000:when=1"),
                              stderr=subprocess.PIPE, text=True)
    if "attached" not in strace.stderr.readline():
        return None
    start = time.monotonic()
    act()
    until(lambda: time.monotonic() > start + 12)
    strace.terminate()
    strace.wait()
    return longest_silence(program.manager, start, time.monotonic())


def test_watchdog(lab, daemon, intake):
    start = time.monotonic()
    until(lambda: time.monotonic() > start + 8)
    for program in (daemon, intake):
        silence = longest_silence(program.manager, start, time.monotonic())
        ok(silence < 4, f"{program.name} tells the watchdog, {silence:.1f} s apart at most")
    for program, inject in ((daemon, "fsync,fdatasync"), (intake, "accept4")):
        silence = stuck(program, inject, lambda name=program.name: lab.send(f"stuck-{name}@good.test"))
        if silence is None:
            skip(f"{program.name}: a stuck turn", "strace cannot attach")
            continue
        ok(silence > 6, f"{program.name}: a turn that hangs starves it: {silence:.1f} s")
        ok(logged(lab, f"request=answered, from=<stuck-{program.name}@good.test>"), "and when it goes on, all goes on")


def main():
    start = time.monotonic()
    lab = Lab("manager")
    lab.daemon, lab.intake, lab.milter = Managed(lab, "postsixd", 4), Managed(lab, "intake", 4), Managed(lab, "milter")
    for program in (lab.daemon, lab.intake):
        program.end()  # which removes the socket that it made
    lab.daemon.listen = handed_over(socket.SOCK_STREAM, f"{lab.run_folder}/policy/socket")
    lab.intake.listen = handed_over(socket.SOCK_SEQPACKET, f"{lab.run_folder}/intake/socket")
    for program in (lab.daemon, lab.intake, lab.milter):
        ok(program.restart(), f"{program.name} says READY")
    invariants = Invariants(lab)
    test_ready_and_status(lab, lab.daemon)
    test_reload(lab, lab.daemon)
    test_faulty(lab, lab.daemon)
    test_rotation(lab, lab.daemon)
    test_reload_under_load(lab, lab.daemon, invariants)
    test_sockets(lab, lab.daemon, lab.intake)
    test_watchdog(lab, lab.daemon, lab.intake)
    for program in (lab.daemon, lab.intake, lab.milter):
        eq(program.end(), 0, f"{program.name} stops")
    ok(lab.daemon.manager.count("STOPPING=1") >= 1 and lab.intake.manager.count("STOPPING=1") >= 1, "and says so")
    diag(f"{time.monotonic() - start:.0f} s")
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
