// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// surveyor: surveys of a DNS server's every temper, and of a mail server, on loopback (RELIABILITY
// D1, D4, fault 7: 100 that are stuck do not delay the next).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>

#include "adapter/surveyor.h"
#include "base/buf.h"
#include "unit/adapter/fake_dns.h"
#include "unit/adapter/fake_greeter.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define PATIENT    60000

// ---- what was surveyed, as text
// ------------------------------------------------------------------

static char letter(enum survey_answer answer)
{
	return "?-+"[answer];
}

static void show_addresses(struct buf *text, const struct survey_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_addf(text, " %s", addresses[i].text);
		if (addresses[i].reach != SURVEY_REACH_UNKNOWN)
			buf_addf(text, "=%s", survey_reach_name(addresses[i].reach));
	}
}

// "listed of 2; 10 mx.test A+ AAAA- NS+ 192.0.2.1; …"
static void show(struct buf *text, const struct survey *survey)
{
	buf_addf(text, "%s", survey_mx_name(survey->mx));
	if (survey->n_hosts_all > 0)
		buf_addf(text, " of %zu", survey->n_hosts_all);
	buf_addf(text, "%s%s", survey->a_only ? " a-only" : "", survey->is_complete ? "" : " cut");
	for (size_t i = 0; i < survey->n_hosts; i++) {
		const struct survey_host *host = &survey->hosts[i];

		buf_addf(text, "; %d %s%s%s A%c AAAA%c NS%c", (int)host->preference, host->name,
			 host->is_cname ? " cname" : "", host->is_literal ? " literal" : "",
			 letter(host->has_v4), letter(host->has_v6), letter(host->ns_v6));
		show_addresses(text, host->v4, host->n_v4);
		show_addresses(text, host->v6, host->n_v6);
	}
}

// ---- a surveyor and its askers
// -------------------------------------------------------------------

struct scene {
	struct fake_dns dns;
	struct loop *loop;
	struct surveyor *surveyor;
	bool is_asking;
	size_t n_asked, n_told;
};

struct wish {
	struct scene *scene;
	struct buf text;
	size_t told_as; // from 1
	int32_t took_ms;
};

static void on_survey(void *arg, const struct survey *survey)
{
	struct wish *wish = arg;
	struct scene *scene = wish->scene;

	assert_false(scene->is_asking);
	assert_int_equal(wish->told_as, 0);
	wish->told_as = ++scene->n_told;
	wish->took_ms = survey->took_ms;
	show(&wish->text, survey);
	if (scene->n_told == scene->n_asked)
		loop_stop(scene->loop, 0);
}

static void open_scene(struct scene *scene, const struct zone_row *rows, size_t n,
		       struct surveyor_options options)
{
	int error = 0;

	memset(scene, 0, sizeof(*scene));
	fake_dns_start(&scene->dns, rows, n);
	options.dns.servers = scene->dns.servers;
	scene->loop = loop_new();
	scene->surveyor = surveyor_new(scene->loop, &options, &error);
	assert_non_null(scene->surveyor);
}

static void close_scene(struct scene *scene)
{
	surveyor_free(scene->surveyor);
	loop_free(scene->loop);
	fake_dns_stop(&scene->dns);
}

static int ask(struct scene *scene, struct wish *wish, const char *domain)
{
	int result;

	buf_free(&wish->text);
	*wish = (struct wish){.scene = scene, .text = buf_make(20000)};
	scene->is_asking = true;
	result = surveyor_ask(scene->surveyor, domain, on_survey, wish);
	scene->is_asking = false;
	if (result == 0)
		scene->n_asked++;
	return result;
}

static void on_never(void *arg)
{
	(void)arg;
	fail_msg("nobody was told");
}

// Until all are told. A loop runs once, so this is the last word about a scene.
static void run(struct scene *scene)
{
	struct source *never =
		loop_add_timer(scene->loop, PATIENT * UINT64_C(1000), on_never, scene);

	assert_int_equal(loop_run(scene->loop), 0);
	source_free(never);
	assert_int_equal(surveyor_open(scene->surveyor), 0);
}

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
	{"odd.test", "listed of 2; 10 evil name\\\\;.test A? AAAA? NS?; 20 " MX2},
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

