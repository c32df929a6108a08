#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Attempts out of systemd's journal, which is a real journald in a mount namespace of its own: what Postfix's user and root log is
read; what any other user logs under the same name is not, though anybody may."""
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.realpath(f"{HERE}/../..")
sys.path.insert(0, f"{HERE}/..")
from tap import diag, done, eq, ok, skip  # noqa: E402

JOURNALD = "/lib/systemd/systemd-journald"
PATIENCE = 60
SOURCES = [f"{TOP}/src/{name}.c" for name in ("adapter/journal", "mail/maillog", "base/text", "base/mem")]
# journald, and what is run beside it, with a /run, a log and a machine of their own
NAMESPACE = f"""
set -eu
mount -t tmpfs run /run
mount -t tmpfs log /var/log
mkdir -p /run/systemd/journal
echo 0123456789abcdef0123456789abcdef >/run/machine-id
mount --bind /run/machine-id /etc/machine-id
{JOURNALD} &
trap "kill $!; wait" EXIT
"$@"
"""


def log(uid, queue_id):
    """As syslog(3) of that user would. One that journald cannot ask any more is as good: its credentials came with the line."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresuid(uid, uid, uid)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect("/run/systemd/journal/dev-log")
            line.send(f"<22>Nov 23 18:54:39 postfix-v6/smtp[{os.getpid()}]: {queue_id}: to=<a@b.test>, relay=none, delay=1, delays=0/0/1/0, "
                      "dsn=4.4.1, status=deferred (said by somebody)".encode())
        os._exit(0)
    return os.waitpid(child, 0)[1]


def await_lines(number, end):
    while subprocess.run(["journalctl", "-q", "-o", "cat"], check=False, stdout=subprocess.PIPE,
                         text=True).stdout.count("said by somebody") < number and time.monotonic() < end:
        time.sleep(0.1)


def inside():
    """In the namespace."""
    end = time.monotonic() + PATIENCE
    while not os.path.exists("/run/systemd/journal/dev-log") and time.monotonic() < end:
        time.sleep(0.05)
    owner = pwd.getpwnam("postfix").pw_uid
    log(0, "4FRST")
    await_lines(1, end)  # there is a journal
    with subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        eq(reader.stdout.readline(), "open 0\n", "the journal is opened")
        eq([log(uid, name) for uid, name in ((65534, "4NBDY"), (owner, "4PSTFX"), (12345, "4THR"), (0, "4RT"))], [0] * 4, "four users log")
        await_lines(5, end)
        found = reader.communicate("\n", PATIENCE)[0].split()
    eq(found, ["4PSTFX", "4RT"], "those of Postfix and of root are read, and nobody else's")
    done()


def main():
    if not os.path.exists(JOURNALD) or subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "x", "/mnt"], check=False,
                                                      stderr=subprocess.DEVNULL).returncode != 0:
        skip("attempts out of a real journal", "no journald here, or no mounts are allowed")
        done()
    with tempfile.TemporaryDirectory(prefix="postsix-journald-") as folder:
        os.chmod(folder, 0o755)
        built = subprocess.run(["cc", f"-I{TOP}/src", "-D_GNU_SOURCE", "-std=gnu17", "-o", f"{folder}/reader", f"{HERE}/journald.c", *SOURCES,
                                "-lsystemd"], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if built.returncode != 0:
            ok(False, "its reader is built")
            diag(built.stdout)
            done()
        sys.exit(subprocess.run(["unshare", "-m", "--propagation", "private", "bash", "-c", NAMESPACE, "bash", sys.executable,
                                 os.path.abspath(__file__), f"{folder}/reader"], check=False).returncode)


if len(sys.argv) > 1:
    inside()
main()
