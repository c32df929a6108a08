# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""A server of somebody who deploys postsix: a machine in the place of the lab's service host, the package, `postsix setup`,
and the DNS records that `postsix dns` prints, published in the lab's world.

    with Server("boot") as server:       # or one SKIP line, and the end
        server.up()
        server.install()
        server.set_up()
"""

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))
# pylint: disable=wrong-import-position
import machine  # noqa: E402
import package  # noqa: E402
import root  # noqa: E402
from house_of_lab import B, House, message  # noqa: E402
from tap import diag, done, skip  # noqa: E402

PATIENCE = 60
SERVICES = ("postsixd.service", "postsix-intake.service", "postsix-milter.service")
# as that release's Postfix calls them
INSTANCES = [f"postfix@{'postfix-' * (root.release() in ('bookworm', 'noble'))}{name}.service" for name in ("dual", "v6")]
# the host's own Postfix
HOST = ["postfix.service", *(["postfix@-.service"] if root.release() in ("bookworm", "noble") else [])]
SOCKETS = ("postsixd.socket", "postsix-intake.socket")
OPTIONS = ("--v6-domain", "six.test", "--dual-domain", "dual.test", "--operator", "operator@good.test",
           "--dual-addresses", "192.0.2.25 2001:db8:25::25", "--v6-address", "2001:db8:25::6")
CONFIG = "/etc/postsix/postsix.conf"
DATABASE = "/var/lib/postsix/postsix.db"


class Server(House):
    def __init__(self, name):
        super().__init__(name)
        self.machine, self.deb = None, ""

    def __enter__(self):
        folder = f"{B}/boot/{self.name}"
        why = machine.why_not(folder)
        if why:
            skip("systemd as PID 1, the package installed, set up, booted, upgraded and removed: ALL OF IT", why)
            done()
        super().__enter__()
        return self

    def __exit__(self, kind, *_):
        if self.machine:
            if kind and kind is not SystemExit:
                with contextlib.suppress(Exception):
                    diag(self.machine.journal()[-6000:])
            self.machine.kill()
            shutil.rmtree(self.machine.folder, ignore_errors=True)
        super().__exit__(kind, *_)

    def up(self, *words, **kwargs):
        self.deb = package.get(f"{B}/boot")
        base = root.get(f"{B}/boot", self.deb)
        self.lab("up", "--bare", *words)
        self.machine = machine.Machine(f"{B}/boot/{self.name}", base, f"/run/netns/postsix-{self.name}-svc", self.name)
        self.machine.start()
        for unit in self.machine.say("systemctl", "list-units", "--failed", "--no-legend", "--plain").splitlines():
            diag(f"failed at the first boot, before anything of postsix was there: {unit}\n{self.machine.journal(unit.split()[0])}")

    # ---- what the sysadmin does

    def install(self, deb=None):
        """Without a network: what the package depends on is there already."""
        shutil.copy(deb or self.deb, self.machine.path("/tmp/postsix.deb"))
        return self.machine.run("apt-get", "install", "-qq", "-y", "--reinstall", "/tmp/postsix.deb", seconds=180)

    def make_room(self):
        """The host's own Postfix keeps to itself. Debian's postfix-resolvconf.service, which each boot begins and does not wait
        for, copies resolv.conf into that one's chroot; where it comes between the rm and the cp by which the instance's own start
        does the same, the instance does not start."""
        self.until(lambda: not self.machine.is_active("postfix-resolvconf.service"), PATIENCE)
        self.machine.say("postconf", "-e", "inet_interfaces=loopback-only")
        # its own unit too: a restart of postfix.service reaches, by PartOf=, only what runs, so one that did not start at
        # the boot would be left as it is
        self.machine.say("systemctl", "restart", *HOST)

    def set_up(self, *words):
        return self.machine.run("postsix", "setup", "--yes", *OPTIONS, *words, seconds=180)

    def publish(self):
        self.lab("publish", stdin=self.machine.say("postsix", "dns").encode())

    def configure(self, **options):
        """Other values for options of the section [postsix], which take effect at a reload or restart."""
        text = self.machine.read(CONFIG)
        for name, value in options.items():
            text = re.sub(rf"(?m)^#?{name} *=.*\n", "", text)
            text = text.replace("[postsix]\n", f"[postsix]\n{name} = {value}\n", 1)
        self.machine.write(CONFIG, text)

    # ---- what is seen

    def active(self, *units):
        """Those that are not."""
        return [unit for unit in units if not self.machine.is_active(unit)]

    def sql(self, query, *values):
        asked = subprocess.run((f"{HERE}/sql", self.machine.path("/"), DATABASE, query, *map(str, values)), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(asked.stdout)

    def count(self, table):
        return self.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"]

    @contextlib.contextmanager
    def locked(self):
        """Somebody else has the database, for as long as this lasts."""
        with subprocess.Popen((f"{HERE}/sql", "--hold", self.machine.path("/"), DATABASE, "BEGIN EXCLUSIVE"), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            try:
                if "held" not in holder.stdout.readline() + holder.stdout.readline():
                    raise RuntimeError("the database could not be locked")
                yield
            finally:
                holder.stdin.close()

    def deferred(self):
        """Messages that wait in the queues of both instances."""
        return len(self.machine.run("find", "/var/spool/postfix-dual/deferred", "/var/spool/postfix-v6/deferred", "-type", "f").stdout.splitlines())

    def kinds(self, address):
        """What came to it, of what kind, over which family."""
        return sorted((mail.kind, mail.family, "v6" if mail.facts["client"].endswith("::6") else "dual") for mail in self.mails(address))

    def await_kinds(self, address, count):
        self.until(lambda: len(self.kinds(address)) >= count, PATIENCE)
        return self.kinds(address)

    def files(self):
        """Every file of the machine that stays over a boot, with its owner and mode, and for /etc its content. Not what changes by
        itself, nor the package manager's own books."""
        moving = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/log", "/var/cache", "/var/lib/dpkg", "/var/lib/apt",
                  "/var/lib/systemd/timers", "/var/lib/systemd/random-seed", "/var/spool/postfix", "/var/lib/postfix")
        prune = " -o ".join(f"-path {path}" for path in moving)
        listed = self.machine.say("sh", "-c", f"find / \\( {prune} \\) -prune -o -printf '%p %y %m %u:%g\\n'; "
                                  "find /etc -type f -exec md5sum {} +; find /run/postsix /var/spool/postfix-* /var/lib/postfix-* 2>/dev/null; true")
        return set(listed.splitlines())


