# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""A Debian root to boot from, made once and kept in the build folder: its name is what it holds. It is made out of this
machine's package sources and then needs no network: all that the package depends on is in it. POSTSIX_ROOT=FOLDER in the
environment is taken instead, to try another release."""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess

FORMAT = 1  # one more where make() changes
# what a server has that postsix is installed on, beside what `apt` itself needs
SERVER = {"systemd", "systemd-sysv", "dbus", "postfix", "procps", "iproute2", "ca-certificates"}
TRIMMED = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")


def release():
    with open("/etc/os-release", encoding="utf-8") as file:
        return re.search(r"(?m)^VERSION_CODENAME=(\w+)", file.read())[1]


def sources(suite):
    """The files that name this suite: of Debian, that is, and of no third party."""
    files = ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]
    found = []
    for path in files:
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"(?m)^\s*#.*\n", "", file.read())
            found += [path] if re.search(rf"(?m)[ \t]{suite}([ \t]|$)", text) else []
    return found


def dependencies(deb):
    """The names before each comma; of alternatives, the first."""
    text = subprocess.run(("dpkg-deb", "--field", deb, "Depends"), stdout=subprocess.PIPE, text=True, check=True).stdout
    return {re.match(r"\s*([a-z0-9.+-]+)", each)[1] for each in text.split(",")}


def get(folder, deb):
    """The path of the root, made where it is not there yet."""
    if os.environ.get("POSTSIX_ROOT"):
        return os.path.realpath(os.environ["POSTSIX_ROOT"])
    suite, packages = release(), sorted(SERVER | dependencies(deb))
    key = hashlib.sha256(f"{FORMAT} {suite} {packages}".encode()).hexdigest()[:12]
    path = f"{folder}/root-{suite}-{key}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            for old in glob.glob(f"{folder}/root-*"):
                shutil.rmtree(old)
            make(suite, packages, f"{path}.new")
            os.rename(f"{path}.new", path)
    return path


def make(suite, packages, path):
    shutil.rmtree(path, ignore_errors=True)
    done = subprocess.run(("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}",
                           "--aptopt=Acquire::Check-Valid-Until \"false\"",  # sources may be a snapshot
                           *(f"--dpkgopt=path-exclude={each}" for each in TRIMMED), suite, path, *sources(suite)),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap: {done.stdout}")
    settle(path)


def settle(path):
    """A server that was installed and has never run: no package source, no identity, a log that stays."""
    for pattern in ("etc/apt/sources.list*", "var/lib/apt/lists/*", "etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/apt/apt.conf.d/99mmdebstrap"):
        for found in glob.glob(f"{path}/{pattern}"):
            (shutil.rmtree if os.path.isdir(found) else os.unlink)(found)
    put(path, "etc/machine-id", "")
    put(path, "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    put(path, "etc/resolv.conf", "nameserver 198.51.100.53\nnameserver 2001:db8:100::53\noptions timeout:2 attempts:2\n")
    os.makedirs(f"{path}/var/log/journal", exist_ok=True)
    os.symlink("/dev/null", f"{path}/etc/systemd/system/console-getty.service")


def put(path, name, text):
    place = f"{path}/{name}"
    if os.path.islink(place):
        os.unlink(place)
    with open(place, "w", encoding="utf-8") as file:
        file.write(text)
