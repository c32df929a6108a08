// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// bounce: which notification is believed. RELIABILITY fault 18 and C9: no forgery causes mail or
// moves an outcome (invariant I4).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>

#include "daemon/diary.h"
#include "unit/daemon/house.h"

#define A        UINT64_C(0x1000) // the request of a@good.test
#define B        UINT64_C(0x2000) // of b@good.test
#define LIFETIME INT64_C(604800)

static void add_probe(uint64_t request, const char *requester)
{
	char entry[20];
	struct store_request row = {.id = request,
				    .entry = entry,
				    .arrived = NOW,
				    .decision = "answer",
				    .site = "one",
				    .requester = requester,
				    .instance = "v6",
				    .queue_id = "",
				    .recipient = "",
				    .client_address = "",
				    .client_hostname = "",
				    .client_helo = "",
				    .client_protocol = "",
				    .message_id = "",
				    .references = "",
				    .in_reply_to = "",
				    .subject = "",
				    .trace = "",
				    .authenticated = "",
				    .fingerprint = ""};

	snprintf(entry, sizeof(entry), "r%llx", (unsigned long long)request);
	assert_int_equal(store_add_request(house->store, &row), 0);
	assert_int_equal(store_add_mail(house->store, request, KIND_REPORT, NOW, NOW, 0), 0);
	assert_int_equal(store_add_mail(house->store, request, KIND_SIX, NOW, NOW, 0), 0);
}

static int make(void **state)
{
	if (house_make_daemon(state) < 0)
		return -1;
	add_probe(A, "a@good.test");
	add_probe(B, "b@good.test");
	return 0;
}

static const char *address_of(uint64_t request)
{
	return house_token_address(house->seal, BOUNCE_PURPOSE, kind_id(request, KIND_SIX),
				   "six.test", NOW + LIFETIME);
}

// Records it; the decision, in a static buffer.
static const char *decide(const struct entry *entry)
{
	static char decision[100];
	static unsigned serial;
	char name[40], sql[100];

	snprintf(name, sizeof(name), "d%u", ++serial);
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(bounce_record(house, name, entry), 0);
	assert_int_equal(store_commit(house->store), 0);
	diary_forget(house->diary);
	snprintf(sql, sizeof(sql), "SELECT decision FROM dsn WHERE entry = '%s'", name);
	snprintf(decision, sizeof(decision), "%s", house_ask(sql));
	decision[strcspn(decision, "\n")] = '\0';
	return decision;
}

// The probe's outcome, and the kinds of mail that there are: "failed report six bounce ".
static const char *fate_of(uint64_t request)
{
	static char fate[100];
	char sql[300];

	snprintf(sql, sizeof(sql),
		 "SELECT (SELECT outcome FROM message WHERE id = %llu) || ' ' ||"
		 " group_concat(kind, ' ') FROM (SELECT * FROM message WHERE request = %llu"
		 " ORDER BY id)",
		 (unsigned long long)kind_id(request, KIND_SIX), (unsigned long long)request);
	snprintf(fate, sizeof(fate), "%s", house_ask(sql));
	fate[strcspn(fate, "\n")] = '\0';
	return fate;
}

#define UNTOUCHED "pending report six"

static void expect_untouched(void)
{
	assert_string_equal(fate_of(A), UNTOUCHED);
	assert_string_equal(fate_of(B), UNTOUCHED);
}

static void test_failed(void **state)
{
	struct entry entry = house_bounce(address_of(A), DSN_ACTION_FAILED, "a@good.test");

	(void)state;
	strcpy(entry.facts.dsn.recipients[0].last_attempt_date, "then");
	entry.facts.report_text = (char *)"The text";
	assert_string_equal(decide(&entry), "used");
	assert_string_equal(fate_of(A), "failed report six bounce");
	assert_string_equal(fate_of(B), UNTOUCHED);
	assert_string_equal(
		house_ask("SELECT message, sender, client_address, action, status, final_recipient,"
			  " reporting_mta, remote_mta, last_attempt, diagnostic, class, "
			  "report_text, returned"
			  " FROM dsn"),
		"4098||2001:db8:100::25|failed|5.4.4|rfc822; a@good.test|dns; mx.six.test|"
		"|then|X-Postfix; Name service error for name=good.test "
		"type=AAAA: Host found but no data record|"
		"no-aaaa|The text|Subject: six\n\n");
	assert_string_equal(house_ask("SELECT m.dsn = d.id, p.outcome_dsn = d.id, p.outcome_at,"
				      " m.due FROM message m, message p, dsn d"
				      " WHERE m.kind = 'bounce' AND p.id = 4098"),
			    "1|1|1800000000|1800000000\n");
}

