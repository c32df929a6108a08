#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors
"""What the talk calls a simple custom Python script, as one would write it: procmail runs it once per request, with the
message on standard input; it answers by calling sendmail(1) of each instance.   talk.py SENDER DUAL-CONFIG V6-CONFIG"""
import email
import email.mime.text
import email.utils
import subprocess
import sys

TEXT = "This is a line of the message, as long as a line of text usually is.\n" * 14


def answer(config, sender, notify, recipient, domain, subject):
    message = email.mime.text.MIMEText(TEXT)
    message["From"] = f"IPv6 e-mail checker <postmaster@{domain}>"
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = email.utils.formatdate()
    message["Message-ID"] = email.utils.make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-replied"
    message["X-Loop"] = domain
    subprocess.run(["/usr/sbin/sendmail", "-C", config, "-i", "-f", sender, "-N", notify, recipient],
                   input=message.as_bytes(), check=True)


requester, dual, v6 = sys.argv[1:]
request = email.message_from_binary_file(sys.stdin.buffer)
about = request["Subject"] or "your message"
answer(dual, "<>", "never", requester, "dual.test", f"Auto: your message reached us: {about}")
answer(v6, "bounce+nk5lfso37m44eaheme3yht6q4gpmmzpv66mzrce@six.test", "success,failure,delay", requester, "six.test",
       f"Auto: mail over IPv6 reaches you: {about}")
