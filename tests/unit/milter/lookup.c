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
#include "milter/mx.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

// ---- a DNS of the test's own
// -----------------------------------------------------------------------

struct record {
	enum dns_type type;
	const char *name;
	enum dns_status status; // DNS_TEMPERROR: never answered before the deadline
	size_t n_all;           // 0: as many as there are values
	const char *values[12];
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
		lookup_all(NULL, 1234,
			   &(struct lookup_wanted){
				   .address = rows[i].address, .reverse = &reverse, .domain = ""},
			   &lookup);
		if (reverse.iprev != rows[i].iprev || strcmp(reverse.name, rows[i].name) != 0 ||
		    n_asked != rows[i].n_asked)
			fail_msg("%s: %s, name \"%s\", %zu questions", rows[i].address,
				 auth_result_name(reverse.iprev), reverse.name, n_asked);
		assert_int_equal(last_deadline, 1234);
		lookup_free(&lookup);
	}
}

// ---- the sender's mail hosts
// --------------------------------------------------------------------------

static const struct record hosts[] = {
	{DNS_MX, "good.test", DNS_FOUND, 0, {"other.test", "mx.good.test"}},
	{DNS_MX, "implicit.test", DNS_NO_DATA, 0, {0}},
	{DNS_MX, "null.test", DNS_FOUND, 0, {""}},
	{DNS_MX, "mixed.test", DNS_FOUND, 0, {"", "mx.good.test"}},
	{DNS_MX, "odd.test", DNS_FOUND, 0, {"bad name", "a;b", "[192.0.2.1]"}},
	{DNS_MX, "mute.test", DNS_TEMPERROR, 0, {0}},
	{DNS_MX, "bad.test", DNS_MALFORMED, 0, {0}},
	{DNS_MX, "slow.test", DNS_FOUND, 0, {"silent.test", "other.test"}},
	{DNS_MX, "half.test", DNS_FOUND, 0, {"silent.test", "mx.good.test", "silent.test"}},
	{DNS_MX,
	 "tenth.test",
	 DNS_FOUND,
	 0,
	 {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test", "h.test", "i.test",
	  "mx.good.test", "j.test"}},
	{DNS_MX,
	 "eleventh.test",
	 DNS_FOUND,
	 0,
	 {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "g.test", "h.test", "i.test",
	  "j.test", "mx.good.test"}},
	{DNS_A, "mx.good.test", DNS_FOUND, 0, {"192.0.2.9", "192.0.2.1"}},
	{DNS_AAAA, "mx.good.test", DNS_FOUND, 0, {"not an address", "2001:DB8:0:0::0001"}},
	{DNS_A, "implicit.test", DNS_FOUND, 0, {"192.0.2.1"}},
	{DNS_A, "other.test", DNS_FOUND, 0, {"192.0.2.10", "192.0.2.11"}},
	{DNS_AAAA, "other.test", DNS_FOUND, 0, {"::ffff:192.0.2.1", "c000:201::"}},
	{DNS_A, "silent.test", DNS_TEMPERROR, 0, {0}},
};

static void test_mx(void **state)
{
	static const struct {
		const char *domain;
		const char *address;
		enum auth_result mx;
		size_t n_asked;
	} rows[] = {
		{"good.test", "192.0.2.1", AUTH_PASS, 3},
		{"good.test", "2001:db8::1", AUTH_PASS, 3}, // written in another way
		{"good.test", "192.0.2.100", AUTH_FAIL, 3}, // no host's, though a text begins so
		{"good.test", "2001:db8::2", AUTH_FAIL, 3},
		{"good.test", "c000:201::1", AUTH_FAIL, 3},   // all of it counts
		{"implicit.test", "192.0.2.1", AUTH_PASS, 2}, // RFC 5321 section 5.1
		{"implicit.test", "2001:db8::1", AUTH_FAIL, 2},
		{"null.test", "192.0.2.1", AUTH_NONE, 1}, // RFC 7505
		{"mixed.test", "192.0.2.1", AUTH_PASS, 2},
		{"odd.test", "192.0.2.1", AUTH_NONE, 1},
		{"nowhere.test", "192.0.2.1", AUTH_NONE, 1}, // NXDOMAIN: no implicit MX
		{"mute.test", "192.0.2.1", AUTH_TEMPERROR, 1},
		{"bad.test", "192.0.2.1", AUTH_NONE, 1},
		{"slow.test", "192.0.2.1", AUTH_TEMPERROR, 3},
		{"slow.test", "192.0.2.11", AUTH_PASS, 3},
		{"half.test", "192.0.2.1", AUTH_PASS, 4}, // whatever the others do
		{"half.test", "192.0.2.2", AUTH_TEMPERROR, 4},
		{"tenth.test", "192.0.2.1", AUTH_PASS, 1 + MX_HOSTS_MAX},
		{"eleventh.test", "192.0.2.1", AUTH_FAIL, 1 + MX_HOSTS_MAX},
		{"", "192.0.2.1", AUTH_NONE, 0},
		{"good.test", "", AUTH_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct lookup lookup;

		serve(hosts, LEN(hosts));
		lookup_all(NULL, 1234,
			   &(struct lookup_wanted){.address = rows[i].address,
						   .domain = rows[i].domain},
			   &lookup);
		if (lookup.mx != rows[i].mx || n_asked != rows[i].n_asked)
			fail_msg("%s, %s: %s, %zu questions", rows[i].domain, rows[i].address,
				 auth_result_name(lookup.mx), n_asked);
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
	lookup_all(
		NULL, 99,
		&(struct lookup_wanted){
			.address = "192.0.2.1", .domain = "", .n_keys = LEN(asked), .keys = asked},
		&lookup);
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
		{DNS_MX, "good.test", DNS_NO_DATA, 0, {0}},
	};
	char record[VERIFY_RECORD_SIZE];
	struct reverse reverse;
	struct lookup lookup;

	(void)state;
	serve(records, LEN(records));
	lookup_all(NULL, 99,
		   &(struct lookup_wanted){.address = "192.0.2.1",
					   .reverse = &reverse,
					   .domain = "good.test",
					   .n_keys = LEN(asked),
					   .keys = asked},
		   &lookup);
	assert_int_equal(reverse.iprev, AUTH_PASS);
	assert_int_equal(lookup.mx, AUTH_PASS);
	assert_int_equal(lookup_key(&lookup, "silent", record), VERIFY_KEY_TEMPERROR);
	assert_int_equal(lookup_key(&lookup, "good", record), VERIFY_KEY_FOUND);
	lookup_free(&lookup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D6_reverse),
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_D6_keys),
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
