// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// lookup: one message's questions to the DNS, answered out of a table (RELIABILITY D6, fault 7).
// The functions of adapter/dns.h are the test's own; the real ones meet every fault in
// tests/system/milter_dns.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "milter/lookup.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

// ---- a DNS of the test's own
// -----------------------------------------------------------------------

struct record {
	enum dns_type type;
	const char *name;
	enum dns_status status; // DNS_TEMPERROR: never answered before the deadline
	size_t n_all;           // 0: as many as there are values
	const char *values[8];
};

struct open_question {
	enum dns_type type;
	char name[512];
	void (*on_answer)(void *arg, struct dns_answer answer);
	void *arg;
};

static const struct record *table;
static size_t n_table, n_open, n_asked;
static struct open_question waiting[40];
static int64_t last_deadline;

static struct dns_answer answer_of(const struct record *record)
{
	struct dns_answer answer = {.status = record->status, .n_all = record->n_all};

	if (record->status != DNS_FOUND)
		return answer;
	answer.values = mem_new(LEN(record->values), sizeof(char *));
	while (answer.n < LEN(record->values) && record->values[answer.n] != NULL) {
		answer.values[answer.n] = mem_strdup(record->values[answer.n]);
		answer.n++;
	}
	if (answer.n_all == 0)
		answer.n_all = answer.n;
	return answer;
}

void dns_ask(struct dns *dns, enum dns_type type, const char *name,
	     void (*on_answer)(void *arg, struct dns_answer answer), void *arg)
{
	struct open_question *question = &waiting[n_open++];

	(void)dns;
	assert_true(n_open <= LEN(waiting));
	n_asked++;
	question->type = type;
	strcpy(question->name, name);
	question->on_answer = on_answer;
	question->arg = arg;
}

// Everything that the table knows is answered, newest question first; then the deadline comes.
int64_t dns_run(struct dns *dns, int64_t deadline)
{
	(void)dns;
	last_deadline = deadline;
	while (n_open > 0) {
		const struct open_question question = waiting[--n_open];
		struct record found = {.status = DNS_NO_NAME};

		for (size_t i = 0; i < n_table; i++)
			if (table[i].type == question.type &&
			    strcmp(table[i].name, question.name) == 0)
				found = table[i];
		question.on_answer(question.arg, answer_of(&found));
	}
	return 0;
}

bool dns_reverse_name(char *dst, const char *address)
{
	strcpy(dst, address);
	return address[0] != '\0';
}

void dns_answer_free(struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		free(answer->values[i]);
	free(answer->values);
	*answer = (struct dns_answer){0};
}

static void serve(const struct record *records, size_t n)
{
	table = records;
	n_table = n;
	n_asked = 0;
}

// ---- the client's name
// -----------------------------------------------------------------------------

static const struct record names[] = {
	{DNS_PTR, "192.0.2.1", DNS_FOUND, 0, {"good.test"}},
	{DNS_PTR, "2001:db8::1", DNS_FOUND, 0, {"good.test"}},
	{DNS_PTR, "192.0.2.2", DNS_FOUND, 0, {"other.test"}},
	{DNS_PTR, "192.0.2.3", DNS_NO_DATA, 0, {0}},
	{DNS_PTR, "192.0.2.4", DNS_TEMPERROR, 0, {0}},
	{DNS_PTR, "192.0.2.5", DNS_MALFORMED, 0, {0}},
	{DNS_PTR, "192.0.2.6", DNS_FOUND, 0, {"silent.test"}},
	{DNS_PTR, "192.0.2.7", DNS_FOUND, 0, {"other.test", "silent.test", "third.test"}},
	{DNS_PTR,
	 "192.0.2.8",
	 DNS_FOUND,
	 0,
	 {"silent.test", "third.test", "good.test", "also.test"}},
	{DNS_PTR,
	 "192.0.2.9",
	 DNS_FOUND,
	 0,
	 {"bad name", "a;b", "[192.0.2.9]", "gr\xc3\xbcn.test"}},
	{DNS_PTR,
	 "192.0.2.10",
	 DNS_FOUND,
	 0,
	 {"a.test", "b.test", "c.test", "d.test", "e.test", "good.test"}},
	{DNS_PTR, "192.0.2.11", DNS_FOUND, 0, {"not a name", "good.test"}},
	{DNS_A,
	 "good.test",
	 DNS_FOUND,
	 0,
	 {"192.0.2.99", "192.0.2.1", "192.0.2.8", "192.0.2.10", "192.0.2.11"}},
	{DNS_A, "also.test", DNS_FOUND, 0, {"192.0.2.8"}},
	{DNS_AAAA, "good.test", DNS_FOUND, 0, {"2001:db8::1"}},
	{DNS_A, "other.test", DNS_FOUND, 0, {"192.0.2.99"}},
	{DNS_A, "silent.test", DNS_TEMPERROR, 0, {0}},
};

