# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""A Debian root to boot from, made once and kept in the build folder: its name is what it holds. It is made out of this
machine's package sources and then needs no network: all that the package depends on is in it. In the environment:

RELEASE=CODENAME       another release than this machine's; its package is built in a root of that release, too. The sources
                       are this machine's with the one name in place of the other, or
POSTSIX_SOURCES=LINE   one line of sources.list(5), for another distribution: 'deb [signed-by=…] https://… noble main universe'
POSTSIX_ROOT=FOLDER    a root that is there already"""

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
# what builds the package, beside what that says itself; git tells what is tracked
BUILDER = {"build-essential", "git", "lintian"}
TRIMMED = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")


def host(place="/"):
    with open(f"{place}/etc/os-release", encoding="utf-8") as file:
        return re.search(r"(?m)^VERSION_CODENAME=(\w+)", file.read())[1]


def release():
    return os.environ.get("RELEASE") or host(os.environ.get("POSTSIX_ROOT", "/"))


def sources(suite, folder):
    """Sources of this suite as mmdebstrap takes them: files that name it, of Debian, that is, and of no third party. Those of
    another release are written to the folder."""
    if os.environ.get("POSTSIX_SOURCES"):
        return [os.environ["POSTSIX_SOURCES"]]
    files = ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]
    found = []
    for path in filter(os.path.isfile, files):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"(?m)^\s*#.*\n", "", file.read())
        if re.search(rf"(?m)[ \t]{host()}([ \t]|$)", text):
            found.append(path if suite == host() else f"{folder}/{suite}-{os.path.basename(path)}")
            if suite != host():
                put(folder, os.path.basename(found[-1]), re.sub(rf"\b{host()}\b", suite, text))
    return found


def names(depends):
    """The names before each comma; of alternatives, the first."""
    return {re.match(r"\s*([a-z0-9.+-]+)", each)[1] for each in depends.split(",")}


def get(folder, deb):
    """The path of the root, made where it is not there yet."""
    if os.environ.get("POSTSIX_ROOT"):
        return os.path.realpath(os.environ["POSTSIX_ROOT"])
    depends = subprocess.run(("dpkg-deb", "--field", deb, "Depends"), stdout=subprocess.PIPE, text=True, check=True).stdout
    return kept(folder, "root", SERVER | names(depends), settle)


def builder(folder, control):
    """A root to build the package in, of which control is debian/control."""
    with open(control, encoding="utf-8") as file:
        depends = re.search(r"(?ms)^Build-Depends:(.*?)^\S", file.read())[1]
    return kept(folder, "builder", BUILDER | names(depends), lambda path: None)


def kept(folder, kind, packages, finish):
    suite, packages = release(), sorted(packages)
    key = hashlib.sha256(f"{FORMAT} {suite} {packages}".encode()).hexdigest()[:12]
    path = f"{folder}/{kind}-{suite}-{key}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            for old in glob.glob(f"{folder}/{kind}-{suite}-*"):
                shutil.rmtree(old)
            make(suite, packages, f"{path}.new")
            finish(f"{path}.new")
            os.rename(f"{path}.new", path)
    return path


def make(suite, packages, path):
    shutil.rmtree(path, ignore_errors=True)
    done = subprocess.run(("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}",
                           "--aptopt=Acquire::Check-Valid-Until \"false\"",  # sources may be a snapshot
                           *(f"--dpkgopt=path-exclude={each}" for each in TRIMMED), suite, path, *sources(suite, os.path.dirname(path))),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap: {done.stdout}")


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
