#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""The layers: includes point one way, a foreign library stays in its adapter, mail/ touches nothing outside itself."""
import glob
import os
import re

from house import B, PROGRAMS, Tap, none, read, run

LAYERS = {"base": 0, "mail": 1, "adapter": 2} | {program: 3 for program in PROGRAMS}
# Where a foreign header, by folder or file, may stand. All others: in a single file of adapter/.
GMIME = {"src/adapter/mime.c", "src/adapter/compose.c"}
SEVERAL_FILES = {"gmime": GMIME, "glib.h": GMIME | {"src/adapter/digest.c"},
                 "jansson.h": {"src/adapter/entry.c", "src/adapter/report_json.c", "src/adapter/survey_json.c",
                               "src/adapter/figures_json.c"},
                 "sqlite3.h": {"src/adapter/store.c", "src/adapter/history.c", "src/adapter/inspect.c"},
                 "openssl": {"src/adapter/key.c", "src/adapter/certificate.c"},
                 "dkim.h": {"src/adapter/dkim.c", "src/adapter/dkim_sign.c"},
                 **dict.fromkeys(("ares.h", "ares_nameser.h"), {"src/adapter/dns.c", "src/adapter/dns_read.c"})}
# What a header of ours must not name even where it includes nothing.
FOREIGN_TYPES = r"\b(GMime\w+|GByteArray|GObject|json_t|json_\w+_t|sqlite3(_stmt)?|sd_(event|bus)\w*|ares_\w+|DKIM\w*|SMFI\w*)\b"
# Pure code asks nobody: no file, socket, process, clock, chance or log.
IMPURE = """open open64 openat openat64 creat fopen fopen64 freopen fdopen opendir socket socketpair connect bind listen
    accept accept4 send sendto sendmsg recv recvfrom recvmsg read write pread pwrite readv writev rename renameat unlink
    unlinkat mkdir mkdirat rmdir stat lstat fstat fork vfork execve execv execvp system popen kill getaddrinfo gethostbyname
    time clock_gettime gettimeofday getrandom rand random syslog printf __printf_chk fprintf __fprintf_chk puts fputs
    getenv secure_getenv setlocale""".split()

t = Tap()
sources = sorted(glob.glob("src/*/*.[ch]"))
t.ok(len(sources) > 40, f"{len(sources)} source files were found")
none(t, [p for p in sources if p.split("/")[1] not in LAYERS], "every folder of src is a known layer or program")
none(t, [p for p in glob.glob("src/**", recursive=True) if os.path.isfile(p) and p not in sources],
     "src has nothing but its layers' .c and .h")

libc = set()
for package in ("libc6-dev", "linux-libc-dev"):
    libc |= set(re.findall(r"^/usr/include/(?:[\w]+-linux-gnu/)?(.*\.h)$", run("dpkg", "-L", package).stdout, re.M))
compiler = run("gcc", "-print-file-name=include").stdout.strip()
libc |= set(os.listdir(compiler))
t.ok({"stdio.h", "sys/socket.h", "linux/if.h", "stdbool.h"} <= libc, "the C library's own headers are known")

upward, missing, other_program, in_header, foreign = [], [], [], [], {}
for path in sources:
    folder = path.split("/")[1]
    for quote, name in re.findall(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)', read(path), re.M):
        if quote == '"':
            target = name.split("/")[0]
            if not os.path.isfile("src/" + name):
                missing.append(f"{path}: \"{name}\"")
            elif LAYERS.get(target, 9) > LAYERS.get(folder, 0):
                upward.append(f"{path}: \"{name}\"")
            elif target in PROGRAMS and target != folder:
                other_program.append(f"{path}: \"{name}\"")
        elif name not in libc:
            library = name if "/" not in name or name.startswith("systemd/") else name.split("/")[0]
            foreign.setdefault(library, set()).add(path)
            if path.endswith(".h"):
                in_header.append(f"{path}: <{name}>")
none(t, missing, "every include of ours is written layer/name.h and is there")
none(t, upward, "includes point one way: program, adapter, mail, base")
none(t, other_program, "no program includes another's headers")
none(t, in_header, "no header of ours includes a foreign header")
none(t, [f"{p}: {m.group(0)}" for p in sources if p.endswith(".h")
         for m in re.finditer(FOREIGN_TYPES, re.sub(r"//.*", "", read(p)))], "no header of ours names a foreign type")
none(t, [f"<{library}>: {p}" for library, paths in foreign.items() for p in paths if not p.startswith("src/adapter/")],
     "foreign headers are included in adapter/ only")
none(t, [f"<{library}>: {', '.join(sorted(paths))}" for library, paths in foreign.items()
         if (not paths <= SEVERAL_FILES[library] if library in SEVERAL_FILES else len(paths) > 1)],
     "each foreign library has one file (GMime two: mime.c reads, compose.c writes; GLib those and digest.c; libopendkim "
     "two: dkim.c verifies, dkim_sign.c signs; SQLite three: store.c writes, history.c and inspect.c read; c-ares two: dns.c asks, dns_read.c reads)")
t.ok({"gmime", "jansson.h", "sqlite3.h", "ini.h", "dkim.h", "openssl"} <= set(foreign),
     "and these were seen: gmime, jansson, sqlite3, inih, libopendkim, libcrypto")

symbols = run("nm", "-u", "-A", f"{B}/libmail.a")
calls = re.findall(r":(\w+\.o):\s+U (\w+)", symbols.stdout)
t.ok(symbols.returncode == 0 and calls, "what mail/ calls is known")
none(t, [f"mail/{o[:-2]}.c calls {name}" for o, name in calls if name in IMPURE or name.startswith("log_")],
     "mail/ calls nothing that opens, sends, asks the clock or logs")
none(t, [p for p in sources if re.search(r"/(utils?|common|misc|helpers?|shared|stuff|types|defs)\.[ch]$", p)],
     "no util.c, no common.h")
t.done()
