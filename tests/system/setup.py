#!/usr/bin/python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""postsix setup on a host of its own: namespaces whose /etc, /usr, /var and /run are thrown away afterwards, with the
programs where a package has them, real Postfix, and a systemctl that writes down what it is told, and does it for the
two instances. Dry run, run, run again, clashes, wrong words, killed after each step, questions on a terminal, removal."""
import contextlib
import fcntl
import glob
import itertools
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, TOP + "/tests")
from tap import diag, done, eq, ok, skip  # noqa: E402

B = os.path.realpath(os.path.join(TOP, os.environ.get("B") or "build"))
DUAL4, DUAL6, V6 = "192.0.2.25", "2001:db8:25::25", "2001:db8:25::6"
OPTIONS = ["--v6-domain", "six.test", "--dual-domain", "dual.test", "--operator", "operator@good.test",
           "--v6-address", "2001:DB8:25:0::6", "--dual-addresses", f"{DUAL4},{DUAL6}", "--yes"]
UNITS = ["postfix@postfix-dual.service", "postfix@postfix-v6.service", "postsix.target"]
UNITS_13 = ["postfix@dual.service", "postfix@v6.service", "postsix.target"]  # in Debian 13
TEMPLATE_13 = "[Service]\nEnvironment=MAIL_CONFIG=/etc/postfix-%I\nExecStart=postfix debian-systemd-start\n"

LAYERS = ("etc", "usr", "var")
ground = []  # where their upper layers are

SYSTEMCTL = r"""#!/bin/bash
# keeps /run/units/{enabled,active}/UNIT; an instance is really started and stopped. Its template is /run/units/template, or as of Debian 12
echo "$*" >>/run/units/calls
verb=$1; shift; [[ ${1-} != --quiet ]] || exec >/dev/null; [[ ${1-} != --* ]] || shift; unit=${1-}; name=${unit#postfix@}; name=postfix-${name#postfix-}; name=${name%.service}
postfix() { [[ $unit != postfix@* ]] || postmulti -i "$name" -p "$1" >/dev/null 2>&1 9<&-; }
is_known() {
	case $unit in
	postfix@postfix-*) [[ ! -e /run/units/template ]] ;;
	postfix@*) [[ -e /run/units/template ]] ;;
	esac
}
services="postsixd.service postsix-intake.service postsix-milter.service postsixd.socket postsix-intake.socket"
case $verb in
enable) touch "/run/units/enabled/$unit" ;;
disable) rm -f "/run/units/enabled/$unit" ;;
cat) cat /run/units/template 2>/dev/null || echo 'ExecStart=/usr/sbin/postmulti -i %i -p start' ;;
start | restart)
	is_known || { echo "Assertion failed on job for $unit."; exit 1; }
	[[ ! -e /run/units/broken || $unit != "$(cat /run/units/broken)" ]] || { echo "Job for $unit failed"; exit 1; }
	[[ $verb == start ]] || postfix stop
	postfix start || exit
	touch "/run/units/active/$unit"
	[[ $unit != postsix.target ]] || (cd /run/units/active && touch $services) ;;
stop) postfix stop; rm -f "/run/units/active/$unit"
	[[ $unit != postsix.target ]] || (cd /run/units/active && rm -f $services) ;;
is-active) if [[ -s /run/units/active/$unit ]]; then cat "/run/units/active/$unit"; exit 3; fi
	[[ ! -e /run/units/active/$unit ]] || { echo active; exit; }
	echo inactive; exit 3 ;;
is-enabled) if [[ $unit == postfix.service ]]; then cat /run/units/default; exit; fi
	[[ ! -e /run/units/enabled/$unit ]] || { echo enabled; exit; }
	[[ ! -e /run/units/generated || $unit != postfix@* ]] || { echo enabled-runtime; exit; }
	exit 1 ;;
