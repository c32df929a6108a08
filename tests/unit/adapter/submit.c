// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The client against a small server of every temper, over a real socket: threads play the server's
// sessions.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/submit.h"
#include "unit/adapter/fake_smtp.h"

#define MS 1000ULL

struct scene {
	struct loop *loop;
	struct submit *submit;
	struct addr to;
	struct smtp_message message;
	int left; // messages still to be given
	int total;
	int fates;
	struct smtp_result results[40];
	bool inside; // submit_message is running
	bool overdue;
	uint64_t pause; // before the next message
	struct source *timer;
};

static void scene_open(struct scene *scene, const char *path, size_t sessions)
{
	static const char address[] = "a@good.test";
	static const char text[] = "Subject: x\r\n\r\nhello\r\n";

	memset(scene, 0, sizeof(*scene));
	assert_null(addr_parse(address, strlen(address), &scene->to));
	scene->message = (struct smtp_message){.sender = "", .recipient = &scene->to, .text = text};
	scene->message.text_len = strlen(text);
	scene->loop = loop_new();
	scene->submit = submit_new(scene->loop, path, sessions, "me.test");
	submit_set_limits(scene->submit, (struct submit_limits){150 * MS, 5000 * MS});
}

static void scene_close(struct scene *scene)
{
	source_free(scene->timer);
	submit_free(scene->submit);
	loop_free(scene->loop);
}

static void on_fate(void *arg, const struct smtp_result *result);

static void give(void *arg)
{
	struct scene *scene = arg;

	while (scene->left > 0 && submit_has_room(scene->submit)) {
		scene->left--;
		scene->inside = true;
		submit_message(scene->submit, &scene->message, on_fate, scene);
		scene->inside = false;
	}
}

static void on_fate(void *arg, const struct smtp_result *result)
{
	struct scene *scene = arg;

	assert_false(scene->inside);
	scene->results[scene->fates++] = *result;
	if (scene->fates == scene->total && scene->pause == 0)
		loop_stop(scene->loop, 0);
	else
		source_set_timer(scene->timer, scene->pause);
}

static void on_next(void *arg)
{
	struct scene *scene = arg;

	if (scene->fates == scene->total)
		loop_stop(scene->loop, 0);
	give(scene);
}

static void on_overdue(void *arg)
{
	struct scene *scene = arg;

	scene->overdue = true;
	loop_stop(scene->loop, 0);
}

// Gives so many messages, each pause after the one before, and runs until all fates are known (and
// one pause more).
static void run(struct scene *scene, int messages, uint64_t pause)
{
	struct source *limit = loop_add_timer(scene->loop, 5000 * MS, on_overdue, scene);

	scene->left = scene->total = messages;
	scene->pause = pause;
	scene->timer = loop_add_timer(scene->loop, UINT64_MAX, on_next, scene);
	give(scene);
	assert_int_equal(scene->fates, 0);
	assert_int_equal(loop_run(scene->loop), 0);
	source_free(limit);
	assert_false(scene->overdue);
}

static void test_no_socket(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, "/nonexistent/inject", 1);
	run(&scene, 1, 0);
	assert_int_equal(scene.fates, 1);
	assert_int_equal(scene.results[0].fate, SMTP_TRY_AGAIN);
	assert_int_equal(scene.results[0].code, 0);
	assert_string_equal(scene.results[0].command, "connect");
	assert_non_null(strstr(scene.results[0].reply, "No such file"));
	assert_true(submit_has_room(scene.submit));
	scene_close(&scene);
}

