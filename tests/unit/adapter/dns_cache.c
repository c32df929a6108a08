// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// dns_cache: what is kept, for how long, and how much of it at most.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/dns_cache.h"
#include "base/mem.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static struct dns_answer make(enum dns_status status, uint32_t ttl, const char *value)
{
	struct dns_answer answer = {.status = status, .ttl = ttl};

	if (value == NULL)
		return answer;
	answer.values = mem_new(DNS_VALUES_MAX, sizeof(char *));
	answer.values[0] = mem_strdup(value);
	answer.n = answer.n_all = 1;
	answer.preferences[0] = 7;
	return answer;
}

static void put(struct dns_cache *cache, enum dns_type type, const char *name, int64_t now,
		struct dns_answer answer)
{
	dns_cache_put(cache, type, name, now, &answer);
	dns_answer_free(&answer);
}

// The TTL that is left, -1 where nothing is known.
static int64_t left(struct dns_cache *cache, enum dns_type type, const char *name, int64_t now)
{
	struct dns_answer answer;
	int64_t ttl;

	if (!dns_cache_find(cache, type, name, now, &answer))
		return -1;
	ttl = answer.ttl;
	dns_answer_free(&answer);
	return ttl;
}

static const struct {
	enum dns_status status;
	uint32_t ttl;
	const char *value;
	int64_t after_ms;
	int64_t left;
} rows[] = {
	{DNS_FOUND, 300, "mx.test", 0, 300},    {DNS_FOUND, 300, "mx.test", 299000, 1},
	{DNS_FOUND, 300, "mx.test", 299999, 0}, {DNS_FOUND, 300, "mx.test", 300000, -1},
	{DNS_FOUND, 86400, "mx.test", 0, 3600}, {DNS_FOUND, 86400, "mx.test", 3600000, -1},
	{DNS_FOUND, 0, "mx.test", 0, -1},       {DNS_NO_DATA, 60, NULL, 59000, 1},
	{DNS_NO_NAME, 60, NULL, 59000, 1},      {DNS_NO_NAME, 86400, NULL, 3600000, -1},
	{DNS_TEMPERROR, 60, NULL, 0, -1},       {DNS_MALFORMED, 60, NULL, 0, -1},
};

static void test_fault7_how_long(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct dns_cache *cache = dns_cache_new(10);

		put(cache, DNS_MX, "a.test", 5000,
		    make(rows[i].status, rows[i].ttl, rows[i].value));
		if (left(cache, DNS_MX, "a.test", 5000 + rows[i].after_ms) != rows[i].left)
			fail_msg("row %zu", i);
		dns_cache_free(cache);
	}
}

static void test_names_and_types(void **state)
{
	struct dns_cache *cache = dns_cache_new(10);
	struct dns_answer answer;

	(void)state;
	put(cache, DNS_MX, "a.test", 0, make(DNS_FOUND, 60, "one.test"));
	assert_int_equal(left(cache, DNS_MX, "A.TEST", 0), 60);
	assert_int_equal(left(cache, DNS_A, "a.test", 0), -1);
	assert_int_equal(left(cache, DNS_MX, "b.test", 0), -1);
	put(cache, DNS_MX, "a.Test", 0, make(DNS_FOUND, 90, "two.test"));
	assert_int_equal(dns_cache_count(cache), 1);
	assert_true(dns_cache_find(cache, DNS_MX, "a.test", 1000, &answer));
	assert_int_equal(answer.ttl, 89);
	assert_int_equal(answer.n, 1);
	assert_string_equal(answer.values[0], "two.test");
	assert_int_equal(answer.preferences[0], 7);
	dns_answer_free(&answer);
	put(cache, DNS_MX, "a.test", 0, make(DNS_TEMPERROR, 0, NULL));
	assert_int_equal(dns_cache_count(cache), 0);
	dns_cache_free(cache);
}

// What was not asked for longest goes first, by number and by size.
static void test_fault7_bounded(void **state)
{
	struct dns_cache *cache = dns_cache_new(100);
	static char large[DNS_VALUE_MAX + 1];
	char name[20];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		put(cache, DNS_A, name, 0, make(DNS_FOUND, 60, "192.0.2.1"));
		assert_int_equal(left(cache, DNS_A, "d0.test", 0), 60);
	}
	assert_int_equal(dns_cache_count(cache), 100);
	assert_int_equal(left(cache, DNS_A, "d900.test", 0), -1);
	assert_int_equal(left(cache, DNS_A, "d901.test", 0), 60);
	memset(large, 'x', DNS_VALUE_MAX);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "l%d.test", i);
		put(cache, DNS_TXT, name, 0, make(DNS_FOUND, 60, large));
	}
	assert_in_range(dns_cache_count(cache), 20, 25);
	assert_int_equal(left(cache, DNS_TXT, "l99.test", 0), 60);
	dns_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault7_how_long),
		cmocka_unit_test(test_names_and_types),
		cmocka_unit_test(test_fault7_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