// ---- many at once
// --------------------------------------------------------------------------------

// A hundred wait for a server that never answers; the next one is as quick as ever.
static void test_fault7_a_hundred_stuck(void **state)
{
	static struct wish stuck[100], last;
	struct scene scene;
	char domain[40];

	(void)state;
	open_scene(&scene, zone, LEN(zone), (struct surveyor_options){.deadline_ms = 4000});
	for (size_t i = 0; i < LEN(stuck); i++) {
		snprintf(domain, sizeof(domain), "d%zu.black.test", i);
		assert_int_equal(ask(&scene, &stuck[i], domain), 0);
	}
	assert_int_equal(ask(&scene, &last, "good.test"), 0);
	run(&scene);
	assert_int_equal(last.told_as, 1);
	assert_string_equal(buf_string(&last.text), rows[0].wanted);
	assert_true(last.took_ms < 1000);
	buf_free(&last.text);
	for (size_t i = 0; i < LEN(stuck); i++) {
		assert_string_equal(buf_string(&stuck[i].text), "unknown cut");
		assert_in_range(stuck[i].took_ms, 3990, PATIENT);
		buf_free(&stuck[i].text);
	}
	close_scene(&scene);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word)) != NULL) {
		n++;
		text += strlen(word);
	}
	return n;
}

struct chain {
	struct scene *scene;
	size_t n;
	size_t n_wanted;
};

static void on_again(void *arg, const struct survey *survey)
{
	struct chain *chain = arg;

	assert_int_equal(strcasecmp(survey->domain, "good.test"), 0);
	assert_int_equal(survey->n_hosts, 2);
	if (++chain->n == chain->n_wanted)
		loop_stop(chain->scene->loop, 0);
	else
		assert_int_equal(surveyor_ask(chain->scene->surveyor, "good.TEST", on_again, chain),
				 0);
}

// Asked for three times at once, and then time after time from the answer: one survey.
static void check_reuse(int reuse_ms, size_t n_wanted)
{
	struct scene scene;
	struct chain chain = {&scene, 0, 10};

	open_scene(&scene, zone, LEN(zone),
		   (struct surveyor_options){.reuse_ms = reuse_ms, .dns.cache_entries = -1});
	for (int i = 0; i < 3; i++)
		assert_int_equal(surveyor_ask(scene.surveyor, "good.test", on_again, &chain), 0);
	assert_int_equal(surveyor_open(scene.surveyor), 1);
	assert_int_equal(loop_run(scene.loop), 0);
	close_scene(&scene);
	if (n_wanted == 1)
		assert_int_equal(count(scene.dns.asked, " good.test/15"), 1);
	else
		assert_in_range(count(scene.dns.asked, " good.test/15") +
					count(scene.dns.asked, " good.TEST/15"),
				n_wanted, 10);
}

static void test_shared_and_reused(void **state)
{
	(void)state;
	check_reuse(60000, 1);
	check_reuse(0, 3);
}

// What was cut short is asked anew.
static void on_cut(void *arg, const struct survey *survey)
{
	struct chain *chain = arg;

	assert_false(survey->is_complete);
	assert_in_range(survey->took_ms, 290, PATIENT);
	if (++chain->n == chain->n_wanted)
		loop_stop(chain->scene->loop, 0);
	else
		assert_int_equal(surveyor_ask(chain->scene->surveyor, "black.test", on_cut, chain),
				 0);
}

static void test_incomplete_is_not_reused(void **state)
{
	struct scene scene;
	struct chain chain = {&scene, 0, 3};

	(void)state;
	open_scene(&scene, zone, LEN(zone),
		   (struct surveyor_options){.deadline_ms = 300, .reuse_ms = 60000});
	assert_int_equal(surveyor_ask(scene.surveyor, "black.test", on_cut, &chain), 0);
	assert_int_equal(loop_run(scene.loop), 0);
	close_scene(&scene);
}

