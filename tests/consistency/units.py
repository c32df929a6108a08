#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""The units: clean by systemd-analyze, confined at least so far, in agreement with the table of options, and installed below DESTDIR alone."""
import os
import re
import shutil
import tempfile

from house import B, PROGRAMS, Tap, none, read, run, tracked

EXPOSURE = {"postsixd.service": 1.5, "postsix-milter.service": 1.5, "postsix-intake.service": 0.8}
# what `make install` puts where; the rest is data
PROGRAM_PLACES = {"postsix": "usr/sbin", "postsixd": "usr/sbin", "postsix-setup": "usr/libexec/postsix",
                  "postsix-pipe": "usr/libexec/postsix", "postsix-intake": "usr/libexec/postsix", "postsix-milter": "usr/libexec/postsix"}
UNITS = "usr/lib/systemd/system"

t = Tap()


def install(where, *settings):
    return run("make", "--no-print-directory", "-s", f"B={B}", f"DESTDIR={where}", *settings, "install")


def files(where):
    return sorted(os.path.relpath(os.path.join(folder, name), where) for folder, _, names in os.walk(where) for name in names)


def analyze(root, *words):
    """systemd-analyze on the installed units, with programs where the units say that they are."""
    return run("systemd-analyze", *words, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{root}/{UNITS}:", "SYSTEMD_COLORS": "0"})


def test_install(where):
    done = install(where)
    if not t.ok(done.returncode == 0, "make install works"):
        print("# " + done.stderr[-2000:].replace("\n", "\n# "))
        return
    found = files(where)
    t.ok(len(found) > 40, f"{len(found)} files are installed")
    none(t, [f for f in found if not re.match(r"usr/(sbin|libexec/postsix|share/postsix|share/man|share/bash-completion|lib/systemd/system|lib/sysusers\.d|lib/tmpfiles\.d)/", f)],
         "nothing outside of their places, nothing in /etc or /var")
    none(t, [f"{place}/{name}" for name, place in PROGRAM_PLACES.items() if f"{place}/{name}" not in found], "every program is there")
    none(t, [p for p in tracked(r"^(man/|templates/|postfix/(dual|v6)/|systemd/[^/]+\.(service|socket|target|timer)$)")
             if os.path.basename(p) not in {os.path.basename(f) for f in found}], "every page, template, table and unit is there")
    # of Debian 13, and of those before
    none(t, [name for name in ("dual", "v6", "postfix-dual", "postfix-v6") if f"{UNITS}/postfix@{name}.service.d/postsix.conf" not in found],
         "so is what orders the instances, under each name that their units have")
    none(t, [f for f in found if not f.startswith(("usr/sbin", "usr/libexec")) and os.stat(f"{where}/{f}").st_mode & 0o777 != 0o644],
         "and is 0644")
    none(t, [f for f in found if where in read(f"{where}/{f}")], "none names DESTDIR")


def test_prefix(where):
    t.ok(install(where, "prefix=/usr/local").returncode == 0, "make install prefix=/usr/local")
    found = files(where)
    none(t, [f for f in found if not f.startswith("usr/local/")], "puts all there")
    none(t, [f for f in found if f.endswith(".service") and re.search(r"(?m)^(Exec|NoExec)\w+=.*(?<!local)/(sbin|libexec)/postsix", read(f"{where}/{f}"))],
         "and the units name programs there")


def test_verify(where):
    root = f"{where}/verify"
    shutil.copytree(f"{where}/usr", f"{root}/usr")
    for unit in sorted(os.listdir(f"{root}/{UNITS}")):
        path = f"{root}/{UNITS}/{unit}"
        if os.path.isfile(path):
            text = re.sub(r"(?m)^(Exec\w+=)(/usr/(?:sbin|libexec/postsix)/)", lambda m: f"{m[1]}{root}{m[2]}", read(path))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    units = [f for f in sorted(os.listdir(f"{root}/{UNITS}")) if os.path.isfile(f"{root}/{UNITS}/{f}")]
    done = analyze(root, "verify", "--man=no", *(f"{root}/{UNITS}/{unit}" for unit in units))
    none(t, [line for line in done.stderr.splitlines() if "postsix" in line], f"systemd-analyze verify has nothing to say about {len(units)} units")
    t.eq(done.returncode, 0, "and is content")
    for unit, most in EXPOSURE.items():
        said = analyze(root, "security", "--offline=true", f"{root}/{UNITS}/{unit}").stdout
        figure = re.search(r"exposure level for \S+: ([\d.]+)", said)
        t.ok(figure and float(figure[1]) <= most, f"{unit}: exposure {figure and figure[1]}, at most {most}")


def test_agreement():
    """What units say as well as the table of options."""
    table = read("src/adapter/config_table.c")

    def default(option):
        return re.search(rf'GENERAL\({option}, \w+, [^"]*"([^"]*)"', table)[1]

    for unit, pattern, option in (("postsixd.socket", r"ListenStream=(.*)", "policy_socket"),
                                  ("postsix-intake.socket", r"ListenSequentialPacket=(.*)", "intake_socket"),
                                  ("postsix-milter.service", r"--socket unix:(\S+)", "milter_socket"),
                                  ("postsix-intake.service", r"--spool (\S+)", "spool_directory"),
                                  ("postsix-intake.service", r"--children (\d+)", "intake_children"),
                                  ("postsixd.service", r"LoadCredential=token.secret:(.*)", "token_secret_file")):
        t.eq(re.findall(pattern, read(f"systemd/{unit}"))[:1], [default(option)], f"{unit} and {option} agree")
    users = set(re.findall(r"(?m)^u (\S+)", read("systemd/sysusers.d/postsix.conf")))
    used = {user for p in tracked(r"^systemd/.*\.(service|socket)$") for user in re.findall(r"(?m)^(?:User|SocketUser)=(.*)", read(p))}
    none(t, used - users, "every user of a unit is made by sysusers.d")
    none(t, [p for p in tracked(r"^systemd/[^/]+\.(service|socket|target)$") if "[Install]" in read(p) and not p.endswith("/postsix.target")],
         "the target alone is to be enabled")


t.ok(set(PROGRAMS.values()) <= set(PROGRAM_PLACES), "every program has its place")
if run("systemd-analyze", "--version").returncode != 0:
    t.skip("units", "systemd-analyze is not installed")
    t.done()
with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    test_install(f"{folder}/a")
    test_prefix(f"{folder}/b")
    test_verify(f"{folder}/a")
test_agreement()
t.done()
