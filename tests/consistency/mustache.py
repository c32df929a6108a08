#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""mail/mustache.h against Debian's pystache: generated templates, rendered by both, give the same octets. pystache writes a single quote
as &#x27; where we write &#39;: that is made alike. It does not take a tag with blanks behind it to stand alone on its line, we (and
the specification's words, though no case of its) do: no template has such blanks. What we escape beyond HTML (controls, backslashes) is not in the values; what we take
for a mistake (unknown names, lists as values) is not in the templates."""
import random
import re

import pystache
from driver import Driver
from house import Tap

COUNT = 600
VALUES = {
    "a": "alpha", "b": "", "c": "<i>\"x\" & 'y'</i>", "d": "{{a}} žluťoučký",
    "l": [{"a": "one", "x": "X1", "b": "full"}, {"a": "", "x": "<2>", "b": ""}],
    "m": [{"a": "only", "x": "M", "l": [{"a": "deep", "x": "D", "b": ""}], "n": []}],
    "n": [],
}
TEXTS, LISTS = "abcd", "lmn"


def utf8(value):
    if isinstance(value, str):
        return value.encode()
    return {k: utf8(v) for k, v in value.items()} if isinstance(value, dict) else [utf8(v) for v in value]


def piece(dice, depth, names):
    """A bit of template: text, blanks, line ends, tags alone on their line and not."""
    kind = dice.randrange(10)
    if kind < 3:
        return dice.choice(("text", " ", "  ", "\t", "\n", "\n\n", "\r\n", "|", " } } ", " { { ", ".", "<p>", "</p>\n"))
    if kind < 5:
        return "{{%s}}" % dice.choice(("%s", " %s ", "\t%s")) % dice.choice(names)
    if kind == 5:
        return dice.choice(("{{! gone }}", "\n  {{! alone }}\n", "\n{{!\nlines\n}}\n", "{{!g}}"))
    if depth == 0:
        return "x"
    name = dice.choice(TEXTS + LISTS + "x" if "x" in names else TEXTS + LISTS)
    inner_names = names + "x" if name in "lm" and "x" not in names else names
    before, after = (dice.choice(("", "", "\n", "\n  ", " ", "\r\n")) for _ in "12")
    body = "".join(piece(dice, depth - 1, inner_names) for _ in range(dice.randrange(4)))
    sign = "#" if name == "n" or dice.randrange(3) else "^"
    if sign == "^":  # the item's names are not there
        body = "".join(piece(dice, depth - 1, names) for _ in range(dice.randrange(4)))
    return "%s{{%s%s}}%s%s%s{{/%s}}%s" % (before, sign, name, after, body, before, name, after)


t = Tap()
driver = Driver()
dice = random.Random(4)
faults = []
markup = 0
for number in range(COUNT):
    template = "".join(piece(dice, 4, TEXTS) for _ in range(dice.randrange(1, 9)))
    html = number % 2 == 0
    if html:
        template = template.replace("<p>", "").replace("</p>", "")
    template = re.sub(r"\}\}[ \t]+(?=\r?\n|$)", "}}", template)
    renderer = pystache.Renderer() if html else pystache.Renderer(escape=lambda text: text)
    theirs = renderer.render(template, VALUES).replace("&#x27;", "&#39;").encode()
    answer = driver.ask(do="mustache", html=html, template=template.encode(), values=utf8(VALUES))
    markup += b"&lt;" in theirs
    if answer["wrong"] or answer["out"] != theirs:
        faults.append((template, answer, theirs))
t.ok(not faults, f"{COUNT} templates are rendered as pystache {pystache.__version__} renders them")
for template, answer, theirs in faults[:5]:
    t.diag(f"{template!r}\nours:   {answer!r}\ntheirs: {theirs!r}")
t.ok(markup > 20, f"{markup} of them escaped something")
t.done()
