# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""A machine: a Debian root with systemd as PID 1, in a network namespace of somebody else's.

Commands are run by nsenter(1), as root and no unit: one that the machine's end cuts short dies of SIGKILL, which nobody can
take for success. (`systemd-run --wait` says 0 then.) What systemd-nspawn does not enforce, no test here relies on:
MemoryMax=, TasksMax=, CPUQuota= and the like."""

import os
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.realpath(__file__))
PATIENCE = 90
OWN_CLOCK = ("setpriv", "--bounding-set", "-sys_time")  # this machine's clock is not to be set: namespaces have none of their own
REBOOT = 133  # nspawn's status where the machine wants to boot again
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}


def own_mounts(*command):
    return ("unshare", "--mount", "--propagation", "private", *command)


def why_not(folder):
    """What forbids a machine here, or ''."""
    for program in ("systemd-nspawn", "mmdebstrap", "dpkg-buildpackage", "unshare", "nsenter", "setpriv"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if os.geteuid() != 0:
        return "only root can boot a machine"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    done = subprocess.run(own_mounts(f"{HERE}/start", "--probe", folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)
    return "" if done.returncode == 0 else "namespaces, cgroups or mounts are not allowed: " + " ".join(done.stdout.split())


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


class Machine:
    def __init__(self, folder, root, netns, name):
        self.folder, self.root, self.netns, self.name = folder, root, netns, name
        self.process, self.leader = None, 0
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)

    # ---- boot and end

    def start(self):
        state = f"{self.folder}/state"
        shutil.rmtree(state, ignore_errors=True)  # what is mounted there is not mounted here
        os.makedirs(state)
        with open(f"{self.folder}/console", "ab") as console:
            self.process = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", *own_mounts(f"{HERE}/start", state, self.root, f"{self.folder}/disk", self.netns, self.name)),
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        self.leader = self.until(self.find_leader, "no systemd came")
        # not before its sockets are there
        self.until(lambda: self.run("systemctl", "is-system-running", "--wait").stdout.strip() in ("running", "degraded"), "did not boot")

    def until(self, condition, complaint):
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the machine: {complaint}\n{self.console()}")
            time.sleep(0.1)
        return value

    def find_leader(self):
        below = [self.process.pid]
        for pid in below:
            if name_of(pid) == "systemd":
                return pid
            below += children(pid)
        return 0

    def console(self):
        with open(f"{self.folder}/console", encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-15:])

    def end(self, *command):
        """Its status once it is down."""
        self.run(*command)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def reboot(self):
        status = self.end("systemctl", "reboot")
        if status != REBOOT:
            raise RuntimeError(f"the machine did not reboot but ended with {status}\n{self.console()}")
        self.start()

    def kill(self):
        """As when the plug is pulled."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)

    # ---- inside

    def run(self, *command, stdin="", seconds=PATIENCE):
        """What came of it: returncode, and both streams in stdout. Without a terminal."""
        try:
            return subprocess.run((*OWN_CLOCK, "nsenter", "--target", str(self.leader), "--all", "--wdns=/tmp", *command), input=stdin,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                                  timeout=seconds, env=ENVIRONMENT)
        except subprocess.TimeoutExpired as late:
            return subprocess.CompletedProcess(command, 124, (late.stdout or b"").decode("utf-8", "replace"), None)

    def say(self, *command, **kwargs):
        """The output of what must succeed."""
        done = self.run(*command, **kwargs)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout

    def path(self, path):
        """A file of the machine, as this process finds it."""
        return f"/proc/{self.leader}/root{path}"

    def read(self, path):
        with open(self.path(path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)

    # ---- its units

    def show(self, unit, *names):
        """Properties of a unit, as text."""
        lines = self.say("systemctl", "show", f"--property={','.join(names)}", unit).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def is_active(self, unit):
        return self.run("systemctl", "is-active", "--quiet", unit).returncode == 0

    def main_pid(self, unit):
        """As it is called in the machine, or 0."""
        return int(self.show(unit, "MainPID").get("MainPID", "0"))

    def journal(self, unit=None, since=None):
        """What a program said just before its end may bear its name alone: journald asks the kernel for its unit too late."""
        self.run("journalctl", "--sync")
        whose = [f"_SYSTEMD_UNIT={unit}", "+", f"UNIT={unit}", "+", f"SYSLOG_IDENTIFIER={unit.removesuffix('.service')}"] if unit else []
        return self.say("journalctl", "--quiet", "--no-pager", "--output=short-precise", *whose,
                        *(["--since", f"@{since}"] if since else []))