status) echo "the state of $unit" ;;
*) exit 1 ;;
esac
"""


def run(*command, stdin=subprocess.DEVNULL, **kwargs):
    return subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=120, **kwargs)


def setup(*options, **kwargs):
    return run("/usr/sbin/postsix", "setup", *options, **kwargs)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def build_host():
    """Called in the new namespaces: nothing of the machine can be written from here on."""
    ground.append(tempfile.mkdtemp())
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "ground", ground[0])
    for name in LAYERS:
        layer = f"{ground[0]}/{name}"
        os.makedirs(f"{layer}/upper")
        os.makedirs(f"{layer}/work")
        got = run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/{name},upperdir={layer}/upper,workdir={layer}/work", f"/{name}")
        if got.returncode:
            return got.stdout
    run("mount", "-t", "tmpfs", "run", "/run")
    run("ip", "link", "set", "lo", "up")
    for address in (DUAL4 + "/32", DUAL6 + "/128", V6 + "/128"):
        run("ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    for folder in ("/run/units/enabled", "/run/units/active", "/run/systemd/system", "/usr/libexec/postsix"):
        os.makedirs(folder, exist_ok=True)
    install()
    return ""


def install():
    for name in ("postsix", "postsixd"):
        shutil.copy(f"{B}/{name}", "/usr/sbin")
    for path in [f"{B}/postsix-{name}" for name in ("pipe", "intake", "milter")] + [
            f"{TOP}/postfix/{name}" for name in ("postsix-setup", "setup", "setup-answers", "setup-checks", "setup-remove")]:
        shutil.copy(path, "/usr/libexec/postsix")
    for name in ("postfix/dual", "postfix/v6", "templates"):
        shutil.copytree(f"{TOP}/{name}", f"/usr/share/postsix/{os.path.basename(name)}", dirs_exist_ok=True)
    shutil.copy(f"{TOP}/templates/diagnose.tab", "/usr/share/postsix")
    for name in ("sysusers.d", "tmpfiles.d"):
        shutil.copy(f"{TOP}/systemd/{name}/postsix.conf", f"/usr/lib/{name}/")
    write("/usr/local/sbin/systemctl", SYSTEMCTL, 0o755)
    os.environ["PATH"] = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    for name in os.listdir("/etc"):  # whatever the machine has of these
        if name.startswith(("postfix-", "postsix")):
            shutil.rmtree(f"/etc/{name}")
    for name in ("postsix", "postfix-dual", "postfix-v6"):
        for folder in ("/var/spool", "/var/lib"):
            shutil.rmtree(f"{folder}/{name}", ignore_errors=True)
    write("/run/units/default", "enabled\n")
    write("/etc/postfix/main.cf", "compatibility_level = 3.6\n# mine\ninet_interfaces = loopback-only\nmyhostname = host.test\n")


def snapshot():
    """All that differs from the machine: the upper layers have nothing else. Not what a running Postfix writes."""
    found = {}
    for folder, folders, files in itertools.chain(*map(os.walk, [f"{ground[0]}/{name}/upper" for name in LAYERS] + ["/run/units/enabled"])):
        if re.search(r"/(pid|private|public|active|incoming|maildrop|defer|bounce|trace|flush|hold|corrupt|saved)$", folder):
            folders.clear()
            continue
        for path in [os.path.join(folder, name) for name in [""] + files]:
            info = os.lstat(path)
            if not re.search(r"postfix(-dual|-v6)?/(master\.lock|\w+_scache.*|prng_exch)$", path):
                found[re.sub(r".*/(\w+)/upper", r"/\1", path)] = (info.st_mode, info.st_uid, info.st_gid,
                                                              read(path) if os.path.isfile(path) else "")
    return found


def difference(before, after):
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def calls():
    found = [line for line in (read("/run/units/calls") or "").splitlines() if not line.startswith(("is-", "cat "))]
    write("/run/units/calls", "")
    return found


def listening():
    return sorted(re.findall(r"(\S+):25\b", run("ss", "-Hltn").stdout))


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


# ---- what is refused, before anything is changed

def refused(options, why, name, status=78):
    before = snapshot()
    got = setup(*options)
    ok(got.returncode == status and re.search(why, got.stdout), f"{name}: refused, with the reason") or diag(got.stdout)
    eq(difference(before, snapshot()), [], f"{name}: nothing is changed")


def changed(name, value):
    options = list(OPTIONS)
    options[options.index(name) + 1] = value
    return options


def test_refusals():
    refused(["--nonsense"], "unknown argument --nonsense", "an unknown option", 64)
    refused(["--title"], "needs a value", "an option without its value", 64)
    refused(["--purge"], "goes with --remove", "--purge alone", 64)
    refused([], r"(?s)--v6-domain is wanted.*--dual-domain is wanted.*--operator is wanted.*--dual-addresses is wanted", "no options")
    refused(changed("--v6-domain", "six..test"), r'--v6-domain: "six\.\.test" is no domain', "a wrong domain")
    refused(changed("--v6-domain", "šest.test"), "xn--", "a domain in letters of its own")
    refused(changed("--v6-domain", "dual.test"), "two domains are wanted", "one domain for both")
    refused(OPTIONS + ["--v6-hostname", "mx.dual.test"], "two names are wanted", "one name for both")
    refused(changed("--operator", "me@six.test"), "a mailbox elsewhere", "an operator in the service's domain")
    refused(changed("--operator", "me"), "is no address", "an operator without a domain")
    refused(changed("--v6-address", "2001:db8:25::7"), rf"2001:db8:25::7 is no address of this host; it has.* {V6}", "an address of others")
    refused(changed("--dual-addresses", DUAL4), "--dual-addresses: an IPv6 address is wanted", "dual without IPv6")
    refused(changed("--dual-addresses", DUAL6), "--dual-addresses: an IPv4 address is wanted", "dual without IPv4")
    refused(OPTIONS + ["--language", "xx"], "no folder .*templates/xx", "a language that is not there")
    refused(OPTIONS + ["--title", "a \\ b"], "configuration would be wrong: postsix.conf:[0-9]+: .*title", "a title that cannot be")
    refused(OPTIONS + ["--title", "mine; yours ; ours"], '--title: "mine; yours ; ours" cannot stand', "a title that would be cut")
    refused(OPTIONS + ["--single-address"], "exclude each other", "one address and two", 64)
    refused(OPTIONS + ["--cert", "/nothing"], "--cert needs --key", "a certificate without a key", 64)
    refused(OPTIONS + ["--cert", "/nothing", "--key", "/nothing"], "no certificate can be read", "no certificate")
    refused(changed("--v6-domain", "six.test."), r'--v6-domain: "six\.test\.": write it without the dot', "a dot at the end")
    refused(changed("--v6-address", "six"), "six is no address of this host", "an address that is none")
    got = setup(*OPTIONS[2:])
    eq(re.findall(r"  - .*", got.stdout), ["  - --v6-domain is wanted"], "a domain that is missing is one fault")
    refused(["--v6-domain", "a..b", *OPTIONS[2:8], "--v6-address", "::7", *OPTIONS[8:]], r"(?s)is no domain.*no address of this host",
            "two faults are told at once")
    write("/etc/postfix-v6/main.cf", "mail_name = mine\n")
    refused(OPTIONS, "/etc/postfix-v6 is there and not of postsix setup", "a foreign instance")
    shutil.rmtree("/etc/postfix-v6")
    got = run("setpriv", "--reuid=65534", "/usr/sbin/postsix", "setup", *OPTIONS)
    eq((got.returncode, "only root" in got.stdout), (77, True), "not for everyone")
    with open("/run/postsix-setup.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        got = setup(*OPTIONS)
        eq((got.returncode, "another postsix setup runs" in got.stdout), (71, True), "one at a time")
        eq(oct(os.fstat(lock.fileno()).st_mode & 0o777), "0o600", "and nobody but root can hold it up")


def test_clashes():
    with socket.create_server((V6, 25), family=socket.AF_INET6):
        refused(OPTIONS, rf"port 25 of {V6} is taken by python3? \(process \d+\): stop it", "port 25 taken by a program")
    with socket.create_server(("", 25)):
        refused(OPTIONS, rf"port 25 of {DUAL4} is taken by", "port 25 taken on all IPv4 addresses")
    own = read("/etc/postfix/main.cf")
    write("/etc/postfix/main.cf", own.replace("loopback-only", "all"))
    why = rf"port 25 of {V6} is configured in the Postfix instance of /etc/postfix, too: .*postconf -c /etc/postfix -e inet_interfaces"
    refused(OPTIONS, why, "the default instance will take port 25")
    run("postmulti", "-i", "-", "-p", "start")
    why = rf"(?s)port 25 of {DUAL4} is taken by the Postfix instance of /etc/postfix: .*port 25 of {V6} is taken"
    refused(OPTIONS, why, "the default instance has it")
    run("postmulti", "-i", "-", "-p", "stop")
    write("/run/units/default", "disabled\n")
    eq(setup(*OPTIONS, "--dry-run").returncode, 0, "one that will never run does not matter")
    write("/run/units/default", "enabled\n")
    write("/etc/postfix/main.cf", own)


# ---- what is done

def test_dry_run():
    before = snapshot()
    got = setup(*OPTIONS, "--dry-run")
    eq(got.returncode, 0, "--dry-run passes") or diag(got.stdout)
    eq((difference(before, snapshot()), calls()), ([], []), "it changes nothing")
    for what in ("systemd-sysusers postsix.conf", "+v6_domain = six.test", f"+listen = {V6}", "postsix dkim-key", "openssl req -x509",
                 "postmulti -e init", "+++ /etc/postfix-dual/main.cf", "postmulti -I postfix-v6 -G postsix -e create",
                 "systemctl enable postsix.target", "systemctl start postfix@postfix-v6.service", "Nothing was changed."):
        ok(what in got.stdout, f"it shows {what}")


def test_run(first_main):
    got = setup(*OPTIONS)
    eq(got.returncode, 0, "setup runs") or diag(got.stdout)
    eq(sorted(os.listdir("/run/units/enabled")), UNITS, "the units are enabled")
    eq(calls(), [f"{verb} {unit}" for verb in ("enable", "start") for unit in (UNITS[2], *UNITS[:2])], "and started, ours first")
    eq(listening(), sorted([DUAL4, f"[{DUAL6}]", f"[{V6}]"]), "both instances listen")
    ok("six.test. IN MX 10 mx.six.test." in got.stdout and "postsix check" in got.stdout, "it says what to publish, and what next")
    eq([line for line in read("/etc/postfix/main.cf").splitlines() if not line.startswith("multi_instance_")], first_main.splitlines(),
       "of the default instance's main.cf, all stays")
    modes = {path: oct(os.stat("/etc/postsix/" + path).st_mode & 0o777) for path in
             ("postsix.conf", "token.secret", "keys/one.rsa", "keys/one.ed25519", "tls/self.key")}
    eq(list(modes.values()), ["0o644", "0o600", "0o600", "0o600", "0o600"], "configuration is for all, secrets for root") or diag(modes)
    eq(len(read("/etc/postsix/token.secret").strip()), 64, "the token secret has 32 octets")
    config = read("/etc/postsix/postsix.conf")
    options = [line.split("\t")[0].rpartition(".") for line in run("/usr/sbin/postsix", "config", "--options").stdout.splitlines()]
    eq(re.findall(r"(?m)^#?(\w+) =", config), [name for *_, name in options], "the configuration has every option, in the table's order")
    eq(re.findall(r"(?m)^\[.*\]", config), ["[postsix]", "[dual]", "[v6]", "[site one]"], "in its sections")
    got = run("/usr/sbin/postsixd", "--check")
    eq(got.returncode, 0, "postsixd is content with it") or diag(got.stdout)
    got = run("/usr/sbin/postsix", "check", "--only", "units")
    eq((got.returncode, got.stdout.count("it is started at boot")), (0, 3), "postsix check with the units") or diag(got.stdout)
    eq([run("postconf", "-hc", f"/etc/postfix-{i}", "mail_version", "multi_instance_enable").stdout.split()[1] for i in ("dual", "v6")],
       ["yes", "yes"], "both are enabled for postmulti")


def test_tls():
    """The certificate is for both names, and the handshake ends well."""
    for address, name in ((f"{DUAL4}", "mx.dual.test"), (f"[{V6}]", "mx.six.test")):
        got = run("openssl", "s_client", "-starttls", "smtp", "-connect", f"{address}:25", "-verify_hostname", name,
                  "-CAfile", "/etc/postsix/tls/self.crt", "-verify_return_error")
        ok("Verify return code: 0" in got.stdout, f"STARTTLS on {address}, for {name}") or diag(got.stdout[-800:])


def test_again():
    before = snapshot()
    for options in (OPTIONS, ["--yes"], []):
        got = setup(*options)
        eq((got.returncode, "Nothing to do" in got.stdout), (0, True), f"again with {len(options)} words: nothing to do") or diag(got.stdout)
    eq((difference(before, snapshot()), calls()), ([], []), "nothing is changed or restarted")


def test_change():
    """What a person wrote into the configuration stays; what an option says, changes; what it concerns, is restarted."""
    path = "/etc/postsix/postsix.conf"
    write(path, read(path).replace("#total_daily = 10000", "# we are small\ntotal_daily = 500") + "\n; the end\n\n")
    before = read(path)
    eq(calls() + [setup().returncode], [0], "a change by hand is no fault")
    eq((read(path), calls()), (before, []), "and stays")
    got = setup("--title", "IPv6 checker of example", "--yes")
    eq(got.returncode, 0, "another title") or diag(got.stdout)
    eq(read(path), before.replace("title = IPv6 e-mail checker", "title = IPv6 checker of example"),
       "changes one line")
    eq(calls(), ["restart postsix.target"], "and restarts postsix")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-days", "9",
        "-keyout", "/etc/own.key", "-out", "/etc/own.crt")
    refused(["--cert", "/etc/own.crt", "--key", "/etc/postsix/tls/self.key"], "is not the key of", "another's key")
    refused(["--cert", "/etc/own.crt", "--key", "/etc/none.key"], "--key: there is no file /etc/none.key", "a key that is not there")
    refused(["--cert", "/etc/own.crt", "--key", "/etc/own.crt"], "--key: no key can be read from /etc/own.crt", "no key")
    eq(setup("--cert", "/etc/own.crt", "--key", "/etc/own.key", "--yes").returncode, 0, "a certificate of one's own")
    eq(sorted(calls()), sorted(["restart " + unit for unit in UNITS]), "restarts the instances, too")
    eq(run("postconf", "-hc", "/etc/postfix-v6", "smtpd_tls_chain_files").stdout, "/etc/own.key /etc/own.crt\n", "which have it")
    got = setup("--site", "two", "--v6-domain", "seis.test", "--dual-domain", "doble.test", "--yes")
    eq(got.returncode, 0, "a second site") or diag(got.stdout)
    ok("[site two]\n" in read(path) and os.path.exists("/etc/postsix/keys/two.rsa"), "is added, with keys")
    eq(run("postconf", "-hc", "/etc/postfix-v6", "virtual_mailbox_domains").stdout, "six.test seis.test\n", "and received for")
    calls()


def test_token_domain():
    """This host's own, where others are MX too: set, again, changed, of another site, taken back."""
    def domains():
        return run("postconf", "-hc", "/etc/postfix-v6", "virtual_mailbox_domains").stdout.split()

    for name, why in (("six..test", 'is no domain'), ("", 'is no domain'), ("a.seis.test", "a name below six.test is wanted"),
                      ("asix.test", "a name below six.test is wanted"), ("dual.test", "a name below six.test is wanted")):
        refused(["--token-domain", name, "--yes"], f'--token-domain: .*{why}', f'--token-domain "{name}"')
    refused(["--token-domain", "a.six.test", "--operator", "me@a.six.test", "--yes"], "a mailbox elsewhere", "an operator there")
    path = "/etc/postsix/postsix.conf"
    before, state = read(path), snapshot()
    got = setup("--token-domain", "a.six.test", "--dry-run")
    ok("+token_domain = a.six.test" in got.stdout and "+virtual_mailbox_domains = a.six.test six.test" in got.stdout, "--dry-run shows it") \
        or diag(got.stdout)
    eq((difference(state, snapshot()), calls()), ([], []), "and changes nothing")
    got = setup("--token-domain", "a.six.test", "--yes")
    eq(got.returncode, 0, "a token domain") or diag(got.stdout)
    eq(read(path), before.replace("#token_domain =\n", "token_domain = a.six.test\n", 1), "is one line of the configuration")
    eq((domains(), calls()), (["a.six.test", "six.test", "seis.test"], [f"restart {unit}" for unit in UNITS[1:]]),
       "v6 receives for it, and is restarted before postsixd sends in its name")
    ok("; ---- site one: of this host alone" in got.stdout and "a.six.test. IN MX 10 mx.six.test." in got.stdout, "its records are printed")
    for options in (["--token-domain", "a.six.test", "--yes"], ["--yes"]):
        got = setup(*options)
        eq(("Nothing to do" in got.stdout, calls()), (True, []), "again: nothing to do") or diag(got.stdout)
    eq(setup("--token-domain", "b.six.test", "--yes").returncode, 0, "another one")
    eq(domains(), ["b.six.test", "six.test", "seis.test"], "takes its place")
    refused(["--v6-domain", "sechs.test", "--yes"], "token_domain must be v6_domain, or a name below it", "the IPv6-only domain alone")
    eq(setup("--site", "two", "--token-domain", "b.seis.test", "--yes").returncode, 0, "one of the second site")
    eq(domains(), ["b.six.test", "six.test", "b.seis.test", "seis.test"], "stands beside it")
    for site, domain in (("one", "six.test"), ("two", "seis.test")):
        eq(setup("--site", site, "--token-domain", domain, "--yes").returncode, 0, f"{domain} itself takes it back")
    eq(domains(), ["six.test", "seis.test"], "and it is gone")
    calls()


