// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Questions to the DNS (c-ares), by way of the servers in resolv.conf(5).
//
// Many questions may be open at once; each is answered exactly once, by a call of its on_answer.
// Somebody has to drive them: the event loop, where dns_open_loop() made the resolver, or
// dns_run(), for programs without one. A struct dns belongs to one thread. dns_init() comes first,
// before there are threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/loop.h"
#include "base/cleanup.h"

#define DNS_VALUES_MAX 32   // values kept of an answer
#define DNS_VALUE_MAX  4096 // octets kept of one

enum dns_type {
	DNS_A,
	DNS_AAAA,
	DNS_MX,
	DNS_PTR,
	DNS_TXT,
	DNS_NS,
	DNS_TYPES,
};

enum dns_status {
	DNS_FOUND,
	DNS_NO_DATA,   // the name is there, a record of that type is not
	DNS_NO_NAME,   // NXDOMAIN
	DNS_MALFORMED, // an answer that cannot be read, or a question that cannot be asked
	DNS_TEMPERROR, // no answer in time, or a server's failure: asked again, it may be another
};

// Values are texts: addresses in inet_ntop(3)'s form, host names without a final dot, the strings
// of a TXT record joined (RFC 6376 section 3.6.2.2). A NUL or what is not a text ends a value. The
// root's name, of which a null MX is (RFC 7505), is "". Servers choose their order, but MX hosts
// come by preference and then by name, and those kept are the best.
struct dns_answer {
	enum dns_status status;
	bool is_alias; // the name that was asked for is a CNAME
	bool is_loop;  // and leads back to itself, or nowhere in sixteen steps
	bool cut;      // one of the values kept was longer than DNS_VALUE_MAX
	// Seconds for which this may be kept: the least of the records' (RFC 2181 section 5.2), or
	// what RFC 2308 section 5 says; 0: not at all.
	uint32_t ttl;
	size_t n;     // values kept; more than none where DNS_FOUND
	size_t n_all; // records there were
	char **values;
	uint16_t preferences[DNS_VALUES_MAX]; // of MX records
};

struct dns;

// Once for the process. 0, or -ENOMEM.
int dns_init(void) must_check;

// A resolver. A question goes to each server in turn, again after attempt_ms (then twice that)
// without an answer, three times round. 0, or a negative errno where the system's configuration
// cannot be read.
int dns_open(int attempt_ms, struct dns **ret_dns) must_check;

struct dns_options {
	int attempt_ms;      // as above, but four times round; 0: 1500
	const char *servers; // "127.0.0.1:5353,[::1]:53" in place of resolv.conf(5)'s; NULL: those
	int cache_entries;   // answers that are kept for their TTL; 0: 4096; -1: none
	int at_once;         // questions under way, others wait in order; 0: 16384
	char *resolv_conf;   // which outlives the resolver; NULL: /etc/resolv.conf
	int port;            // of the servers in there; 0: 53
};

// A resolver that the loop drives, with a cache; the loop outlives it. Questions for the same
// records share one packet. A server's descriptors are its only ones, two at most. When
// resolv.conf(5) is another file than before, its servers are asked as soon as those questions have
// ended that are under way. Fails like dns_open(), and by -EINVAL for servers that cannot be read.
int dns_open_loop(struct loop *loop, const struct dns_options *options,
		  struct dns **ret_dns) must_check;

// Asks for the records of that name (absolute; no search list; "" is the root). on_answer is called
// exactly once: of a resolver on the loop from there, else from dns_run() or at once; or from
// dns_close(). The answer is then its to keep, and to be freed by dns_answer_free(). It may ask
// again.
void dns_ask(struct dns *dns, enum dns_type type, const char *name,
	     void (*on_answer)(void *arg, struct dns_answer answer), void *arg);

// For a resolver without a loop. Until every question has its answer, or the clock (dns_now) has
// come to deadline: what is open then has DNS_TEMPERROR for an answer. Returns the milliseconds it
// took.
int64_t dns_run(struct dns *dns, int64_t deadline);

// The monotonic clock in milliseconds, by which answers age. (adapter/dns_cache.c)
int64_t dns_now(void);

// The name whose PTR records name the address (RFC 1035 section 3.5, RFC 3596 section 2.5). dst
// holds DNS_REVERSE_SIZE bytes. False, with dst emptied, where the text is no address.
#define DNS_REVERSE_SIZE 80
bool dns_reverse_name(char *dst, const char *address) must_check;

// Reads an answer, the bytes of a whole DNS message, which may be anyone's: what on_answer gets.
// Both rcode and question are for the caller to have looked at. Free it with dns_answer_free().
// (adapter/dns_read.c)
void dns_read(enum dns_type type, const void *message, size_t len, struct dns_answer *ret_answer);

void dns_answer_free(struct dns_answer *answer);

// One of its own for somebody else.
struct dns_answer dns_answer_copy(const struct dns_answer *answer);

// Open questions are answered by DNS_TEMPERROR. Not from inside an on_answer.
struct dns *dns_close(struct dns *dns);
