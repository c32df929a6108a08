// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What may be said of a person's mail over IPv6: each ability, with a verdict and its evidence. One
// table, read from the top, first match wins. How it judges:
//
// - A 250 is an acceptance by that server, never a receipt. A failure after it stays an acceptance
//   over IPv6: what happened then happened behind the door.
// - deliver-v6 never fails: what does not arrive is not seen. It is judged by the client at the
//   first hop and the domain that was written to, not by the instance that took the message. Who
//   chose IPv6 although IPv4 was there has shown it, too.
// - Before the probe has an outcome, only what no later attempt can change is a failure: the DNS
//   has answered, and no mail host has an IPv6 address. That is a fact and no forecast. That a port
//   did not answer just now is none, since Postfix tries for hours. A good survey is not a pass.
// - Whoever refuses in SMTP, over IPv6, for a reason that holds over IPv4 as well, was reached over
//   IPv6: receive-v6 passes with "reached-over-v6", which claims no more. An envelope is accepted
//   where the text was asked for and refused; many servers answer RCPT for MAIL, so a refusal there
//   proves nothing of the sender.
// - A server that wants a PTR, SPF, DKIM or DMARC speaks IPv6; so nothing fails for it until our
//   own records were looked at, and while they are wrong it is our fault. Where they are good and
//   it refuses all the same, receive-v6 fails with an evidence of its own, which is not "no IPv6".
// - The kind of an address explains a failure and makes none.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mail/outcome.h"

struct diagnosis;
struct survey;

enum ability {
	ABILITY_DELIVER_V6,  // send to an IPv6-only domain
	ABILITY_RECEIVE_V6,  // take mail over IPv6
	ABILITY_ENVELOPE_V6, // accept an envelope sender whose domain is IPv6-only
	ABILITY_HEADER_V6,   // accept a From whose domain is
	ABILITIES
};

enum verdict {
	VERDICT_UNKNOWN,
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICTS
};

// Each has a name, its own in lower case with hyphens: EVIDENCE_MX_REFUSED is "mx-refused".
enum evidence {
	// of deliver-v6
	EVIDENCE_ARRIVED_OVER_V6,   // pass: at the IPv6-only domain
	EVIDENCE_CHOSE_V6,          // pass: at the dual-stack domain, over IPv6
	EVIDENCE_ARRIVED_OVER_V4,   // unknown: at the dual-stack domain, over IPv4
	EVIDENCE_V6_DOMAIN_OVER_V4, // unknown: at the IPv6-only domain, by a route somebody made
	EVIDENCE_CLIENT_UNKNOWN,    // unknown: who brought it was not recorded

	// pass, of the three others
	EVIDENCE_ACCEPTED_BY_MX,        // a mail host of the domain said 250
	EVIDENCE_ACCEPTED_BY_LATER_MX,  // likewise, but those it prefers have no IPv6 address
	EVIDENCE_ACCEPTED_DNS_OVER_V4,  // likewise, but its name servers speak IPv4 only: who has
					// IPv6 only cannot find it
	EVIDENCE_ACCEPTED_THEN_BOUNCED, // it said 250, and sent a failure notice later
	EVIDENCE_REACHED_OVER_V6,       // it refused in SMTP, for a reason that is not IPv6
	EVIDENCE_ENVELOPE_ACCEPTED,     // it refused only once it had the text

	// fail
	EVIDENCE_MX_WITHOUT_AAAA, // no mail host has an IPv6 address
	EVIDENCE_AAAA_NOT_GLOBAL, // none that works from outside: ULA, link-local, mapped …
	EVIDENCE_MX_UNROUTABLE,   // no route leads to it
	EVIDENCE_MX_TIMEOUT,      // nobody answered
	EVIDENCE_MX_REFUSED,      // nobody listens on port 25
	EVIDENCE_SESSION_TIMEOUT, // it was reached, and then fell silent
	EVIDENCE_NO_V6_POLICY,    // it says that it takes no mail over IPv6
	EVIDENCE_REFUSED_DESPITE_RECORDS, // it wants PTR, SPF, DKIM or DMARC, and ours are good
	EVIDENCE_SENDER_DOMAIN_REFUSED,   // it refuses the IPv6-only domain in the envelope
	EVIDENCE_FROM_DOMAIN_REFUSED,     // it refuses the IPv6-only domain in From

