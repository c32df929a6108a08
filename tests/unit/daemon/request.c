// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// request: each decision about a message to test@, and what is recorded of it (invariants I1, I3).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/diary.h"
#include "daemon/request.h"
#include "unit/daemon/house.h"

// Records it in a transaction; the decision is in a static buffer, " site" behind it.
static const char *decide(const struct entry *entry)
{
	static char decision[100];
	static unsigned serial;
	char name[40], sql[300];

	snprintf(name, sizeof(name), "entry%u", ++serial);
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(request_record(house, name, entry), 0);
	assert_int_equal(store_commit(house->store), 0);
	diary_forget(house->diary);
	snprintf(sql, sizeof(sql),
		 "SELECT decision || ' ' || site || ' ' || (SELECT count(*) FROM message"
		 " WHERE request = request.id) FROM request WHERE entry = '%s'",
		 name);
	snprintf(decision, sizeof(decision), "%s", house_ask(sql));
	return decision;
}

static void test_A1_I1_every_message_has_a_decision(void **state)
{
	static const struct {
		const char *sender, *recipient;
		const char *field, *value; // one more field
		const char *decision;      // decision, site, messages out
	} rows[] = {
		{"a1@good.test", "test@six.test", NULL, NULL, "answer one 2\n"},
		{"a2@good.test", "test@dual.test", NULL, NULL, "answer one 2\n"},
		{"a3@good.test", "TEST+x+y@SIX.test", NULL, NULL, "answer one 2\n"},
		{"a4@good.test", "test@seis.test", NULL, NULL, "answer two 2\n"},
		{"a5@good.test", "\"test\"@Doble.test", NULL, NULL, "answer two 2\n"},
		{"a6@good.test", "test@elsewhere.test", NULL, NULL, "no-such-recipient  0\n"},
		{"a7@good.test", "tester@six.test", NULL, NULL, "no-such-recipient  0\n"},
		{"a8@good.test", "+test@six.test", NULL, NULL, "no-such-recipient  0\n"},
		{"a9@good.test", "test@sub.six.test", NULL, NULL, "no-such-recipient  0\n"},
		{"a9@good.test", "test", NULL, NULL, "no-such-recipient  0\n"},
		{"", "test@six.test", NULL, NULL, "null-sender one 0\n"},
		{"nobody", "test@six.test", NULL, NULL, "bad-sender one 0\n"},
		{"a@good.test\r\nRCPT TO:<b@good.test>", "test@six.test", NULL, NULL,
		 "bad-sender one 0\n"},
		{"a@six.test", "test@six.test", NULL, NULL, "own-domain one 0\n"},
		{"a@DOBLE.test", "test@six.test", NULL, NULL, "own-domain one 0\n"},
		{"MAILER-DAEMON@good.test", "test@six.test", NULL, NULL, "system-sender one 0\n"},
		{"b1@good.test", "test@six.test", "Auto-Submitted", "auto-replied",
		 "auto-submitted one 0\n"},
		{"b2@good.test", "test@six.test", "Auto-Submitted", "no", "answer one 2\n"},
		{"b3@good.test", "test@six.test", "Precedence", "bulk", "precedence one 0\n"},
		{"b4@good.test", "test@six.test", "From", "another@good.test", "malformed one 0\n"},
		{"b5@good.test", "test@six.test", "References", "<x@y> <nothing@six.test>",
		 "answer one 2\n"},
		{"c\xc3\xa9@good.test", "test@six.test", NULL, NULL, "answer one 2\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry entry = house_entry(rows[i].sender, rows[i].recipient);

		print_message("<%s> to <%s>\n", rows[i].sender, rows[i].recipient);
		if (rows[i].field != NULL)
			entry.facts.fields[entry.facts.n_fields++] = (struct facts_field){
				(char *)(uintptr_t)rows[i].field, (char *)(uintptr_t)rows[i].value};
		assert_string_equal(decide(&entry), rows[i].decision);
	}
}

static void test_A6_unparsable_and_reports(void **state)
{
	struct entry unparsable = house_entry("a@good.test", "test@six.test");
	struct entry report = house_entry("b@good.test", "test@six.test");
	struct entry cut = house_entry("c@good.test", "test@six.test");

	(void)state;
	unparsable.facts.unparsable = (char *)"the parser died";
	unparsable.facts.n_fields = 0;
	assert_string_equal(decide(&unparsable), "unparsable one 0\n");
	report.facts.is_report = true;
	assert_string_equal(decide(&report), "report one 0\n");
	cut.facts.header_cut = true;
	assert_string_equal(decide(&cut), "malformed one 0\n");
}

static void test_what_is_recorded(void **state)
{
	struct entry entry = house_entry("A.b@Good.test", "test@six.test");
	struct facts_field fields[] = {{(char *)"From", (char *)"x@y"},
				       {(char *)"message-id", (char *)"<id@good.test>"},
				       {(char *)"In-Reply-To", (char *)"<i@good.test>"},
				       {(char *)"References", (char *)"<r@good.test>"},
				       {(char *)"Message-ID", (char *)"<second@good.test>"}};

	(void)state;
	entry.arrived = NOW - 7;
	entry.facts.fields = fields;
	entry.facts.n_fields = COUNT(fields);
	assert_string_equal(decide(&entry), "answer one 2\n");
	assert_string_equal(
		house_ask("SELECT id & 15, arrived, requester, instance, recipient, client_address,"
			  " client_hostname, client_helo, client_protocol, size, message_id,"
			  " \"references\", in_reply_to, subject FROM request"),
		"0|1799999993|A.b@Good.test|v6|test@six.test|2001:db8:100::25|mx.good.test|"
		"mx.good.test|ESMTP|1234|<id@good.test>|<r@good.test>|<i@good.test>|Hello\n");
	assert_string_equal(house_ask("SELECT id - request, kind, instance, due, outcome"
				      " FROM message ORDER BY id"),
			    "1|report|dual|1800000000|NULL\n2|six|v6|1800000000|pending\n");
}

#define TRACE(client, domain)                                                                      \
	"v=1; instance=v6; client=" client "; family=6; fcrdns=pass; ptr=mx.good.test;"            \
	" helo=mx.good.test; time=1799999990; dkim=pass/" domain

// The trace is recorded where it is believed, and with it who vouches for the requester.
static void test_24_origin(void **state)
{
	static const struct {
		const char *trace;
		const char *milter;
		const char *want;
	} rows[] = {
		{TRACE("2001:db8:100::25", "good.test"), "/milter", "1|dkim|11|12|3\n"},
		{TRACE("2001:db8:100::25", "other.test"), "/milter", "1||11|12|3\n"},
		{TRACE("2001:db8:100::26", "good.test"), "/milter",
		 "0||11|12|3\n"},                                             // not this client
		{TRACE("2001:db8:100::25", "good.test"), "", "0||11|12|3\n"}, // no milter
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry entry = house_entry("a@good.test", "test@six.test");
		struct facts_field fields[] = {
			{(char *)"From", (char *)"x@y"},
			{(char *)"X-Postsix-Trace", (char *)(uintptr_t)rows[i].trace}};

		entry.facts.fields = fields;
		entry.facts.n_fields = COUNT(fields);
		entry.facts.date = 11;
		entry.facts.first_received = 12;
		entry.facts.n_received = 3;
		memset(entry.facts.body_hash, 'a' + (int)i, 8);
		free(house_config->milter_socket);
		house_config->milter_socket = strdup(rows[i].milter);
		decide(&entry);
		assert_string_equal(house_ask("SELECT trace <> '', authenticated, date,"
					      " first_received, hops FROM request"),
				    rows[i].want);
		house_ask("DELETE FROM message");
		house_ask("DELETE FROM request");
	}
}

// The same message delivered again (RFC 1047): under another queue id, minutes later.
static void test_20_duplicate(void **state)
{
	struct entry first = house_entry("a@good.test", "test@six.test");
	struct entry other;

	(void)state;
	assert_string_equal(decide(&first), "answer one 2\n");
	first.envelope.queue_id = (char *)"4QOTHER";
	first.arrived = house_clock += 600;
	assert_string_equal(decide(&first), "duplicate one 0\n");
	first.arrived = house_clock = NOW + 3000;
	assert_string_equal(decide(&first), "duplicate one 0\n");

	other = first; // another body, recipient, sender or id is another message
	other.facts.body_hash[0] = 'b';
	assert_string_equal(decide(&other), "answer one 2\n");
	other = first;
	other.envelope.recipient = (char *)"test@dual.test";
	other.arrived = house_clock += 60;
	assert_string_equal(decide(&other), "answer one 2\n");
	other = first;
	other.envelope.sender = (char *)"b@good.test";
	assert_string_equal(decide(&other), "answer one 2\n");
}

static void test_20_duplicate_is_forgotten(void **state)
{
	struct entry entry = house_entry("a@good.test", "test@six.test");

	(void)state;
	assert_string_equal(decide(&entry), "answer one 2\n");
	entry.arrived = house_clock = NOW + 3599;
	assert_string_equal(decide(&entry), "duplicate one 0\n");
	entry.arrived = house_clock = NOW + 3600;
	assert_string_equal(decide(&entry), "answer one 2\n");
}

static void test_A9_limits(void **state)
{
	static const struct {
		int64_t after; // seconds
		const char *sender, *decision;
	} rows[] = {
		{0, "a@good.test", "answer one 2\n"},
		{0, "b@good.test", "answer one 2\n"}, // another requester
		{1, "a@good.test", "too-soon one 0\n"},
		{59, "A@GOOD.test", "too-soon one 0\n"}, // letter case does not help
		{60, "a@good.test", "answer one 2\n"},   // what was refused does not count
		{119, "a@good.test", "too-soon one 0\n"},
		{200, "a@good.test", "answer one 2\n"},
		{300, "a@good.test", "too-many one 0\n"},
		{301, "a@good.test", "too-many one 0\n"},
		{302, "b@good.test", "answer one 2\n"},
		{86399, "a@good.test", "too-many one 0\n"},
		{86400, "a@good.test", "answer one 2\n"},
		{86459, "a@good.test", "too-soon one 0\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry entry;

		house_clock = NOW + rows[i].after;
		entry = house_entry(rows[i].sender, "test@six.test");
		print_message("%lld %s\n", (long long)rows[i].after, rows[i].sender);
		assert_string_equal(decide(&entry), rows[i].decision);
	}
}

static void test_A9_limits_switched_off(void **state)
{
	(void)state;
	house_config->requester_interval = 0;
	house_config->requester_daily = 0;
	for (int i = 0; i < 20; i++) {
		struct entry entry = house_entry("a@good.test", "test@six.test");

		assert_string_equal(decide(&entry), "answer one 2\n");
	}
}

// Entries that waited while no daemon ran are judged by when they came.
static void test_12_20_A9_after_an_outage(void **state)
{
	struct entry first = house_entry("a@good.test", "test@six.test"), again = first, second;

	(void)state;
	house_clock = NOW + 2 * 86400;
	again.envelope.queue_id = (char *)"4QOTHER";
	again.arrived = NOW + 61;
	assert_string_equal(decide(&first), "answer one 2\n");
	assert_string_equal(decide(&again), "duplicate one 0\n");
	second = house_entry("a@good.test", "test@six.test");
	second.arrived = NOW + 30;
	assert_string_equal(decide(&second), "too-soon one 0\n");
	for (int i = 1; i <= 3; i++) {
		second = house_entry("a@good.test", "test@six.test");
		second.arrived = NOW + 1000 * i;
		assert_string_equal(decide(&second), i < 3 ? "answer one 2\n" : "too-many one 0\n");
	}
}

// A Message-ID of ours, whoever names it.
static void test_21_own_message_ids(void **state)
{
	char id[300];
	struct token token, flipped;

	(void)state;
	seal_mint(house->seal, LETTER_ID_PURPOSE, "dual.test", 0x101, NOW + 100, &token);
	token_text(id, &token);
	strcat(id, "@dual.test");
	assert_true(request_is_own_message_id(house, id));
	{
		struct entry entry = house_entry("a@good.test", "test@six.test");
		char field[400];

		snprintf(field, sizeof(field), "<other@x> <%s>", id);
		entry.facts.fields[entry.facts.n_fields++] =
			(struct facts_field){(char *)"References", field};
		assert_string_equal(decide(&entry), "loop one 0\n");
	}
	house_clock = NOW + 400 * 86400; // expired is still ours
	assert_true(request_is_own_message_id(house, id));
	house_clock = NOW;

	strcpy(strchr(id, '@'), "@six.test");
	assert_false(request_is_own_message_id(house, id));
	*strchr(id, '@') = '\0';
	assert_false(request_is_own_message_id(house, id));
	assert_false(request_is_own_message_id(house, ""));
	assert_false(request_is_own_message_id(house, "@dual.test"));
	flipped = token;
	flipped.mac[0] ^= 1;
	token_text(id, &flipped);
	strcat(id, "@dual.test");
	assert_false(request_is_own_message_id(house, id));
	seal_mint(house->seal, BOUNCE_PURPOSE, "dual.test", 0x101, NOW + 100, &token);
	token_text(id, &token);
	strcat(id, "@dual.test");
	assert_false(request_is_own_message_id(house, id));
	memset(id, 'x', 255);
	id[255] = '\0';
	id[39] = '@';
	assert_false(request_is_own_message_id(house, id));
}

// The database refuses: the error comes back, and nothing is half there.
static void test_4_the_database_refuses(void **state)
{
	struct entry entry = house_entry("a@good.test", "test@six.test");
	sqlite3 *other = database_hold(folder_file("state/postsix.db"), "BEGIN IMMEDIATE");

	(void)state;
	assert_true(request_record(house, "e", &entry) < 0);
	sqlite3_close(other);
	assert_string_equal(house_ask("SELECT count(*) FROM request"), "0\n");
	assert_string_equal(decide(&entry), "answer one 2\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_make_daemon, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_A1_I1_every_message_has_a_decision),
		TEST(test_A6_unparsable_and_reports),
		TEST(test_what_is_recorded),
		TEST(test_24_origin),
		TEST(test_20_duplicate),
		TEST(test_20_duplicate_is_forgotten),
		TEST(test_A9_limits),
		TEST(test_A9_limits_switched_off),
		TEST(test_12_20_A9_after_an_outage),
		TEST(test_21_own_message_ids),
		TEST(test_4_the_database_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
