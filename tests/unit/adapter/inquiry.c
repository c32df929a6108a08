// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// inquiry: what a survey finds in the DNS, of every temper (RELIABILITY D1, D4, fault 7).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit/adapter/survey_scene.h"

// ---- the DNS's part
// ------------------------------------------------------------------------------

static const struct zone_row zone[] = {
	{"", T_NS, "ns.root.test", 0},
	{"ns.root.test", T_AAAA, "2001:db8::53", 0},
	{"good.test", T_MX, "20 mx2.good.test", 0},
	{"good.test", T_MX, "10 mx1.good.test", 0},
	{"mx1.good.test", T_A, "192.0.2.1", 0},
	{"mx1.good.test", T_AAAA, "2001:db8::1", 0},
	{"mx2.good.test", T_A, "192.0.2.2", 0},
	{"www.implicit.test", T_A, "192.0.2.9", 0},
	{"implicit.test", T_A, "192.0.2.3", 0},
	{"implicit.test", T_AAAA, "2001:db8::3", 0},
	{"aonly.test", T_A, "192.0.2.4", 0},
	{"sixonly.test", T_AAAA, "2001:db8::5", 0},
	{"aliased.test", T_CNAME, "implicit.test", 0},
	{"null.test", T_MX, "0 ", 0},
	{"null.test", T_A, "192.0.2.5", 0},
	{"halfnull.test", T_MX, "0 ", 0},
	{"halfnull.test", T_MX, "10 mx2.good.test", 0},
	{"nothing.test", T_TXT, "hello", 0},
	{"cname.test", T_MX, "10 alias.cname.test", 0},
	{"alias.cname.test", T_CNAME, "mx1.good.test", 0},
	{"literal.test", T_MX, "10 192.0.2.1", 0},
	{"literal.test", T_MX, "20 [192.0.2.1]", 0},
	{"literal.test", T_MX, "30 2001:db8::1", 0},
	{"odd.test", T_MX, "10 evil name;.test", 0},
	{"odd.test", T_MX, "20 mx2.good.test", 0},
	{"dangling.test", T_MX, "10 nowhere.test", 0},
	{"twice.test", T_MX, "10 mx2.good.test", 0},
	{"twice.test", T_MX, "20 MX2.good.test", 0},
	{"nsv4.test", T_MX, "10 mx.nsv4.test", 0},
	{"nsv4.test", T_NS, "ns1.nsv4.test", 0},
	{"nsv4.test", T_NS, "ns2.nsv4.test", 0},
	{"ns1.nsv4.test", T_A, "192.0.2.53", 0},
	{"ns2.nsv4.test", T_A, "192.0.2.54", 0},
	{"mx.nsv4.test", T_AAAA, "2001:db8::6", 0},
	{"nshalf.test", T_MX, "10 deep.mx.nshalf.test", 0},
	{"nshalf.test", T_NS, "ns1.nsv4.test", 0},
	{"nshalf.test", T_NS, "ns.root.test", 0},
	{"deep.mx.nshalf.test", T_A, "192.0.2.7", 0},
	{"nsmany.test", T_A, "192.0.2.8", 0},
	{"nsmany.test", T_NS, "ns1.nsv4.test", 0},
	{"nsmany.test", T_NS, "ns2.nsv4.test", 0},
	{"nsmany.test", T_NS, "x.nsv4.test", 0},
	{"nsmany.test", T_NS, "y.nsv4.test", 0},
	{"nsmany.test", T_NS, "z.nsv4.test", 0},
	{"nsdark.test", T_A, "192.0.2.8", 0},
	{"nsdark.test", T_NS, "ns.servfail.test", 0},
	{"many.test", T_MX, "11 h11.test", 0},
	{"many.test", T_MX, "10 h10.test", 0},
	{"many.test", T_MX, "9 h09.test", 0},
	{"many.test", T_MX, "8 h08.test", 0},
	{"many.test", T_MX, "7 h07.test", 0},
	{"many.test", T_MX, "6 h06.test", 0},
	{"many.test", T_MX, "5 h05.test", 0},
	{"many.test", T_MX, "4 h04.test", 0},
	{"many.test", T_MX, "3 h03.test", 0},
	{"many.test", T_MX, "2 h02.test", 0},
	{"many.test", T_MX, "1 h01.test", 0},
	{"crowd.test", T_AAAA, "2001:db8::1", 0},
	{"crowd.test", T_AAAA, "2001:db8::2", 0},
	{"crowd.test", T_AAAA, "2001:db8::3", 0},
	{"crowd.test", T_AAAA, "2001:db8::4", 0},
	{"crowd.test", T_AAAA, "2001:db8::5", 0},
	{"crowd.test", T_AAAA, "2001:db8::6", 0},
	{"crowd.test", T_AAAA, "2001:db8::7", 0},
	{"crowd.test", T_AAAA, "2001:db8::8", 0},
	{"crowd.test", T_AAAA, "2001:db8::9", 0},
	{"loop.test", T_CNAME, "pool.test", 0},
	{"pool.test", T_CNAME, "loop.test", 0},
	{"tohole.test", T_MX, "10 mx.black.test", 0},
	{"tohole.test", T_MX, "20 mx2.good.test", 0},
	{"black.test", T_TEMPER, "black", 0},
	{"servfail.test", T_TEMPER, "servfail", 0},
	{"refused.test", T_TEMPER, "refused", 0},
	{"wrongid.test", T_TEMPER, "wrongid", 0},
	{"zero.test", T_TEMPER, "zero", 0},
	{"cut.test", T_TEMPER, "cut", 0},
	{"cut.test", T_MX, "10 mx1.good.test", 0},
	{"cuthang.test", T_TEMPER, "cuthang", 0},
	{"once.test", T_TEMPER, "once", 0},
	{"once.test", T_MX, "10 mx2.good.test", 0},
};

