// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A new limit is a row of the table, and an option. Two kinds of rows: so many in 24 hours, and one
// in so many seconds.
//
// Keys are hashed by SHA-256 where memory counts them, so nobody can choose two names that share a
// place; the database compares their text.

#include "daemon/limits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/config.h"
#include "adapter/digest.h"
#include "adapter/store.h"
#include "base/mem.h"
#include "base/text.h"
#include "daemon/tally.h"

// Seconds that rows may lie in the future: a clock set back by more must not shut anybody out.
#define AHEAD LIMITS_DAY

// What is counted.
enum by {
	BY_MAILBOX,
	BY_DOMAIN,
	BY_NETWORK,
	BY_ALL,
};

#define ROW(name, key, option, words)                                                              \
	{                                                                                          \
		name, #option, words, key, offsetof(struct config, option)                         \
	}

// The interval first: it passes soonest.
static const struct limits_row rows[] = {
	ROW("too-soon", BY_MAILBOX, requester_interval,
	    "tests from one address are answered %lld seconds apart"),
	ROW("too-many", BY_MAILBOX, requester_daily,
	    "%lld tests from one address are answered in 24 hours"),
	ROW("domain-limit", BY_DOMAIN, domain_daily,
	    "%lld tests from one domain are answered in 24 hours"),
	ROW("network-limit", BY_NETWORK, network_daily,
	    "%lld tests from one network are answered in 24 hours"),
	ROW("total-limit", BY_ALL, total_daily, "%lld tests are answered in 24 hours in all"),
	{NULL, NULL, NULL, 0, 0},
};

struct hashes {
	uint64_t key[TALLY_KEYS]; // by enum by
};

struct limits {
	const struct config *config;
	struct tally *tally;
	struct hashes *added; // in this transaction
	size_t n_added, room;
};

const struct limits_row *limits_rows(void)
{
	return rows;
}

static int64_t limit_of(const struct limits *limits, const struct limits_row *row)
{
	return *(const int64_t *)((const char *)limits->config + row->offset);
}

static bool is_interval(const struct limits_row *row)
{
	return row == &rows[0];
}

// ---- keys ---------------------------------------------------------------------------------------

// Second levels under which a country's registry sells third ones. There is no list of all such
// names that is short; one that is missing here makes its customers share one count.
static bool is_registry(const char *label, size_t len)
{
	static const char *const labels[] = {"ac",  "co", "com", "edu", "go", "gob", "gov", "ltd",
					     "mil", "ne", "net", "nom", "or", "org", "plc", "sch"};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strlen(labels[i]) == len && strncmp(labels[i], label, len) == 0)
			return true;
	return false;
}

// The last n labels of a name.
static const char *last_labels(const char *name, int n)
{
	const char *at = name + strlen(name);

	while (at > name) {
		if (at[-1] == '.' && --n == 0)
			break;
		at--;
	}
	return at;
}

// Sub-domains count together, or one wildcard in DNS would be as many domains as anybody likes.
static void make_domain(char dst[DOMAIN_MAX + 1], const struct domain *domain)
{
	char name[DOMAIN_MAX + 1];
	const char *two, *top;

	memcpy(name, domain->text, sizeof(name));
	text_lower(name);
	two = last_labels(name, 2);
	top = last_labels(name, 1);
	if (domain->literal)
		two = name;
	else if (strlen(top) == 2 && top > two && is_registry(two, (size_t)(top - two) - 1))
		two = last_labels(name, 3);
	memcpy(dst, two, strlen(two) + 1);
}

// A host has all of a /64 to choose addresses from (RFC 4291 section 2.5.4, RFC 8981).
static void make_network(char dst[48], const char *client)
{
	struct in6_addr six;
	struct in_addr four;

	dst[0] = '\0';
	if (inet_pton(AF_INET, client, &four) == 1) {
		inet_ntop(AF_INET, &four, dst, 48);
	} else if (inet_pton(AF_INET6, client, &six) == 1) {
		if (IN6_IS_ADDR_V4MAPPED(&six)) {
			inet_ntop(AF_INET, six.s6_addr + 12, dst, 48);
			return;
		}
		memset(six.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &six, dst, 48);
		strcat(dst, "/64"); // at most 46 octets before
	}
}

