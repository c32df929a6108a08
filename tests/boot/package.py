# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""The Debian package of the source tree as it is, made by `make deb`; kept until what goes into it changes. One for another
release (RELEASE=, see root.py) is made in a root of that. POSTSIX_DEB=FILE in the environment is taken instead."""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
# pylint: disable=wrong-import-position
import root  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PARTS = ("Makefile", "src", "postfix", "systemd", "templates", "man")
# a shell in a mount namespace of its own: into the root $1, with the folders up to -- as they are here, runs the rest
INSIDE = """root=$1; shift
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount --rbind "$1" "$root$1"; shift; done
mount -t proc proc "$root/proc"; shift; exec chroot "$root" "$@\""""
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
        path = f"{folder}/postsix-{root.release()}-{key()}.deb"
        if not os.path.exists(path):
            build(folder, path)
    return path


def build(folder, path):
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    make = ("make", "-s", "-C", TOP, f"B={folder}", "deb")
    if root.release() != root.host():
        place = root.builder(folder, f"{TOP}/systemd/debian/control")
        make = ("unshare", "--mount", "--propagation", "private", "sh", "-euc", INSIDE, "sh", place, TOP, folder, "/dev", "--", *make)
    done = subprocess.run(make, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"make deb: {done.stdout}")
    for old in glob.glob(f"{folder}/postsix-{root.release()}-*.deb"):
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
