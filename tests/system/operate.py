#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What the operator is told, in the lab: after requests of four kinds status, list, show, stats, metrics and export agree with
each other, with the database and with the log; attempts are those of Postfix's log, also over a restart and a rotation."""
import json
import os
import re
import subprocess
import sys
import time

import jsonschema

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house_of_lab import B, ROOT, House, message, read  # noqa: E402 pylint: disable=wrong-import-position
from tap import diag, done, ok  # noqa: E402 pylint: disable=wrong-import-position

PATIENCE = 60


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    return condition()


def postsix(house, *args, status=0):
    done = subprocess.run([f"{B}/postsix", args[0], "-c", f"{house.state}/postsix.conf", *args[1:]], capture_output=True,
                          text=True, check=False)
    if done.returncode != status:
        diag(f"postsix {' '.join(args)}: {done.returncode}, {done.stderr}")
    return done.stdout if done.returncode == status else ""


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def story(house, address):
    told = objects(postsix(house, "show", "--json", address))
    return told[0] if told else {"attempts": [], "mails": [{}]}


def logged(house, address):
    """(result, status) of each attempt of postfix-v6 for the address, in the log and what it was renamed to."""
    text = "".join(read(path) for path in (f"{house.state}/log/service.log.1", f"{house.state}/log/service.log")
                   if os.path.exists(path))
    return [(m[2], m[1]) for m in re.finditer(
        rf"postfix-v6/(?:smtp|error)\[\d+\]: \w+: to=<{re.escape(address)}>.*? dsn=([\d.]+), status=(\w+) \(", text)]


def same_attempts(house, address):
    """Until what is told is what is logged."""
    def are_same():
        told = [(a["result"], a["status"]) for a in story(house, address)["attempts"]]
        return told if told and told == logged(house, address) else None
    found = until(are_same)
    if not found:
        diag(f"logged {logged(house, address)}, told {story(house, address)['attempts']}")
    return found


def samples(text):
    """Prometheus' text format: each line checked, each sample behind its HELP and TYPE."""
    values, types = {}, {}
    for line in text.splitlines():
        if match := re.fullmatch(r"# TYPE (\w+) (counter|gauge)", line):
            types[match[1]] = match[2]
        elif not line.startswith("# HELP "):
            match = re.fullmatch(r'(\w+)((?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})?) (-?\d+)', line)
            assert match and match[1] in types and match[1] + match[2] not in values, line
            assert types[match[1]] == "counter" or not match[1].endswith("_total"), line
            values[match[1] + match[2]] = int(match[3])
    return values


def outcome_of(house, address):
    return {m.get("kind"): m.get("outcome") for m in story(house, address)["mails"]}.get("six")