class Load:
    """A sender that goes on until it is stopped or out of names, each time as somebody else, and tries again as a mail server does
    until it is told 250. Requests that were accepted are told from those that were lost by the mails that come of them."""

    numbers = itertools.count(1)

    def __init__(self, server, pause=0.15, names=None):
        self.server, self.pause = server, pause
        self.accepted, self.refused, self.words, self.goes_on = [], 0, {}, True
        self.names = names or (f"load{number}@good.test" for number in Load.numbers)
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.goes_on = False
        self.thread.join(PATIENCE)

    def work(self):
        for name in self.names:
            while not self.send(name):
                self.refused += 1
                time.sleep(0.3)
            self.accepted.append(name)
            time.sleep(self.pause)
            if not self.goes_on:
                break

    def send(self, name):
        try:
            said = self.server.send(message(From=name), sender=name.encode())
        except OSError as error:
            said = f"{type(error).__name__}"
        if not said.startswith("250"):
            self.words[said] = self.words.get(said, 0) + 1
        return said.startswith("250")

    def missing(self):
        """Of the accepted requests, those without both mails; and how many mails came more than once."""
        found = {name: set() for name in self.accepted}
        twice = 0
        for mail in self.server.mails():
            if mail.is_from_us and mail.recipients[0] in found:
                twice += mail.token in found[mail.recipients[0]]
                found[mail.recipients[0]].add(mail.token)
        return [name for name, tokens in found.items() if len(tokens) < 2], twice

    def settle(self):
        """missing() once nothing is missing, or patience is over."""
        self.server.until(lambda: not self.missing()[0], PATIENCE)
        return self.missing()
