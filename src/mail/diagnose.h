// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Why a probe failed, in IPv6 terms: one class out of what a DSN says. One table, first match wins.
#pragma once

#include "mail/status.h"

#define CLASSES(X)                                                                                 \
	X(NO_AAAA, "no-aaaa")             /* the mail server's name has no IPv6 address */         \
	X(UNROUTABLE, "unroutable")       /* it has one, and no route leads there */               \
	X(TIMEOUT, "timeout")             /* nobody answered in time */                            \
	X(REFUSED, "refused")             /* nobody listens on port 25 */                          \
	X(PTR_REQUIRED, "ptr-required")   /* it wants a reverse name of our address */             \
	X(AUTH_REQUIRED, "auth-required") /* it wants SPF, DKIM or DMARC to pass */                \
	X(NO_V6_POLICY,                                                                            \
	  "no-v6-policy") /* it answers on IPv6 and says that it takes no mail over it */          \
	X(SENDER_DOMAIN,                                                                           \
	  "sender-domain")              /* it refuses the envelope sender: an IPv6-only domain */  \
	X(TLS, "tls")                   /* the two could not agree on TLS */                       \
	X(GREYLISTED, "greylisted")     /* it asked us to come again, until we gave up */          \
	X(NO_SUCH_USER, "no-such-user") /* the address is the problem, not IPv6 */                 \
	X(MAILBOX_FULL, "mailbox-full")                                                            \
	X(NULL_MX, "null-mx") /* the domain says that it takes no mail at all, RFC 7505 */         \
	X(NO_SUCH_DOMAIN, "no-such-domain")                                                        \
	X(PROTOCOL, "protocol") /* the SMTP dialogue broke */                                      \
	X(CONTENT, "content")   /* it disliked the message itself */                               \
	X(OTHER, "other")

enum class {
#define X(name, word) CLASS_##name,
	CLASSES(X)
#undef X
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

// All borrowed; "" for none, as struct dsn_recipient and struct facts have them.
struct diagnose_input {
	struct status status;
	const char *diagnostic; // the Diagnostic-Code field: "smtp; 550 5.1.1 …", "X-Postfix;
				// connect to …"
	const char *remote_mta; // the Remote-MTA field: present where the diagnostic is the remote
				// server's (RFC 3464 section 2.3.5)
	const char *text; // the report's human-readable part, where Postfix says "(in reply to MAIL
			  // FROM command)"
};

enum class diagnose(const struct diagnose_input *input);

const char *class_name(enum class class); // "no-aaaa"
enum problem class_problem(enum class class);
const char *
problem_name(enum problem problem); // "ipv6", "sender", "policy", "address", "mailbox", "other"
