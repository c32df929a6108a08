// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The DNS, by c-ares.
//
// The one thing to know: c-ares calls back from wherever it is, also from ares_query itself and
// from ares_cancel; so a question is on the heap, owns itself, and dies in its callback. On the
// loop a question therefore waits in a queue first, and is asked when nothing else is pending:
// nobody is called back from inside dns_ask, and answers are read before more is asked. A question
// under way is in a table, and whoever asks the same follows it. TCP has a channel of its own
// there: when a connection breaks, c-ares 1.18 fails every question to that server, UDP's included.
#include "adapter/dns.h"

#include <ares.h>
#include <ares_nameser.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "adapter/dns_cache.h"
#include "adapter/dns_file.h"
#include "adapter/dns_read.h"
#include "base/mem.h"
#include "base/text.h"

#define RESOLV_CONF   "/etc/resolv.conf"
#define TRIES         3
#define LOOP_TRIES    4 // c-ares takes up to half of each later attempt away: 12 s at least
#define STEP_MS       1000
#define TICK_US       100000 // c-ares' own search for the next time-out goes over all questions
#define TCP_TRIES     3
#define HEADER_SIZE   12
#define BIT_CUT       0x02 // of a header's third octet: the answer is cut (TC)
#define BATCH         64   // questions asked in a row
#define BUCKETS       1024
#define RECEIVE_SIZE  (1 << 20)
#define ATTEMPT_MS    1500
#define CACHE_ENTRIES 4096
#define AT_ONCE       16384 // a quarter of the numbers that a question can have

struct side {
	struct dns *dns;
	ares_channel channel;
};

struct dns {
	struct side udp; // and TCP, where there is no loop
	size_t n_open;   // questions without an answer
	bool closing;    // no more are taken
	// on the loop only
	struct side tcp;
	struct question *again; // under way, to be asked again over TCP
	struct loop *loop;
	struct dns_socket *sockets;
	struct source *tick;               // c-ares looks for what has timed out
	struct source *idle;               // asks what waits
	struct question *first, **last;    // those that wait
	struct question *buckets[BUCKETS]; // those under way
	size_t n_under_way, at_once;
	struct dns_cache *cache; // or NULL
	struct dns_options options;
	struct dns_file file; // that names the servers, unless options do
	bool is_stale;        // it has changed: no more are asked until none is under way
};

struct dns_socket {
	struct dns_socket *next;
	struct side *side;
	int fd;
	struct source *source;
};

struct question {
	struct dns *dns;
	enum dns_type type;
	void (*on_answer)(void *arg, struct dns_answer answer);
	void *arg;
	struct question *next;      // that waits, is in the same bucket, or follows the same one
	struct question *followers; // the same question, asked since
	struct question *next_again;
	int n_tcp; // times that it was asked over TCP
	char name[];
};

// ---- asking -------------------------------------------------------------------------------------

int dns_init(void)
{
	return ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? 0 : -ENOMEM;
}

// servers NULL: the system's.
static int open_side(struct side *side, const struct dns_options *from, struct ares_options options,
		     int mask)
{
	int status;

	options.flags |= ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS;
	options.timeout = from->attempt_ms;
	options.lookups = (char[]){"b"}; // DNS alone, no hosts file
	options.ednspsz = 1232;
	options.sock_state_cb_data = side;
	options.resolvconf_path = from->resolv_conf;
	options.udp_port = options.tcp_port = (unsigned short)from->port;
	mask |= from->resolv_conf != NULL ? ARES_OPT_RESOLVCONF : 0;
	mask |= from->port != 0 ? ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT : 0;
	status = ares_init_options(&side->channel, &options,
				   mask | ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					   ARES_OPT_LOOKUPS | ARES_OPT_EDNSPSZ);
	if (status == ARES_SUCCESS && from->servers != NULL &&
	    ares_set_servers_ports_csv(side->channel, from->servers) != ARES_SUCCESS) {
		ares_destroy(side->channel);
		return -EINVAL;
	}
	if (status != ARES_SUCCESS)
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	return 0;
}

