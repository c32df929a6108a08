# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Drives letters.c: a dictionary in, a dictionary out. Not a test itself."""
import json
import subprocess

from house import B


def octets(value):
    """Bytes as letters.c takes them, one to a character, wherever they stand."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {name: octets(inner) for name, inner in value.items()}
    return [octets(inner) for inner in value] if isinstance(value, list) else value


class Driver:
    def __init__(self):
        self.process = subprocess.Popen((f"{B}/tests/consistency/letters",), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **job):
        """The answer; texts in it are bytes again."""
        self.process.stdin.write(json.dumps(octets(job)).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return {name: value.encode("latin-1") if name in ("out", "json") else value for name, value in answer.items()}