static void test_D6_reverse(void **state)
{
	static const struct {
		const char *address;
		enum auth_result iprev;
		const char *name;
		size_t n_asked;
	} rows[] = {
		{"192.0.2.1", AUTH_PASS, "good.test", 2},
		{"2001:db8::1", AUTH_PASS, "good.test", 2},
		{"192.0.2.2", AUTH_FAIL, "other.test", 2},
		{"192.0.2.3", AUTH_PERMERROR, "", 1},
		{"192.0.2.4", AUTH_TEMPERROR, "", 1},
		{"192.0.2.5", AUTH_PERMERROR, "", 1},
		{"192.0.2.6", AUTH_TEMPERROR, "silent.test", 2},
		{"192.0.2.7", AUTH_TEMPERROR, "other.test", 4},
		{"192.0.2.8", AUTH_PASS, "good.test", 5}, // the first that passes, not the last
		{"192.0.2.9", AUTH_FAIL, "", 1},
		{"192.0.2.10", AUTH_FAIL, "a.test", 1 + LOOKUP_NAMES_MAX},
		{"192.0.2.11", AUTH_PASS, "good.test", 2},
		{"192.0.2.12", AUTH_PERMERROR, "", 1}, // NXDOMAIN
		{"", AUTH_PERMERROR, "", 0},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct reverse reverse;
		struct lookup lookup;

		serve(names, LEN(names));
		lookup_all(NULL, 1234, rows[i].address, &reverse, 0, NULL, &lookup);
		if (reverse.iprev != rows[i].iprev || strcmp(reverse.name, rows[i].name) != 0 ||
		    n_asked != rows[i].n_asked)
			fail_msg("%s: %s, name \"%s\", %zu questions", rows[i].address,
				 auth_result_name(reverse.iprev), reverse.name, n_asked);
		assert_int_equal(last_deadline, 1234);
		lookup_free(&lookup);
	}
}

// ---- keys
// ------------------------------------------------------------------------------------------

static void test_D6_keys(void **state)
{
	static char longest[VERIFY_RECORD_SIZE], too_long[VERIFY_RECORD_SIZE + 1];
	static const char *const asked[] = {"one", "silent", "none", "two", "broken"};
	const struct record records[] = {
		{DNS_TXT, "one", DNS_FOUND, 0, {longest}},
		{DNS_TXT, "silent", DNS_TEMPERROR, 0, {0}},
		{DNS_TXT, "none", DNS_NO_NAME, 0, {0}},
		{DNS_TXT, "two", DNS_FOUND, 1000, {"v=DKIM1", "v=DKIM1"}},
		{DNS_TXT, "broken", DNS_FOUND, 0, {too_long}},
	};
	static const enum verify_key want[] = {VERIFY_KEY_FOUND, VERIFY_KEY_TEMPERROR,
					       VERIFY_KEY_MISSING, VERIFY_KEY_SEVERAL,
					       VERIFY_KEY_TOO_LONG};
	char record[VERIFY_RECORD_SIZE];
	struct lookup lookup;

	(void)state;
	memset(longest, 'k', sizeof(longest) - 1);
	memset(too_long, 'k', sizeof(too_long) - 1);
	serve(records, LEN(records));
	lookup_all(NULL, 99, "192.0.2.1", NULL, LEN(asked), asked, &lookup);
	assert_int_equal(n_asked, LEN(asked)); // and nothing about the client
	for (size_t i = 0; i < LEN(asked); i++)
		assert_int_equal(lookup_key(&lookup, asked[i], record), want[i]);
	assert_int_equal(lookup_key(&lookup, "ONE", record), VERIFY_KEY_FOUND);
	assert_string_equal(record, longest);
	assert_int_equal(lookup_key(&lookup, "never asked", record), VERIFY_KEY_TEMPERROR);
	lookup_free(&lookup);
}

static void test_all_at_once(void **state)
{
	static const char *const asked[] = {"silent", "good"};
	static const struct record records[] = {
		{DNS_TXT, "silent", DNS_TEMPERROR, 0, {0}},
		{DNS_TXT, "good", DNS_FOUND, 0, {"k"}},
		{DNS_PTR, "192.0.2.1", DNS_FOUND, 0, {"good.test"}},
		{DNS_A, "good.test", DNS_FOUND, 0, {"192.0.2.1"}},
	};
	char record[VERIFY_RECORD_SIZE];
	struct reverse reverse;
	struct lookup lookup;

	(void)state;
	serve(records, LEN(records));
	lookup_all(NULL, 99, "192.0.2.1", &reverse, LEN(asked), asked, &lookup);
	assert_int_equal(reverse.iprev, AUTH_PASS);
	assert_int_equal(lookup_key(&lookup, "silent", record), VERIFY_KEY_TEMPERROR);
	assert_int_equal(lookup_key(&lookup, "good", record), VERIFY_KEY_FOUND);
	lookup_free(&lookup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D6_reverse),
		cmocka_unit_test(test_D6_keys),
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