#define MX1 "mx1.good.test A+ AAAA+ NS+ 192.0.2.1 2001:db8::1"
#define MX2 "mx2.good.test A+ AAAA- NS+ 192.0.2.2"

static const struct {
	const char *domain;
	const char *wanted;
} rows[] = {
	{"good.test", "listed of 2; 10 " MX1 "; 20 " MX2},
	{"GOOD.Test", "listed of 2; 10 " MX1 "; 20 " MX2},
	{"implicit.test", "implicit; 0 implicit.test A+ AAAA+ NS+ 192.0.2.3 2001:db8::3"},
	{"aonly.test", "implicit a-only; 0 aonly.test A+ AAAA- NS+ 192.0.2.4"},
	{"sixonly.test", "implicit; 0 sixonly.test A- AAAA+ NS+ 2001:db8::5"},
	{"aliased.test", "implicit; 0 aliased.test A+ AAAA+ NS+ 192.0.2.3 2001:db8::3"},
	{"null.test", "null of 1"},
	{"halfnull.test", "listed of 2; 10 " MX2},
	{"nothing.test", "none"},
	{"nowhere.test", "no-domain"},
	{"cname.test", "listed of 1; 10 alias.cname.test cname A+ AAAA+ NS+ 192.0.2.1 2001:db8::1"},
	{"literal.test", "listed of 3; 10 192.0.2.1 literal A- AAAA- NS?; 20 [192.0.2.1] literal "
			 "A- AAAA- NS?; 30 2001:db8::1 literal A- AAAA- NS?"},
	{"odd.test", "listed of 2; 10 evil name\\;.test A? AAAA? NS?; 20 " MX2},
	{"dangling.test", "listed of 1; 10 nowhere.test A- AAAA- NS+"},
	{"twice.test", "listed of 2; 10 " MX2},
	{"nsv4.test", "listed of 1; 10 mx.nsv4.test A- AAAA+ NS- 2001:db8::6"},
	{"nshalf.test", "listed of 1; 10 deep.mx.nshalf.test A+ AAAA- NS+ 192.0.2.7"},
	{"nsmany.test", "implicit a-only; 0 nsmany.test A+ AAAA- NS? 192.0.2.8"},
	{"nsdark.test", "implicit a-only; 0 nsdark.test A+ AAAA- NS? 192.0.2.8"},
	{"many.test",
	 "listed of 11; 1 h01.test A- AAAA- NS+; 2 h02.test A- AAAA- NS+; 3 h03.test A- AAAA- NS+; "
	 "4 h04.test A- AAAA- NS+; 5 h05.test A- AAAA- NS+; 6 h06.test A- AAAA- NS+; "
	 "7 h07.test A- AAAA- NS+; 8 h08.test A- AAAA- NS+; 9 h09.test A- AAAA- NS+; "
	 "10 h10.test A- AAAA- NS+"},
	{"crowd.test", "implicit; 0 crowd.test A- AAAA+ NS+ 2001:db8::1 2001:db8::2 2001:db8::3 "
		       "2001:db8::4 2001:db8::5 2001:db8::6 2001:db8::7 2001:db8::8"},
	{"loop.test", "unknown"},
	{"servfail.test", "unknown"},
	{"refused.test", "unknown"},
	{"cut.test", "listed of 1; 10 " MX1},
	{"once.test", "listed of 1; 10 " MX2},
	{"black.test", "unknown cut"},
	{"wrongid.test", "unknown cut"},
	{"zero.test", "unknown cut"},
	{"cuthang.test", "unknown"},
	{"tohole.test", "listed of 2 cut; 10 mx.black.test A? AAAA? NS?; 20 " MX2},
};

// All at once, each by itself as good as alone.
static void test_D1_D4_fault7_domains(void **state)
{
	static struct wish wishes[LEN(rows)];
	struct scene scene;

	(void)state;
	open_scene(&scene, zone, LEN(zone),
		   (struct surveyor_options){.deadline_ms = 6000, .dns.attempt_ms = 1000});
	for (size_t i = 0; i < LEN(rows); i++)
		assert_int_equal(ask(&scene, &wishes[i], rows[i].domain), 0);
	run(&scene);
	for (size_t i = 0; i < LEN(rows); i++) {
		if (strcmp(buf_string(&wishes[i].text), rows[i].wanted) != 0)
			fail_msg("%s:\n%s\n%s", rows[i].domain, buf_string(&wishes[i].text),
				 rows[i].wanted);
		buf_free(&wishes[i].text);
	}
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D1_D4_fault7_domains),
	};

	if (dns_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
