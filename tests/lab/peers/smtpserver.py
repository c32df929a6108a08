# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""The remote mail server of the lab: a correct, small ESMTP server with a temper, and the inbox it fills.

A peer of --extra may import this too (the lab sets PYTHONPATH and LAB_INBOX):

    from smtpserver import Temper, serve, run
    run(serve("mx.mine.test", ["2001:db8:100::99"], Temper(rcpt=lambda session, address: "450 4.2.0 Not now")))

What newcomers get wrong: a message's octets are kept as they came over the wire, less the dots of
RFC 5321 section 4.5.2; whatever was wrong with them there is in the index as "faults".
"""

import asyncio
import inspect
import ipaddress
import json
import os
import re
import time

SIZE_LIMIT = 64 << 20
PATH = re.compile(rb"(?i)(?:MAIL FROM|RCPT TO):\s*<((?:\"(?:\\.|[^\"\\])*\"|[^\">])*)>(.*)", re.S)


class Temper:
    """What a server does otherwise than the good one. banner is called with (session), each of mail and rcpt with
    (session, address), data with (session, message), and returns a reply that refuses, or None; after is called with
    (session, message) for an accepted one. All may be coroutines. After a banner that refuses, and after a reply of
    421 to anything, the server ends the session; instead of the banner "" it says nothing, and waits."""

    def __init__(self, banner=None, mail=None, rcpt=None, data=None, after=None, closed=()):
        self.banner, self.mail, self.rcpt, self.data, self.after = banner, mail, rcpt, data, after
        self.closed = closed  # the families, of 4 and 6, on which nobody listens


class Inbox:
    """The folder of messages: NUMBER-SERVER.eml, and one line of JSON for each in `index`, in order of arrival."""

    def __init__(self, folder):
        self.folder = folder
        self.index = os.open(f"{folder}/index", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.count = 0

    def store(self, server, message, facts):
        self.count += 1
        name = f"{self.folder}/{os.getpid()}-{self.count:06}-{server}.eml"
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, message)
        os.close(fd)
        facts = {"file": name, "server": server, "time": time.time(), **facts}
        os.write(self.index, json.dumps(facts).encode() + b"\n")


def text(octets):
    return octets.decode("utf-8", "surrogateescape")


def wire_faults(data):
    """What must never be on the wire (RFC 5321 sections 2.3.8, 4.1.1.4, 4.5.2, 4.5.3.1.6)."""
    faults = []
    if re.search(rb"\r(?!\n)", data):
        faults.append("bare CR")
    if re.search(rb"(?<!\r)\n", data):
        faults.append("bare LF")
    if re.search(rb"(?:\A|\n)\.(?!\.)", data):
        faults.append("unstuffed dot")
    if max(map(len, data.split(b"\r\n"))) > 998:
        faults.append("long line")
    if b"\0" in data:
        faults.append("NUL")
    return faults


class Session:
    """One connection. Commands are answered in order, several to a segment where the client pipelines."""

    def __init__(self, name, temper, inbox, reader, writer):
        self.name, self.temper, self.inbox = name, temper, inbox
        self.reader, self.writer = reader, writer
        peer = ipaddress.ip_address(writer.get_extra_info("peername")[0])
        self.family, self.client = peer.version, str(peer)
        self.helo = ""
        self.reset()

    def reset(self):
        self.sender, self.recipients, self.parameters = None, [], {}

    async def run(self):
        try:
            await self.talk()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            self.writer.close()

    async def talk(self):
        refusal = await self.ask(self.temper.banner)
        if refusal == "":
            await self.reader.read()
            return
        self.reply(refusal or f"220 {self.name} ESMTP")
        line, answer = b"", refusal and "421"
        while line.upper() != b"QUIT" and not (answer or "").startswith("421"):
            line = (await self.reader.readuntil(b"\n")).rstrip(b"\r\n")
            answer = await self.command(line)
            self.reply(answer)
            await self.writer.drain()

    def reply(self, answer):
        self.writer.write(answer.encode("utf-8", "surrogateescape") + b"\r\n")

    async def command(self, line):
        verb = line[:4].upper().decode("latin-1")
        if verb in ("HELO", "EHLO"):
            self.helo = text(line[5:])
            return self.on_helo(verb)
        if verb in ("MAIL", "RCPT"):
            return await self.on_path(verb, line)
        if verb == "DATA":
            return await self.on_data()
        if verb == "RSET":
            return self.on_rset()
        return {"QUIT": "221 2.0.0 Bye", "NOOP": "250 2.0.0 Ok"}.get(verb, "500 5.5.2 Unknown command")

    def on_helo(self, verb):
        self.reset()
        if verb == "HELO":
            return f"250 {self.name}"
        keywords = (self.name, "PIPELINING", f"SIZE {SIZE_LIMIT}", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8")
        return "\r\n".join(f"250{'-' if k != keywords[-1] else ' '}{k}" for k in keywords)

    def on_rset(self):
        self.reset()
        return "250 2.0.0 Ok"

    async def on_path(self, verb, line):
        match = PATH.fullmatch(line)
        if not match:
            return "501 5.5.4 Syntax: MAIL FROM:<address> or RCPT TO:<address>"
        address, parameters = text(match[1]), text(match[2]).upper().split()
        if verb == "MAIL":
            self.reset()
            utf8 = "SMTPUTF8" in parameters
            self.parameters = {"smtputf8": utf8, "mail": parameters}
        elif self.sender is None:
            return "503 5.5.1 MAIL first"
        if not (address.isascii() or self.parameters["smtputf8"]):
            return "553 5.6.7 Address needs SMTPUTF8"
        refusal = await self.ask(self.temper.mail if verb == "MAIL" else self.temper.rcpt, address)
        if refusal:
            return refusal
        if verb == "MAIL":
            self.sender = address
        else:
            self.recipients.append(address)
        return "250 2.1.0 Ok"

    async def ask(self, hook, *args):
        answer = hook and hook(self, *args)
        return await answer if inspect.isawaitable(answer) else answer

    async def on_data(self):
        if not self.recipients:
            return "554 5.5.1 No valid recipients"
        self.reply("354 End data with <CR><LF>.<CR><LF>")
        data = b""
        while not (data == b".\r\n" or data.endswith(b"\r\n.\r\n")):
            data += await self.reader.readuntil(b".\r\n")
        data = data[:-3]
        message = data.replace(b"\r\n.", b"\r\n")
        message = message[1:] if message.startswith(b".") else message
        refusal = await self.ask(self.temper.data, message)
        if refusal:
            self.reset()
            return refusal
        facts = {"family": self.family, "client": self.client, "helo": self.helo, "sender": self.sender,
                 "recipients": self.recipients, **self.parameters, "faults": wire_faults(data)}
        self.inbox.store(self.name, message, facts)
        await self.ask(self.temper.after, message)
        self.reset()
        return "250 2.0.0 Ok: accepted"


async def serve(name, addresses, temper):
    """Listens on port 25 of each address, as the server called name."""
    inbox = serve.inbox = getattr(serve, "inbox", None) or Inbox(os.environ["LAB_INBOX"])

    async def on_connect(reader, writer):
        await Session(name, temper, inbox, reader, writer).run()

    for address in addresses:
        await asyncio.start_server(on_connect, address, 25, limit=SIZE_LIMIT, backlog=1024)


def run(*servers):
    """Starts the servers and stays."""
    async def main():
        await asyncio.gather(*servers)
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
