# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""Where everything of the lab is, and what all its parts stand on."""

import os
import re
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
NAME = os.environ.get("LAB", "")
SUFFIX = f"-{NAME}" if NAME else ""
BUILD = os.path.realpath(os.path.join(TOP, os.environ.get("B") or "build"))
RUN = f"/run/postsix-lab{SUFFIX}"
SERVICE, WORLD = f"postsix{SUFFIX}-svc", f"postsix{SUFFIX}-world"
INSTANCES = ("dual", "v6")


class Failure(Exception):
    """A sentence for the person at the keyboard."""


def run(*command, check=True, **kwargs):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **kwargs)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}".rstrip())
    return done.stdout


def within(namespace, *command):
    return ("ip", "netns", "exec", namespace, *command)


def write(path, content, mode=0o644):
    with open(path, "w", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, mode)) as file:
        file.write(content)
    return path


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def state():
    """The folder of the lab that is up."""
    if not os.path.islink(f"{RUN}/state"):
        raise Failure(f"the lab{' ' + NAME if NAME else ''} is not up")
    return os.path.realpath(f"{RUN}/state")


def exists(namespace):
    return os.path.exists(f"/run/netns/{namespace}")


def pids():
    """Everything that runs in our two namespaces, but for this process and those that wait for it."""
    mine, parent = {os.getpid()}, os.getppid()
    while parent > 1:
        mine.add(parent)
        parent = int(re.search(r"^PPid:\s*(\d+)", read(f"/proc/{parent}/status"), re.M)[1])
    found = " ".join(run("ip", "netns", "pids", n, check=False) for n in (SERVICE, WORLD) if exists(n)).split()
    return {int(pid) for pid in found} - mine


def tail(folder, log):
    path = f"{folder}/log/{log}.log"
    return "\n".join(read(path).splitlines()[-15:]) if os.path.exists(path) else "it logged nothing"