void limits_make_keys(struct limits_keys *keys, const struct addr *requester, const char *client)
{
	char local[ADDR_LOCAL_MAX + 1];

	addr_local_plain(local, requester);
	snprintf(keys->mailbox, sizeof(keys->mailbox), "%s@%s", local, requester->domain.text);
	text_lower(keys->mailbox);
	make_domain(keys->domain, &requester->domain);
	make_network(keys->network, client);
}

// 0 for an empty text, which is not counted.
static uint64_t hash(enum by key, const char *text)
{
	unsigned char digest[DIGEST_SIZE];
	char all[ADDR_TEXT_SIZE + 2];
	uint64_t value = 0;
	int len = snprintf(all, sizeof(all), "%d%s", key, text);

	if (text[0] == '\0')
		return 0;
	digest_sha256(digest, all, (size_t)len);
	memcpy(&value, digest, sizeof(value));
	return value == 0 ? 1 : value;
}

static struct hashes hash_all(const char *mailbox, const char *domain, const char *network)
{
	return (struct hashes){{
		[BY_MAILBOX] = hash(BY_MAILBOX, mailbox),
		[BY_DOMAIN] = hash(BY_DOMAIN, domain),
		[BY_NETWORK] = hash(BY_NETWORK, network),
		[BY_ALL] = 1,
	}};
}

// ---- the session --------------------------------------------------------------------------------

struct limits *limits_new(const struct config *config)
{
	static const int64_t lives[] = {
		[TALLY_RESERVED] = LIMITS_RESERVED, [TALLY_FINAL] = LIMITS_DAY};
	struct limits *limits = mem_new(1, sizeof(*limits));

	limits->config = config;
	limits->tally = tally_new(LIMITS_ROOM, lives);
	return limits;
}

struct limits *limits_free(struct limits *limits)
{
	if (limits == NULL)
		return NULL;
	tally_free(limits->tally);
	free(limits->added);
	free(limits);
	return NULL;
}

void limits_follow(struct limits *limits, const struct config *config)
{
	limits->config = config;
}

struct load {
	struct limits *limits;
	int64_t uptime, now;
};

static void on_answer(void *arg, const char *mailbox, const char *domain, const char *network,
		      int64_t arrived)
{
	const struct load *load = arg;
	struct hashes hashes = hash_all(mailbox, domain, network);
	int64_t age = arrived < load->now ? load->now - arrived : 0;

	tally_add(load->limits->tally, hashes.key, TALLY_FINAL, load->uptime - age);
}

int limits_load(struct limits *limits, struct store *store, int64_t uptime, int64_t now)
{
	struct load load = {limits, uptime, now};

	return store_each_answer(store, now - LIMITS_DAY, now + AHEAD, on_answer, &load);
}

static bool is_off(const struct limits *limits)
{
	for (const struct limits_row *row = rows; row->name != NULL; row++)
		if (limit_of(limits, row) > 0)
			return false;
	return true;
}

static int64_t latest(const struct tally *tally, uint64_t key, enum tally_state state)
{
	size_t count = tally_count(tally, key, state);

	return count == 0 ? INT64_MIN : tally_time(tally, key, state, count - 1);
}

// Seconds until the interval is over; 0 where it is. A second more than the last word wants, which
// reads another clock: who is let in here must not be ignored there.
static int64_t wait_of_interval(const struct tally *tally, uint64_t key, int64_t interval,
				int64_t uptime)
{
	int64_t final = latest(tally, key, TALLY_FINAL);
	int64_t reserved = latest(tally, key, TALLY_RESERVED);
	int64_t last = final > reserved ? final : reserved;

	if (last == INT64_MIN || uptime - last > interval)
		return 0;
	return last + interval + 1 - uptime;
}

