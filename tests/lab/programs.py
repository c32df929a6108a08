# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""What runs in the lab: how each program is started, under which user, and how all of them are ended."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time

from ground import HERE, INSTANCES, RUN, SERVICE, WORLD, Failure, exists, pids, read, run, state, tail, within, write

START_SECONDS = STOP_SECONDS = 10


def spawn(name, namespace, *command, log=None, env=None, umask=-1):
    """Starts command in the background; its words go to a log of its own, or the one of the service."""
    with open(f"{state()}/log/{log or name}.log", "ab") as out:
        process = subprocess.Popen(within(namespace, *command), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   start_new_session=True, cwd=state(), env={**os.environ, **(env or {})},
                                   umask=umask)
    write(f"{state()}/pid/{name}", f"{process.pid}\n")
    return process


def await_start(what, process, log, condition):
    """Until condition holds. A process that ends before that did not start."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            ended = f"ended with status {process.returncode}" if process.poll() is not None else "is not ready"
            raise Failure(f"{what} did not start: it {ended}\n{tail(state(), log)}")
        time.sleep(0.02)


def listens(process, table, port):
    """Whether somebody in the namespace of process has this port: a look at its network tables, not a connection."""
    return re.search(rf"^ *\d+: [0-9A-F]+:{port:04X} ", read(f"/proc/{process.pid}/net/{table}"), re.M)


def start_world(args, folder):
    dns = spawn("dns", WORLD, "nsd", "-d", "-c", f"{folder}/dns/nsd.conf")
    await_start("the DNS server (nsd)", dns, "dns", lambda: listens(dns, "udp", 53) and listens(dns, "udp6", 53))
    env = {"LAB_INBOX": f"{folder}/inbox", "PYTHONPATH": f"{HERE}/peers", "PYTHONDONTWRITEBYTECODE": "1"}
    peers = spawn("peers", WORLD, f"{HERE}/peers/world", env=env)
    own = os.path.realpath(f"{args.extra}/peers") if args.extra else ""
    extra = {}
    for name in sorted(os.listdir(own) if os.path.isdir(own) else []):
        if os.path.isfile(f"{own}/{name}") and os.access(f"{own}/{name}", os.X_OK):
            extra[name] = spawn(f"peer-{name}", WORLD, f"{own}/{name}", env=env)
    await_start("the mail servers of the world", peers, "peers", lambda: "ready" in read(f"{folder}/log/peers.log"))
    slow = spawn("slowdns", WORLD, f"{HERE}/peers/slowdns")  # after those who ask for what it will hold back
    await_start("the slow DNS", slow, "slowdns", lambda: read(f"{folder}/log/slowdns.log") == "ready\n")
    return extra


def publish(folder, records):
    """Until the DNS answers by the new zone, whose serial number is one more. It reads it again at SIGHUP."""
    path = f"{folder}/dns/zone"
    zone = read(path) + f"\n$ORIGIN .\n$TTL 60\n{records}\n"
    serial = int(re.search(r"(?m)^@\s+SOA\s+\S+ \S+ (\d+)", zone)[1]) + 1
    write(path, re.sub(r"(?m)^(@\s+SOA\s+\S+ \S+ )\d+", rf"\g<1>{serial}", zone, count=1))
    run("nsd-checkzone", ".", path)
    os.kill(int(read(f"{folder}/pid/dns")), signal.SIGHUP)
    asking = "import dns.resolver\nfor s in ('198.51.100.53', '2001:db8:100::53'):\n r = dns.resolver.Resolver(configure=False)\n" \
             " r.nameservers = [s]\n print(r.resolve('.', 'SOA')[0].serial)"
    deadline = time.monotonic() + START_SECONDS
    while set(run(*within(WORLD, "/usr/bin/python3", "-c", asking), check=False).split()) != {str(serial)}:
        if time.monotonic() > deadline:
            raise Failure("the DNS server does not read its zone again")
        time.sleep(0.1)


def check_extra(extra):
    for name, process in extra.items():
        if process.poll():
            raise Failure(f"peer {name} did not start: it ended with status {process.returncode}\n"
                          + tail(state(), f"peer-{name}"))


def postfix(instance, verb):
    return within(SERVICE, "postfix", "-c", f"{state()}/{instance}/etc", verb)


def begin_instances(instances=INSTANCES):
    """postfix(1) takes a second or two, mostly waiting: finish_instances is for later."""
    return {i: subprocess.Popen(postfix(i, "start"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.STDOUT, start_new_session=True) for i in instances}


def finish_instances(folder, begun):
    for instance, process in begun.items():
        said, _ = process.communicate()
        if process.returncode != 0:
            raise Failure(f"postfix-{instance} did not start\n{said}{tail(folder, 'service')}".rstrip())


def as_user(user, *command):
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs", "--bounding-set=-all",
            "--inh-caps=-all", *command)


def start_program(name, wrapper, user, *command):
    """Until it says READY=1, as it would to systemd."""
    path = f"{RUN}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
        manager.bind(path)
        os.chmod(path, 0o666)

        def is_ready():
            try:
                return b"READY=1" in manager.recv(4096)
            except BlockingIOError:
                return False

        try:
            process = spawn(name, SERVICE, *as_user(user, *wrapper, *command), log="service",
                            env={"NOTIFY_SOCKET": path}, umask=0o007)
            await_start(command[0], process, "service", is_ready)
        finally:
            os.unlink(path)


def setting(folder, name):
    return run(f"{folder}/bin/postsix", "config", "-c", f"{folder}/postsix.conf", name).rstrip("\n")


def start_intake(folder, wrapper=()):
    path = setting(folder, "postsix.intake_socket")
    if os.path.exists(path):
        os.unlink(path)
    start_program("intake", wrapper, "postsix-intake", f"{folder}/bin/postsix-intake", "--stderr", "--socket", path,
                  "--spool", setting(folder, "postsix.spool_directory"),
                  "--children", setting(folder, "postsix.intake_children"),
                  "--limit", setting(folder, "postsix.message_size_limit"))


def start_milter(folder, wrapper=()):
    start_program("milter", wrapper, "postsix-milter", f"{folder}/bin/postsix-milter", "--stderr", "--deadline", "4",
                  "--socket", "unix:" + setting(folder, "postsix.milter_socket"))


def start_postsixd(folder, wrapper=()):
    start_program("postsixd", wrapper, "postsix", f"{folder}/bin/postsixd", "--stderr", "-c", f"{folder}/postsix.conf")


STARTERS = {"dual": lambda folder, _: finish_instances(folder, begin_instances(["dual"])),
            "v6": lambda folder, _: finish_instances(folder, begin_instances(["v6"])),
            "intake": start_intake, "milter": start_milter, "postsixd": start_postsixd}


def stop_program(name, number):
    """Its children, and a wrapper, are in the process group that it leads."""
    if name in INSTANCES:
        await_masters(end_master(name))
        return
    leader = int(read(f"{state()}/pid/{name}"))
    deadline = time.monotonic() + STOP_SECONDS
    while group(leader):
        if time.monotonic() > deadline:
            raise Failure(f"{name} did not stop in {STOP_SECONDS} s")
        try:
            os.killpg(leader, number)
        except ProcessLookupError:
            pass
        time.sleep(0.05)


def group(leader):
    found = []
    for pid in pids():
        try:
            found += [pid] if os.getpgid(pid) == leader else []
        except ProcessLookupError:
            pass
    return found


def end_master(instance):
    """As `postfix stop`, which then looks once a second whether it is over. Its process, where it runs: [pid]."""
    path = f"{state()}/{instance}/queue/pid/master.pid"
    leader = int(read(path).split()[0]) if os.path.exists(path) else 0
    if leader not in pids():
        return []
    os.kill(leader, signal.SIGTERM)
    return [leader]


def await_masters(leaders):
    """Master's last deed is a SIGTERM to its group; what is left of that after a while goes as `postfix stop` has it."""
    deadline = time.monotonic() + STOP_SECONDS / 2
    for leader in leaders:
        while group(leader):
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(leader, signal.SIGKILL)
            time.sleep(0.02)


def stop_instances():
    """The proper way, where it still can be done; what it leaves, end_all finds."""
    if exists(SERVICE) and os.path.islink(f"{RUN}/state"):
        await_masters([leader for i in INSTANCES for leader in end_master(i)])


def is_milter(pid):
    """libmilter looks every five seconds whether it is to end, and has nothing to lose."""
    try:
        return read(f"/proc/{pid}/comm") == "postsix-milter\n"
    except (FileNotFoundError, ProcessLookupError):
        return False


def end_all():
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 2
        for pid in pids():
            try:
                os.kill(pid, signal.SIGKILL if is_milter(pid) else number)
            except ProcessLookupError:
                pass
        while pids() and time.monotonic() < deadline:
            time.sleep(0.02)
