// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What the DNS and the mail servers themselves say of a domain's mail over IPv6: plain data, filled
// by adapter/surveyor.h and read by whoever explains. RFC 5321 section 5.1 is how it is read.
//
// Unknown is the first value of every enum here, so that a zeroed struct knows nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "mail/domain.h"

#define SURVEY_HOSTS_MAX     10 // by preference
#define SURVEY_ADDRESSES_MAX 8  // of one host and one family
#define SURVEY_ADDRESS_SIZE  46 // an IPv6 address and the NUL
#define SURVEY_BANNER_SIZE   128

enum survey_answer {
	SURVEY_UNKNOWN, // no answer by the deadline
	SURVEY_NO,
	SURVEY_YES,
};

enum survey_mx {
	SURVEY_MX_UNKNOWN,
	SURVEY_MX_LISTED,
	SURVEY_MX_IMPLICIT,  // no MX record: the domain's own addresses stand
	SURVEY_MX_NULL,      // it takes no mail (RFC 7505)
	SURVEY_MX_NONE,      // neither an MX record nor an address
	SURVEY_MX_NO_DOMAIN, // there is no such name
};

enum survey_kind {
	SURVEY_KIND_UNKNOWN, // no address
	SURVEY_KIND_IPV4,
	SURVEY_KIND_GLOBAL,
	SURVEY_KIND_ULA,           // fc00::/7
	SURVEY_KIND_LINK_LOCAL,    // fe80::/10
	SURVEY_KIND_LOOPBACK,      // ::1, and :: itself
	SURVEY_KIND_MAPPED,        // ::ffff:0:0/96
	SURVEY_KIND_SIXTOFOUR,     // 2002::/16
	SURVEY_KIND_TEREDO,        // 2001::/32
	SURVEY_KIND_DOCUMENTATION, // 2001:db8::/32, 3fff::/20
	SURVEY_KIND_NAT64,         // 64:ff9b::/96, 64:ff9b:1::/48
	SURVEY_KIND_OTHER,         // multicast, reserved
	SURVEY_KINDS,
};

// How far a conversation on port 25 came.
enum survey_reach {
	SURVEY_REACH_UNKNOWN,     // not tried, or not over by the deadline
	SURVEY_REACH_ACCEPTS,     // it greeted us and answered EHLO
	SURVEY_REACH_REFUSED,     // nobody listens
	SURVEY_REACH_UNREACHABLE, // no route, or one that ends
	SURVEY_REACH_TIMEOUT,     // at the step that is named beside it
	SURVEY_REACH_CLOSED,      // the connection ended early
	SURVEY_REACH_BUSY,        // 4xx
	SURVEY_REACH_REJECTED,    // 5xx
	SURVEY_REACH_PROTOCOL,    // what it said is no SMTP
	SURVEY_REACHES,
};

enum survey_step {
	SURVEY_STEP_NONE,
	SURVEY_STEP_CONNECT,
	SURVEY_STEP_BANNER,
	SURVEY_STEP_EHLO,
	SURVEY_STEPS,
};

struct survey_address {
	char text[SURVEY_ADDRESS_SIZE]; // inet_ntop(3)'s form
	enum survey_kind kind;
	enum survey_reach reach;
	enum survey_step step;           // the last one that was begun
	int32_t step_ms[SURVEY_STEPS];   // what each took; -1 where it was not done
	int32_t code;                    // of the last reply, 0 for none
	enum survey_answer starttls;     // offered
	char banner[SURVEY_BANNER_SIZE]; // the last reply's first line: a stranger's words, but
					 // without controls (text_escape)
};

struct survey_host {
	char name[DOMAIN_MAX + 1]; // with the DNS's own escapes (a\.b), and without controls
	int32_t preference;
	bool is_cname;   // against RFC 5321 section 5.1 and RFC 2181 section 10.3
	bool is_literal; // an address in place of a name
	// Whether there are A and AAAA records, and whether one of the name servers of its zone has
	// an AAAA: where none has, a resolver that speaks IPv6 only finds nothing.
	enum survey_answer has_v4;
	enum survey_answer has_v6;
	enum survey_answer ns_v6;
	size_t n_v4;
	size_t n_v6;
	struct survey_address v4[SURVEY_ADDRESSES_MAX];
	struct survey_address v6[SURVEY_ADDRESSES_MAX];
};

struct survey {
	char domain[DOMAIN_MAX + 1];
	enum survey_mx mx;
	bool is_complete; // nothing was cut short by the deadline
	bool tried_reach; // somebody knocked at port 25
	bool a_only;      // implicit, and by an A alone: RFC 2821 and RFC 5321 agree; where it is
			  // false and mx is implicit by an AAAA alone, an RFC 2821 sender finds
			  // nothing
	int32_t took_ms;
	size_t n_hosts_all; // MX records there are
	size_t n_hosts;     // those kept, by preference; one where implicit
	struct survey_host hosts[SURVEY_HOSTS_MAX];
};

// The kind of an address; SURVEY_KIND_UNKNOWN where the text is none.
enum survey_kind survey_kind_of(const char *text);

// The words of JSON, CSV and logs: "yes", "listed", "ula", "refused", "banner". Static.
const char *survey_answer_name(enum survey_answer answer);
const char *survey_mx_name(enum survey_mx mx);
const char *survey_kind_name(enum survey_kind kind);
const char *survey_reach_name(enum survey_reach reach);
const char *survey_step_name(enum survey_step step);

// The place, from 0, of the first host by preference that has an IPv6 address; -1 where none is
// known to have one.
int survey_first_v6(const struct survey *survey);

// Whether the hosts that the domain prefers to that one are known to have no IPv6 address: what the
// DNS did not say of one of them is no reason to say so.
bool survey_prefers_v4(const struct survey *survey);

// The best that is known of the IPv6 addresses of the whole domain: accepts where one of them does,
// else the first one's failure; NULL where there is no address.
const struct survey_address *survey_best_v6(const struct survey *survey);

// Whether we may open a connection to that address at all: a stranger wrote it, and it must not
// lead us into our own machine or network (loopback, link-local, private, multicast, ULA, mapped,
// NAT64, and 6to4 around such an IPv4 address). Documentation addresses lead nowhere, but in a lab.
bool survey_may_knock(const char *text);
