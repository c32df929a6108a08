# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The postsix authors

"""strict.test: takes mail as the strictest receivers do, over either family, only with all of forward-confirmed reverse
DNS, SPF pass, a DKIM signature that passes, and DMARC alignment by it. Nothing here is postsix's: Debian's python3-dkim,
python3-spf and python3-dnspython judge. Enhanced codes as RFC 7372 has them.
"""

import asyncio
import email.parser
import email.policy
import email.utils
import sys

import dkim
import dns.exception
import dns.resolver
import dns.reversename
import spf


def records(name, rdtype):
    try:
        return list(dns.resolver.resolve(name, rdtype))
    except dns.exception.DNSException:
        return []


def texts(name):
    return [b"".join(record.strings) for record in records(name, "TXT")]


def key_text(name, **_):
    """For python3-dkim. Two records at one name are none (RFC 6376 section 3.6.2.2)."""
    found = texts(name.decode())
    return found[0] if len(found) == 1 else None


def has_reverse_name(address):
    rdtype = "AAAA" if ":" in address else "A"
    return any(str(a) == address for name in records(dns.reversename.from_address(address), "PTR")
               for a in records(str(name), rdtype))


async def strict_rcpt(session, _):
    return await asyncio.to_thread(check_session, session)


def check_session(session):
    if not has_reverse_name(session.client):
        return (f"550 5.7.25 [{session.client}] The IP address sending this message does not have a PTR record, "
                "or it does not point back to it")
    result, why = spf.check2(i=session.client, s=session.sender, h=session.helo, timeout=5)
    if result != "pass":
        return f"550 5.7.23 SPF validation failed: {result}: {why}".replace("\n", " ")[:500]
    return None


async def strict_data(_, message):
    return await asyncio.to_thread(check_message, message)


def passing_domains(message):
    """d= of every signature that passes."""
    count = sum(line.lower().startswith(b"dkim-signature:") for line in message.partition(b"\r\n\r\n")[0].split(b"\r\n"))
    for index in range(count):
        try:
            verifier = dkim.DKIM(message)
            if verifier.verify(idx=index, dnsfunc=key_text):
                yield verifier.domain.decode().lower()
        except dkim.DKIMException as fault:
            print(f"strict: {fault}", file=sys.stderr, flush=True)


def policy_of(domain):
    """The one DMARC record (RFC 7489 section 6.6.3), of the domain or, without a list of public suffixes, its parent."""
    for name in (domain, domain.partition(".")[2]):
        found = [text for text in texts(f"_dmarc.{name}") if text.startswith(b"v=DMARC1;")]
        if found:
            return found[0].decode() if len(found) == 1 else ""
    return ""


def check_message(message):
    header = email.parser.BytesHeaderParser(policy=email.policy.default).parsebytes(message)
    senders = header.get_all("From") or []
    domain = email.utils.parseaddr(str(senders[0]))[1].rpartition("@")[2].lower() if len(senders) == 1 else ""
    if not domain:
        return "550 5.7.1 A single From is wanted"
    passing = set(passing_domains(message))
    if not passing:
        return "550 5.7.20 No passing DKIM signature found, and this server demands one"
    if not policy_of(domain):
        return f"550 5.7.26 Unauthenticated email: {domain} has no DMARC policy"
    if not any(d == domain or domain.endswith(f".{d}") or d.endswith(f".{domain}") for d in passing):
        return f"550 5.7.26 Unauthenticated email from {domain} is not accepted due to its DMARC policy"
    return None