// Seconds until one more has room: when enough of what was answered is a day old, or, where only
// reservations are in the way, the first of them lapses.
static int64_t wait_of_day(const struct tally *tally, uint64_t key, int64_t limit, int64_t uptime)
{
	int64_t final = (int64_t)tally_count(tally, key, TALLY_FINAL);
	int64_t reserved = (int64_t)tally_count(tally, key, TALLY_RESERVED);

	if (final + reserved < limit)
		return 0;
	if (final < limit)
		return tally_time(tally, key, TALLY_RESERVED, 0) + LIMITS_RESERVED - uptime;
	return tally_time(tally, key, TALLY_FINAL, (size_t)(final - limit)) + LIMITS_DAY - uptime;
}

bool limits_permit(struct limits *limits, const struct limits_keys *keys, int64_t uptime,
		   struct limits_refusal *ret_refusal)
{
	struct hashes hashes;

	if (is_off(limits))
		return true;
	hashes = hash_all(keys->mailbox, keys->domain, keys->network);
	tally_expire(limits->tally, uptime);
	for (const struct limits_row *row = rows; row->name != NULL; row++) {
		int64_t limit = limit_of(limits, row), wait;
		uint64_t key = hashes.key[row->key];

		if (limit == 0 || key == 0)
			continue;
		wait = is_interval(row) ? wait_of_interval(limits->tally, key, limit, uptime)
					: wait_of_day(limits->tally, key, limit, uptime);
		if (wait > 0) {
			*ret_refusal = (struct limits_refusal){row, limit, wait};
			return false;
		}
	}
	tally_add(limits->tally, hashes.key, TALLY_RESERVED, uptime);
	return true;
}

// ---- the last word ------------------------------------------------------------------------------

// In this transaction.
static int64_t count_added(const struct limits *limits, enum by key, uint64_t hash)
{
	int64_t count = 0;

	for (size_t i = 0; i < limits->n_added; i++)
		count += limits->added[i].key[key] == hash;
	return count;
}

// A person's own limits go by when the message came, however long it waited: the database knows.
// The others protect those whom our mail goes to: they go by when it is answered.
static int count_answers(const struct limits *limits, struct store *store,
			 const struct limits_row *row, const struct limits_keys *keys,
			 uint64_t hash, int64_t arrived, int64_t *ret_count)
{
	int64_t window = is_interval(row) ? limit_of(limits, row) : LIMITS_DAY;

	if (row->key == BY_MAILBOX)
		return store_count_answers(store, keys->mailbox, arrived - window, arrived + AHEAD,
					   ret_count);
	*ret_count = (int64_t)tally_count(limits->tally, hash, TALLY_FINAL) +
		     count_added(limits, (enum by)row->key, hash);
	return 0;
}

int limits_ask(struct limits *limits, struct store *store, const struct limits_keys *keys,
	       int64_t arrived, int64_t uptime, const struct limits_row **ret_row)
{
	struct hashes hashes;
	int r = 0;

	*ret_row = NULL;
	if (is_off(limits))
		return 0;
	hashes = hash_all(keys->mailbox, keys->domain, keys->network);
	tally_expire(limits->tally, uptime);
	for (const struct limits_row *row = rows; row->name != NULL && r == 0; row++) {
		int64_t limit = limit_of(limits, row), count = 0;

		if (limit == 0 || hashes.key[row->key] == 0)
			continue;
		r = count_answers(limits, store, row, keys, hashes.key[row->key], arrived, &count);
		if (r == 0 && count >= (is_interval(row) ? 1 : limit)) {
			*ret_row = row;
			break;
		}
	}
	return r;
}

void limits_add(struct limits *limits, const struct limits_keys *keys)
{
	if (is_off(limits))
		return;
	if (limits->n_added == limits->room) {
		limits->room = limits->room == 0 ? 64 : 2 * limits->room;
		limits->added = mem_grow(limits->added, limits->room, sizeof(*limits->added));
	}
	limits->added[limits->n_added++] = hash_all(keys->mailbox, keys->domain, keys->network);
}

void limits_commit(struct limits *limits, int64_t uptime)
{
	tally_expire(limits->tally, uptime);
	for (size_t i = 0; i < limits->n_added; i++)
		tally_settle(limits->tally, limits->added[i].key, uptime);
	limits->n_added = 0;
}

void limits_roll_back(struct limits *limits)
{
	limits->n_added = 0;
}