	// unknown, before there is an outcome
	EVIDENCE_OUTCOME_PENDING, // nothing is known yet
	EVIDENCE_MX_ANSWERS_V6,   // a mail host answered on port 25 just now: it looks well
	EVIDENCE_MX_NOT_REACHED,  // none did, just now; the probe goes on trying
	EVIDENCE_DELAYED,         // the probe is still being tried
	EVIDENCE_NO_WORD,         // nothing was ever heard of the probe
	EVIDENCE_NEVER_SENT,      // our own server did not take the probe: our fault

	// unknown, for all of the outcome
	EVIDENCE_OUR_RECORDS,           // it wants PTR, SPF, DKIM or DMARC, and ours are wrong
	EVIDENCE_OUR_RECORDS_UNCHECKED, // likewise, and whether ours are good is not known yet
	EVIDENCE_NOT_REACHED,           // not tested: no mail came that far
	EVIDENCE_NULL_MX,               // the domain takes no mail at all
	EVIDENCE_NO_SUCH_DOMAIN,        // there is no such domain, or nothing that takes its mail
	EVIDENCE_NO_SUCH_USER,          // not tested: the address was refused
	EVIDENCE_MAILBOX_FULL,          // not tested: the mailbox is full
	EVIDENCE_GREYLISTED,            // it asked us to come again until we gave up
	EVIDENCE_TLS,                   // not tested: the two could not agree on TLS
	EVIDENCE_SESSION_BROKEN,        // it was reached, and the dialogue broke
	EVIDENCE_REFUSED_BEFORE_MAIL,   // it refused the session, for no reason we can name
	EVIDENCE_REFUSED_AT_MAIL,       // it refused at MAIL FROM, without a word of the domain
	EVIDENCE_REFUSED_FOR_CONTENT,   // it disliked the message, whoever sent it
	EVIDENCE_REFUSED_OTHERWISE,     // it refused for no reason we can name
	EVIDENCES
};

// Whether our own PTR, SPF, DKIM and DMARC records are what they must be.
enum own_records {
	OWN_RECORDS_UNKNOWN,
	OWN_RECORDS_GOOD,
	OWN_RECORDS_WRONG,
	OWN_RECORDS_STATES
};

struct verdict_input {
	int family;        // of the client at the first hop: 4, 6, or 0 for unknown
	bool to_v6_domain; // the request was written to the IPv6-only domain

	enum outcome outcome; // of the six probe
	bool was_accepted;    // before it failed
	bool never_sent;      // the outcome is unknown since our own instance did not take it
	const struct diagnosis *diagnosis; // why it failed or is delayed; NULL for none
	const struct survey *survey;       // NULL for none
	enum own_records own_records;
};

struct verdict_found {
	enum verdict verdict;
	enum evidence evidence;
};

// Judges every ability.
void verdict_find(const struct verdict_input *input, struct verdict_found ret_found[ABILITIES]);

// The row of the table, from 0, that judges the ability; for the test that reaches them all.
size_t verdict_row(const struct verdict_input *input, enum ability ability);
size_t verdict_rows(void);

// The words of templates, JSON and the log: "receive-v6", "pass", "mx-without-aaaa". Static.
const char *ability_name(enum ability ability);
const char *verdict_name(enum verdict verdict);
const char *evidence_name(enum evidence evidence);
const char *own_records_name(enum own_records own_records); // "unknown", "good", "wrong"

// The one of that name; false for none such.
bool ability_find(const char *name, enum ability *ret_ability);
bool evidence_find(const char *name, enum evidence *ret_evidence);
