#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""The table of options against postsix.conf(5), each program's --help against its page, and the pages by themselves.

What a page must look like: in postsix.conf.5 each section of the configuration is an `.Ss` (or `.Sh`) with its name in
brackets, `[postsix]`, `[dual] and [v6]`, `[site NAME]`; each option an `.It Cm name`; its default the macro line `.Pq default: …`
(one for all, or `.Pq default in [dual]: …` for each), or `.Pq required`. Flags in the other pages are `Fl`."""
import glob
import re

from house import B, PROGRAMS, Tap, none, read, run, tracked

PAGES = {"postsix-pipe": "man/postsix-pipe.8", "postsix-intake": "man/postsix-intake.8", "postsixd": "man/postsixd.8",
         "postsix-milter": "man/postsix-milter.8",
         "postsix": "man/postsix.8"}


def plain(mdoc):
    """A macro line's words without macros and quoting: as a reader sees them, blanks apart."""
    words = re.sub(r'\b(Ns|Pa|Cm|Ar|Dq|Sq|Li|Ql|Qq|Ad|Ev|No)\b|["\\]&?|[“”‘’]', " ", mdoc)
    return " ".join(words.split()).replace(" ,", ",").replace(" .", ".")


def documented(page):
    """{(section, option): its part of the page}"""
    found, sections, option = {}, [], None
    for line in read(page).splitlines():
        if re.match(r"\.S[hs] ", line):
            sections, option = re.findall(r"\[\s*(\w+)", plain(line)), None
        elif re.match(r"\.El\b", line):
            option = None
        elif match := re.match(r"\.It (?:Cm|Ic|Va) (\w+)", line):
            option = match.group(1)
            found |= {(section, option): [] for section in sections}
        elif option:
            for section in sections:
                found[section, option].append(line)
    return found


def default_of(section, lines):
    """What the page gives as default; None where it says nothing."""
    for line in lines:
        if match := re.match(r"\.Pq (required|default(?: in \[?(\w+)\]?)?:? ?(.*))$", plain(line).replace("[ ", "[")):
            if match.group(1) == "required":
                return "required"
            if match.group(2) in (None, section):
                return match.group(3)
    return None


def flags_of_help(text):
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]*|-[A-Za-z])(?![\w])", text))


def flags_of_page(page):
    flags = set()
    for line in re.findall(r"^\..*\bFl\b.*", read(page), re.M):
        for name in re.findall(r"\bFl ((?:\\?-)*[A-Za-z][\w-]*)", line):
            name = name.replace("\\-", "-").lstrip("-")
            flags.add("-" + name if len(name) == 1 else "--" + name)
    return flags


t = Tap()
rows = [line.split("\t") for line in run(f"{B}/postsix", "config", "--options").stdout.splitlines()]
t.ok(rows and all(len(row) == 5 for row in rows), f"postsix config --options: {len(rows)} options of five columns")
rows = [row for row in rows if len(row) == 5]
table = {tuple(re.sub(r"\.NAME\.|\.\*\.", ".", row[0]).split(".")): row for row in rows}
pages = documented("man/postsix.conf.5")
none(t, [".".join(key) for key in set(table) - set(pages)], "postsix.conf(5) describes every option")
none(t, [".".join(key) for key in set(pages) - set(table)], "and no other")
none(t, [f"{'.'.join(key)}: table {row[2]!r}, page {default_of(key[0], pages[key])!r}" for key, row in table.items()
         if key in pages and default_of(key[0], pages[key]) not in ({row[2]} if row[2] else {"required", "", "empty", "none"})],
     "with its default")
none(t, [row[0] for row in rows if row[3] not in ("reloadable", "restart")], "each is reloadable or needs a restart")
none(t, [".".join(key) for key, row in table.items() if key in pages
         and (row[3] == "restart") != any(".Pq restart" in line for line in pages[key])],
     "which the page says too (.Pq restart)")
none(t, [row[0] for row in rows if not 10 <= len(row[4]) <= 100], "each has its line of help")

for name in PROGRAMS.values():
    texts = [run(f"{B}/{name}", "--help", timeout=5)]
    verbs = re.findall(r"^  ([a-z][a-z0-9-]*)  +\S", texts[0].stdout, re.M) if name == "postsix" else []
    texts += [run(f"{B}/{name}", verb, "--help", timeout=5) for verb in verbs]
    t.ok(all(text.returncode == 0 and text.stdout for text in texts), f"{name} --help is answered, on standard output")
    t.ok(all(text.stdout.count("\n") <= 24 and max(map(len, text.stdout.splitlines() or [""])) <= 80 for text in texts),
         f"{name} --help fits a screen")
    t.ok(read(PAGES[name]), f"{name} has its page, {PAGES[name]}")
    in_help, in_page = set().union(*(flags_of_help(text.stdout) for text in texts)), flags_of_page(PAGES[name])
    none(t, [f"{flag}: not in the page" for flag in in_help - in_page] + [f"{flag}: not in --help" for flag in in_page - in_help],
         f"{name} --help and its page have the same options")
    t.ok(name == "postsix" or "SECURITY CONSIDERATIONS" in read(PAGES[name]), f"{name}'s page says what strangers can reach")

words = {name for path in glob.glob("src/daemon/words*.c")
         for name in re.findall(r'\b(?:words_add\w*|words_put\w*|add_stranger|add_key)\(\s*(?:tree|&item),\s*"(\w+)"', read(path))}
facts = set(re.findall(r'\.name = "(\w+)"', read("src/adapter/phrases.c")))
listed = set(re.findall(r"\b[a-z]\w*", " ".join(re.findall(r"^\.(?:It .*)?Li ([a-z]\w*(?: , \w+)*)", read("man/postsix-templates.7"), re.M))))
t.ok(len(words) > 60 and len(facts) > 10, f"{len(words)} names for templates, {len(facts)} for phrases")
none(t, sorted((words | facts) ^ listed), "postsix-templates.7 lists the names that a template may have")

# What mandoc's style holds against us on purpose: long lines of source; sections named [postsix] or NAMES; and what is a
# matter of this machine, the pages that are installed here (ours are looked for below).
HOUSE = r"longer than 80 bytes|possible typo in section name|trailing delimiter: Ss \[?|referenced manual not found|outdated mandoc.db"
files = tracked(r"^man/")
t.ok(len(files) > 8, f"{len(files)} pages")
for page in files:
    result = run("mandoc", "-T", "lint", "-W", "style", page)
    none(t, [line for line in result.stdout.splitlines() + result.stderr.splitlines() if not re.search(HOUSE, line)],
         f"{page} is lint-clean")
    none(t, [name for name, section in re.findall(r"^\.(?:.* )?Xr (postsix\S*) (\d)", read(page), re.M)
             if f"man/{name}.{section}" not in files], "and the pages of ours that it names are there")
    none(t, [name for name in re.findall(r"^\.Sx (.*?)(?: [.,;])?$", read(page), re.M)
             if not re.search(rf"^\.S[hs] {re.escape(name)}$", read(page), re.M)], "and the sections of its own")
t.done()
