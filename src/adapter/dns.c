// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The DNS, by c-ares.
//
// The one thing to know: c-ares calls back from wherever it is, also from ares_query itself and
// from ares_cancel; so a question is on the heap, owns itself, and dies in its callback. Which
// records belong to the question is for the resolver to say, as for every stub: we believe what
// resolv.conf(5) points at.
#include "adapter/dns.h"

#include <ares.h>
#include <ares_nameser.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"

#define TRIES       3
#define ADDRESS_MAX 200 // address records that are looked at; c-ares wants to know
#define STEP_MS     1000

struct dns {
	ares_channel channel;
	size_t n_open; // questions without an answer
	bool closing;  // no more are taken
};

struct question {
	struct dns *dns;
	enum dns_type type;
	void (*on_answer)(void *arg, struct dns_answer answer);
	void *arg;
};

// ---- reading answers
// --------------------------------------------------------------------------------

static void keep(struct dns_answer *answer, const char *text, size_t len)
{
	answer->n_all++;
	if (answer->n == DNS_VALUES_MAX)
		return;
	if (answer->values == NULL)
		answer->values = mem_new(DNS_VALUES_MAX, sizeof(*answer->values));
	answer->cut = answer->cut || len > DNS_VALUE_MAX;
	answer->values[answer->n++] = mem_strndup(text, len < DNS_VALUE_MAX ? len : DNS_VALUE_MAX);
}

static void keep_address(struct dns_answer *answer, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(family, address, text, sizeof(text)) != NULL)
		keep(answer, text, strlen(text));
}

static int read_a(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_addrttl found[ADDRESS_MAX];
	int n = ADDRESS_MAX;
	const int status = ares_parse_a_reply(bytes, len, NULL, found, &n);

	for (int i = 0; status == ARES_SUCCESS && i < n; i++)
		keep_address(answer, AF_INET, &found[i].ipaddr);
	return status;
}

static int read_aaaa(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_addr6ttl found[ADDRESS_MAX];
	int n = ADDRESS_MAX;
	const int status = ares_parse_aaaa_reply(bytes, len, NULL, found, &n);

	for (int i = 0; status == ARES_SUCCESS && i < n; i++)
		keep_address(answer, AF_INET6, &found[i].ip6addr);
	return status;
}

static int by_preference(const void *a, const void *b)
{
	const struct ares_mx_reply *const *x = a, *const *y = b;

	return (int)(*x)->priority - (int)(*y)->priority;
}

static int read_mx(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_mx_reply *records = NULL;
	const int status = ares_parse_mx_reply(bytes, len, &records);
	auto_free const struct ares_mx_reply **sorted = NULL;
	size_t n = 0;

	for (const struct ares_mx_reply *at = records; at != NULL; at = at->next)
		n++;
	sorted = mem_new(n + 1, sizeof(*sorted));
	n = 0;
	for (const struct ares_mx_reply *at = records; at != NULL; at = at->next)
		sorted[n++] = at;
	qsort(sorted, n, sizeof(*sorted), by_preference);
	for (size_t i = 0; i < n; i++)
		keep(answer, sorted[i]->host, strlen(sorted[i]->host));
	ares_free_data(records);
	return status;
}

static int read_ptr(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct hostent *host = NULL;
	const int status = ares_parse_ptr_reply(bytes, len, NULL, 0, AF_INET, &host);

	for (char **name = host != NULL ? host->h_aliases : NULL; name != NULL && *name != NULL;
	     name++)
		keep(answer, *name, strlen(*name));
	if (host != NULL)
		ares_free_hostent(host);
	return status;
}

// One record's strings, joined; returns the record that follows.
static const struct ares_txt_ext *keep_txt(const struct ares_txt_ext *piece,
					   struct dns_answer *answer)
{
	auto_buf struct buf text = buf_make(UINT16_MAX);

	do {
		buf_add(&text, piece->txt, piece->length);
		piece = piece->next;
	} while (piece != NULL && !piece->record_start);
	keep(answer, buf_string(&text), strlen(buf_string(&text)));
	return piece;
}

static int read_txt(const unsigned char *bytes, int len, struct dns_answer *answer)
{
	struct ares_txt_ext *records = NULL;
	const int status = ares_parse_txt_reply_ext(bytes, len, &records);

	for (const struct ares_txt_ext *at = records; at != NULL;)
		at = keep_txt(at, answer);
	ares_free_data(records);
	return status;
}

static const struct {
	int type;
	int (*read)(const unsigned char *bytes, int len, struct dns_answer *answer);
} types[] = {
	[DNS_A] = {ns_t_a, read_a},       [DNS_AAAA] = {ns_t_aaaa, read_aaaa},
	[DNS_MX] = {ns_t_mx, read_mx},    [DNS_PTR] = {ns_t_ptr, read_ptr},
	[DNS_TXT] = {ns_t_txt, read_txt},
};

static enum dns_status status_of(int ares_status)
{
	switch (ares_status) {
	case ARES_SUCCESS:
		return DNS_FOUND;
	case ARES_ENODATA:
		return DNS_NO_DATA;
	case ARES_ENOTFOUND:
		return DNS_NO_NAME;
	case ARES_EBADRESP:
	case ARES_EBADNAME:
	case ARES_EBADQUERY:
	case ARES_EBADSTR:
		return DNS_MALFORMED;
	default:
		return DNS_TEMPERROR;
	}
}