def test_failure():
    """A step that fails is named; the next run goes on."""
    write("/run/units/broken", UNITS[2])
    got = setup("--title", "Another", "--yes")
    ok(got.returncode == 71 and 'step "units" failed' in got.stdout and f"Job for {UNITS[2]} failed" in got.stdout
       and "run postsix setup again" in got.stdout, "a failure names its step, its words, and how to go on") or diag(got.stdout)
    os.unlink("/run/units/broken")
    calls()
    got = setup()
    eq((got.returncode, calls()), (0, ["restart postsix.target"]), "the next run does what was left") or diag(got.stdout)


def test_upgrade():
    """Of Debian, from 12 to 13, where the instances' units have other names; they still run under those of before."""
    write("/run/units/template", TEMPLATE_13)
    got = run("/usr/sbin/postsix", "check", "--only", "units")
    eq(got.returncode, 2, "check: units that are called otherwise since an upgrade are a fault") or diag(got.stdout)
    for now, former in zip(UNITS_13[:2], UNITS[:2]):
        ok(re.search(rf"{now}: it is not started at boot: there is no such unit\n +mend: postsix setup --yes", got.stdout)
           and re.search(rf"{former}: it is enabled, and starts nothing: .* {now} here.*\n +mend: postsix setup --yes", got.stdout),
           f"it says so of {former}, and the mend") or diag(got.stdout)
    path = "/etc/postsix/postsix.conf"
    config = read(path)
    write(path, config.replace("[v6]\n", "[v6]\nconfig_directory = /etc/six\n", 1))
    refused([], r"config_directory in \[v6\] of .*: Postfix's unit postfix@v6\.service starts /etc/postfix-v6 only", "a folder that it does not start")
    write(path, config)
    calls()
    got = setup("--dry-run")
    eq((got.returncode, sorted(os.listdir("/run/units/enabled")), calls()), (0, UNITS, []), "--dry-run changes nothing") or diag(got.stdout)
    got = setup()
    eq(got.returncode, 0, "setup again, after that upgrade") or diag(got.stdout)
    eq(calls(), [f"{verb} {unit}" for unit in UNITS[:2] for verb in ("stop", "disable")]
       + [f"{verb} {unit}" for verb in ("enable", "start") for unit in UNITS_13[:2]], "takes the units of before away, and starts the others")
    eq((sorted(os.listdir("/run/units/enabled")), sorted(re.findall("postfix@.*", "\n".join(os.listdir("/run/units/active"))))),
       (UNITS_13, UNITS_13[:2]), "those of before neither run nor will at the next boot")
    eq(listening(), sorted([DUAL4, f"[{DUAL6}]", f"[{V6}]"]), "both instances listen")
    eq(re.findall("postfix@postfix-.*", read("/etc/postsix/setup.state")), [], "nothing of them is noted")
    got = run("/usr/sbin/postsix", "check", "--only", "units")
    eq((got.returncode, got.stdout.count("it is started at boot")), (0, 3), "check is content") or diag(got.stdout)
    ok("Nothing to do" in setup().stdout, "again: nothing to do")
    os.unlink("/run/units/template")  # and away under the names of before
    calls()


