# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""Runs in the lab's world for crashlab.py: mails what its standard input asks for, a line each. Not a test itself.

    SENDER RECIPIENT [OCTETS]   →   the server's last words, in one line

`lab send` speaks for one message and starts anew for each; a thousand of them want something that stays.
"""
import email.utils
import smtplib
import sys

SERVER, SOURCE = "2001:db8:25::6", "2001:db8:100::10"


def message(sender, recipient, octets):
    head = (f"From: {sender}\r\nTo: {recipient}\r\nSubject: Does my mail work over IPv6?\r\nDate: {email.utils.formatdate()}\r\n"
            f"Message-ID: {email.utils.make_msgid(domain='good.test')}\r\n\r\n")
    return head + "Hello, this is a test.\r\n" * (1 + octets // 24)


def send(sender, recipient, octets="0"):
    try:
        with smtplib.SMTP(SERVER, 25, "mx.good.test", 30, (SOURCE, 0)) as server:
            server.ehlo_or_helo_if_needed()
            for code, text in (server.mail(sender), server.rcpt(recipient), server.data(message(sender, recipient, int(octets)))):
                if code != 250:
                    break
        return f"{code} {text.decode(errors='replace')}"
    except (OSError, smtplib.SMTPException) as fault:
        return f"000 {fault}"


for line in sys.stdin:
    print(" ".join(send(*line.split()).split()), flush=True)
