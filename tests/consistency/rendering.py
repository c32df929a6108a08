#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What people see of the HTML letters: rendered by headless Chromium, light and dark, 1000 and 380 pixels wide.

The letters come from tests/unit/daemon/letters, so from the code and the templates that are shipped. Chromium is too
large for tests/deps: where it is not installed, only what can be read off the HTML is looked at, and the rest says
that it was skipped. Screenshots stay in $B/letters: of a few letters, or of those whose names SHOTS matches (SHOTS=.
for all).
"""
import base64
import email
import email.policy
import glob
import html.parser
import json
import os
import re
import shutil
import tempfile

from house import B, Tap, none, run

WIDTHS = (1000, 380)
SCHEMES = {"light": 1, "dark": 0}  # Chromium's numbers
CONTRAST = 4.5  # WCAG 2.1, 1.4.3
SHOTS = os.environ.get("SHOTS", "report-mixed|bounce-bad")
FOLDER = os.path.abspath(f"{B}/letters")
LOADING = {"src", "srcset", "href", "background", "poster", "data", "action", "formaction", "cite", "ping", "xlink:href", "style"}

# Measures every frame: what is wider than it, and text that is too faint. Frames have no scripts of their own.
MEASURE = """
const rgb = c => { const n = c.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
const light = c => { const f = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
                     return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]); };
