# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""The Debian package of the source tree as it is, made by `make deb`; kept until what goes into it changes.
POSTSIX_DEB=FILE in the environment is taken instead."""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PARTS = ("Makefile", "src", "postfix", "systemd", "templates", "man")
FOREIGN = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")  # of the make that runs the tests


def key():
    listed = subprocess.run(("git", "-c", "safe.directory=*", "ls-files", "-z", *PARTS), cwd=TOP, stdout=subprocess.PIPE, check=True).stdout
    digest = hashlib.sha256()
    for name in listed.decode().split("\0"):
        path = f"{TOP}/{name}"
        if name and os.path.exists(path):
            with open(path, "rb") as file:
                digest.update(f"{name} {os.stat(path).st_mode:o} ".encode() + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()[:12]


def get(folder):
    given = os.environ.get("POSTSIX_DEB")
    if given:
        return os.path.realpath(given)
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/lock-deb", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = f"{folder}/postsix-{key()}.deb"
        if not os.path.exists(path):
            build(folder, path)
    return path


def build(folder, path):
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    done = subprocess.run(("make", "-s", f"B={folder}", "deb"), cwd=TOP, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"make deb: {done.stdout}")
    for old in glob.glob(f"{folder}/postsix-*.deb"):
        os.unlink(old)
    shutil.copy(next(name for name in glob.glob(f"{folder}/deb/postsix_*.deb")), path)


def renewed(deb, path):
    """The same package, but of a higher version."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(("dpkg-deb", "--raw-extract", deb, folder), check=True)
        with open(f"{folder}/DEBIAN/control", encoding="utf-8") as file:
            lines = [line.rstrip("\n") + "+1\n" if line.startswith("Version:") else line for line in file]
        with open(f"{folder}/DEBIAN/control", "w", encoding="utf-8") as file:
            file.writelines(lines)
        subprocess.run(("dpkg-deb", "--root-owner-group", "--build", folder, path), stdout=subprocess.DEVNULL, check=True)
    return path
