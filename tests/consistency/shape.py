#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""The house's measures: functions and files stay short, and say what they are. Prints the figures."""
import glob
import os
import re
import statistics

from house import B, Tap, is_script, none, read, run, tracked

LONGEST, P90, MEDIAN, MAIN, FILE = 80, 45, 16, 40, 500

t = Tap()
sources = sorted(glob.glob("src/*/*.[ch]"))
tests = tracked(r"^tests/.*\.[ch]$")
bodies = [p for p in sources if p.endswith(".c")]
headers = [p for p in sources if p.endswith(".h")]


def functions(paths):
    """(lines, name, path) of each function."""
    tags = run("ctags", "-x", "--languages=C", "--kinds-C=f", "--_xformat=%N %F %n %e", *paths).stdout
    return [(int(end) - int(start) + 1, name, path)
            for name, path, start, end in (line.split() for line in tags.splitlines()) if end != "-"]


def lines_of(paths):
    return {p: read(p).count("\n") for p in paths}


code = functions(bodies)
lengths = sorted(length for length, _, _ in code) or [0]
p90 = lengths[int(len(lengths) * 0.9)]
files = lines_of(sources)
t.ok(len(code) > 100, f"{len(code)} functions in {len(bodies)} files of code")
none(t, [f"{path}: {name} has {n}" for n, name, path in code if n > LONGEST], f"no function over {LONGEST} lines (longest: {lengths[-1]})")
t.ok(p90 <= P90, f"nine of ten functions within {P90} lines (p90: {p90})")
t.ok(statistics.median(lengths) <= MEDIAN, f"median function within {MEDIAN} lines ({statistics.median(lengths):g})")
none(t, [f"{path}: {n}" for n, name, path in code if name == "main" and n > MAIN], f"every main() within {MAIN} lines")
none(t, [f"{p}: {n}" for p, n in (files | lines_of(tests)).items() if n > FILE], f"no file over {FILE} lines")
t.diag(f"median file of code: {statistics.median([files[p] for p in bodies] or [0]):g} lines; "
       f"{sum(files.values())} lines in src, {sum(lines_of(tests).values())} lines of C in tests")

scripts = [p for p in tracked() if is_script(p, "bash|sh|python3|perl") or p.endswith(".py")]
LICENCE = re.compile(r"\A(#!.*\n)?(//|#) SPDX-License-Identifier: ISC\n(//|#) Copyright \(c\) \d{4} The postsix authors\n")
none(t, [p for p in sources + tests + scripts if not LICENCE.match(read(p))], "every file begins with its licence and one copyright line")
heads = {p: re.match(r"(?:.*\n){2}\n((?://.*\n)+)(\n|#include)", read(p)) for p in bodies}
none(t, [p for p, m in heads.items() if not m or len(m.group(1)) < 60 or m.group(1).count("\n") > 12],
     "every .c says at its head what it is for (in at most 12 lines)")
none(t, [p for p in headers if not re.match(r"(?:.*\n){2}\n(//.*\n)+#pragma once\n", read(p))],
     "every header says at its head what it is, and is included once")


def prototypes(path):
    tags = run("ctags", "-x", "--languages=C", "--map-C=+.h", "--kinds-C=p", "--_xformat=%N %n", path).stdout
    return [line.split() for line in tags.splitlines()]


def uncommented(path):
    """Prototypes without a comment above, at the line's end, or above the group of lines that they stand in. All
    x_free() are alike (fine on NULL, work half-built, return NULL), and need none."""
    text = read(path).split("\n")
    for name, number in prototypes(path):
        above = int(number) - 1  # the index of its line
        while above >= 0 and text[above].strip() and not text[above].startswith("//"):
            above -= 1
        if not (text[above].startswith("//") or "//" in text[int(number) - 1] or name.endswith("_free")):
            yield f"{path}:{number}: {name}"


n_prototypes = sum(len(prototypes(path)) for path in headers)
t.ok(n_prototypes > 80, f"{n_prototypes} functions in {len(headers)} headers")
none(t, [fault for path in headers for fault in uncommented(path)], "every function of a header is documented there")

places = {}
for obj in glob.glob(f"{B}/obj/*/*.o"):
    if not os.path.exists("src/" + obj[len(f"{B}/obj/"):-2] + ".c"):
        continue  # of a file that was since removed
    for name in re.findall(r"^\w+ [TDBRC] (\w+)$", run("nm", "-g", "--defined-only", obj).stdout, re.M):
        places.setdefault(name, []).append(obj[len(f"{B}/obj/"):-2] + ".c")
t.ok(len(places) > 100, f"{len(places)} global names")
none(t, [f"{name}: {', '.join(paths)}" for name, paths in places.items() if len(paths) > 1 and name != "main"],
     "no global name is defined in two files")
declared = " ".join(read(p) for p in headers)
none(t, [f"{paths[0]}: {name}" for name, paths in places.items()
         if name != "main" and not re.search(r"\b%s\b" % name, declared)], "every global name stands in a header; the rest is static")
t.done()