def main():
    with House("operate") as house:
        house.up()
        wanted = {"me@good.test": "accepted", "me@v4only.test": "failed", "me@grey.test": "accepted", "me@full.test": "failed"}
        for address in wanted:
            house.send(message(b"secret-text\r\n", From=address, Subject="secret-subject"), sender=address.encode())
        house.wait()
        for address, outcome in wanted.items():
            ok(until(lambda a=address, o=outcome: outcome_of(house, a) == o), f"{address}: {outcome}")
        house.wait()

        for address in wanted:
            ok(same_attempts(house, address), f"{address}: the attempts that are told are those of Postfix's log")
        results = [a["result"] for a in story(house, "me@grey.test")["attempts"]]
        ok(len(results) > 1 and set(results[:-1]) == {"deferred"} and results[-1] == "sent", "grey: deferred, deferred …, sent")

        listed = objects(postsix(house, "list", "--json"))
        ok({line["requester"]: line["outcome"] for line in listed} == wanted, "list has each request and its outcome")
        ok([line["requester"] for line in objects(postsix(house, "list", "--json", "--class", "no-aaaa"))] == ["me@v4only.test"],
           "list --class")
        ok(postsix(house, "list", "--since", "2099-01-01") == "", "list --since")
        ok(postsix(house, "list", "--limit", "2").count("\n") == 2, "list --limit")
        token = next(line["id"] for line in listed if line["requester"] == "me@v4only.test")
        text = postsix(house, "show", token)
        ok("class no-aaaa" in text and re.search(r"receive-v6 +fail \(mx-without-aaaa\)", text), "show tells class and verdicts")
        log = read(f"{house.state}/log/service.log")
        ids = {mail["queue_id"] for mail in story(house, "me@v4only.test")["mails"]}
        ok(ids and all(f": {queue_id}: " in log for queue_id in ids), "queue ids of show are the log's")
        ok(postsix(house, "show", "nobody@good.test", status=66) == "", "show of nobody: exit status 66")
        ok(postsix(house, "show", "aaaaaaaaaaaaa", status=66) == "", "and of a token that is none of ours")
        ok(postsix(house, "show", "nonsense", status=64) == "", "nonsense: 64")

        stats = json.loads(postsix(house, "stats", "--json"))
        counts, different = stats["counts"], {name: value["count"] for name, value in stats["different"].items()}
        ok(counts["requests"] == counts["answered"] == 4 and counts["bounces"] == 2 and different["addresses"] == 4
           and different["bounced-addresses"] == 2, "stats counts them")
        ok(counts["outcome.accepted"] == 2 and counts["class.no-aaaa"] == 1, "by outcome and by class")
        metrics = samples(postsix(house, "metrics"))
        ok(metrics['postsix_requests_total{decision="answer"}'] == 4 and metrics['postsix_probes{outcome="failed"}'] == 2
           and metrics['postsix_probe_failures_total{class="no-aaaa"}'] == 1, "metrics say the same")
        attempts = sum(value for name, value in metrics.items() if name.startswith("postsix_delivery_attempts_total"))
        ok(attempts == sum(len(logged(house, address)) for address in wanted), "and count the log's attempts")
        status = json.loads(postsix(house, "status", "--json"))
        ok(all(part["answers"] for part in status["parts"].values()), "status: everything answers")
        ok(status["seven_days"] == 4 and status["probes"] == {"accepted": 2, "failed": 2}, "and counts the same")
        path = f"{house.state}/log/x.prom"
        postsix(house, "metrics", "--output", path)
        ok(samples(read(path)).keys() == metrics.keys() and os.stat(path).st_mode & 0o777 == 0o644, "metrics --output")

        exported = postsix(house, "export")
        ok(len(objects(exported)) == 4 and not re.search(r"secret|\bme@|bounce\+", exported), "export has no address, subject or text")
        banners = re.findall(r'"banner":"([^"]*)"', exported)
        ok(banners and not any(banners), "nor a server's banner") or diag(banners)
        ok({o["domain"]: o["outcome"] for o in objects(exported)} == {a.partition("@")[2]: o for a, o in wanted.items()},
           "but outcomes")
        for name, whole in (("export", objects(exported)), ("show", objects(postsix(house, "show", "--json", "me@full.test")))):
            schema = jsonschema.Draft202012Validator(json.loads(read(f"{ROOT}/doc/{name}.schema.json")))
            faults = [error.message for one in whole for error in schema.iter_errors(one)]
            ok(whole and not faults, f"{name} is as doc/{name}.schema.json has it")
            diag("\n".join(faults[:5]))
        key = f"{house.state}/log/key"
        with open(key, "wb") as file:
            file.write(b"k" * 32)
        one, two = (objects(postsix(house, "export", "--key-file", key)) for _ in range(2))
        ok(one == two and [o["address"] for o in one] != [o["address"] for o in objects(exported)], "hashes by a key are the same again")

        # a restart and a rotation, while a probe is tried
        house.send(message(From="x@full.test"), sender=b"x@full.test")
        ok(until(lambda: story(house, "x@full.test")["attempts"]), "a probe is deferred")
        house.lab("stop", "postsixd")
        before = len(logged(house, "x@full.test"))
        ok(until(lambda: len(logged(house, "x@full.test")) > before), "and tried again while postsixd is away")
        os.rename(f"{house.state}/log/service.log", f"{house.state}/log/service.log.1")
        for instance in ("dual", "v6"):
            house.lab("host", "postfix", "-c", f"{house.state}/{instance}/etc", "reload")
        ok(until(lambda: os.path.exists(f"{house.state}/log/service.log")), "its log is rotated")
        os.chmod(f"{house.state}/log/service.log", 0o644)  # postlogd(8) makes it for itself alone
        ok(postsix(house, "status", status=69), "status tells by 69 that it is away")
        house.lab("start", "postsixd")
        ok(until(lambda: outcome_of(house, "x@full.test") == "failed"), "it fails in the end")
        ok(same_attempts(house, "x@full.test"), "no attempt is lost or told twice")
        delay = [m for m in house.mails("x@full.test") if m.kind == "delay"]
        ok(delay == [] or b"Attempts so far: " in delay[0].octets, "still trying lists the attempts")
        until(lambda: not house.sql("SELECT id FROM message WHERE state NOT IN ('sent', 'given-up')"))  # the bounce is on its way
        with open(f"{house.state}/log/service.log.1", "ab") as file:  # the invariants read one log
            file.write(read(f"{house.state}/log/service.log").encode())
        os.rename(f"{house.state}/log/service.log.1", f"{house.state}/log/service.log")
        house.invariants("after this", same_processes=False)


main()
done()