// Fault 11: every stage, failing in every way, is one fate and leaves room for the next message.
static void test_fault11_every_stage(void **state)
{
	static const struct {
		const char *name;
		struct temper temper;
		enum smtp_fate fate;
		int code;
		const char *command;
		int sessions; // for two messages
	} rows[] = {
		{"fine", {NULL}, SMTP_SENT, 250, ".", 1},
		{"slow", {.slow = 20}, SMTP_SENT, 250, ".", 1},
		{"greeting: close", {.greeting = CLOSE}, SMTP_TRY_AGAIN, 0, "greeting", 2},
		{"greeting: 421",
		 {.greeting = "421 4.3.2 busy"},
		 SMTP_TRY_AGAIN,
		 421,
		 "greeting",
		 2},
		{"greeting: 554", {.greeting = "554 5.3.2 no"}, SMTP_TRY_AGAIN, 554, "greeting", 2},
		{"greeting: silence", {.greeting = SILENCE}, SMTP_TRY_AGAIN, 0, "greeting", 2},
		{"EHLO: close", {.ehlo = CLOSE}, SMTP_TRY_AGAIN, 0, "EHLO", 2},
		{"EHLO: 421", {.ehlo = "421 no"}, SMTP_TRY_AGAIN, 421, "EHLO", 2},
		{"EHLO: 502", {.ehlo = "502 5.5.1 no"}, SMTP_TRY_AGAIN, 502, "EHLO", 2},
		{"EHLO: silence", {.ehlo = SILENCE}, SMTP_TRY_AGAIN, 0, "EHLO", 2},
		{"MAIL: close", {.mail = CLOSE}, SMTP_TRY_AGAIN, 0, "MAIL", 2},
		{"MAIL: 421", {.mail = "421 4.7.0 no"}, SMTP_TRY_AGAIN, 421, "MAIL", 2},
		{"MAIL: 451", {.mail = "451 4.3.0 no"}, SMTP_TRY_AGAIN, 451, "MAIL", 1},
		{"MAIL: 550", {.mail = "550 5.7.1 no"}, SMTP_REFUSED, 550, "MAIL", 1},
		{"MAIL: silence",
		 {.mail = SILENCE, .rcpt = SILENCE, .data = SILENCE},
		 SMTP_TRY_AGAIN,
		 0,
		 "MAIL",
		 2},
		{"RCPT: close", {.rcpt = CLOSE}, SMTP_TRY_AGAIN, 0, "RCPT", 2},
		{"RCPT: 450", {.rcpt = "450 4.2.0 no"}, SMTP_TRY_AGAIN, 450, "RCPT", 1},
		{"RCPT: 550", {.rcpt = "550 5.1.1 no"}, SMTP_REFUSED, 550, "RCPT", 1},
		{"RCPT: silence", {.rcpt = SILENCE, .data = SILENCE}, SMTP_TRY_AGAIN, 0, "RCPT", 2},
		{"DATA: close", {.data = CLOSE}, SMTP_TRY_AGAIN, 0, "DATA", 2},
		{"DATA: 451", {.data = "451 4.3.0 no"}, SMTP_TRY_AGAIN, 451, "DATA", 1},
		{"DATA: 554", {.data = "554 5.5.0 no"}, SMTP_REFUSED, 554, "DATA", 1},
		{"DATA: silence", {.data = SILENCE}, SMTP_TRY_AGAIN, 0, "DATA", 2},
		{"dot: close", {.dot = CLOSE}, SMTP_TRY_AGAIN, 0, ".", 2},
		{"dot: 421", {.dot = "421 4.3.0 no"}, SMTP_TRY_AGAIN, 421, ".", 2},
		{"dot: 451", {.dot = "451 4.3.0 no"}, SMTP_TRY_AGAIN, 451, ".", 1},
		{"dot: 552", {.dot = "552 5.2.2 no"}, SMTP_REFUSED, 552, ".", 1},
		{"dot: silence", {.dot = SILENCE}, SMTP_TRY_AGAIN, 0, ".", 2},
		{"RSET: close",
		 {.mail = "550 5.7.1 no", .rset = CLOSE},
		 SMTP_REFUSED,
		 550,
		 "MAIL",
		 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server server;
		struct scene scene;

		print_message("# %s\n", rows[i].name);
		server_start(&server, &rows[i].temper, 1);
		scene_open(&scene, server.address.sun_path, 1);
		run(&scene, 2, 0);
		scene_close(&scene);
		server_stop(&server);
		assert_int_equal(scene.fates, 2);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(scene.results[j].fate, rows[i].fate);
			assert_int_equal(scene.results[j].code, rows[i].code);
			assert_string_equal(scene.results[j].command, rows[i].command);
		}
		assert_int_equal(server.sessions, rows[i].sessions);
	}
}

// Closed while idle, in the same breath as the reply or after it, with or without a word: not the
// next message's failure.
static void test_closed_while_idle(void **state)
{
	static const struct {
		const char *parting;
		uint64_t pause;
	} rows[] = {{NULL, 0},
		    {NULL, 20 * MS},
		    {"421 4.4.2 timeout", 0},
		    {"421 4.4.2 timeout", 20 * MS}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct temper temper = {.messages = 1, .parting = rows[i].parting};
		struct server server;
		struct scene scene;

		server_start(&server, &temper, 1);
		scene_open(&scene, server.address.sun_path, 1);
		run(&scene, 10, rows[i].pause);
		scene_close(&scene);
		server_stop(&server);
		for (int j = 0; j < 10; j++)
			assert_int_equal(scene.results[j].fate, SMTP_SENT);
		assert_int_equal(server.sessions, 10);
		assert_int_equal(server.messages, 10);
	}
}

