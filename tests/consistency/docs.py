#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Documents against the tree: packages, links, names of tests; and nothing of anybody's machine in it."""
import os
import re

from house import B, Tap, none, read, run, tracked

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

# Commands of ours that documents quote: in backticks, in indented blocks and behind a prompt.
quoted = [(p, command) for p in markdown
          for command in re.findall(r"`(?:sudo )?(postsixd? [^`]*)`", read(p)) +
          re.findall(r"^ {4,}(?:[$#] )?(?:sudo )?(postsixd? [a-z-].*)", read(p).replace("\\\n", " "), re.M) +
          re.findall(r"^[$#] (?:sudo )?(postsixd? .*)", read(p), re.M)]
helps = {"postsixd": run(f"{B}/postsixd", "--help").stdout, "postsix": run(f"{B}/postsix", "--help").stdout}
verbs = re.findall(r"^  ([a-z][a-z0-9-]*)  +\S", helps["postsix"], re.M)
helps |= {verb: run(f"{B}/postsix", verb, "--help").stdout for verb in verbs}


def fault_of(command):
    """What is wrong with a command as far as --help knows; None for a good one."""
    words = re.split(r"\s+|[|>;…]", command)
    whose = words[1] if words[0] == "postsix" and words[1] in verbs else words[0]
    if words[0] == "postsix" and whose == "postsix" and not words[1].startswith("-") and words[1] != "VERB":
        return f"no such verb: {words[1]}"
    known = re.findall(r"(?<![\w-])(--?[A-Za-z][\w-]*)", helps[whose])
    return next((f"no such option of {whose}: {word}" for word in words[1:]
                 if re.match(r"--?[a-zA-Z]", word) and re.split("[=,]", word)[0] not in known), None)


t.ok(len(quoted) > 40 and len(verbs) > 8, f"{len(quoted)} commands of postsix are quoted, of {len(verbs)} verbs")
none(t, {f"{p}: {command}: {fault_of(command)}" for p, command in quoted if fault_of(command)}, "each is a known verb with known options")

operations = read("doc/OPERATIONS.md")
rows = re.findall(r"^\| (`.*?) \| .*? \| .*? \|$", operations, re.M)
starts = [start for row in rows for start in re.findall(r"`([^`]+)`", row)]
lines = re.findall(r"^\.It Sy (?:alert|err|warning) (?:Ar \w+ : )?Li (.*)", read("man/postsix-log.7"), re.M)
t.ok(len(lines) > 25, f"{len(lines)} lines of alert, err and warning in postsix-log(7)")
none(t, [line for line in lines if not any(line.startswith(start) for start in starts)], "doc/OPERATIONS.md says what to do about each")
checks = re.findall(r'^\t\{"([a-z0-9]+)", check_', read("src/cli/check.c"), re.M)
t.ok(len(checks) > 10, f"{len(checks)} checks of `postsix check`")
none(t, [name for name in checks if name not in starts], "and about each of these")
chosen = {name for _, command in quoted for names in re.findall(r"--(?:only|skip) (\S+)", command) for name in names.split(",")}
none(t, sorted(chosen - set(checks)), f"{len(chosen)} checks that --only and --skip choose are checks")
none(t, [start for start in starts if start not in [*checks, "self-test"] and not any(line.startswith(start) for line in lines)
         and not os.path.exists(start) and not start.startswith("/")], "and nothing that there is not")
names = set(re.findall(r"`(?:\[?\w+\]? )?([a-z]+_[a-z_0-9]+)`", operations))
options = run(f"{B}/postsix", "config", "--options").stdout
none(t, [name for name in names if not re.search(rf"\.{name}\t", options) and name not in read("src/cli/metrics.c")
         and name not in ("inet_interfaces",)], f"{len(names)} options that it names are options")

t.ok("Permission to use, copy, modify" in read("LICENSE"), "LICENSE is ISC's")
ignored = run("git", "-c", "safe.directory=*", "ls-files", "-ci", "--exclude-standard")
t.ok(ignored.returncode == 0 and not ignored.stdout, "nothing that .gitignore names is tracked")
none(t, [p for p in tracked() if os.path.getsize(p) > 200_000], "no tracked file over 200 kB")
none(t, [f"{p}: {m.group(0)}" for p in tracked() for pattern in MACHINE + REGISTRIES for m in re.finditer(pattern, read(p))],
     "no path of anybody's machine, no package registry, in any tracked file")
t.done()
