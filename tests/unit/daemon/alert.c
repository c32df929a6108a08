// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// bounce: a server that wants records of us alerts the operator until ours are known to be good.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/diary.h"
#include "daemon/request.h"
#include "unit/daemon/house.h"

// Commits, and returns what was logged, in a static buffer.
static const char *commit(void)
{
	static char log[8000];
	int keep = dup(2);
	FILE *file;

	assert_int_equal(store_commit(house->store), 0);
	fflush(stderr);
	assert_non_null(freopen(folder_file("log"), "w", stderr));
	diary_write(house->diary);
	fflush(stderr);
	dup2(keep, 2);
	close(keep);
	file = fopen(folder_file("log"), "r");
	log[fread(log, 1, sizeof(log) - 1, file)] = '\0';
	fclose(file);
	return log;
}

// A request, and what is logged of its probe's end.
static const char *probe_ends(const char *sender, enum dsn_action action, const char *diagnostic)
{
	struct entry entry = house_entry(sender, "test@six.test");
	uint64_t id;

	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(request_record(house, sender, &entry), 0);
	commit();
	id = strtoull(house_ask("SELECT id FROM message WHERE kind = 'six'"
				" AND outcome = 'pending'"),
		      NULL, 10);
	entry = house_bounce(
		house_token_address(house->seal, BOUNCE_PURPOSE, id, "six.test", NOW + 3600),
		action, sender);
	strcpy(entry.facts.dsn.recipients[0].diagnostic_code, diagnostic);
	strcpy(entry.facts.dsn.recipients[0].remote_mta, "dns; mx.good.test");
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(bounce_record(house, entry.envelope.queue_id, &entry), 0);
	return commit();
}

static void test_alert_of_own_records(void **state)
{
	static const char ptr[] = "smtp; 550 5.7.25 no PTR record";
	static const struct {
		const char *sender;
		enum own_records own_records;
		enum dsn_action action;
		const char *diagnostic, *alert;
	} rows[] = {
		{"a@good.test", OWN_RECORDS_UNKNOWN, DSN_ACTION_FAILED, ptr,
		 "alert=own-records, state=unknown, class=ptr-required, remote_mta=dns; mx.good"},
		{"b@good.test", OWN_RECORDS_WRONG, DSN_ACTION_FAILED, ptr, "state=wrong, "},
		{"c@good.test", OWN_RECORDS_GOOD, DSN_ACTION_FAILED, ptr, NULL},
		{"d@good.test", OWN_RECORDS_WRONG, DSN_ACTION_FAILED, "smtp; 550 5.1.1 no", NULL},
		{"e@good.test", OWN_RECORDS_WRONG, DSN_ACTION_DELAYED, ptr, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *log;

		house->own_records = rows[i].own_records;
		log = probe_ends(rows[i].sender, rows[i].action, rows[i].diagnostic);
		assert_non_null(strstr(log, "dsn=used, "));
		house_ask("UPDATE message SET outcome = 'failed'");
		if (rows[i].alert == NULL)
			assert_null(strstr(log, "alert="));
		else if (strstr(log, rows[i].alert) == NULL)
			fail_msg("row %zu: %s", i, log);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alert_of_own_records, house_make_daemon,
						house_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