def test_other_folders():
    """A configuration that gives the instances somebody else's folders, after setup: neither written nor removed."""
    path = "/etc/postsix/postsix.conf"
    config = read(path)
    for option, folder, why in (("config_directory", "/etc/postfix", "another instance's"),
                                ("queue_directory", "/var/spool/postfix/", "the default instance's"),
                                ("data_directory", "/var/lib/postfix", "the default instance's"),
                                ("config_directory", "/etc", "a folder of the system"), ("queue_directory", "/var/spool/", "a folder of the system"),
                                ("data_directory", "/var/lib", "a folder of the system")):
        write(path, config.replace("[dual]\n", f"[dual]\n{option} = {folder}\n", 1))
        refused([], rf"{option} in \[dual\] of {path}: {folder} is {why}", f"{option} of others")
        refused(["--remove", "--purge", "--yes"], rf"nothing was changed. {option} in \[dual\]", f"{option} of others, --remove")
    for option, folder in (("state_directory", "/var/lib"), ("spool_directory", "/var/../var/spool")):
        write(path, config.replace("[postsix]\n", f"[postsix]\n{option} = {folder}\n", 1))
        refused(["--remove", "--purge", "--yes"], rf"nothing was changed. {option} in \[postsix\] of {path}: {folder} is a folder of the system",
                f"{option} of others, --purge")
    write(path, config)
    eq((listening(), calls()), (sorted([DUAL4, f"[{DUAL6}]", f"[{V6}]"]), []), "and nothing is stopped")


