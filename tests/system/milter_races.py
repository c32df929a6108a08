#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-milter under helgrind, while many sessions verify at once: no data race in our code, in libopendkim or in c-ares.

Left out is what has libmilter itself at the top of the stack (it reads its state without a lock), or OpenSSL (its once-only
initialisations, which helgrind does not see through)."""
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

SUPPRESSED = "".join(f"{{\n {number}\n Helgrind:{rule}\n}}\n" for number, rule in enumerate((
    "Race\n obj:*/libmilter.so*", "Race\n obj:*/libc.so*\n obj:*/libmilter.so*", "Race\n obj:*/libcrypto.so*",
    "Misc\n obj:*/vgpreload_helgrind*\n obj:*/libmilter.so*", "Misc\n ...\n fun:mi_closener")))
FOLDER = os.environ.get("MILTER_RACES") or tempfile.mkdtemp()
os.environ["MILTER_RACES"] = FOLDER
os.environ["MILTER_WRAPPER"] = (f"valgrind --tool=helgrind --error-exitcode=99 --suppressions={FOLDER}/suppressions "
                                f"--log-file={FOLDER}/log")

import milter_dns  # noqa: E402 pylint: disable=wrong-import-position
from milter_dns import Milter, Server, diag, done, eq, ok, signature, talk  # noqa: E402 pylint: disable=wrong-import-position

KINDS = ("good", "nx", "servfail", "cut", "two", "black")


def one(milter, number):
    fields = [("DKIM-Signature", signature(KINDS[(number + i) % len(KINDS)], f"d{number % 3}.test")) for i in range(number % 4)]
    fields += [("Authentication-Results", " mx.six.test; none")] * (number % 3)
    return talk(milter, f"RACE{number}", fields, client=f"2001:db8:f::{1 + number % 9}")


def main():
    if "--inside" not in sys.argv:
        if os.geteuid() != 0:
            sys.exit("only root can make network namespaces")
        inside = ["unshare", "--net", "--mount", sys.executable, "-B", os.path.abspath(__file__), "--inside"]
        status = subprocess.run(inside, check=False).returncode
        shutil.rmtree(FOLDER)
        sys.exit(status)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, text in (("suppressions", SUPPRESSED), ("resolv.conf", f"nameserver {milter_dns.DNS}\n")):
        with open(f"{FOLDER}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    subprocess.run(["mount", "--bind", f"{FOLDER}/resolv.conf", "/etc/resolv.conf"], check=True)
    Server()
    os.makedirs(f"{FOLDER}/milter")
    milter = Milter(f"{FOLDER}/milter")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda number: one(milter, number), range(96)))
    eq([message for message in seen if message.reply != "c" or message.ms < 0], [], "96 messages, 16 at a time, each with its log line")
    milter.process.send_signal(signal.SIGTERM)
    status = milter.process.wait(60)
    with open(f"{FOLDER}/log", encoding="utf-8") as file:
        log = file.read()
    ok(status == 0 and re.search(r"ERROR SUMMARY: 0 errors", log), "helgrind has nothing to say") or diag(f"{status}\n{log[-6000:]}")
    subprocess.run(["umount", "/etc/resolv.conf"], check=False)
    done()


if __name__ == "__main__":
    main()
