#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Documents against the tree: packages, links, names of tests; and nothing of anybody's machine in it."""
import os
import re

from house import Tap, none, read, run, tracked

# Split, so that this file does not hold what it looks for.
MACHINE = [r"(?<![\w./$}-])/" + p for p in (r"work\b", r"root\b", r"home/\w", r"Users/\w")]
REGISTRIES = ["pypi." + "org", "pythonhosted." + "org", "registry." + "npmjs", "crates" + ".io", "proxy." + "golang",
              "rubygems" + ".org", "docker" + r"\.io", "deb" + r"\.debian\.org", "art" + "ifactory", "nex" + "us"]

t = Tap()
readme = read("README.md")
t.ok(readme, "README.md is there")
packages = set(run("tests/deps", "--list").stdout.split())
t.ok(len(packages) > 10, f"tests/deps lists {len(packages)} packages")
# a row of the table: | `package`, `package` | reason |
rows = re.findall(r"^\|([^|]+)\|([^|]+)\|", readme, re.M)
table = {name: reason for cell, reason in rows for name in re.findall(r"`([a-z0-9][a-z0-9.+-]+)`", cell)}
none(t, [f"{name}: no row in README.md" for name in packages - set(table)], "README.md names every package of tests/deps, `name` in a table")
none(t, [name for name in packages & set(table) if len(table[name].strip()) < 5], "and gives each a reason")
used = re.findall(r"(?<!\$\()\bpkg-config\b|\bprove\b|\bctags\b|\bclang-format\b|\bmandoc\b|\bshellcheck\b|\bnsd\b|\bstrace\b|\bsqlite3\b",
                  " ".join(read(p) for p in tracked(r"^(Makefile|tests/.*)$") if "/deps" not in p and "/data/" not in p))
PROVIDED = {"prove": "perl", "ctags": "universal-ctags"}
none(t, {name for name in used if PROVIDED.get(name, name) not in packages}, "tools that the tests call are in tests/deps")
for command in ("sudo make demo", "sudo make test"):
    t.ok(command in readme, f"README.md gives the command: {command}")

markdown = tracked(r"\.md$")
links = [(p, link.split("#")[0]) for p in markdown for link in re.findall(r"\]\(([^)\s]+)\)", read(p)) if not re.match(r"[a-z]+:|#", link)]
none(t, [f"{p}: {link}" for p, link in links if not os.path.exists(os.path.join(os.path.dirname(p), link))], f"{len(links)} relative links lead somewhere")
mentioned = {(p, name) for p in markdown for name in re.findall(r"`((?:src|tests|man|doc|postfix|templates|systemd)/[\w./-]+)`", read(p))}
none(t, [f"{p}: {name}" for p, name in mentioned if not os.path.exists(name)], f"{len(mentioned)} paths in documents are there")

notes = read("doc/RFC-NOTES.md")
t.ok(notes, "doc/RFC-NOTES.md is there")
tests = " ".join(read(p) for p in tracked(r"^tests/.*\.(c|py)$"))
names = set(re.findall(r"\btest_\w+", notes))
t.ok(names, f"doc/RFC-NOTES.md names {len(names)} tests")
none(t, [name for name in names if not re.search(r"\b%s\b" % name, tests)], "and each of them exists")

t.ok("Permission to use, copy, modify" in read("LICENSE"), "LICENSE is ISC's")
ignored = run("git", "-c", "safe.directory=*", "ls-files", "-ci", "--exclude-standard")
t.ok(ignored.returncode == 0 and not ignored.stdout, "nothing that .gitignore names is tracked")
none(t, [p for p in tracked() if os.path.getsize(p) > 200_000], "no tracked file over 200 kB")
none(t, [f"{p}: {m.group(0)}" for p in tracked() for pattern in MACHINE + REGISTRIES for m in re.finditer(pattern, read(p))],
     "no path of anybody's machine, no package registry, in any tracked file")
t.done()