// The token's letters, folded either way by a server in between.
static void test_18_letter_case(void **state)
{
	char address[200];
	struct entry entry;

	(void)state;
	snprintf(address, sizeof(address), "%s", address_of(A));
	for (char *c = address; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	entry = house_bounce(address, DSN_ACTION_FAILED, "a@good.test");
	assert_string_equal(decide(&entry), "used");
}

static void test_18_every_bit_of_the_token(void **state)
{
	struct token token, flipped;
	char address[100];

	(void)state;
	seal_mint(house->seal, BOUNCE_PURPOSE, "six.test", kind_id(A, KIND_SIX), NOW + LIFETIME,
		  &token);
	for (int bit = 0; bit < 64 + 32 + 8 * TOKEN_MAC_SIZE; bit++) {
		struct entry entry;

		flipped = token;
		if (bit < 64)
			flipped.id ^= UINT64_C(1) << bit;
		else if (bit < 96)
			flipped.expires ^= UINT32_C(1) << (bit - 64);
		else
			flipped.mac[(bit - 96) / 8] ^= (unsigned char)(1 << (bit - 96) % 8);
		strcpy(address, BOUNCE_PREFIX);
		token_text(address + strlen(BOUNCE_PREFIX), &flipped);
		strcat(address, "@six.test");
		entry = house_bounce(address, DSN_ACTION_FAILED, "a@good.test");
		assert_string_equal(decide(&entry), "forged-token");
	}
	expect_untouched();
	assert_string_equal(house_ask("SELECT count(*), count(message) FROM dsn"), "192|0\n");
}

static void test_18_C9_wrong_tokens(void **state)
{
	static const struct {
		const char *purpose;
		uint64_t id;
		const char *domain;
		int64_t expires;
		const char *decision;
	} rows[] = {
		// another site's, the twin's, another use's, another message's
		{BOUNCE_PURPOSE, A + KIND_SIX, "seis.test", NOW + LIFETIME, "other-domain"},
		{LETTER_ID_PURPOSE, A + KIND_SIX, "six.test", NOW + LIFETIME, "forged-token"},
		{BOUNCE_PURPOSE, A + KIND_REPORT, "six.test", NOW + LIFETIME, "no-such-probe"},
		{BOUNCE_PURPOSE, A, "six.test", NOW + LIFETIME, "no-such-probe"},
		{BOUNCE_PURPOSE, 0x3000 + KIND_SIX, "six.test", NOW + LIFETIME, "no-such-probe"},
		// of its day, and the grace for clocks that jump
		{BOUNCE_PURPOSE, A + KIND_SIX, "six.test", NOW - SEAL_GRACE - 60, "expired-token"},
		{BOUNCE_PURPOSE, A + KIND_SIX, "six.test", NOW - SEAL_GRACE, "used"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *address = house_token_address(house->seal, rows[i].purpose, rows[i].id,
							  rows[i].domain, rows[i].expires);
		char elsewhere[200];
		struct entry entry = house_bounce(address, DSN_ACTION_FAILED, "a@good.test");

		if (strcmp(rows[i].decision, "other-domain") == 0) { // brought to six.test
			snprintf(elsewhere, sizeof(elsewhere), "%.*s@six.test",
				 (int)strcspn(address, "@"), address);
			entry.envelope.recipient = elsewhere;
			assert_string_equal(decide(&entry), "forged-token");
			strcpy(strchr(elsewhere, '@'), "@dual.test");
			assert_string_equal(decide(&entry), "forged-token");
			continue;
		}
		assert_string_equal(decide(&entry), rows[i].decision);
		if (strcmp(rows[i].decision, "used") != 0)
			expect_untouched();
	}
	assert_string_equal(fate_of(A), "failed report six bounce");
}

static void test_18_not_even_tokens(void **state)
{
	static const struct {
		const char *recipient, *decision;
	} rows[] = {
		{"bounce+@six.test", "bad-token"},
		{"bounce+x@six.test", "bad-token"},
		{"bounce+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1@six.test", "bad-token"},
		{"bounce+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@six.test", "bad-token"},
		{"bounce+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@six.test", "forged-token"},
		{"bounce+", "bad-recipient"},
		{"bounce+@", "bad-recipient"},
		{"bounce+x@six..test", "bad-recipient"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry entry =
			house_bounce(rows[i].recipient, DSN_ACTION_FAILED, "a@good.test");

		print_message("%s\n", rows[i].recipient);
		assert_string_equal(decide(&entry), rows[i].decision);
	}
	expect_untouched();
}

static void not_null_sender(struct entry *entry)
{
	entry->envelope.sender = (char *)"mailer-daemon@good.test";
}

static void no_status(struct entry *entry)
{
	entry->facts.has_dsn = false;
	entry->facts.dsn.n_recipients = 0;
}

static void unparsable(struct entry *entry)
{
	entry->facts.unparsable = (char *)"the parser died";
	entry->facts.has_dsn = false;
}

static void no_blocks(struct entry *entry)
{
	entry->facts.dsn.n_recipients = 0;
}

static void others_address(struct entry *entry)
{
	strcpy(entry->facts.dsn.recipients[0].final_recipient, "rfc822; b@good.test");
}

static void garbage_address(struct entry *entry)
{
	strcpy(entry->facts.dsn.recipients[0].final_recipient, "\xff; (((");
}

static void other_envelope_id(struct entry *entry)
{
	others_address(entry);
	token_id_text(entry->facts.dsn.original_envelope_id, kind_id(A, KIND_SIX));
}

// RFC 3464 section 2.2.1: the envelope id is case-sensitive.
static void folded_envelope_id(struct entry *entry)
{
	others_address(entry);
	snprintf(entry->facts.dsn.original_envelope_id, TOKEN_TEXT_SIZE, "%s",
		 strchr(entry->envelope.recipient, '+') + 1);
	for (char *c = entry->facts.dsn.original_envelope_id; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
}

static void same_envelope_id(struct entry *entry)
{
	others_address(entry);
	snprintf(entry->facts.dsn.original_envelope_id, TOKEN_TEXT_SIZE, "%s",
		 strchr(entry->envelope.recipient, '+') + 1);
}

static void by_original_recipient(struct entry *entry)
{
	others_address(entry);
	strcpy(entry->facts.dsn.recipients[0].original_recipient, "RFC822;<a@GOOD.TEST>");
}

static void second_block(struct entry *entry)
{
	struct dsn_recipient *blocks = entry->facts.dsn.recipients;

	blocks[1] = blocks[0];
	others_address(entry);
	blocks[0].action = DSN_ACTION_DELAYED;
	entry->facts.dsn.n_recipients = 2;
}

static void unknown_action(struct entry *entry)
{
	entry->facts.dsn.recipients[0].action = DSN_ACTION_UNKNOWN;
	strcpy(entry->facts.dsn.recipients[0].action_text, "expired");
}

static void test_C4_C5_C9_19_what_is_looked_at(void **state)
{
	static const struct {
		void (*change)(struct entry *entry);
		const char *decision;
	} rows[] = {
		{not_null_sender, "not-from-null-sender"}, // C1, C9 a
		{no_status, "no-delivery-status"},         // fault 19
		{unparsable, "unparsable"},
		{no_blocks, "other-recipient"},
		{others_address, "other-recipient"},
		{garbage_address, "other-recipient"},
		{other_envelope_id, "other-recipient"},
		{folded_envelope_id, "other-recipient"},
		{unknown_action, "no-change"}, // C6
		{same_envelope_id, "used"},
		{by_original_recipient, "used"},
		{second_block, "used"}, // C5
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct entry entry = house_bounce(address_of(A), DSN_ACTION_FAILED, "a@good.test");

		rows[i].change(&entry);
		assert_string_equal(decide(&entry), rows[i].decision);
		if (strcmp(rows[i].decision, "used") == 0) {
			assert_string_equal(fate_of(A), "failed report six bounce");
			house_remove(state);
			make(state);
		} else {
			expect_untouched();
		}
	}
}

// Another's genuine token does not speak for this requester.
static void test_18_anothers_token(void **state)
{
	struct entry entry = house_bounce(address_of(B), DSN_ACTION_FAILED, "a@good.test");

	(void)state;
	assert_string_equal(decide(&entry), "other-recipient");
	expect_untouched();
}

struct step {
	enum dsn_action action;
	const char *decision, *fate;
};

static void walk(const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry entry = house_bounce(address_of(A), steps[i].action, "a@good.test");

		assert_string_equal(decide(&entry), steps[i].decision);
		assert_string_equal(fate_of(A), steps[i].fate);
	}
}

static void test_C5_I3_delayed_then_failed(void **state)
{
	static const struct step steps[] = {
		{DSN_ACTION_DELAYED, "used", "delayed report six delay"},
		{DSN_ACTION_DELAYED, "no-change", "delayed report six delay"},
		{DSN_ACTION_FAILED, "used", "failed report six delay bounce"},
		{DSN_ACTION_FAILED, "no-change", "failed report six delay bounce"},
		{DSN_ACTION_DELIVERED, "no-change", "failed report six delay bounce"},
		{DSN_ACTION_DELAYED, "no-change", "failed report six delay bounce"},
	};

	(void)state;
	walk(steps, COUNT(steps));
}

static void test_C6_relayed_then_failed(void **state)
{
	static const struct step steps[] = {
		{DSN_ACTION_RELAYED, "used", "accepted report six"},
		{DSN_ACTION_DELIVERED, "no-change", "accepted report six"},
		{DSN_ACTION_DELAYED, "no-change", "accepted report six"},
		{DSN_ACTION_FAILED, "used", "failed report six bounce"}, // the liar
	};

	(void)state;
	walk(steps, COUNT(steps));
	assert_string_equal(house_ask("SELECT count(*) FROM dsn WHERE class = ''"), "2\n");
}

// A probe that was given up was told of already: one processed bounce, whoever speaks later.
static void test_I3_after_giving_up(void **state)
{
	static const struct step steps[] = {
		{DSN_ACTION_DELAYED, "no-change", "unknown report six bounce"},
		{DSN_ACTION_FAILED, "used", "failed report six bounce"},
	};

	(void)state;
	assert_int_equal(
		store_set_outcome(house->store, kind_id(A, KIND_SIX), OUTCOME_UNKNOWN, 0, NOW), 0);
	assert_int_equal(store_add_mail(house->store, A, KIND_BOUNCE, NOW, NOW, 0), 0);
	walk(steps, COUNT(steps));
}

// The local part as a server wrote it that thinks nothing of its case.
static void test_final_recipient_in_lower_case(void **state)
{
	struct entry entry;

	(void)state;
	add_probe(0x5000, "John.Doe@Good.test");
	entry = house_bounce(address_of(0x5000), DSN_ACTION_FAILED, "john.doe@good.test");
	assert_string_equal(decide(&entry), "used");
}

static void test_4_the_database_refuses(void **state)
{
	struct entry entry = house_bounce(address_of(A), DSN_ACTION_FAILED, "a@good.test");
	sqlite3 *other = database_hold(folder_file("state/postsix.db"), "BEGIN IMMEDIATE");

	(void)state;
	assert_int_equal(bounce_record(house, "d", &entry), -EAGAIN);
	sqlite3_close(other);
	expect_untouched();
	assert_string_equal(decide(&entry), "used");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_failed),
		TEST(test_18_letter_case),
		TEST(test_18_every_bit_of_the_token),
		TEST(test_18_C9_wrong_tokens),
		TEST(test_18_not_even_tokens),
		TEST(test_C4_C5_C9_19_what_is_looked_at),
		TEST(test_18_anothers_token),
		TEST(test_C5_I3_delayed_then_failed),
		TEST(test_C6_relayed_then_failed),
		TEST(test_I3_after_giving_up),
		TEST(test_final_recipient_in_lower_case),
		TEST(test_4_the_database_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