// Two at a time: those that are stuck hold the places, and who waits longer than his deadline is
// told so; more than that are refused.
static void test_places(void **state)
{
	static struct wish wishes[4];
	struct scene scene;

	(void)state;
	open_scene(&scene, zone, LEN(zone),
		   (struct surveyor_options){.deadline_ms = 700, .at_once = 2, .waiting = 3});
	assert_int_equal(ask(&scene, &wishes[0], "a.black.test"), 0);
	assert_int_equal(ask(&scene, &wishes[1], "b.black.test"), 0);
	assert_int_equal(ask(&scene, &wishes[2], "good.test"), 0);
	assert_int_equal(surveyor_open(scene.surveyor), 3);
	assert_int_equal(ask(&scene, &wishes[3], "implicit.test"), -EBUSY);
	assert_int_equal(ask(&scene, &wishes[3], "[192.0.2.1]"), -EINVAL);
	assert_int_equal(ask(&scene, &wishes[3], "h\xc3\xa1\xc4\x8dky.test"), -EINVAL);
	assert_int_equal(ask(&scene, &wishes[3], "a..test"), -EINVAL);
	run(&scene);
	assert_string_equal(buf_string(&wishes[0].text), "unknown cut");
	assert_int_equal(wishes[0].told_as, 1);
	assert_int_equal(wishes[3].told_as, 0);
	for (size_t i = 0; i < LEN(wishes); i++)
		buf_free(&wishes[i].text);
	close_scene(&scene);
}

// Freed with every kind of survey under way: nobody is told, nothing is left.
static void on_stop(void *arg)
{
	loop_stop(arg, 0);
}

static void test_freed_early(void **state)
{
	static struct wish wishes[4];
	struct scene scene;
	struct source *stop;

	(void)state;
	open_scene(&scene, zone, LEN(zone),
		   (struct surveyor_options){.at_once = 3, .reuse_ms = 60000});
	assert_int_equal(ask(&scene, &wishes[0], "good.test"), 0);
	assert_int_equal(ask(&scene, &wishes[1], "black.test"), 0);
	assert_int_equal(ask(&scene, &wishes[2], "tohole.test"), 0);
	assert_int_equal(ask(&scene, &wishes[3], "a.black.test"), 0);
	stop = loop_add_timer(scene.loop, 200000, on_stop, scene.loop);
	assert_int_equal(loop_run(scene.loop), 0);
	source_free(stop);
	close_scene(&scene);
	assert_in_range(wishes[0].told_as, 0, 1);
	for (size_t i = 1; i < LEN(wishes); i++)
		assert_int_equal(wishes[i].told_as, 0);
	for (size_t i = 0; i < LEN(wishes); i++)
		buf_free(&wishes[i].text);
}

static size_t n_thousands, most_used;

static void on_one_of_many(void *arg, const struct survey *survey)
{
	struct scene *scene = arg;
	const size_t used = mallinfo2().uordblks + mallinfo2().hblkhd;

	assert_int_equal(survey->mx, SURVEY_MX_LISTED);
	if (used > most_used)
		most_used = used;
	if (++n_thousands == 10000)
		loop_stop(scene->loop, 0);
}

// Ten thousand domains at once, under way and kept, in bounded memory.
static void test_ten_thousand(void **state)
{
	static const struct zone_row wild[] = {{"*.wild.test", T_MX, "10 mx.test", 0},
					       {"mx.test", T_AAAA, "2001:db8::1", 0},
					       {"", T_NS, "mx.test", 0}};
	struct scene scene;
	char domain[40];
	const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;

	(void)state;
	open_scene(&scene, wild, LEN(wild),
		   (struct surveyor_options){.deadline_ms = PATIENT, .reuse_ms = PATIENT});
	for (int i = 0; i < 10000; i++) {
		snprintf(domain, sizeof(domain), "d%d.wild.test", i);
		assert_int_equal(surveyor_ask(scene.surveyor, domain, on_one_of_many, &scene), 0);
	}
	assert_int_equal(loop_run(scene.loop), 0);
	print_message("# at most %zu MB\n", (most_used - before) >> 20);
	assert_true(most_used - before < (size_t)100 << 20);
	close_scene(&scene);
}