function ground(e, view) {
  for (; e; e = e.parentElement) { const c = rgb(view.getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; }
  return null;
}
function measure(frame) {
  const doc = frame.contentDocument, view = frame.contentWindow, root = doc.documentElement;
  const found = {name: frame.title, width: view.innerWidth, scroll: root.scrollWidth, height: root.scrollHeight,
    dark: view.matchMedia('(prefers-color-scheme: dark)').matches, scripts: doc.scripts.length,
    loads: view.performance.getEntriesByType('resource').length, lang: root.lang, text: doc.body.innerText.length,
    wide: [], faint: [], small: []};
  const walk = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, e = node.parentElement, style = view.getComputedStyle(e), range = doc.createRange();
    if (!node.data.trim() || !e.checkVisibility()) continue;
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (box.right > view.innerWidth + .5 || box.left < -.5) found.wide.push(node.data.trim().slice(0, 60));
    if (parseFloat(style.fontSize) < 13) found.small.push(node.data.trim().slice(0, 60));
    const back = ground(e, view), a = back && light(rgb(style.color)), b = back && light(back);
    const ratio = back ? (Math.max(a, b) + .05) / (Math.min(a, b) + .05) : 0;
    if (ratio < %f) found.faint.push(ratio.toFixed(2) + ' ' + node.data.trim().slice(0, 60));
  }
  return found;
}
onload = () => {
  const out = [...document.querySelectorAll('iframe')].map(measure);
  for (const frame of document.querySelectorAll('iframe'))
    frame.style.height = frame.contentDocument.documentElement.scrollHeight + 'px';
  const pre = document.createElement('pre');
  pre.id = 'found';
  pre.hidden = true;
  pre.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(out))));
  document.body.append(pre);
};
""" % CONTRAST


class Reader(html.parser.HTMLParser):
    """Collects what loads, runs or leads somewhere."""

    def __init__(self):
        super().__init__()
        self.faults = []
        self.in_style = False

    def handle_starttag(self, tag, attrs):
        self.in_style = tag == "style"
        if tag in ("script", "link", "img", "iframe", "object", "embed", "form", "base", "a", "svg", "video", "audio"):
            self.faults.append(f"<{tag}>")
        self.faults += [f"{tag} {name}=" for name, _ in attrs if name in LOADING or name.startswith("on")]
        if tag == "meta" and any(name == "http-equiv" for name, _ in attrs):
            self.faults.append("meta http-equiv")

    def handle_endtag(self, tag):
        self.in_style = False

    def handle_data(self, data):
        if self.in_style and re.search(r"url\(|@import|expression", data):
            self.faults.append(f"style: {data[:60]}")


def letters():
    """{"en-report-good": the document}"""
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    made = run("make", "--no-print-directory", "-s", f"B={B}", f"{B}/tests/unit/daemon/letters")
    wrote = run(f"{B}/tests/unit/daemon/letters", env=os.environ | {"LETTERS": FOLDER})
    t.ok(made.returncode == 0 and wrote.returncode == 0, "letters are made")
    found = {}
    for path in sorted(glob.glob(f"{FOLDER}/*.eml")):
        with open(path, "rb") as file:
            body = email.message_from_binary_file(file, policy=email.policy.default).get_body(("html",))
        if body is not None and body.get_content_type() == "text/html":
            found[os.path.basename(path)[:-4]] = body.get_content()
    return found


def sheet(names, documents, widths):
    """A page of frames, one for each letter and width."""
    frames = "".join(
        f'<iframe title="{name}" sandbox="allow-same-origin" style="width:{width}px;height:600px;border:0;margin:0 16px" '
        f'srcdoc="{html.escape(documents[name], quote=True)}"></iframe>' for name in names for width in widths)
    return (f'<!DOCTYPE html><meta charset="utf-8"><style>:root{{color-scheme:light dark}}body{{margin:0;background:#888;'
            f'white-space:nowrap}}iframe{{vertical-align:top}}</style><body>{frames}<script>{MEASURE}</script>')


def chromium(page, scheme, *options):
    """Its output for the page."""
    with tempfile.TemporaryDirectory() as profile:
        path = f"{profile}/page.html"
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
        return run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={profile}/profile",
                   f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *options, f"file://{path}", timeout=300).stdout


def measured(documents, scheme):
    """What the script found in each frame."""
    dom = chromium(sheet(documents, documents, WIDTHS), scheme, "--dump-dom", "--window-size=2000,1200", "--virtual-time-budget=20000")
    found = re.search(r'<pre id="found"[^>]*>([^<]*)</pre>', dom)
    return json.loads(base64.b64decode(found.group(1))) if found else []


def check(documents, scheme):
    frames = measured(documents, scheme)
    name = lambda f: f"{f['name']} at {f['width']} px, {scheme}"
    t.ok(len(frames) == len(documents) * len(WIDTHS) and all(f["text"] > 300 for f in frames), f"{scheme}: {len(frames)} frames were measured")
    none(t, [name(f) for f in frames if f["dark"] != (scheme == "dark") or f["width"] not in WIDTHS], f"{scheme}: each in this scheme, at this width")
    none(t, [f"{name(f)}: {f['scroll']}" for f in frames if f["scroll"] > f["width"]], f"{scheme}: nothing is to be scrolled sideways")
    none(t, [f"{name(f)}: {f['wide'][0]}" for f in frames if f["wide"]], f"{scheme}: no text is cut off at the side")
    none(t, [f"{name(f)}: {f['faint'][0]}" for f in frames if f["faint"]], f"{scheme}: every text has a contrast of at least {CONTRAST}")
    none(t, [f"{name(f)}: {f['small'][0]}" for f in frames if f["small"]], f"{scheme}: no text is smaller than 13 px")
    none(t, [name(f) for f in frames if f["scripts"] or f["loads"]], f"{scheme}: nothing was run or loaded")
    return {(f["name"], f["width"]): f["height"] for f in frames}


def shoot(names, documents, scheme, heights):
    """A screenshot of each letter, both widths side by side."""
    for name in names:
        tall = max(heights.get((name, width), 600) for width in WIDTHS)
        chromium(sheet([name], documents, WIDTHS), scheme, f"--screenshot={FOLDER}/{name}-{scheme}.png",
                 f"--window-size={sum(WIDTHS) + 64},{tall}", "--virtual-time-budget=5000")
    missing = [name for name in names if not os.path.exists(f"{FOLDER}/{name}-{scheme}.png")]
    none(t, missing, f"{scheme}: {len(names)} screenshots are in {B}/letters")


t = Tap()
documents = letters()
languages = sorted(os.path.basename(os.path.dirname(p)) for p in glob.glob("templates/*/phrases.ini"))
t.ok(len(documents) >= 10 * len(languages), f"{len(documents)} of them have HTML")
none(t, [l for l in languages if not any(name.startswith(l + "-") for name in documents)], "in every language of templates/")
faults = []
for name, document in documents.items():
    reader = Reader()
    reader.feed(document)
    faults += [f"{name}: {fault}" for fault in reader.faults]
    if f'<html lang="{name.split("-")[0]}">' not in document:
        faults.append(f"{name}: no lang")
none(t, faults, "none loads, runs or leads anywhere, and each says its language")
if shutil.which("chromium"):
    for scheme in SCHEMES:
        heights = check(documents, scheme)
        shoot([name for name in documents if re.search(SHOTS, name)], documents, scheme, heights)
else:
    t.diag("chromium is not installed, so the letters were NOT rendered: apt-get install chromium")
    t.skip("the letters are rendered", "chromium is not installed")
t.done()
