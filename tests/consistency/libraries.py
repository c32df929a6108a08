#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What each program links, and how it is hardened. A new library here is a decision, not an accident."""
import glob
import os
import re

from house import B, PROGRAMS, Tap, none, run

GMIME = {"libgmime-3.0.so.0", "libgobject-2.0.so.0", "libglib-2.0.so.0"}  # it comes with its objects
NEEDED = {
    "pipe": None,  # libc is in it: whoever starts once a message has no time to look for libraries
    "intake": GMIME | {"libjansson.so.4", "libsystemd.so.0", "libseccomp.so.2"},
    "daemon": GMIME | {"libjansson.so.4", "libsystemd.so.0", "libsqlite3.so.0", "libinih.so.1", "libopendkim.so.11",
                       "libcrypto.so.3", "libcares.so.2"},
    "milter": {"libmilter.so.1.0.1", "libopendkim.so.11", "libcares.so.2", "libsystemd.so.0"},
    "cli": GMIME | {"libjansson.so.4", "libsqlite3.so.0", "libsystemd.so.0", "libcares.so.2", "libinih.so.1", "libcrypto.so.3",
                    "libseccomp.so.2"},
}
# glibc's functions that fortification always replaces; where nothing of that kind is called, nothing shows it
CHECKED = set("printf fprintf dprintf vprintf vfprintf vdprintf asprintf vasprintf".split())


t = Tap()
t.eq(set(NEEDED), set(PROGRAMS), "every program has its list")
for part, name in PROGRAMS.items():
    path = f"{B}/{name}"
    if not t.ok(os.access(path, os.X_OK), f"{name} is built"):
        continue
    dynamic = run("readelf", "-dW", path).stdout
    segments = run("readelf", "-lW", path).stdout
    linked = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    if NEEDED[part] is None:
        # it imports nothing: what its own objects ask libc for
        imports = set(re.findall(r" UND (\w+)", run("readelf", "-sW", *glob.glob(f"{B}/obj/{part}/*.o")).stdout))
        t.ok(not linked and "INTERP" not in segments, f"{name} needs no library at all")
    else:
        imports = set(re.findall(r" UND (\w+)", run("readelf", "--dyn-syms", "-W", path).stdout))
        t.eq(sorted(linked - {"libc.so.6"}), sorted(NEEDED[part]), f"{name} links what it should, beside libc")
    t.ok(re.search(r"FLAGS_1\).*\bPIE\b", dynamic), f"{name} is position-independent")
    t.ok("GNU_RELRO" in segments and re.search(r"FLAGS_1\).*\bNOW\b", dynamic), f"{name} has full RELRO")
    t.ok("__stack_chk_fail" in imports, f"{name} has stack protection")
    t.ok(any(i.endswith("_chk") for i in imports - {"__stack_chk_fail"}) or not imports & CHECKED,
         f"{name} is fortified")
    t.ok(re.search(r"GNU_STACK.* RW ", segments), f"{name} has no executable stack")
    none(t, re.findall(r"\((?:RPATH|RUNPATH|TEXTREL)\).*", dynamic), f"{name} has no library path and no text relocations")
t.done()
