# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What the consistency tests share: the tree's files and TAP. Not a test itself."""
import os
import re
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))
os.chdir(ROOT)

from tap import Tap  # noqa: E402 (the path is set above)

B = os.environ.get("B", "build")
PROGRAMS = {"pipe": "postsix-pipe", "intake": "postsix-intake", "daemon": "postsixd", "milter": "postsix-milter", "cli": "postsix"}


def run(*command, **options):
    """The finished process, its output as text whatever bytes it has; status 127 where it could not run to its end."""
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as fault:
        return subprocess.CompletedProcess(command, 127, "", str(fault))


def read(path):
    """A file's text; "" where there is none, so that what should be in it is missed there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def tracked(pattern=r""):
    """The files in git's list whose path matches; whoever owns the clone (sudo make test)."""
    listing = run("git", "-c", "safe.directory=*", "ls-files", "-z")
    assert listing.returncode == 0, listing.stderr
    return [p for p in listing.stdout.split("\0") if p and re.search(pattern, p) and os.path.isfile(p)]


def is_script(path, shells):
    """Whether its first line names one of these interpreters."""
    with open(path, "rb") as file:
        first = file.readline(100)
    return first.startswith(b"#!") and re.search(rb"\b(%s)\b" % shells.encode(), first) is not None


def none(tap, faults, name):
    """One test that the list is empty; else each is shown."""
    faults = sorted(faults)
    if not tap.ok(not faults, name):
        tap.diag("\n".join(faults[:40]))
