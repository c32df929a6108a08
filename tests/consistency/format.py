#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""One format: clang-format for C, shellcheck for shell scripts; Python compiles; no stray blanks; letters of 76 columns."""
import re

from house import Tap, none, read, is_script, run, tracked

t = Tap()
c = tracked(r"^(src|tests)/.*\.[ch]$")
t.ok(c, f"{len(c)} C files")
result = run("clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *c)
none(t, re.findall(r"^\S+:\d+:\d+: error.*", result.stderr, re.M), "C is as clang-format has it (make format)")
t.eq(result.returncode, 0, "clang-format is content")

shell = [p for p in tracked() if is_script(p, "sh|bash|dash")]
t.ok(shell, f"{len(shell)} shell scripts")
result = run("shellcheck", "-f", "gcc", *shell)
none(t, result.stdout.splitlines(), "shell scripts pass shellcheck")
t.eq(result.returncode, 0, "shellcheck is content")
none(t, [p for p in shell if not re.search(r"^set -euo? ?(pipefail)?$", read(p), re.M)], "shell scripts stop at a fault: set -eu")

python = [p for p in tracked() if p.endswith(".py") or is_script(p, "python3?")]
faults = []
for path in python:
    try:
        compile(read(path), path, "exec")
    except SyntaxError as fault:
        faults.append(f"{path}:{fault.lineno}: {fault.msg}")
    first = read(path).split("\n", 1)[0]
    if first.startswith("#!") and not re.fullmatch("#!/usr/bin/python3( -B)?", first):
        faults.append(f"{path}: begins with {first}, not with Debian's Python")
none(t, faults, f"{len(python)} Python files compile, for Debian's Python")
text = [p for p in tracked(r"\.(c|h|py|md|mk|[1-8]|service|socket)$|^Makefile$|^tests/[a-z]+$") if "/data/" not in p]
none(t, [f"{p}:{n}" for p in text for n, line in enumerate(read(p).split("\n"), 1) if line != line.rstrip()],
     "no blanks at the ends of lines")
letters = tracked(r"^templates/[a-z]+/[a-z]+\.txt$")
none(t, [f"{p}:{n}" for p in letters for n, line in enumerate(read(p).split("\n"), 1)
         if len(re.sub(r"\{\{[#^/!].*?\}\}", "", line)) > 76 and "{{" not in line],
     f"{len(letters)} letters' own lines are broken at 76 columns, so that nobody breaks them again")
t.done()
