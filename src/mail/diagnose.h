// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Why a message failed, in IPv6 terms: one class and one phase out of what a bounce says. The rows
// that know the servers' words stand in a file (mail/diagnose_table.h); first match wins.
#pragma once

#include <stdbool.h>

#include "mail/status.h"

enum class {
	CLASS_NO_AAAA,       // the mail server's name has no IPv6 address
	CLASS_UNROUTABLE,    // it has one, and no route leads there
	CLASS_TIMEOUT,       // nobody answered in time
	CLASS_REFUSED,       // nobody listens on port 25
	CLASS_PTR_REQUIRED,  // it wants a reverse name of our address
	CLASS_AUTH_REQUIRED, // it wants SPF, DKIM or DMARC to pass
	CLASS_NO_V6_POLICY,  // it answers on IPv6 and says that it takes no mail over it
	CLASS_SENDER_DOMAIN, // it refuses the envelope sender: an IPv6-only domain
	CLASS_TLS,           // the two could not agree on TLS
	CLASS_GREYLISTED,    // it asked us to come again until we gave up
	CLASS_NO_SUCH_USER,
	CLASS_MAILBOX_FULL,
	CLASS_NULL_MX, // the domain takes no mail at all (RFC 7505)
	CLASS_NO_SUCH_DOMAIN,
	CLASS_PROTOCOL, // the SMTP dialogue broke
	CLASS_CONTENT,  // it disliked the message itself
	CLASS_OTHER,
	CLASSES
};

// What the requester is told is wrong: the processed bounce's choice of words.
enum problem {
	PROBLEM_IPV6,    // you are not receiving mail over IPv6
	PROBLEM_SENDER,  // your server speaks IPv6, but takes no mail from an IPv6-only domain
	PROBLEM_POLICY,  // your server speaks IPv6, and wants more of a sender than we offered
	PROBLEM_ADDRESS, // your address is the problem, not IPv6
	PROBLEM_MAILBOX, // your mailbox is full
	PROBLEM_OTHER,   // none of these can be said for sure
};

// Where in its SMTP session the message was refused. Up to PHASE_STARTTLS it is about the way to
// the server, PHASE_MAIL is about the envelope sender, PHASE_DATA and PHASE_END are about the
// message. PHASE_RCPT is about the recipient, or about the sender after all: many servers say
// there what they had against MAIL FROM.
enum phase {
	PHASE_UNKNOWN,
	PHASE_CONNECT, // no connection: no name, no address, no route, nobody listening
	PHASE_BANNER,
	PHASE_EHLO,
	PHASE_STARTTLS, // with the handshake
	PHASE_MAIL,
	PHASE_RCPT,
	PHASE_DATA,
	PHASE_END, // after the message
	PHASES
};

struct diagnose_table;

// All borrowed; "" for none, as struct dsn_recipient and struct facts have them.
struct diagnose_input {
	struct status status;
	// The Diagnostic-Code field: "smtp; 550 5.1.1 …", "X-Postfix; connect to …".
	const char *diagnostic;
	// The Remote-MTA field: present where the diagnostic is the remote server's (RFC 3464
	// section 2.3.5).
	const char *remote_mta;
	// The report's human-readable part, where Postfix says "(in reply to MAIL FROM command)".
	const char *text;
	// The Reporting-MTA field. It is the one who speaks where no remote server does.
	const char *reporting_mta;
};

struct diagnosis {
	enum class class; // CLASS_OTHER where no row fits
	enum phase phase;
	bool remote_spoke;    // the words are a remote server's answer, not the reporter's own
	int code;             // the SMTP reply code found in the words; 0 for none
	struct status status; // the code that counted
	const char *row;      // "diagnose.tab:47", the row that fitted; "" for none. The table's.
};

// What the first row that fits says. Any bytes. What a remote server says counts over what its
// reporter made of it: a code in the diagnostic goes before the Status field. input's strings may
// be NULL for "".
void diagnose(const struct diagnose_table *table, const struct diagnose_input *input,
	      struct diagnosis *ret_diagnosis);

const char *class_name(enum class class); // "no-aaaa"

// The class of that name; false for none such.
bool class_find(const char *name, enum class *ret_class);

const char *phase_name(enum phase phase); // "unknown", "connect", "banner", "ehlo", "starttls",
					  // "mail", "rcpt", "data", "end"

// The phase of that name; false for none such.
bool phase_find(const char *name, enum phase *ret_phase);

// What to tell the requester of a probe that failed so.
enum problem class_problem(enum class class);

const char *
problem_name(enum problem problem); // "ipv6", "sender", "policy", "address", "mailbox", "other"