def test_generated():
    """Debian 12's generator makes links of its own, which hold while postfix.service is enabled: no reason not to enable a unit."""
    write("/run/units/generated", "")
    os.unlink(f"/run/units/enabled/{UNITS[1]}")
    got = run("/usr/sbin/postsix", "check", "--only", "units")
    ok(got.returncode == 2 and f"{UNITS[1]}: it is not started at boot: enabled-runtime" in got.stdout, "check: it is not enabled") or diag(got.stdout)
    eq((setup().returncode, calls()), (0, [f"enable {UNITS[1]}"]), "setup enables it")
    os.unlink("/run/units/generated")


def test_power_cut():
    """What takes another's place is on the disk before it does."""
    write("/usr/local/sbin/sync", '#!/bin/bash\necho "$1 $(ls "$1")" >>/run/synced\n', 0o755)
    secret = read("/etc/postsix/token.secret")
    write("/etc/postsix/token.secret", "", 0o600)
    path, aliases = "/etc/postsix/postsix.conf", "/etc/postfix-v6/aliases"
    os.unlink(aliases)
    eq(setup("--title", "Durable", "--yes").returncode, 0, "configuration, secret and an instance's file are written")
    os.unlink("/usr/local/sbin/sync")
    synced = (read("/run/synced") or "").splitlines()
    eq([f"{file}.new" for file in (path, "/etc/postsix/token.secret", aliases) if f"{file}.new {file}.new" not in synced], [],
       "each is synced while it has its own name yet") or diag(synced)
    write("/etc/postsix/token.secret", secret, 0o600)
    calls()