int dns_open(int attempt_ms, struct dns **ret_dns)
{
	const struct dns_options options = {.attempt_ms = attempt_ms};
	struct dns *dns = mem_new(1, sizeof(*dns));
	const int error =
		open_side(&dns->udp, &options,
			  (struct ares_options){.flags = ARES_FLAG_STAYOPEN, .tries = TRIES}, 0);

	if (error < 0)
		free(dns);
	else
		*ret_dns = dns;
	return error;
}

// The question has its answer: it ends.
static void end(struct question *question, struct dns_answer answer)
{
	question->dns->n_open--;
	question->on_answer(question->arg, answer);
	free(question);
}

// ---- questions under way on the loop ------------------------------------------------------------

static struct question **place_of(struct dns *dns, enum dns_type type, const char *name)
{
	struct question **at = &dns->buckets[dns_cache_hash(type, name) % BUCKETS];

	while (*at != NULL && ((*at)->type != type || !text_equals_nocase((*at)->name, name)))
		at = &(*at)->next;
	return at;
}

// Out of the table, and the answer to all that followed and into the cache.
static void settle(struct question *question, const struct dns_answer *answer)
{
	struct dns *dns = question->dns;

	*place_of(dns, question->type, question->name) = question->next;
	dns->n_under_way--;
	if (dns->cache != NULL)
		dns_cache_put(dns->cache, question->type, question->name, dns_now(), answer);
	for (struct question *follower = question->followers, *next; follower != NULL;
	     follower = next) {
		next = follower->next;
		end(follower, dns_answer_copy(answer));
	}
	if (dns->first != NULL && !dns->closing)
		source_set_idle(dns->idle);
}

// Over TCP, when the loop has its turn: what was cut over UDP, and what a connection broke under.
static bool is_for_again(const struct question *question, int status, const unsigned char *bytes,
			 int len)
{
	if (question->dns->loop == NULL || question->dns->closing)
		return false;
	if (question->n_tcp == 0)
		return bytes != NULL && len > HEADER_SIZE && (bytes[2] & BIT_CUT) != 0;
	return status == ARES_ECONNREFUSED && question->n_tcp < TCP_TRIES;
}

static void on_reply(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct question *question = arg;
	struct dns *dns = question->dns;
	struct dns_answer answer;

	(void)timeouts;
	if (is_for_again(question, status, bytes, len)) {
		question->n_tcp++;
		question->next_again = dns->again;
		dns->again = question;
		source_set_idle(dns->idle);
		return;
	}
	dns_read_end(question->type, status, len > 0 ? bytes : NULL, len > 0 ? (size_t)len : 0,
		     &answer);
	if (dns->loop != NULL)
		settle(question, &answer);
	end(question, answer);
}

static void query(struct question *question)
{
	const struct side *side = question->n_tcp > 0 ? &question->dns->tcp : &question->dns->udp;

	ares_query(side->channel, question->name, ns_c_in, dns_wire_type(question->type), on_reply,
		   question);
}

// One that waited: out of the cache, behind another that asks the same, or to a server.
static void ask_now(struct dns *dns, struct question *question)
{
	struct question **place = place_of(dns, question->type, question->name);
	struct dns_answer answer;

	if (dns->cache != NULL &&
	    dns_cache_find(dns->cache, question->type, question->name, dns_now(), &answer)) {
		end(question, answer);
	} else if (*place != NULL) {
		question->next = (*place)->followers;
		(*place)->followers = question;
	} else {
		*place = question;
		if (dns->n_under_way++ == 0)
			source_set_timer(dns->tick, TICK_US);
		query(question);
	}
}

static struct question *take_first(struct dns *dns)
{
	struct question *question = dns->first;

