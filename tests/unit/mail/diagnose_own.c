// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/diagnose_own: how reporters say whose words follow, and at which command they were said.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mail/diagnose_table.h"

#define MX "dns; mx.peer.test"

static struct diagnose_table *table;

// The phase is not the rows' business, but for a failure that says itself where it happened.
static int make_table(void **state)
{
	static const char rows[] = "null-mx * * * * * nullMX\n";
	unsigned line;

	(void)state;
	table = diagnose_table_new();
	if (diagnose_table_read(table, "t", rows, strlen(rows), &line) != NULL)
		return -1;
	diagnose_table_finish(table);
	return 0;
}

static int free_table(void **state)
{
	(void)state;
	table = diagnose_table_free(table);
	return 0;
}

// The phase tells receive-v6, envelope-v6 and header-v6 apart.
static void test_phases(void **state)
{
	static const struct {
		enum phase phase;
		bool remote_spoke;
		const char *diagnostic, *remote_mta, *text;
	} rows[] = {
		{PHASE_CONNECT, false,
		 "X-Postfix; connect to mx.x.test[2001:db8::1]:25: Connection refused", "", ""},
		{PHASE_CONNECT, false,
		 "X-Postfix; Host or domain name not found. Name service error for name=mx.x.test "
		 "type=AAAA: Host found but no data record of requested type",
		 "", ""},
		{PHASE_CONNECT, false, "X-Postfix; Domain x.test does not accept mail (nullMX)", "",
		 ""},
		{PHASE_BANNER, true,
		 "X-Postfix; host mx.x.test[2001:db8::1] refused to talk to me: 421 busy", "", ""},
		{PHASE_BANNER, false,
		 "X-Postfix; conversation with mx.x.test[2001:db8::1] timed out while receiving "
		 "the initial server greeting",
		 "", ""},
		{PHASE_EHLO, true, "smtp; 550 no", MX, "(in reply to EHLO command)"},
		{PHASE_STARTTLS, false, "X-Postfix; Cannot start TLS: handshake failure", "", ""},
		{PHASE_MAIL, true, "smtp; 553 5.5.4 no", MX,
		 "said: 553 5.5.4 no (in reply to\n    MAIL FROM command)"},
		{PHASE_MAIL, true, "smtp; 530 5.7.0 Must issue a STARTTLS command first", MX,
		 "(in reply to MAIL FROM command)"},
		{PHASE_RCPT, true, "smtp; 550 5.1.1 no", MX, "(in reply to RCPT TO command)"},
		{PHASE_DATA, true, "smtp; 550 5.7.1 no", MX, "(in reply to DATA command)"},
		{PHASE_END, true, "smtp; 550 5.7.1 no", MX, "(in reply to end of DATA command)"},
		{PHASE_END, false,
		 "X-Postfix; lost connection with mx.x.test[2001:db8::1] while sending end of data "
		 "-- message may be sent more than once",
		 "", ""},
		// Exim, qmail, DragonFly
		{PHASE_MAIL, true,
		 "SMTP error from remote mail server after MAIL FROM:<a@x.test>: 550 no", "", ""},
		{PHASE_BANNER, true,
		 "SMTP error from remote mail server after initial connection: 554 no", "", ""},
		{PHASE_RCPT, true, "192.0.2.1 does not like recipient.\nRemote host said: 550 no",
		 "", ""},
		{PHASE_END, true,
		 "192.0.2.1 failed after I sent the message.\nRemote host said: 550", "", ""},
		{PHASE_END, true, "mx.x.test did not like our final DATA:\n550 no", "", ""},
		{PHASE_UNKNOWN, true, "smtp; 550 5.1.1 no", MX, ""},
		{PHASE_UNKNOWN, false, "", "", "I am on holiday"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct diagnose_input input = {.diagnostic = rows[i].diagnostic,
						     .remote_mta = rows[i].remote_mta,
						     .text = rows[i].text};
		struct diagnosis found;

		diagnose(table, &input, &found);
		if (found.phase != rows[i].phase)
			print_message("%s %s\n", rows[i].diagnostic, rows[i].text);
		assert_string_equal(phase_name(found.phase), phase_name(rows[i].phase));
		assert_int_equal(found.remote_spoke, rows[i].remote_spoke);
	}
}

static void test_names(void **state)
{
	enum phase found;

	(void)state;
	for (enum phase phase = 0; phase < PHASES; phase++) {
		assert_true(phase_find(phase_name(phase), &found));
		assert_int_equal(found, phase);
	}
	assert_false(phase_find("dinner", &found));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, make_table, free_table);
}