def test_full_disk():
    """Of what is noted, nothing is lost when there is no room to write the rest."""
    noted = read("/etc/postsix/setup.state")
    write("/usr/local/sbin/grep", '#!/bin/bash\n[[ $1 != -vxF ]] || exec /usr/bin/grep "$@" >/dev/full\nexec /usr/bin/grep "$@"\n', 0o755)
    got = setup("--title", "A third", "--yes")
    os.unlink("/usr/local/sbin/grep")
    ok(got.returncode == 71 and "cannot write /etc/postsix/setup.state" in got.stdout, "a full disk is a failure, and said") or diag(got.stdout)
    eq(sorted(set(noted.splitlines()) - set(read("/etc/postsix/setup.state").splitlines())), [], "what was noted before is noted still")
    eq(setup().returncode, 0, "and with room it goes on")
    eq(sorted(read("/etc/postsix/setup.state").splitlines()), sorted(noted.splitlines()), "to its end")
    calls()


def test_remove(first, first_main):
    write("/var/spool/postfix-v6/deferred/A/ABC", "mail\n")
    write(f"/run/units/active/{UNITS[1]}", "activating\n")  # after a start that failed, before the next
    got = setup("--remove", "--dry-run")
    before = snapshot()
    ok(got.returncode == 0 and "-e destroy" in got.stdout and not difference(before, snapshot()), "--remove --dry-run only shows")
    eq(listening(), sorted([DUAL4, f"[{DUAL6}]", f"[{V6}]"]), "and stops nothing")
    got = setup("--remove")
    eq(got.returncode, 0, "--remove") or diag(got.stdout)
    eq((listening(), os.listdir("/run/units/enabled"), os.listdir("/run/units/active")), ([], [], []), "everything is stopped and disabled")
    eq(read("/etc/postfix/main.cf"), first_main, "the default instance's main.cf is as it was, to the octet")
    eq([path for path in ("/etc/postfix-dual", "/etc/postfix-v6", "/var/spool/postfix-dual", "/var/lib/postfix-dual", "/var/lib/postfix-v6")
        if os.path.exists(path)], [], "the instances are gone")
    ok("1 messages and stays" in got.stdout and read("/var/spool/postfix-v6/deferred/A/ABC"), "but a message that waited")
    ok(read("/etc/postsix/postsix.conf") and read("/etc/postsix/token.secret"), "configuration and keys stay")
    ok("Nothing to do" in setup("--remove").stdout, "a second time there is nothing to do")
    eq(setup("--yes").returncode, 0, "and back again, with the same configuration")
    eq("queue /" in (read("/etc/postsix/setup.state") or ""), False, "the queue that stayed is the instance's again")
    setup("--remove")
    write("/etc/postsix/setup.state", (read("/etc/postsix/setup.state") or "") + "queue /var/spool/postfix\n")
    refused(["--remove", "--purge"], "say --yes", "--purge without --yes", 64)
    got = setup("--remove", "--purge", "--yes")
    eq(got.returncode, 0, "--remove, and --purge later") or diag(got.stdout)
    eq((os.path.exists("/var/spool/postfix-v6"), os.path.exists("/var/spool/postfix")), (False, True),
       "a queue that stayed with its message goes, and no queue of an instance that is there") or diag(got.stdout)
    left = [path for path in difference(first, snapshot()) if not re.search(r"^/etc/(own|g?shadow-?|passwd-?|group-?|\.pwd)|^/var/(lib|spool)/(postfix/)?$", path)]  # overlay's
    eq(left, [], "leaves nothing but users")


