# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""TAP for tests in Python.  A test in tests/system or tests/consistency begins with

    #!/usr/bin/python3
    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    from tap import ok, eq, diag, skip, done        # or: from tap import Tap; t = Tap(); t.ok(…)

and ends with done(), which prints the plan: a test that dies half-way has none, so prove sees it.
"""
import sys


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, cond, name):
        self.count += 1
        self.failed += not cond
        print(f"{'ok' if cond else 'not ok'} {self.count} - {str(name).replace('#', '.')}", flush=True)
        return bool(cond)

    def eq(self, got, want, name):
        if not self.ok(got == want, name):
            self.diag(f"got:  {got!r}\nwant: {want!r}")
        return got == want

    def diag(self, text):
        for line in str(text).splitlines():
            print("# " + line, flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed or not self.count else 0)


_tap = Tap()
ok, eq, diag, skip, done = _tap.ok, _tap.eq, _tap.diag, _tap.skip, _tap.done
