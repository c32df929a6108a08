// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// redact: a name goes where it stands by itself, and nowhere else.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mail/redact.h"

static void test_cases(void **state)
{
	static const struct {
		const char *text, *local, *want;
	} cases[] = {
		{"", "joe", ""},
		{"joe", "joe", "H"},
		{"Joe's box", "joe", "H's box"},
		{"550 <joe@a.test>: user JOE unknown", "joe", "550 <H@a.test>: user H unknown"},
		{"joey and ajoe and joe2", "joe", "joey and ajoe and joe2"},
		{"other@b.test", "joe", "H@b.test"},
		{"bounce-joe=a.test@list.test", "joe", "H@list.test"},
		{"/var/joe/mail", "joe", "/var/H/mail"},
		{"a.b", "a.b", "H"},
		{"rfc822; a.b@c.test", "a.b", "rfc822; H@c.test"},
		{"x @ y", "joe", "x @ y"},
		{"no name", "", "no name"},
		{"\xc3\xa9joe joe\xc3\xa9", "joe", "\xc3\xa9joe joe\xc3\xa9"},
		{"joejoe joe joe", "joe", "joejoe H H"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = buf_make(1000);

		redact(&out, cases[i].text, cases[i].local, "H");
		assert_string_equal(buf_string(&out), cases[i].want);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
