# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""A lab whose postsixd and postsix-intake a test may kill, trace and start again. Not a test itself.

The lab starts both; Program takes over what it sees there, so what is tested runs as the lab runs it: the
same user, the same arguments, the same namespace.
"""
import atexit
import os
import re
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests"))
USERS = {"postsixd": "postsix", "intake": "postsix-intake"}
# a report whose survey died with its daemon is due when the survey would have been over: ten seconds, for each kill
BRIEF_SURVEYS = "--set=postsix.survey_deadline=1"


def until(condition, seconds=60.0, every=0.02):
    """Its first true value, or its last one when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(every)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def exists(pid):
    """Whether the process is there and not a zombie."""
    state = re.search(r"^State:\s+(\w)", read(f"/proc/{pid}/status"), re.M)
    return state is not None and state[1] not in "ZX"


def signal_to(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def children(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def busy_children(pid):
    """Of intake: the workers that have a message. Beside the resident's socket they have their client's."""
    return [child for child in children(pid) if len(sockets(child)) > 1]


def sockets(pid):
    try:
        return [link for link in (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")) if link.startswith("socket:")]
    except OSError:
        return []


def cpu(pid):
    """What it used till now, in ticks."""
    return sum(map(int, read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:13]))


class Program:
    """postsixd or postsix-intake, started as the lab did, under a wrapper if wanted."""

    def __init__(self, lab, name):
        self.lab, self.name, self.process, self.wrapped = lab, name, None, False
        self.pid = int(read(f"{lab.folder}/pid/{name}"))
        self.command = read(f"/proc/{self.pid}/cmdline").split("\0")[:-1]

    def start(self, *wrapper):
        user, self.wrapped = USERS[self.name], bool(wrapper)
        confined = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs", "--bounding-set=-all",
                    "--inh-caps=-all")
        with open(f"{self.lab.folder}/log/service.log", "ab") as log:
            self.process = subprocess.Popen(("ip", "netns", "exec", self.lab.service, *confined, *wrapper, *self.command),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.lab.folder, umask=0o007)
        self.pid = self.process.pid
        return self.process

    def own_pid(self):
        """The program's, whatever it runs under; 0 where it is not there."""
        if not self.wrapped:
            return self.pid if self.is_alive() else 0
        return next((pid for pid in children(self.pid) if os.path.basename(self.command[0])[:15] == read(f"/proc/{pid}/comm").strip()), 0)

    def is_alive(self):
        return self.process.poll() is None if self.process else exists(self.pid)

    def end(self, number=signal.SIGTERM, seconds=15):
        """Its exit status, where it was started here. None where it did not end in time."""
        signal_to(self.own_pid() or self.pid, number)
        if not until(lambda: not self.is_alive(), seconds):
            return None
        return self.process.returncode if self.process else 0

    def usage(self):
        """Resident memory in kB, and the number of descriptors, without the one that intake has to each of its workers."""
        memory = re.search(r"VmRSS:\s+(\d+)", read(f"/proc/{self.pid}/status"))
        workers = read(f"/proc/{self.pid}/task/{self.pid}/children").split()
        return int(memory[1]) if memory else 0, len(os.listdir(f"/proc/{self.pid}/fd")) - len(workers)


class Sender:
    """A process in the world that mails, a message at a time."""

    def __init__(self, lab):
        self.process = subprocess.Popen(("ip", "netns", "exec", lab.world, "/usr/bin/python3", "-B", f"{HERE}/worldsend.py"),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def send(self, sender, recipient="test@six.test", octets=0):
        """The server's last words."""
        self.process.stdin.write(f"{sender} {recipient} {octets}\n")
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Lab:
    """Up from here on, down when the test ends however it ends. sent: the requests that a 250 was said to, by sender."""

    def __init__(self, name, *options, up=True):
        self.name = "-".join(filter(None, (os.environ.get("LAB"), name)))
        self.env = {**os.environ, "LAB": self.name}
        self.service, self.world = f"postsix-{self.name}-svc", f"postsix-{self.name}-world"
        self.run_folder = f"/run/postsix-lab-{self.name}"
        self.sent, self.lock, self.folder = {}, threading.Lock(), None
        if up:
            self.up(*options)

    def up(self, *options):
        atexit.register(self.down)
        self.lab("up", "--no-policy", *options)  # mail is to come in while postsixd is away
        self.folder = os.path.realpath(f"{self.run_folder}/state")
        self.database = f"{self.folder}/postsix.db"
        self.daemon, self.intake = Program(self, "postsixd"), Program(self, "intake")
        self.sender = Sender(self)

    def down(self):
        self.lab("down", check=False)

    def lab(self, *arguments, check=True):
        done = subprocess.run((f"{ROOT}/tests/lab/lab", *arguments), env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"lab {' '.join(arguments)}: {done.stdout}")
        return done.stdout

    def take_over(self):
        """Both programs become children of this test."""
        for program in (self.daemon, self.intake):
            program.end()
            program.start()
        until(lambda: self.listens())
        return self

    def supervise(self):
        """systemd's part, once: starts again what is not there. How many."""
        gone = [program for program in (self.daemon, self.intake) if not program.is_alive()]
        for program in gone:
            program.start()
        return len(gone)

    def listens(self):
        """Whether somebody listens on intake's socket: flag __SO_ACCEPTCON in the namespace's table."""
        path = re.escape(f"{self.run_folder}/intake/socket")
        pid = next(iter(self.daemon.lab.pids("master")), "self")
        return re.search(rf"(?m)^\S+ \S+ \S+ 00010000 .* {path}$", read(f"/proc/{pid}/net/unix"))

    def pids(self, comm):
        """Of the processes of that name in the service's namespace: never another lab's, nor the machine's."""
        namespace = os.stat(f"/run/netns/{self.service}").st_ino
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and read(f"/proc/{entry}/comm").strip() == comm[:15]:
                try:
                    found += [int(entry)] if os.stat(f"/proc/{entry}/ns/net").st_ino == namespace else []
                except (FileNotFoundError, ProcessLookupError):
                    pass
        return found

    def send(self, sender, recipient="test@six.test", octets=0, by=None):
        """True where the service said 250."""
        answer = (by or self.sender).send(sender, recipient, octets)
        if answer.startswith("250"):
            with self.lock:
                self.sent[sender] = self.sent.get(sender, 0) + 1
        return answer.startswith("250")

    def postfix(self, instance, verb):
        return subprocess.run(("ip", "netns", "exec", self.service, "postfix", "-c", f"{self.folder}/{instance}/etc", verb), check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def flush(self):
        """Deferred mail goes at once, not when its instance thinks of it."""
        for instance in ("dual", "v6"):  # as `postfix flush`, without all that it looks at before
            subprocess.run(("ip", "netns", "exec", self.service, "postqueue", "-c", f"{self.folder}/{instance}/etc", "-f"), check=False,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def log(self):
        return read(f"{self.folder}/log/service.log")

    def entries(self, folder="new"):
        return [name for name in os.listdir(f"{self.folder}/spool/{folder}") if not name.startswith(".")]
