// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// surveyor: many surveys at once, shared, reused, cut short, and knocks at a mail server on
// loopback (RELIABILITY fault 7: 100 that are stuck do not delay the next).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>

#include "unit/adapter/survey_scene.h"
#include "unit/adapter/fake_greeter.h"

static const struct zone_row zone[] = {
	{"", T_NS, "ns.root.test", 0},
	{"ns.root.test", T_AAAA, "2001:db8::53", 0},
	{"good.test", T_MX, "20 mx2.good.test", 0},
	{"good.test", T_MX, "10 mx1.good.test", 0},
	{"mx1.good.test", T_A, "192.0.2.1", 0},
	{"mx1.good.test", T_AAAA, "2001:db8::1", 0},
	{"mx2.good.test", T_A, "192.0.2.2", 0},
	{"tohole.test", T_MX, "10 mx.black.test", 0},
	{"black.test", T_TEMPER, "black", 0},
};

static const char good[] = "listed of 2; 10 mx1.good.test A+ AAAA+ NS+ 192.0.2.1 2001:db8::1; "
			   "20 mx2.good.test A+ AAAA- NS+ 192.0.2.2";

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
	assert_string_equal(buf_string(&last.text), good);
	assert_true(last.took_ms < stuck[0].took_ms);
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