	dns->first = question->next;
	if (dns->first == NULL)
		dns->last = &dns->first;
	question->next = NULL;
	return question;
}

static struct question *take_again(struct dns *dns)
{
	struct question *question = dns->again;

	dns->again = question->next_again;
	return question;
}

void dns_ask(struct dns *dns, enum dns_type type, const char *name,
	     void (*on_answer)(void *arg, struct dns_answer answer), void *arg)
{
	struct question *question;

	if (dns->closing) {
		on_answer(arg, (struct dns_answer){.status = DNS_TEMPERROR});
		return;
	}
	question = mem_new(1, sizeof(*question) + strlen(name) + 1);
	*question = (struct question){.dns = dns, .type = type, .on_answer = on_answer, .arg = arg};
	memcpy(question->name, name, strlen(name) + 1);
	dns->n_open++;
	if (dns->loop == NULL) {
		query(question);
		return;
	}
	*dns->last = question;
	dns->last = &question->next;
	source_set_idle(dns->idle);
}

// ---- the loop drives ----------------------------------------------------------------------------

static void on_io(void *arg, uint32_t events)
{
	const struct dns_socket *at = arg;
	const int fd = at->fd;

	// it may be freed inside
	ares_process_fd(at->side->channel,
			(events & ~(uint32_t)EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD,
			(events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
}

static void on_tick(void *arg)
{
	struct dns *dns = arg;

	ares_process_fd(dns->udp.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	ares_process_fd(dns->tcp.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (dns->n_under_way > 0)
		source_set_timer(dns->tick, TICK_US);
}

static void drop_socket(struct dns_socket **at)
{
	struct dns_socket *gone = *at;

	*at = gone->next;
	source_free(gone->source);
	free(gone);
}

// What c-ares wants to know of a descriptor; neither: it is about to close it.
static void on_socket(void *arg, ares_socket_t fd, int is_in, int is_out)
{
	const uint32_t events = (is_in ? (uint32_t)EPOLLIN : 0) | (is_out ? (uint32_t)EPOLLOUT : 0);
	struct side *side = arg;
	struct dns_socket **at = &side->dns->sockets;

	while (*at != NULL && (*at)->fd != fd)
		at = &(*at)->next;
	if (events == 0 && *at != NULL) {
		drop_socket(at);
	} else if (*at != NULL) {
		source_set_io((*at)->source, events);
	} else if (events != 0) {
		*at = mem_new(1, sizeof(**at));
		(*at)->side = side;
		(*at)->fd = fd;
		(*at)->source = loop_add_io(side->dns->loop, fd, events, on_io, *at);
	}
}

static int open_both(struct dns *dns)
{
	const struct dns_options *options = &dns->options;
	const int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_SOCK_RCVBUF;
	struct ares_options more = {.flags = ARES_FLAG_STAYOPEN | ARES_FLAG_IGNTC,
				    .tries = LOOP_TRIES,
				    .sock_state_cb = on_socket,
				    .socket_receive_buffer_size = RECEIVE_SIZE};
	int error = open_side(&dns->udp, options, more, mask);

	if (error < 0)
		return error;
	more.flags = ARES_FLAG_USEVC;
	error = open_side(&dns->tcp, options, more, mask);
	if (error < 0)
		ares_destroy(dns->udp.channel);
	return error;
}

// Whether servers are to be asked that the file does not name any more. Where new channels cannot
// be had, the old ones stay.
static bool is_out_of_date(struct dns *dns)
{
	const ares_channel udp = dns->udp.channel, tcp = dns->tcp.channel;

	if (dns->options.servers == NULL && dns_file_is_changed(&dns->file))
		dns->is_stale = true;
	if (!dns->is_stale || dns->n_under_way > 0)
		return dns->is_stale;
	dns->is_stale = false;
	if (open_both(dns) == 0) {
		ares_destroy(udp);
		ares_destroy(tcp);
	} else {
		dns->udp.channel = udp;
		dns->tcp.channel = tcp;
	}
	return false;
}

static void on_idle(void *arg)
{
	struct dns *dns = arg;
	const size_t at_once = is_out_of_date(dns) ? 0 : dns->at_once;

	for (int i = 0; i < BATCH && dns->again != NULL; i++)
		query(take_again(dns));
	for (int i = 0; i < BATCH && dns->first != NULL && dns->n_under_way < at_once; i++)
		ask_now(dns, take_first(dns));
	if (dns->again != NULL || (dns->first != NULL && dns->n_under_way < at_once))
		source_set_idle(dns->idle);
}

int dns_open_loop(struct loop *loop, const struct dns_options *options, struct dns **ret_dns)
{
	struct dns *dns = mem_new(1, sizeof(*dns));
	struct dns_options *whole = &dns->options;
	int error;

	*whole = *options;
	whole->attempt_ms = whole->attempt_ms != 0 ? whole->attempt_ms : ATTEMPT_MS;
	whole->cache_entries = whole->cache_entries != 0 ? whole->cache_entries : CACHE_ENTRIES;
	whole->at_once = whole->at_once != 0 ? whole->at_once : AT_ONCE;
	dns->loop = loop;
	dns->udp.dns = dns->tcp.dns = dns;
	dns_file_open(&dns->file, whole->resolv_conf != NULL ? whole->resolv_conf : RESOLV_CONF);
	error = open_both(dns);
	if (error < 0) {
		free(dns);
		return error;
	}
	dns->last = &dns->first;
	dns->at_once = (size_t)whole->at_once;
	if (whole->cache_entries > 0)
		dns->cache = dns_cache_new((size_t)whole->cache_entries);
	dns->tick = loop_add_timer(loop, UINT64_MAX, on_tick, dns);
	dns->idle = loop_add_idle(loop, on_idle, dns);
	*ret_dns = dns;
	return 0;
}

// ---- without a loop -----------------------------------------------------------------------------

// The sockets that c-ares has, as poll(2) wants them.
static nfds_t wanted(struct dns *dns, struct pollfd polls[ARES_GETSOCK_MAXNUM])
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	const int bits = ares_getsock(dns->udp.channel, fds, ARES_GETSOCK_MAXNUM);
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
	const struct timeval *until = ares_timeout(dns->udp.channel, &longest, &wait);
	const nfds_t n = wanted(dns, polls);
	const int ready =
		poll(polls, n, (int)(until->tv_sec * 1000 + (until->tv_usec + 999) / 1000));

	for (nfds_t i = 0; ready > 0 && i < n; i++) {
		const bool is_in = (polls[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
		const bool is_out = (polls[i].revents & POLLOUT) != 0;

		if (is_in || is_out)
			ares_process_fd(dns->udp.channel, is_in ? polls[i].fd : ARES_SOCKET_BAD,
					is_out ? polls[i].fd : ARES_SOCKET_BAD);
	}
	// also where sockets are busy: a flood on one is no reason to wait longer for another
	ares_process_fd(dns->udp.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void give_up(struct dns *dns)
{
	const struct dns_answer none = {.status = DNS_TEMPERROR};

	dns->closing = true;
	ares_cancel(dns->udp.channel);
	if (dns->loop == NULL)
		return;
	ares_cancel(dns->tcp.channel);
	while (dns->again != NULL) {
		struct question *question = take_again(dns);

		settle(question, &none);
		end(question, none);
	}
	while (dns->first != NULL)
		end(take_first(dns), none);
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

struct dns *dns_close(struct dns *dns)
{
	if (dns == NULL)
		return NULL;
	give_up(dns);
	ares_destroy(dns->udp.channel); // closes its sockets, and says so
	if (dns->loop != NULL)
		ares_destroy(dns->tcp.channel);
	source_free(dns->tick);
	source_free(dns->idle);
	dns_cache_free(dns->cache);
	free(dns);
	return NULL;
}
