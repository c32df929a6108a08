// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// records: what a deployment must publish, SPF in small, and what is made of the DNS's answers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/records.h"
#include "mail/spf.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define V4         "192.0.2.25"
#define V6         "2001:db8:25::6"

static const struct zone_row {
	enum lookup_type type;
	const char *name;
	const char *value; // NULL: no answer in time
} zone[] = {
	{LOOKUP_TXT, "ip.test", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8:25::/48 -all"},
	{LOOKUP_TXT, "odd.test", "v=spf1 ip4:192.0.2.24/31 ip6:2001:db8:25::4/126 -all"},
	{LOOKUP_TXT, "miss.test", "v=spf1 ip4:192.0.2.26/31 ip6:2001:db8:25::8/126 -all"},
	{LOOKUP_TXT, "a.test", "V=SPF1 A -ALL"},
	{LOOKUP_A, "a.test", V4},
	{LOOKUP_AAAA, "a.test", V6},
	{LOOKUP_AAAA, "moved.test", V6},
	{LOOKUP_AAAA, "moved.test", V6 "6"},
	{LOOKUP_TXT, "mx.test", "v=spf1 mx:a.test mx -all"},
	{LOOKUP_MX, "mx.test", "a.test"},
	{LOOKUP_MX, "hosts.test", "b.test"},
	{LOOKUP_MX, "hosts.test", "a.test"},
	{LOOKUP_MX, "others.test", "b.test"},
	{LOOKUP_TXT, "include.test", "v=spf1 include:a.test ~all"},
	{LOOKUP_TXT, "redirect.test", "v=spf1 redirect=ip.test"},
	{LOOKUP_TXT, "loop.test", "v=spf1 include:loop.test -all"},
	{LOOKUP_TXT, "two.test", "v=spf1 +all"},
	{LOOKUP_TXT, "two.test", "v=spf1 -all"},
	{LOOKUP_TXT, "other.test", "v=spf10 +all"},
	{LOOKUP_TXT, "macro.test", "v=spf1 exists:%{i}.test -all"},
	{LOOKUP_TXT, "after.test",
	 "v=spf1 exists:%{i}.test ip4:192.0.2.25 ip6:2001:db8:25::6 -all"},
	{LOOKUP_TXT, "bad.test", "v=spf1 ip4:192.0.2.300 -all"},
	{LOOKUP_TXT, "nonsense.test", "v=spf1 nonsense:x -all"},
	{LOOKUP_TXT, "modifier.test", "v=spf1 exp=x.test a:a.test/33 -all"},
	{LOOKUP_TXT, "slow.test", NULL},
};

// Gives out what was asked for, until nothing is; the number of questions.
static size_t answer(struct lookups *lookups)
{
	enum lookup_type type;
	size_t number, n = 0;
	const char *name;

	for (; lookups_next(lookups, &number, &type, &name); n++) {
		struct lookup found = {.status = LOOKUP_NOTHING};
		char *values[4];

		found.values = values;
		for (size_t i = 0; i < LEN(zone); i++) {
			if (zone[i].type != type || strcmp(zone[i].name, name) != 0)
				continue;
			found.status = zone[i].value == NULL ? LOOKUP_UNKNOWN : LOOKUP_FOUND;
			if (zone[i].value != NULL)
				values[found.n++] = (char *)(uintptr_t)zone[i].value;
		}
		lookups_fill(lookups, number, &found);
	}
	return n;
}

static void test_spf(void **state)
{
	static const struct {
		const char *domain;
		enum spf_answer wanted;
	} rows[] = {
		{"ip.test", SPF_PASS},         {"odd.test", SPF_PASS},
		{"miss.test", SPF_NO_PASS},    {"a.test", SPF_PASS},
		{"mx.test", SPF_PASS},         {"include.test", SPF_PASS},
		{"redirect.test", SPF_PASS},   {"loop.test", SPF_BROKEN},
		{"two.test", SPF_BROKEN},      {"other.test", SPF_NONE},
		{"nothing.test", SPF_NONE},    {"macro.test", SPF_UNKNOWN},
		{"after.test", SPF_PASS},      {"bad.test", SPF_BROKEN},
		{"nonsense.test", SPF_BROKEN}, {"modifier.test", SPF_BROKEN},
		{"slow.test", SPF_UNKNOWN},
	};
	static const char *const addresses[] = {V4, V6};

	(void)state;
	for (size_t i = 0; i < LEN(rows) * 2; i++) {
		struct lookups *lookups = lookups_new();
		enum spf_answer found;
		int rounds = 0;

		while ((found = spf_ask(lookups, rows[i / 2].domain, addresses[i % 2])) ==
		       SPF_WAITS) {
			assert_true(answer(lookups) > 0);
			assert_true(++rounds < 20);
		}
		if (found != rows[i / 2].wanted)
			fail_msg("%s for %s: %s", rows[i / 2].domain, addresses[i % 2],
				 spf_answer_name(found));
		lookups_free(lookups);
	}
}

static struct records *make(const char *dual_listen, const char *v6_listen, const char *token)
{
	static struct domain v6_domain, dual_domain, token_domain;
	static char key[] = "v=DKIM1; k=rsa; p=AAAA";
	const struct records_host dual = {"mx.dual.test", dual_listen};
	const struct records_host v6 = {"mx.six.test", v6_listen};
	const struct records_site site = {
		.name = "one",
		.v6_domain = &v6_domain,
		.dual_domain = &dual_domain,
		.token_domain = token == NULL ? NULL : &token_domain,
		.keys = {{"sel", key}},
		.n_keys = 1,
	};

	assert_null(domain_parse("six.test", 8, &v6_domain));
	assert_null(domain_parse("dual.test", 9, &dual_domain));
	if (token != NULL)
		assert_null(domain_parse(token, strlen(token), &token_domain));
	return records_make(&site, 1, &dual, &v6);
}

static const char *value_of(const struct records *records, enum record_role role, const char *name)
{
	for (size_t i = 0; i < records->n; i++)
		if (records->rows[i].role == role && strcmp(records->rows[i].name, name) == 0)
			return records->rows[i].value;
	return NULL;
}

static size_t count(const struct records *records, enum record_role role)
{
	size_t n = 0;

	for (size_t i = 0; i < records->n; i++)
		n += records->rows[i].role == role;
	return n;
}

static void test_make(void **state)
{
	struct records *records = make("127.0.0.1 192.0.2.25 2001:DB8:25::25 192.0.2.26 ::1",
				       V6 " 2001:db8:25::7", NULL);

	(void)state;
	assert_string_equal(value_of(records, RECORD_MX, "six.test"), "mx.six.test");
	assert_string_equal(value_of(records, RECORD_MX, "dual.test"), "mx.dual.test");
	// who sends: the first of each family, of both instances, and never a loopback
	assert_string_equal(value_of(records, RECORD_SPF, "six.test"),
			    "v=spf1 ip4:192.0.2.25 ip6:2001:db8:25::25 ip6:2001:db8:25::6 -all");
	assert_string_equal(value_of(records, RECORD_DKIM, "sel._domainkey.dual.test"),
			    "v=DKIM1; k=rsa; p=AAAA");
	assert_string_equal(value_of(records, RECORD_DMARC, "_dmarc.six.test"),
			    "v=DMARC1; p=reject");
	assert_string_equal(value_of(records, RECORD_PTR, "25.2.0.192.in-addr.arpa"),
			    "mx.dual.test");
	assert_string_equal(
		value_of(records, RECORD_PTR,
			 "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.2.0.0.8.b.d.0.1.0.0."
			 "2.ip6.arpa"),
		"mx.six.test");
	assert_int_equal(count(records, RECORD_PTR), 3);
	assert_int_equal(count(records, RECORD_ADDRESS), 5);
	for (size_t i = 0; i < records->n; i++)
		if (records->rows[i].role == RECORD_ADDRESS)
			assert_string_equal(records->rows[i].addresses,
					    strcmp(records->rows[i].name, "mx.six.test") == 0
						    ? V6 " 2001:db8:25::7"
						    : V4 " 2001:db8:25::25 192.0.2.26");
	assert_string_equal(value_of(records, RECORD_NO_A, "six.test"), "");
	records_free(records);

	// one IPv6 address for both: one reverse name, two names that lead to it
	records = make("192.0.2.25 " V6, V6, NULL);
	assert_int_equal(count(records, RECORD_PTR), 2);
	assert_int_equal(count(records, RECORD_ADDRESS), 3);
	records_free(records);
}

// What the hosts have in common, and what is this one's: its token domain, names and addresses.
static void test_make_token_domain(void **state)
{
	static const char *const own[] = {"a.six.test", "mx.six.test", "mx.dual.test"};
	struct records *records = make("192.0.2.25 2001:db8:25::25", V6, "a.six.test");
	struct records *without = make("192.0.2.25 2001:db8:25::25", V6, NULL);

	(void)state;
	assert_string_equal(value_of(records, RECORD_MX_ALONE, "a.six.test"), "mx.six.test");
	assert_string_equal(value_of(records, RECORD_SPF, "a.six.test"),
			    "v=spf1 ip6:2001:db8:25::6 -all");
	assert_string_equal(value_of(records, RECORD_NO_A, "a.six.test"), "");
	assert_string_equal(value_of(records, RECORD_NS_NO_A, "a.six.test"), "");
	assert_null(value_of(records, RECORD_MX, "a.six.test"));
	assert_null(value_of(records, RECORD_DMARC, "_dmarc.a.six.test"));
	assert_null(value_of(records, RECORD_DKIM, "sel._domainkey.a.six.test"));
	assert_int_equal(records->n, without->n + 4);
	for (size_t i = 0; i < records->n; i++) {
		const struct record *record = &records->rows[i];
		bool is_own = record->role == RECORD_PTR;

		for (size_t k = 0; k < LEN(own); k++)
			is_own = is_own || strcmp(record->name, own[k]) == 0;
		if (record->is_common == is_own)
			fail_msg("%s %s", record_role_name(record->role), record->name);
	}
	for (size_t i = 0; i < without->n; i++)
		assert_false(without->rows[i].is_common);
	records_free(records);
	records_free(without);
}

// No other host may be told of this one's probes; at the domains that all have, others may be.
static void test_judge_mx(void **state)
{
	static const struct {
		enum record_role role;
		const char *name;
		enum record_level level;
		const char *text;
	} rows[] = {
		{RECORD_MX, "mx.test", RECORD_GOOD, "a.test"},
		{RECORD_MX, "hosts.test", RECORD_GOOD, "b.test a.test"},
		{RECORD_MX, "others.test", RECORD_WRONG, "the MX is b.test, not a.test"},
		{RECORD_MX_ALONE, "mx.test", RECORD_GOOD, "a.test"},
		{RECORD_MX_ALONE, "hosts.test", RECORD_WRONG,
		 "the MX is b.test a.test, not a.test alone"},
		{RECORD_MX_ALONE, "others.test", RECORD_WRONG, "the MX is b.test, not a.test"},
		{RECORD_MX_ALONE, "nothing.test", RECORD_WRONG, "there is no MX record"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		char name[20];
		struct record record = {.role = rows[i].role,
					.type = LOOKUP_MX,
					.name = name,
					.value = (char *)(uintptr_t) "a.test"};
		struct lookups *lookups = lookups_new();
		struct record_finding finding;

		snprintf(name, sizeof(name), "%s", rows[i].name);
		record_judge(&record, lookups, &finding);
		assert_int_equal(finding.level, RECORD_WAITS);
		assert_int_equal(answer(lookups), 1);
		record_judge(&record, lookups, &finding);
		assert_int_equal(finding.level, rows[i].level);
		assert_string_equal(finding.text, rows[i].text);
		lookups_free(lookups);
	}
}

// An address that is left over from before a move takes mail to where nobody listens.
static void test_judge_address(void **state)
{
	static const struct {
		const char *name, *listen;
		enum record_level level;
		const char *text;
	} rows[] = {
		{"a.test", V6, RECORD_GOOD, V6},
		{"a.test", V6 "6 " V6, RECORD_GOOD, V6},
		{"moved.test", V4 " " V6 " " V6 "6", RECORD_GOOD, V6 " " V6 "6"},
		{"moved.test", V6 " " V6 "66", RECORD_DOUBTFUL,
		 "it is " V6 " " V6 "6: on " V6 "6 none of its instances listens"},
		{"moved.test", V6, RECORD_DOUBTFUL,
		 "it is " V6 " " V6 "6: on " V6 "6 none of its instances listens"},
		{"nothing.test", V6, RECORD_WRONG, "there is no AAAA record"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct record record = {.role = RECORD_ADDRESS,
					.type = LOOKUP_AAAA,
					.name = (char *)(uintptr_t)rows[i].name,
					.value = (char *)(uintptr_t)V6,
					.addresses = (char *)(uintptr_t)rows[i].listen};
		struct lookups *lookups = lookups_new();
		struct record_finding finding;

		record_judge(&record, lookups, &finding);
		assert_int_equal(answer(lookups), 1);
		record_judge(&record, lookups, &finding);
		assert_string_equal(finding.text, rows[i].text);
		assert_int_equal(finding.level, rows[i].level);
		lookups_free(lookups);
	}
}

static void test_lookups(void **state)
{
	struct lookups *lookups = lookups_new();
	enum lookup_type type;
	const char *asked;
	char name[32];
	size_t number;

	(void)state;
	for (int i = 0; i < LOOKUPS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		assert_int_equal(lookups_ask(lookups, LOOKUP_A, name)->status, LOOKUP_WAITING);
	}
	assert_int_equal(lookups_ask(lookups, LOOKUP_A, "more.test")->status, LOOKUP_UNKNOWN);
	assert_int_equal(lookups_ask(lookups, LOOKUP_A, "N0.test")->status, LOOKUP_WAITING);
	for (size_t i = 0; i < LOOKUPS_MAX; i++)
		assert_true(lookups_next(lookups, &number, &type, &asked));
	assert_false(lookups_next(lookups, &number, &type, &asked));
	lookups_free(lookups);
}

static void test_worse(void **state)
{
	(void)state;
	assert_int_equal(record_worse(RECORD_GOOD, RECORD_DOUBTFUL), RECORD_DOUBTFUL);
	assert_int_equal(record_worse(RECORD_UNKNOWN, RECORD_WRONG), RECORD_WRONG);
	assert_int_equal(record_worse(RECORD_UNKNOWN, RECORD_DOUBTFUL), RECORD_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spf),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_make_token_domain),
		cmocka_unit_test(test_judge_mx),
		cmocka_unit_test(test_judge_address),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
