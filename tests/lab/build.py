# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""What `lab up` makes before anything runs: folders, accounts, namespaces, network, zone, configuration, installation."""

import configparser
import grp
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import time

from ground import BUILD, HERE, INSTANCES, RUN, SERVICE, SUFFIX, TOP, WORLD, Failure, exists, read, run, within, write

# only for the service's namespace, where the machine has none of these; from Debian's reserved range
V6_ADDRESS, DUAL_ADDRESS = "2001:db8:25::6", "2001:db8:25::25"
BESIDE = {"2001:db8:25::": "2001:db8:26::", "192.0.2.25": "192.0.2.26", "= mx.": "= mx2."}  # of a second service's host
USERS = {"postsix": 59625, "postsix-intake": 59626, "postsix-pipe": 59627, "postsix-milter": 59628}


def check_needs(args):
    if os.geteuid() != 0:
        raise Failure("only root can make network namespaces")
    for program in ("ip", "nsd", "nsd-checkzone", "postfix", "setpriv"):
        if not shutil.which(program):
            raise Failure(f"{program} is not installed; tests/deps installs what is missing")
    for module, package in (("dns", "dnspython"), ("dkim", "dkim"), ("spf", "spf")):
        if not importlib.util.find_spec(module):
            raise Failure(f"python3-{package} is not installed; tests/deps installs what is missing")
    for program in needed_programs(args):
        if not os.access(f"{BUILD}/{program}", os.X_OK):
            raise Failure(f"{BUILD}/{program} is not built; `make` does it")
    for folder in [args.extra] if args.extra else []:
        if not os.path.isdir(folder):
            raise Failure(f"{folder} is not a folder")
    if args.beside and not exists(world_of(args)):
        raise Failure(f"the lab {args.beside} is not up")


def world_of(args):
    return f"postsix-{args.beside}-world" if args.beside else WORLD


def needed_programs(args):
    if args.bare:
        return []
    own = ["postsix"] + ([] if args.pipe else ["postsix-pipe"])
    return own + ([] if args.no_postsix else ["postsix-intake", "postsix-milter", "postsixd"])


def make_state():
    """build/lab; where not everyone may pass through the folders above it, as Postfix's users must, /var/tmp."""
    folder = link = f"{BUILD}/lab{SUFFIX}"
    above = BUILD
    os.makedirs(BUILD, exist_ok=True)
    while above != "/" and os.stat(above).st_mode & 0o001:
        above = os.path.dirname(above)
    if above != "/":
        folder = f"/var/tmp/postsix-lab{SUFFIX}"
        os.symlink(folder, link)
    os.makedirs(RUN, 0o755)
    os.symlink(link, f"{RUN}/state")
    for part in ("", "bin", "keys", "log", "pid", "inbox", "dns", "dual", "v6"):
        os.makedirs(f"{folder}/{part}", 0o755)
    return folder


def make_accounts():
    """The users of the service's namespace: the machine's, and ours where it lacks them."""
    passwd, group = read("/etc/passwd"), read("/etc/group")
    for user, number in USERS.items():
        if not re.search(f"^{user}:", passwd, re.M):
            passwd += f"{user}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
        if not re.search(f"^{user}:", group, re.M):
            group += f"{user}:x:{number}:\n"
    group = re.sub(r"^(postdrop:.*?:.*?:)(.*)$", lambda m: m[1] + ",".join(filter(None, [m[2], "postsix"])),
                   group, flags=re.M)
    write(f"/etc/netns/{SERVICE}/passwd", passwd)
    write(f"/etc/netns/{SERVICE}/group", group)