// A used session that closes when it hears MAIL: over again on a new one, but only once.
static void test_stale_session_starts_over_once(void **state)
{
	static const struct temper tempers[][2] = {{{.mails = 1}, {.mails = 1}},
						   {{.mails = 1}, {.mail = CLOSE}}};
	static const enum smtp_fate fates[] = {SMTP_SENT, SMTP_TRY_AGAIN};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct server server;
		struct scene scene;

		server_start(&server, tempers[i], 2);
		scene_open(&scene, server.address.sun_path, 1);
		run(&scene, 2, 0);
		scene_close(&scene);
		server_stop(&server);
		assert_int_equal(scene.results[0].fate, SMTP_SENT);
		assert_int_equal(scene.results[1].fate, fates[i]);
		assert_int_equal(server.sessions, 2);
	}
}

// Silence is no good-bye: waiting twice would only be slower.
static void test_silent_used_session_is_a_failure(void **state)
{
	static const struct temper temper = {.silent_after = 1};
	struct server server;
	struct scene scene;

	(void)state;
	server_start(&server, &temper, 1);
	scene_open(&scene, server.address.sun_path, 1);
	run(&scene, 2, 0);
	scene_close(&scene);
	server_stop(&server);
	assert_int_equal(scene.results[0].fate, SMTP_SENT);
	assert_int_equal(scene.results[1].fate, SMTP_TRY_AGAIN);
	assert_string_equal(scene.results[1].reply, "the server is silent");
	assert_int_equal(server.sessions, 1);
}

static void test_sessions_are_shared_and_bounded(void **state)
{
	static const struct temper temper = {.slow = 2};
	struct server server;
	struct scene scene;

	(void)state;
	server_start(&server, &temper, 1);
	scene_open(&scene, server.address.sun_path, 3);
	assert_true(submit_has_room(scene.submit));
	run(&scene, 40, 1 * MS);
	scene_close(&scene);
	server_stop(&server);
	assert_int_equal(scene.fates, 40);
	for (int i = 0; i < 40; i++)
		assert_int_equal(scene.results[i].fate, SMTP_SENT);
	assert_string_equal(scene.results[0].queue_id, "ABC");
	assert_int_equal(server.messages, 40);
	assert_int_equal(server.sessions, 3);
	assert_int_equal(server.most_open, 3);
}

static void test_idle_session_says_quit(void **state)
{
	static const struct temper temper = {NULL};
	struct server server;
	struct scene scene;

	(void)state;
	server_start(&server, &temper, 1);
	scene_open(&scene, server.address.sun_path, 1);
	submit_set_limits(scene.submit, (struct submit_limits){150 * MS, 20 * MS});
	run(&scene, 2, 100 * MS);
	scene_close(&scene);
	server_stop(&server);
	assert_int_equal(scene.results[1].fate, SMTP_SENT);
	assert_int_equal(server.quits, 2);
	assert_int_equal(server.sessions, 2);
}

static void test_free_calls_nobody_back(void **state)
{
	static const struct temper temper = {.slow = 50};
	struct server server;
	struct scene scene;

	(void)state;
	server_start(&server, &temper, 1);
	scene_open(&scene, server.address.sun_path, 2);
	scene.left = 2;
	scene.timer = loop_add_timer(scene.loop, 20 * MS, on_overdue, &scene);
	give(&scene);
	assert_false(submit_has_room(scene.submit));
	assert_int_equal(loop_run(scene.loop), 0);
	scene_close(&scene); // in the middle of it
	server_stop(&server);
	assert_int_equal(scene.fates, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_socket),
		cmocka_unit_test(test_fault11_every_stage),
		cmocka_unit_test(test_closed_while_idle),
		cmocka_unit_test(test_stale_session_starts_over_once),
		cmocka_unit_test(test_silent_used_session_is_a_failure),
		cmocka_unit_test(test_sessions_are_shared_and_bounded),
		cmocka_unit_test(test_idle_session_says_quit),
		cmocka_unit_test(test_free_calls_nobody_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
