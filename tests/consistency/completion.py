#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""doc/postsix.bash-completion in a bash of its own: every verb, and every option of each verb's --help, is completed."""
import os
import re

from house import B, ROOT, Tap, none, read, run

CONFIG = "tests/lab/postsix.conf"
SCRIPT = """
set -u
source doc/postsix.bash-completion
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _postsix
printf '%s\\n' "${COMPREPLY[@]-}"
"""


def complete(*words):
    path = os.path.realpath(B) + ":" + os.environ["PATH"]
    result = run("bash", "-c", SCRIPT, "bash", "postsix", *words, env={**os.environ, "PATH": path, "LC_ALL": "C"}, cwd=ROOT)
    if result.stderr:
        t.diag(result.stderr)
    return set(result.stdout.split())


t = Tap()
lint = run("shellcheck", "-s", "bash", "doc/postsix.bash-completion")
none(t, lint.stdout.splitlines(), "shellcheck has nothing to say")
help_text = run(f"{B}/postsix", "--help").stdout
verbs = set(re.findall(r"^  ([a-z][a-z0-9-]*)  +\S", help_text, re.M))
t.ok({"status", "show", "survey"} <= verbs, f"{len(verbs)} verbs")
t.ok(verbs <= complete(""), "every verb is completed")
t.eq(complete("sta"), {"stats", "status"}, "by its beginning")
t.ok({"--help", "--version"} <= complete("--"), "and the options without a verb")
missing, more = [], []
for verb in sorted(verbs):
    text = run(f"{B}/postsix", verb, "--help").stdout
    wanted = set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]*)", text))
    offered = complete(verb, "--")
    missing += [f"{verb} {option}" for option in wanted - offered]
    more += [f"{verb} {option}" for option in offered - wanted]
none(t, missing, "every option of every verb's --help is completed")
none(t, more, "and no other")
t.eq(complete("list", "--outcome", "a"), {"accepted"}, "an outcome's word")
t.ok("-h" in complete("list", "-"), "short options, too")
t.ok("README.md" in complete("explain", "READ"), "files elsewhere")
t.ok(read(CONFIG), "there is a configuration to try sites with")
t.done()
