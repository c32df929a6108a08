#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix-log(7) against the code: each call that logs has its entries, each entry its call, with level and token.

An entry is `.It Sy LEVEL Li LINE`, or `.It Sy LEVEL Ar TOKEN : Li LINE`, in the `.Ss` of its program; where the code has a
conversion, or a macro, the line has any text. An entry belongs to the call whose fixed text is longest of those that fit."""
import glob
import re

from house import Tap, none, read, run

PAGE = "man/postsix-log.7"
PROGRAMS = {"daemon": "postsixd", "intake": "postsix-intake", "milter": "postsix-milter"}
EVERY = "every program"
NAMES = {"LOG_ALERT": "alert", "LOG_ERR": "err", "LOG_WARNING": "warning", "LOG_NOTICE": "notice", "LOG_INFO": "info", "LOG_DEBUG": "debug"}
STRING = r'"((?:[^"\\]|\\.)*)"'
CALL = re.compile(r"\b(log_note|log_event|diary_event)\(")


def arguments(code):
    """The arguments of a call, from behind its parenthesis: split at commas that are in no parenthesis and no string."""
    depth, found = 0, [""]
    for part in re.findall(STRING.replace("((", "(?:(") + r"|[(),;]|[^\"(),;]+", code):
        depth += (part == "(") - (part == ")")
        if depth < 0 or part == ";":
            break
        if part == "," and depth == 0:
            found.append("")
        else:
            found[-1] += part
    return [" ".join(argument.split()) for argument in found]


def levels(code, argument, position):
    """The names of levels in an argument; where it is a parameter, those that the function's callers give."""
    if names := re.findall(r"\bLOG_[A-Z]+\b", argument):
        return {NAMES[name] for name in names}
    function = re.findall(r"^static [^;{}=]*?(\w+)\([^;{}]*\)\n\{", code[:position], re.M)[-1]
    return {NAMES[name] for name in re.findall(rf"\b{function}\((LOG_[A-Z]+)", code)}


def calls():
    """(program, has a token, its format, levels, where) of each call in src."""
    for path in sorted(glob.glob("src/*/*.c")):
        code = re.sub(r"^\s*//.*$", lambda comment: " " * len(comment.group(0)), read(path), flags=re.M)
        program = PROGRAMS.get(path.split("/")[1], path.split("/")[1])
        for match in CALL.finditer(code):
            given = arguments(code[match.end():])
            skipped = {"log_note": 1, "log_event": 2, "diary_event": 3}[match.group(1)]
            if len(given) <= skipped or not given[skipped].startswith('"') or given[skipped] == '"%s"':
                continue  # a definition, or a line that another call made
            level = given[skipped - 1] if skipped == 1 else given[skipped - 2]
            where = f"{path}:{code[:match.start()].count(chr(10)) + 1}"
            yield program, skipped > 1, given[skipped], levels(code, level, match.start()), where
    for macro in re.findall(r"#define LOG_LOST\s+(.*)", read("src/base/log_queue.h")):
        yield EVERY, False, macro, {"warning"}, "src/base/log_queue.h"


def pattern(text):
    """A format, of one or several literals and macros between them, as regular expression; and how much of it is fixed."""
    fixed = re.sub(r'"\s*"', "", re.sub(r'"\s+[A-Z_]+\s+"', "\0", text)).strip('"')
    fixed = re.sub(r"%[-0-9.*]*(?:ll|z|l)?[a-z]", "\0", fixed)
    return ".*".join(map(re.escape, fixed.split("\0"))), len(fixed.replace("\0", ""))


def entries():
    program = None
    for number, line in enumerate(read(PAGE).splitlines(), 1):
        if match := re.match(r"\.S[sh] (?:Lines of )?(.*)", line):
            program = match.group(1)
        elif match := re.match(r"\.It Sy (\w+) (?:Ar (\w+) : )?Li (.+)", line):
            yield program, match.group(2) is not None, match.group(3), match.group(1), f"{PAGE}:{number}"


t = Tap()
code, page = list(calls()), list(entries())
t.ok(len(code) > 35, f"{len(code)} calls that log")
t.ok(len(page) > 45, f"{len(page)} entries in {PAGE}")
none(t, [f"{where}: {program}" for program, _, _, _, where in code if program not in [*PROGRAMS.values(), EVERY]],
     "nobody but the programs' own folders logs")
none(t, [f"{where}: {text}" for _, _, text, found, where in code if not found], "each call's level is known")

belongs = {call[4]: [] for call in code}
strays = []
for entry in page:
    fitting = [(pattern(call[2])[1], call) for call in code
               if call[0] == entry[0] and re.fullmatch(pattern(call[2])[0], entry[2])]
    best = max((length for length, _ in fitting), default=0)
    for length, call in fitting:
        if length == best:
            belongs[call[4]].append(entry)
    if not fitting:
        strays.append(f"{entry[4]}: {entry[2]}")
none(t, strays, "each entry is a line of its program")
none(t, [f"{call[4]}: {call[2]}" for call in code if not belongs[call[4]]], "each call has its entry")
none(t, [f"{call[4]}: {sorted(call[3])}, in the page {sorted({entry[3] for entry in belongs[call[4]]})}" for call in code
         if belongs[call[4]] and call[3] != {entry[3] for entry in belongs[call[4]]}], "with its level, or levels")
none(t, [f"{entry[4]}: {entry[2]}" for call in code for entry in belongs[call[4]] if entry[1] != call[1]],
     "and with a token where the call has one")
twice = [entry[:4] for entry in page]
none(t, [str(entry) for entry in set(twice) if twice.count(entry) > 1], "no entry is there twice")
keys = {entry[4]: set(re.findall(r"([a-z][a-z0-9_-]*)=", entry[2])) for entry in page}
none(t, [f"{call[4]}: {key}" for call in code for key in re.findall(r'(?:^"|, "?)([a-z][a-z0-9_-]*)=', call[2])
         if belongs[call[4]] and not any(key in keys[entry[4]] for entry in belongs[call[4]])], "every key of a call stands in its entry")
shown = run("mandoc", "-T", "utf8", PAGE).stdout
t.ok("alert id: alert=own-records" in re.sub(r".\x08", "", shown), "it is shown as level, token, line")
t.done()