def test_kill():
    """Killed after its first command, after its seventh (PLACES=1: the second), and so on; then it is run again, and all is there."""
    number, status, wanted, stride = 0, -1, None, int(os.environ.get("PLACES") or 6)
    for number in range(1, 60, stride):
        write("/run/n", f"{number}\n")
        for tool in ("systemd-tmpfiles", "openssl", "postmulti", "mv"):
            write(f"/usr/local/sbin/{tool}", f'#!/bin/bash\n/usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin {tool} "$@"\nstatus=$?\n'
                  "n=$(($(cat /run/n) - 1)); echo $n >/run/n; ((n != 0)) || kill -9 $(cat /run/victim)\nexit $status\n", 0o755)
        victim = subprocess.Popen(["/bin/bash", "-c", 'echo $$ >/run/victim; exec /usr/sbin/postsix setup "$@"', "setup", *OPTIONS],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        status = victim.wait()
        for tool in ("systemd-tmpfiles", "openssl", "postmulti", "mv"):
            os.unlink(f"/usr/local/sbin/{tool}")
        if status == 0:
            break
        again = until_free()
        faults = [] if again.returncode == 0 else [again.stdout]
        found = {path for path in snapshot() if not path.endswith(".new") and "/.tmp" not in path}
        wanted = wanted or found
        faults += sorted(found ^ wanted)
        faults += [] if listening() == sorted([DUAL4, f"[{DUAL6}]", f"[{V6}]"]) else [f"listening: {listening()}"]
        faults += [] if "Nothing to do" in setup().stdout else ["there is still something to do"]
        got = setup("--remove", "--purge", "--yes")
        faults += [got.stdout] if got.returncode else []
        eq((status, faults), (-signal.SIGKILL, []), f"killed at place {number}: the next run mends it")
    ok(number > 5 and status == 0, "to its end")
    eq(setup("--remove", "--purge", "--yes").returncode, 0, "and away")


def until_free():
    """The killed one's last child may still hold its lock for a moment."""
    got = setup(*OPTIONS)
    deadline = time.monotonic() + 60
    while "another postsix setup runs" in got.stdout and time.monotonic() < deadline:
        time.sleep(0.1)
        got = setup(*OPTIONS)
    return got


def on_terminal(answers, *options):
    """The exit status, the text, and how many answers nobody asked for."""
    answers = list(answers)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv("/usr/sbin/postsix", ["postsix", "setup", "--dry-run", *options])
    text = ""
    with contextlib.suppress(OSError):
        while True:
            text += os.read(terminal, 4096).decode(errors="replace")
            if re.search(r"(?m)^.*: (\x1b\S*)?\Z", text):
                os.write(terminal, answers.pop(0).encode() + b"\n" if answers else b"\x04")
                text += "\n"
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), re.sub(r"\x1b\[\?2004[hl]|\r", "", text), len(answers)


def test_terminal():
    """Questions, with what is at hand as the answer that Enter gives."""
    status, text, left = on_terminal(["six.test", "dual.test", "operator@good.test", "", V6, "", "", "", ""])
    eq((status, left), (0, 0), "nine questions on a terminal") or diag(text[-3000:])
    ok(f"[{DUAL4} 2001:db8:25::" in text and "[mx.six.test]" in text, "with suggestions")
    ok("+hostname = mx.six.test" in text and "+title = IPv6 e-mail checker" in text, "of which Enter makes the answers")


WRONG = [  # an answer, and what is said before the question comes again; nothing where it will do
    ("", "The IPv6-only domain is wanted"),
    ("six", 'The IPv6-only domain: "six" is no domain'),
    ("six.test.", 'The IPv6-only domain: "six.test.": write it without the dot at its end'),
    ("šest.test", 'The IPv6-only domain: "šest.test" is no domain in ASCII: write it as xn--'),
    ("six.test", ""),
    ("SIX.test", "Its dual-stack twin: two domains are wanted"), ("dual.test", ""),
    ("me", 'Your address, in another domain, for mail to postmaster: "me" is no address'),
    ("me@six.test", "Your address, in another domain, for mail to postmaster: a mailbox elsewhere is wanted"),
    ("m e@good.test", "Your address, in another domain, for mail to postmaster: the local part has a character"),
    ("operator@good.test", ""),
    (DUAL4, "IPv4 and IPv6 address of the dual-stack instance: an IPv6 address is wanted"),
    (f"*,{DUAL6}", "IPv4 and IPv6 address of the dual-stack instance: * is no address of this host"),
    (DUAL6, "IPv4 and IPv6 address of the dual-stack instance: an IPv4 address is wanted"),
    (f"{DUAL4}, {DUAL6}", ""),
    (f"{DUAL4} {V6}", "IPv6 address of the IPv6-only instance: no IPv4 address is wanted"), (V6, ""),
    ("mx", 'Host name of the first: "mx" is no domain'), ("", ""),
    ("mx.dual.test", "Host name of the second, without any A record: two names are wanted"), ("", ""),
    ("xx", "Language of the mails: there is no folder /usr/share/postsix/templates/xx"), ("", ""),
    ("a \\ b", "Name in their From: control characters, backslashes"),
    ("a ; b", 'Name in their From: "a ; b" cannot stand'), ("Prüfer", ""),
]


