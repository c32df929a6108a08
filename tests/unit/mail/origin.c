// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/origin: which trace is believed, and what it proves of the sender.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mail/origin.h"

#define TRACE(rest)                                                                                \
	"v=1; instance=v6; client=2001:db8::1; family=6; fcrdns=none; helo=x.test; time=9" rest

static const struct {
	const char *trace;
	const char *sender;
	const char *authenticated;
} rows[] = {
	{TRACE("; dkim=pass/good.test"), "a@good.test", "dkim"},
	{TRACE("; dkim=pass/good.test"), "a@GOOD.test", "dkim"},
	{TRACE("; dkim=pass/good.test"), "a@mail.good.test", "dkim"},
	{TRACE("; dkim=pass/mail.good.test"), "a@good.test", ""}, // below, not above
	{TRACE("; dkim=pass/od.test"), "a@good.test", ""},
	{TRACE("; dkim=pass/test"), "a@good.test", ""}, // nobody signs for a whole top-level domain
	{TRACE("; dkim=fail/good.test"), "a@good.test", ""},
	{TRACE("; dkim=policy/good.test"), "a@good.test", ""},
	{TRACE("; dkim=fail/good.test; dkim=pass/good.test"), "a@good.test", "dkim"},
	{TRACE(""), "a@good.test", ""},
	{TRACE("; mx=pass/good.test"), "a@good.test", "mx"},
	{TRACE("; mx=pass/good.test"), "a@GOOD.Test", "mx"},
	{TRACE("; mx=pass/good.test"), "a@mail.good.test", ""}, // that one's MX are others
	{TRACE("; mx=pass/mail.good.test"), "a@good.test", ""},
	{TRACE("; mx=pass/other.test"), "a@good.test", ""},
	{TRACE("; mx=pass"), "a@good.test", ""},
	{TRACE("; mx=fail/good.test"), "a@good.test", ""},
	{TRACE("; mx=temperror/good.test"), "a@good.test", ""},
	{TRACE("; mx=none/good.test"), "a@good.test", ""},
	{TRACE("; mx=pass/good.test; dkim=pass/good.test"), "a@good.test", "dkim"},
	{TRACE("; mx=pass/good.test; dkim=fail/good.test"), "a@good.test", "mx"},
	{TRACE("; mx=pass/good.test; dkim=pass/other.test"), "a@good.test", "mx"},
	{TRACE("; mx=pass/good.test"), NULL, ""},
	{TRACE("; dkim=pass/good.test"), NULL, ""},
};

static void find(const char *trace, const char *client, const char *sender, bool has_milter,
		 struct origin *ret_origin)
{
	struct facts_field fields[] = {
		{(char *)"From", (char *)"x@y"},
		{(char *)"X-Postsix-Trace", (char *)(uintptr_t)trace},
		{(char *)"X-Postsix-Trace", (char *)TRACE("; dkim=pass/good.test")}};
	const struct facts facts = {.fields = fields, .n_fields = 3};
	const struct envelope envelope = {.client_address = (char *)(uintptr_t)client};
	struct addr requester;

	if (sender != NULL)
		assert_null(addr_parse(sender, strlen(sender), &requester));
	origin_find(&facts, &envelope, sender == NULL ? NULL : &requester, has_milter, ret_origin);
}

static void test_authenticated(void **state)
{
	struct origin origin;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		find(rows[i].trace, "2001:db8::1", rows[i].sender, true, &origin);
		assert_true(origin.has_trace);
		assert_string_equal(origin.authenticated, rows[i].authenticated);
	}
}

// The topmost field counts, whatever stands below it.
static void test_24_what_is_not_believed(void **state)
{
	struct origin origin;

	(void)state;
	find(TRACE("; dkim=pass/good.test"), "2001:db8::1", "a@good.test", false, &origin);
	assert_false(origin.has_trace);
	assert_string_equal(origin.authenticated, "");
	find(TRACE("; dkim=pass/good.test"), "2001:db8::2", "a@good.test", true, &origin);
	assert_false(origin.has_trace);
	assert_string_equal(origin.authenticated, "");
	find("v=1; nonsense", "2001:db8::1", "a@good.test", true, &origin);
	assert_false(origin.has_trace);
	assert_string_equal(origin.authenticated, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authenticated),
		cmocka_unit_test(test_24_what_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
