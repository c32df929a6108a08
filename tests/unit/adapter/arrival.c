// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// arrival: over which family a request came, and to which of a site's domains.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/arrival.h"
#include "base/text.h"

static char dual_listen[] = "192.0.2.25 \t 2001:DB8:25:0::25", v6_listen[] = "2001:db8:25::6",
	    long_listen[] = "2001:0db8:0025:0000:0000:0000:0000:0000:0000:0000:00066 192.0.2.9";

static void test_family(void **state)
{
	static const struct {
		const char *address;
		int family;
	} rows[] = {
		{"192.0.2.1", 4},
		{"2001:db8::1", 6},
		{"::ffff:192.0.2.1", 4}, // RFC 4291 section 2.5.5.2
		{"", 0},
		{"unknown", 0},
		{"127.0.0.1", 0},
		{"127.0.0.53", 0},
		{"::1", 0},
		// ourselves, however it is written
		{"192.0.2.25", 0},
		{"2001:db8:25::25", 0},
		{"2001:0db8:0025::0025", 0},
		{"2001:db8:25::6", 0},
		{"192.0.2.2", 4},
		{"2001:db8:25::2", 6},
	};
	const struct config config = {.dual.listen = dual_listen, .v6.listen = v6_listen};
	const struct config odd = {.dual.listen = long_listen, .v6.listen = v6_listen};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (arrival_family(&config, rows[i].address) != rows[i].family)
			fail_msg("%s", rows[i].address);
	assert_int_equal(arrival_family(&odd, "192.0.2.9"), 0); // what is no address is passed over
	assert_int_equal(arrival_family(&odd, "192.0.2.25"), 4);
}

static void test_domain(void **state)
{
	struct config_site site = {.name = NULL};

	(void)state;
	text_cut(site.v6_domain.text, sizeof(site.v6_domain.text), "six.test");
	assert_true(arrival_is_v6_only(&site, "test@SIX.test"));
	assert_true(arrival_is_v6_only(&site, "test+x@six.test"));
	assert_false(arrival_is_v6_only(&site, "test@dual.test"));
	assert_false(arrival_is_v6_only(&site, "test@x.six.test"));
	assert_false(arrival_is_v6_only(&site, "six.test"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