def test_wrong_answers():
    """Each answer is judged at its question, which comes again; what is wrong elsewhere costs no answers."""
    status, text, left = on_terminal(answer for answer, _ in WRONG)
    eq((status, left), (0, 0), "wrong answers are asked for again, and cost no other") or diag(text[-3000:])
    eq([said for _, said in WRONG if f"\n{said}" not in text], [], "what is wrong is said in the question's words") or diag(text[:6000])
    ok("+title = Prüfer" in text and "--" not in text.split("Prüfer")[0].replace("xn--", ""), "without options' names") or diag(text[-3000:])
    status, text, left = on_terminal(["six.test", "Dual.test"])
    eq((status, left, "no answer" in text), (64, 0, True), "the end of input ends it") or diag(text)
    status, text, left = on_terminal(["six.test"], "--v6-domain", "six..test")
    ok(status == 64 and '--v6-domain: "six..test" is no domain' in text and left == 0, "a wrong option is said, and asked for") or diag(text)
    status, text, left = on_terminal(["six.test"], "--cert", "/nothing", "--key", "/nothing")
    eq((status, left, "no certificate can be read" in text), (78, 1, True), "what no answer mends is said before the first question") or diag(text)
    with socket.create_server((V6, 25), family=socket.AF_INET6):
        status, text, left = on_terminal(["six.test", "dual.test", "operator@good.test", f"{DUAL4} {DUAL6}", V6, "", "", "", "My title"])
    ok(status == 78 and "is mended: postsix setup --dry-run --v6-domain six.test --dual-domain dual.test --operator operator@good.test "
       f"--dual-addresses {DUAL4},{DUAL6} --v6-address {V6} " in text and r"--title My\ title" in text,
       "after a fault elsewhere, the answers are there as options") or diag(text[-2000:])


def test_single():
    run("ip", "address", "delete", V6 + "/128", "dev", "lo")
    got = setup(*OPTIONS[:6], *OPTIONS[8:], "--single-address")
    eq((got.returncode, listening()), (0, sorted([DUAL4, f"[{DUAL6}]"])), "a host with one address") or diag(got.stdout)
    eq(run("/usr/sbin/postsix", "config", "v6.listen").stdout, DUAL6 + "\n", "both instances have it")
    ok("Nothing to do" in setup(*OPTIONS[:6], *OPTIONS[8:], "--single-address").stdout, "again: nothing to do")


def test_without_systemd():
    os.rmdir("/run/systemd/system")
    got = setup()
    ok(got.returncode == 0 and "systemd does not run here, so this was left out: systemctl enable --now postsix.target" in got.stdout,
       "without systemd it says what it left out") or diag(got.stdout)
    os.mkdir("/run/systemd/system")
    write("/var/spool/postfix-v6/deferred/A/ABC", "mail\n")
    eq((setup("--remove", "--purge", "--yes").returncode, os.path.exists("/var/spool/postfix-v6")), (0, False), "and away, with a message")


def age_main_cf():
    """Postfix reads a main.cf again and again until it is two seconds old, lest it be half written, and so would each of its commands
    after each step. Here it is old at once."""
    while True:
        for path in glob.glob("/etc/postfix*/main.cf"):
            with contextlib.suppress(FileNotFoundError):
                if os.stat(path).st_mtime > (old := time.time() - 10):
                    os.utime(path, (old, old))
        time.sleep(0.02)


def main():
    fault = build_host()
    if fault:
        skip("postsix setup", f"no overlay file system here: {fault.strip()}")
        done()
    threading.Thread(target=age_main_cf, daemon=True).start()
    first, first_main = snapshot(), read("/etc/postfix/main.cf")
    test_refusals()
    test_clashes()
    test_terminal()
    test_wrong_answers()
    test_dry_run()
    test_run(first_main)
    test_tls()
    test_again()
    test_change()
    test_token_domain()
    test_failure()
    test_other_folders()
    test_generated()
    test_power_cut()
    test_full_disk()
    test_upgrade()
    test_remove(first, first_main)
    test_kill()
    test_single()
    test_without_systemd()
    done()


if os.environ.get("POSTSIX_HOST") != "yes":
    if os.geteuid() != 0:
        sys.exit("only root can make namespaces")
    os.environ["POSTSIX_HOST"] = "yes"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-B",
                          os.path.abspath(__file__)])
main()
