#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What templates have in common stands in each of them, since a template is one file, which its translator reads from the
top: the style, the parts that a report and a processed bounce share, and the tags, whatever the language. It stays the same."""
import glob
import os
import re

from house import Tap, none, read

LANGUAGES = sorted(os.path.dirname(path) for path in glob.glob("templates/*/phrases.ini"))
PAGES = ("report.html", "bounce.html")
NAMES = (*PAGES, "report.txt", "bounce.txt", "delay.txt", "six.txt")
FIRST = "templates/en"


def section(text, name):
    """What stands in a section, without the heading of its own."""
    found = re.search(r"\{\{#%s\}\}\n(.*?)\{\{/%s\}\}" % (name, name), text, re.S)
    return found and re.sub(r"<h2>.*</h2>\n", "", found.group(1), count=1)


def style(text):
    found = re.search(r"<head>.*</head>", text, re.S)
    return found and re.sub(r"<title>.*</title>", "", found.group())


def skeleton(text):
    """Tags and names, in their order, but for the language's name."""
    return [tag for tag in re.findall(r"\{\{[^}]*\}\}|<[^>]*>", text) if not tag.startswith("<html")]


t = Tap()
t.ok(FIRST in LANGUAGES and len(LANGUAGES) > 1, f"{len(LANGUAGES)} languages")
heads = {f"{folder}/{page}": style(read(f"{folder}/{page}")) for folder in LANGUAGES for page in PAGES}
t.ok(all(heads.values()), "each page has a head")
none(t, [path for path, head in heads.items() if head != heads[f"{FIRST}/report.html"]], "one style for all pages")
for name in ("has_abilities", "has_survey"):
    parts = {folder: [section(read(f"{folder}/{page}"), name) for page in PAGES] for folder in LANGUAGES}
    t.ok(all(all(both) for both in parts.values()), f"{name} is in each page")
    none(t, [folder for folder, (report, bounce) in parts.items() if report != bounce], f"{name} is the same in both")
none(t, [f"{folder}/{name}" for folder in LANGUAGES for name in NAMES
         if skeleton(read(f"{folder}/{name}")) != skeleton(read(f"{FIRST}/{name}"))], "the same tags in every language")
t.done()