// What the values are worth with that status.
static void conclude(int status, struct dns_answer *answer)
{
	answer->status = status_of(status);
	if (answer->status == DNS_FOUND && answer->n == 0)
		answer->status = DNS_NO_DATA;
	if (answer->status != DNS_FOUND)
		dns_answer_free(answer);
}

void dns_read(enum dns_type type, const void *message, size_t len, struct dns_answer *ret_answer)
{
	*ret_answer = (struct dns_answer){0};
	conclude(len <= UINT16_MAX ? types[type].read(message, (int)len, ret_answer)
				   : ARES_EBADRESP,
		 ret_answer);
}

static void on_reply(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct question *question = arg;
	struct dns_answer answer = {0};

	(void)timeouts;
	if (status == ARES_SUCCESS && len >= 0)
		dns_read(question->type, bytes, (size_t)len, &answer);
	else
		conclude(status, &answer);
	question->dns->n_open--;
	question->on_answer(question->arg, answer);
	free(question);
}

// ---- asking
// ----------------------------------------------------------------------------------------

int dns_init(void)
{
	return ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? 0 : -ENOMEM;
}

int dns_open(int attempt_ms, struct dns **ret_dns)
{
	struct ares_options options = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS |
						ARES_FLAG_STAYOPEN,
				       .timeout = attempt_ms,
				       .tries = TRIES,
				       .lookups = (char[]){"b"}, // DNS alone, no hosts file
				       .ednspsz = 1232};
	struct dns *dns = mem_new(1, sizeof(*dns));
	const int status = ares_init_options(&dns->channel, &options,
					     ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
						     ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ);

	if (status != ARES_SUCCESS) {
		free(dns);
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	}
	*ret_dns = dns;
	return 0;
}

void dns_ask(struct dns *dns, enum dns_type type, const char *name,
	     void (*on_answer)(void *arg, struct dns_answer answer), void *arg)
{
	struct question *question;

	if (dns->closing) {
		on_answer(arg, (struct dns_answer){.status = DNS_TEMPERROR});
		return;
	}
	question = mem_new(1, sizeof(*question));
	*question = (struct question){dns, type, on_answer, arg};
	dns->n_open++;
	ares_query(dns->channel, name, ns_c_in, types[type].type, on_reply, question);
}

int64_t dns_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// The sockets that c-ares has, as poll(2) wants them.
static nfds_t wanted(struct dns *dns, struct pollfd polls[ARES_GETSOCK_MAXNUM])
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	const int bits = ares_getsock(dns->channel, fds, ARES_GETSOCK_MAXNUM);
	nfds_t n = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = 0;

		if (ARES_GETSOCK_READABLE(bits, i))
			events |= POLLIN;
		if (ARES_GETSOCK_WRITABLE(bits, i))
			events |= POLLOUT;
		if (events != 0)
			polls[n++] = (struct pollfd){.fd = fds[i], .events = events};
	}
	return n;
}

static void wait_once(struct dns *dns, int64_t left)
{
	struct pollfd polls[ARES_GETSOCK_MAXNUM];
	struct timeval longest = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000}, wait;
	const struct timeval *until = ares_timeout(dns->channel, &longest, &wait);
	const nfds_t n = wanted(dns, polls);
	const int ready =
		poll(polls, n, (int)(until->tv_sec * 1000 + (until->tv_usec + 999) / 1000));

	for (nfds_t i = 0; ready > 0 && i < n; i++) {
		const bool is_in = (polls[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
		const bool is_out = (polls[i].revents & POLLOUT) != 0;

		if (is_in || is_out)
			ares_process_fd(dns->channel, is_in ? polls[i].fd : ARES_SOCKET_BAD,
					is_out ? polls[i].fd : ARES_SOCKET_BAD);
	}
	// also where sockets are busy: a flood on one is no reason to wait longer for another
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void give_up(struct dns *dns)
{
	dns->closing = true;
	ares_cancel(dns->channel);
}

int64_t dns_run(struct dns *dns, int64_t deadline)
{
	const int64_t start = dns_now();

	for (int64_t left; dns->n_open > 0 && (left = deadline - dns_now()) > 0;)
		wait_once(dns, left < STEP_MS ? left : STEP_MS);
	if (dns->n_open > 0)
		give_up(dns);
	dns->closing = false;
	return dns_now() - start;
}

bool dns_reverse_name(char *dst, const char *address)
{
	unsigned char bytes[16];
	size_t n = 0;

	dst[0] = '\0';
	if (inet_pton(AF_INET, address, bytes) == 1)
		snprintf(dst, DNS_REVERSE_SIZE, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2],
			 bytes[1], bytes[0]);
	else if (inet_pton(AF_INET6, address, bytes) == 1) {
		for (int i = 15; i >= 0; i--)
			n += (size_t)snprintf(dst + n, DNS_REVERSE_SIZE - n, "%x.%x.",
					      bytes[i] & 15U, bytes[i] >> 4U);
		snprintf(dst + n, DNS_REVERSE_SIZE - n, "ip6.arpa");
	}
	return dst[0] != '\0';
}

void dns_answer_free(struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		free(answer->values[i]);
	free(answer->values);
	answer->values = NULL;
	answer->n = 0;
}

struct dns *dns_close(struct dns *dns)
{
	if (dns == NULL)
		return NULL;
	give_up(dns);
	ares_destroy(dns->channel);
	free(dns);
	return NULL;
}