// ---- knocks
// --------------------------------------------------------------------------------------

static const struct zone_row inside[] = {
	{"mail.test", T_MX, "10 mx.mail.test", 0}, {"mail.test", T_MX, "20 same.mail.test", 0},
	{"mx.mail.test", T_A, "127.0.0.1", 0},     {"same.mail.test", T_A, "127.0.0.1", 0},
	{"mx.mail.test", T_AAAA, "::1", 0},        {"mx.mail.test", T_AAAA, "::ffff:127.0.0.1", 0},
	{"mx.mail.test", T_AAAA, "fe80::1", 0},    {"", T_NS, "mx.mail.test", 0},
};

static const struct {
	bool reach, v4, v4_only, is_inside;
	int n_sessions;
	const char *wanted; // hosts' addresses
} knocks[] = {
	{true, true, false, true, 1, "10 mx.mail.test A+ AAAA+ NS+ 127.0.0.1=accepts ::1=refused "},
	{true, false, true, true, 1, "127.0.0.1=accepts ::1 "},
	{true, false, false, true, 0, "127.0.0.1 ::1=refused "},
	{true, true, false, false, 0, "127.0.0.1 ::1 ::ffff:127.0.0.1 fe80::1; "},
	{false, true, false, true, 0, "127.0.0.1 ::1 ::ffff:127.0.0.1 fe80::1; "},
};

// An address that means ourselves is surveyed and left in peace; the same one twice is one knock.
static void test_knocks(void **state)
{
	static const struct temper polite = {.banner = "220 mx.test ESMTP\r\n",
					     .ehlo = "250-mx.test\r\n250 STARTTLS\r\n"};
	static struct wish wish;

	(void)state;
	for (size_t i = 0; i < LEN(knocks); i++) {
		struct server server;
		struct scene scene;

		server_start(&server, &polite);
		open_scene(&scene, inside, LEN(inside),
			   (struct surveyor_options){.reach = knocks[i].reach,
						     .reach_v4 = knocks[i].v4,
						     .reach_v4_only = knocks[i].v4_only,
						     .knock = {.helo = "probe.test",
							       .port = server.port,
							       .is_inside = knocks[i].is_inside}});
		assert_int_equal(ask(&scene, &wish, "mail.test"), 0);
		run(&scene);
		close_scene(&scene);
		server_stop(&server);
		if (strstr(buf_string(&wish.text), knocks[i].wanted) == NULL)
			fail_msg("%s\n%s", buf_string(&wish.text), knocks[i].wanted);
		if (knocks[i].n_sessions > 0)
			assert_non_null(strstr(buf_string(&wish.text),
					       "same.mail.test A+ AAAA- NS+ 127.0.0.1=accepts"));
		assert_int_equal(server.sessions, knocks[i].n_sessions);
		buf_free(&wish.text);
	}
}

// A mail server that says nothing: what is known at the deadline.
static void test_cut_knock(void **state)
{
	static const struct temper silent = {.banner = NULL};
	static struct wish wish;
	struct server server;
	struct scene scene;

	(void)state;
	server_start(&server, &silent);
	open_scene(
		&scene, inside, LEN(inside),
		(struct surveyor_options){
			.deadline_ms = 500,
			.reach = true,
			.reach_v4_only = true,
			.knock = {.helo = "probe.test", .port = server.port, .is_inside = true}});
	assert_int_equal(ask(&scene, &wish, "mail.test"), 0);
	run(&scene);
	close_scene(&scene);
	server_stop(&server);
	assert_non_null(strstr(buf_string(&wish.text), "listed of 2 cut; 10 mx.mail.test A+"));
	assert_null(strstr(buf_string(&wish.text), "="));
	buf_free(&wish.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_D1_D4_fault7_domains),
		cmocka_unit_test(test_fault7_a_hundred_stuck),
		cmocka_unit_test(test_shared_and_reused),
		cmocka_unit_test(test_incomplete_is_not_reused),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_freed_early),
		cmocka_unit_test(test_ten_thousand),
		cmocka_unit_test(test_knocks),
		cmocka_unit_test(test_cut_knock),
	};

	if (dns_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
