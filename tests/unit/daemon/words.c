// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// daemon/words: what a letter may tell of how its request came.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/words.h"

#define NOW    INT64_C(1800000000)
#define START  "v=1; instance=v6; client=2001:db8::1; family=6; "
#define ENOUGH 6

static const char *const names[ENOUGH] = {"client_name", "client_wrong_name", "tls", "dkim",
					  "took",        "took_servers"};

// By the milter's words, or without a milter by Postfix's; and how long it took.
static const struct {
	const char *trace;
	const char *hostname;
	int64_t date;
	int64_t first_received;
	const char *want[ENOUGH];
} rows[] = {
	{START "fcrdns=pass; ptr=mx.good.test; helo=x.test; tls=TLSv1.3; cipher=AES; time=9;"
	       " dkim=pass/good.test; dkim=fail/other.test",
	 "unknown",
	 NOW - 3,
	 NOW - 2,
	 {"mx.good.test", "", "TLSv1.3 (AES)", "pass (good.test), fail (other.test)", "3 seconds",
	  "2 seconds"}},
	{START "fcrdns=fail; ptr=mx.good.test; helo=x.test; time=9",
	 "mx.good.test",
	 NOW - 7200,
	 NOW - 90,
	 {"", "mx.good.test", "", "", "2 hours", "90 seconds"}},
	{"", "mx.good.test", NOW - 1, 0, {"mx.good.test", "", "", "", "1 second", ""}},
	{"nonsense", "unknown", NOW + 5, 0, {"", "", "", "", "", ""}}, // clocks disagree
	{"", "unknown", NOW - 3 * 86400, NOW - 600, {"", "", "", "", "3 days", "10 minutes"}},
};

static const char *value_of(const struct words *words, const char *name)
{
	for (size_t i = 0; i < words->n; i++)
		if (strcmp(words->list[i].name, name) == 0)
			return words->list[i].value;
	return "no such name";
}

static void test_origin(void **state)
{
	struct config_site site = {.title = (char *)"six", .contact = (char *)"help"};
	struct words words;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_mail mail = {.kind = KIND_REPORT, .arrived = NOW};

		store_mail_blank(&mail);
		mail.trace = (char *)(uintptr_t)rows[i].trace;
		mail.client_hostname = (char *)(uintptr_t)rows[i].hostname;
		mail.date = rows[i].date;
		mail.first_received = rows[i].first_received;
		words_fill(&words, &site, &mail, "mx.six.test");
		for (size_t n = 0; n < ENOUGH; n++)
			assert_string_equal(value_of(&words, names[n]), rows[i].want[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_origin)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
