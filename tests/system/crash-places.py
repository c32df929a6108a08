#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""RELIABILITY faults 3, 5 and 6: the disk is full, the database is damaged, somebody else is there already.

Spool and database lie on small file systems of their own (tmpfs), so that a filler fills them and its end frees them.
"""
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time

from crashlab import BRIEF_SURVEYS, Lab, cpu, read, until
from invariants import Invariants
from tap import diag, done, eq, ok

SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
PATIENCE = 60.0
DAMAGED, LOCKED, CONFIG = 65, 75, 78


def mount_small(path, kilobytes):
    """A small file system there, that belongs to whom the folder did."""
    os.makedirs(path, exist_ok=True)
    was = os.stat(path)
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode={was.st_mode & 0o7777:o}", "postsix-crash", path), check=True)
    os.chown(path, was.st_uid, was.st_gid)


def make_small_places(lab):
    """Spool and state folder of the running lab move to file systems of 256 kB and 8 MB."""
    for program in (lab.daemon, lab.intake):
        program.end()
    spool, state = f"{lab.folder}/spool", f"{lab.folder}/state"
    owners = {part: os.stat(f"{spool}{part}") for part in ("", "/new", "/quarantine")}
    mount_small(spool, 256)
    for part, was in owners.items():
        os.makedirs(spool + part, exist_ok=True)
        os.chown(spool + part, was.st_uid, was.st_gid)
        os.chmod(spool + part, was.st_mode & 0o7777)
    os.makedirs(state)
    shutil.copystat(lab.folder, state)
    os.chown(state, os.stat(lab.folder).st_uid, os.stat(lab.folder).st_gid)
    mount_small(state, 8192)
    config = f"{lab.folder}/postsix.conf"
    text = re.sub(r"(?m)^state_directory\s*=.*$", f"state_directory = {state}", read(config))
    with open(config, "w", encoding="utf-8") as file:
        file.write(text)
    lab.database = f"{state}/postsix.db"
    for program in (lab.daemon, lab.intake):
        program.start()
    # its database is a new one
    until(lambda: lab.listens() and f"postsixd[{lab.daemon.own_pid()}]: started" in lab.log(), 60)


def fill(folder):
    """Not one block is left. The filler's path."""
    path = f"{folder}/.filler"
    with open(path, "wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return path


def since(lab, start):
    return lab.log()[start:]


def recovery(invariants, start):
    """All of it by itself: nobody flushes a queue."""
    found = invariants.settle(PATIENCE)
    took = time.monotonic() - start
    return found, took


def test_full_spool(lab, invariants):
    start, filler = len(lab.log()), fill(f"{lab.folder}/spool")
    lab.send("spool@good.test")
    ok(until(lambda: re.search(r"relay=postsix, .*dsn=4\.3\.1, status=deferred", since(lab, start))), "3: spool full: 4.3.1, Postfix defers")
    time.sleep(3)
    eq(lab.entries(), [], "3: nothing in the spool while it is full")
    ok("No space left on device, will retry" in since(lab, start), "3: intake says why")
    os.unlink(filler)
    found, took = recovery(invariants, time.monotonic())
    ok(not found, "3: spool: recovered by itself")
    diag("\n".join([f"after {took:.1f} s", *found]))
    eq([name for name in os.listdir(f"{lab.folder}/spool/new")], [], "3: and no half file is left")


def test_full_database(lab, invariants):
    start, filler = len(lab.log()), fill(f"{lab.folder}/state")
    requests = [f"database{n}@good.test" for n in range(40)]
    for sender in requests:
        lab.send(sender)
    ok(until(lambda: "postsix.db, error=No space left on device, will retry" in since(lab, start)), "3: database full: postsixd says so")
    ticks = cpu(lab.daemon.own_pid())
    time.sleep(3)
    ok(cpu(lab.daemon.own_pid()) - ticks < 15, f"3: and spins not: {cpu(lab.daemon.own_pid()) - ticks} ticks in 3 s")
    ok(lab.entries(), f"3: {len(lab.entries())} entries wait in the spool")
    status = lab.daemon.end()
    eq(status, 0, "3: it can be stopped on the full disk")
    mark = len(lab.log())
    lab.daemon.start()
    until(lambda: not lab.daemon.is_alive(), 2)
    said = since(lab, mark)
    ok("damaged" not in said and "not a database" not in said, "3: a start on the full disk does not take it for damage")
    diag(f"start on the full disk: status {lab.daemon.process.poll()}\n" + "\n".join(line for line in said.splitlines() if "state" in line))
    os.unlink(filler)
    begun = time.monotonic()
    if not lab.daemon.is_alive():
        lab.daemon.start()
    found, took = recovery(invariants, begun)
    ok(not found, f"3: database: {len(requests)} requests recovered by themselves")
    diag("\n".join([f"after {took:.1f} s", *found]))


def overwrite(path, chance, pages=200):
    """Octets of noise in so many pages."""
    with open(path, "r+b") as file:
        size = os.path.getsize(path)
        for page in chance.sample(range(size // 4096), min(pages, size // 4096)):
            file.seek(page * 4096 + chance.randrange(4000))
            file.write(chance.randbytes(96))


def set_pragma(path, sql):
    database = sqlite3.connect(path)
    database.execute(sql)
    database.commit()
    database.execute("PRAGMA journal_mode = DELETE")
    database.close()


DAMAGES = (
    ("noise in 200 pages", lambda path, chance: overwrite(path, chance), "damaged"),
    ("noise in the first page", lambda path, chance: overwrite_first(path, chance), "damaged"),
    ("half of it", lambda path, chance: os.truncate(path, os.path.getsize(path) // 8192 * 4096), "damaged"),
    ("a part of a page less", lambda path, chance: os.truncate(path, os.path.getsize(path) - 1000), "damaged"),
    ("only 100 octets", lambda path, chance: os.truncate(path, 100), "damaged"),
    ("text", lambda path, chance: write(path, b"This is no database.\n" * 500), "not a database"),
    ("a newer version", lambda path, chance: set_pragma(path, "PRAGMA user_version = 99"), "newer"),
    ("another program's", lambda path, chance: set_pragma(path, "PRAGMA application_id = 1"), "other program"),
    ("read-only", lambda path, chance: os.chmod(path, 0o400), "cannot be written"),
    ("not to be read", lambda path, chance: os.chmod(path, 0), ""),
)


def overwrite_first(path, chance):
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(chance.randbytes(500))


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def copy_all(source, target):
    """The database with its companions, owners kept."""
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(target + suffix):
            os.unlink(target + suffix)
        if os.path.exists(source + suffix):
            shutil.copy2(source + suffix, target + suffix)
            was = os.stat(source + suffix)
            os.chown(target + suffix, was.st_uid, was.st_gid)


def test_damaged(lab, invariants, chance):
    good = f"{lab.folder}/good.db"
    for number, (what, damage, sentence) in enumerate(DAMAGES):
        lab.daemon.end()
        copy_all(lab.database, good)
        damage(lab.database, chance)
        lab.send(f"damaged{number}@good.test")
        before, mark = content(lab.database), len(lab.log())
        lab.daemon.start()
        until(lambda: not lab.daemon.is_alive(), PATIENCE)
        status, said = lab.daemon.process.poll(), since(lab, mark)
        line = next((line for line in said.splitlines() if f"{lab.database}: " in line), "")
        ok(status == DAMAGED and line and sentence in line, f"5: {what}: status {status}, {line}")
        ok(until(lab.entries) and content(lab.database) == before, f"5: {what}: the request waits in the spool, the file is left as it is")
        lab.daemon.end()
        copy_all(good, lab.database)
        lab.daemon.start()
        found = invariants.settle()
        if not ok(not found, f"5: {what}: drained once the database is put back"):
            diag("\n".join(found))


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_two(lab, invariants):
    state = os.path.dirname(lab.database)
    for program, status, line in ((lab.daemon, LOCKED, f"{state}: another postsixd serves it"),
                                  (lab.intake, CONFIG, f"cannot listen on {lab.run_folder}/intake/socket: Address already in use")):
        first, mark = (program.process, program.pid), len(lab.log())
        second = program.start()
        until(lambda: second.poll() is not None, PATIENCE)
        ok(second.poll() == status and line in since(lab, mark), f"6: a second {program.name}: status {second.poll()}, {line}")
        program.process, program.pid = first
    lab.send("two@good.test")
    eq(invariants.settle(), [], "6: the first ones go on")


def main():
    diag(f"SEED={SEED}")
    lab = Lab("crashp", BRIEF_SURVEYS).take_over()
    try:
        make_small_places(lab)
        invariants = Invariants(lab)
        lab.send("first@good.test")
        eq(invariants.settle(), [], "a request, before")
        before = {program.name: program.usage() for program in (lab.daemon, lab.intake)}
        test_full_spool(lab, invariants)
        test_two(lab, invariants)
        test_full_database(lab, invariants)
        test_damaged(lab, invariants, random.Random(SEED))
        for program in (lab.daemon, lab.intake):
            memory, files = program.usage()
            ok(memory < before[program.name][0] + 4096 and files <= before[program.name][1] + 2,
               f"I5: {program.name}: {memory} kB, {files} descriptors, from {before[program.name]}")
    finally:
        for program in (lab.daemon, lab.intake):
            program.end()
        for part in ("spool", "state"):
            subprocess.run(("umount", "-l", f"{lab.folder}/{part}"), check=False)
    done()


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
main()