def make_namespaces(args):
    """`ip netns exec` puts the files of /etc/netns/NAME over those of /etc."""
    for namespace in (SERVICE,) if args.beside else (SERVICE, WORLD):
        os.makedirs(f"/etc/netns/{namespace}")
        write(f"/etc/netns/{namespace}/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        write(f"/etc/netns/{namespace}/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
        write(f"/etc/netns/{namespace}/resolv.conf",
              "nameserver 198.51.100.53\nnameserver 2001:db8:100::53\noptions timeout:2 attempts:2\n")
        run("ip", "netns", "add", namespace)
    make_accounts()


def make_network_beside(args):
    """A wire of its own to the other lab's world, which answers for 192.0.2.1 on this one, too."""
    ip(SERVICE, f"link add service type veth peer name beside netns {world_of(args)}", "link set lo up", "link set service up",
       "address add 192.0.2.26/32 dev service", *(f"address add 2001:db8:26::{n}/64 dev service nodad" for n in ("25", "6")))
    ip(world_of(args), "link set beside up", "address add 2001:db8:26::1/64 dev beside nodad", "route add 192.0.2.26 dev beside")
    ip(SERVICE, "route add 192.0.2.1 dev service", "route add default via 192.0.2.1", "route add default via 2001:db8:26::1")


def make_network(args):
    """The world owns every address of its networks without having one: a peer, of --extra too, just listens."""
    if args.beside:
        make_network_beside(args)
        return
    ip(SERVICE, f"link add service type veth peer name world netns {WORLD}", "link set lo up", "link set service up",
       "address add 192.0.2.25/24 dev service",
       *(f"address add {address}/64 dev service nodad" for address in (DUAL_ADDRESS, V6_ADDRESS)[:1 if args.single else 2]))
    ip(WORLD, "link set lo up", "link set world up",
       "address add 192.0.2.1/24 dev world", "address add 2001:db8:25::1/64 dev world nodad",
       "route add local 198.51.100.0/24 dev lo table main", "route add local 2001:db8::/32 dev lo table main",
       "route add blackhole 203.0.113.0/24", "route add blackhole 2001:db8:dead::/48")
    ip(SERVICE, "route add default via 192.0.2.1", "route add default via 2001:db8:25::1")
    run(*within(WORLD, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1", "net.ipv6.ip_nonlocal_bind=1",
                "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.ip_unprivileged_port_start=1"))


def ip(namespace, *lines):
    done = subprocess.run(("ip", "-n", namespace, "-batch", "-"), input="\n".join(lines), text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Failure(f"the network of {namespace}: {done.stdout.strip()}")


def make_zone(args, folder, keys):
    """A server that answers every question: NSD by itself drops answers beyond 200 a second to one network, which the
    service alone asks for from about 30 requests a second on, and then waits out the resolver's timeout. It shares its
    ports with peers/slowdns, which asks for two servers and leaves the questions to the first of them."""
    zone = read(f"{HERE}/zone")
    if args.no_ptr:
        zone = re.sub(r"(?m)^.*; not with --no-ptr$", "", zone)
    if args.bare:
        zone = re.sub(r"(?ms)^; ---- the service:.*?(?=^; ---- the world:)", "", zone)
    if args.single:  # whose reverse name is v6's, which probes are judged by
        zone = re.sub(r"(?m)^(6|(5\.2))(\.0)+\t+PTR.*\n", lambda m: m[0].replace("mx.dual", "mx.six") if m[2] else "", zone)
        zone = zone.replace(f" ip6:{V6_ADDRESS} ", " ").replace(V6_ADDRESS + "\n", DUAL_ADDRESS + "\n")
    zone += keys
    if args.extra and os.path.exists(f"{args.extra}/zone"):
        zone += read(f"{args.extra}/zone")
    write(f"{folder}/dns/zone", zone)
    write(f"{folder}/dns/zone-nsv4", read(f"{HERE}/zone-nsv4"))
    write(f"{folder}/dns/nsd.conf", f"""
server:
	ip-address: 198.51.100.53
	ip-address: 2001:db8:100::53
	ip-address: 198.51.100.55
	server-count: 2
	reuseport: yes
	username: ""
	zonesdir: "{folder}/dns"
	database: ""
	pidfile: ""
	xfrdfile: "{folder}/dns/xfrd.state"
	zonelistfile: "{folder}/dns/zone.list"
	xfrdir: "{folder}/dns"
	hide-version: yes
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: "."
	zonefile: "zone"
zone:
	name: "nsv4.test"
	zonefile: "zone-nsv4"
""")
    run("nsd-checkzone", ".", f"{folder}/dns/zone")


def make_config(args, folder):
    text = read(f"{HERE}/postsix.conf").replace("@STATE@", folder).replace("@RUN@", RUN)
    for first, second in BESIDE.items() if args.beside else []:
        text = text.replace(first, second)
    config = configparser.ConfigParser(interpolation=None, delimiters="=")
    config.read_string(text)
    for setting in ([f"v6.listen={DUAL_ADDRESS}"] if args.single else []) + (args.set or []):
        name, _, value = setting.partition("=")
        section, _, option = name.strip().rpartition(".")
        section = section.replace("site.", "site ")
        if not config.has_section(section):
            config.add_section(section)
        config.set(section, option, value.strip())
    with open(f"{folder}/postsix.conf", "w", encoding="utf-8") as file:
        config.write(file)


def make_service(args, folder):
    """What an installation has in /usr, /etc and /var: programs, templates, secret, spool, and the two instances."""
    for program in needed_programs(args):
        shutil.copy(f"{BUILD}/{program}", f"{folder}/bin/{program}")
    if args.pipe:
        shutil.copy(args.pipe, f"{folder}/bin/postsix-pipe")
    shutil.copytree(f"{TOP}/templates", f"{folder}/templates", dirs_exist_ok=True)
    numbers = account_numbers()
    postsix, intake, pipe = numbers["postsix"], numbers["postsix-intake"], numbers["postsix-pipe"]
    os.chown(folder, *postsix)  # its database is here
    os.chown(write(f"{folder}/token.secret", os.urandom(32).hex(), 0o400), *postsix)
    for part in ("", "/new", "/quarantine"):
        make_folder(f"{folder}/spool{part}", 0o2770, intake[0], postsix[1])
    make_folder(f"{RUN}/intake", 0o2750, intake[0], pipe[1])
    make_folder(f"{RUN}/milter", 0o2750, numbers["postsix-milter"][0], grp.getgrnam("postfix").gr_gid)
    make_folder(f"{RUN}/policy", 0o2750, postsix[0], grp.getgrnam("postfix").gr_gid)  # smtpd(8) asks there
    for instance in INSTANCES:
        os.symlink(f"{folder}/{instance}/queue", f"{RUN}/{instance}")
    own = [f"{i}.{s}" for i in INSTANCES for s in (f"maillog_file={folder}/log/service.log",
                                                   f"maillog_file_prefixes={folder}/log")]
    # the world has few addresses, and tests are in a hurry
    own += [f"{i}.smtpd_client_event_limit_exceptions=static:all" for i in INSTANCES]
    if args.no_postsix:
        own += [f"{i}.smtpd_milters=" for i in INSTANCES]
    own += [f"{i}.postsix_policy=" for i in INSTANCES if args.no_policy or args.no_postsix]
    render = (f"{TOP}/postfix/postsix-setup", "-c", f"{folder}/postsix.conf", "--postsix", f"{folder}/bin/postsix",
              "--programs", f"{folder}/bin", *(word for s in own + (args.postfix or []) for word in ("--set", s)))
    write(f"{folder}/bin/render", f"#!/bin/sh\nexec {shlex.join(render)}\n", 0o755)  # again, after a change of postsix.conf
    run(*within(SERVICE, f"{folder}/bin/render"))
    for instance in INSTANCES:  # a main.cf of the last two seconds is read again and again until it is older
        os.utime(f"{folder}/{instance}/etc/main.cf", (time.time() - 10, time.time() - 10))


def make_keys(args, folder):
    """The DNS records of the keys, which are made where postsix.conf names a file for them."""
    config = configparser.ConfigParser(interpolation=None, delimiters="=")
    config.read(f"{folder}/postsix.conf")
    command = (f"{folder}/bin/postsix", "dkim-key", "-c", f"{folder}/postsix.conf")
    making = [subprocess.Popen((*command, *option, site.split()[1]), stdout=subprocess.PIPE, text=True)
              for site in config.sections() if site.startswith("site ") and not args.no_postsix
              for name, option in (("dkim_key_file", ()), ("dkim_ed25519_key_file", ("--ed25519",)))
              if config.get(site, name, fallback="")]
    records = [process.communicate()[0] for process in making]
    if any(process.returncode for process in making):
        raise Failure("postsix dkim-key made no key")
    return "".join(records)


def make_folder(path, mode, *owner):
    os.makedirs(path)
    os.chown(path, *owner)
    os.chmod(path, mode)


def account_numbers():
    lines = (line.split(":") for line in read(f"/etc/netns/{SERVICE}/passwd").splitlines())
    return {fields[0]: (int(fields[2]), int(fields[3])) for fields in lines if fields[0] in USERS}
