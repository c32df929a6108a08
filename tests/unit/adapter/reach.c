// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Knocks at a hostile server on a loopback port of its own: one thread plays one session of a row.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

#include "adapter/reach.h"
#include "unit/adapter/fake_greeter.h"

#define SHORT   700   // ms: where a timeout is wanted
#define PATIENT 60000 // where none is
#define EHLO_OK "250-mx.test\r\n250-PIPELINING\r\n250 STARTTLS\r\n"

static size_t count_fds(void)
{
	size_t n = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

struct scene {
	struct loop *loop;
	struct reach *reach;
	struct survey_address address;
	int ends;
	bool inside; // reach_start is running
	struct source *look;
	enum survey_step until;
};

// Frees the knock from inside its own callback.
static void on_end(void *arg)
{
	struct scene *scene = arg;

	assert_false(scene->inside);
	scene->ends++;
	scene->reach = reach_free(scene->reach);
	loop_stop(scene->loop, 0);
}

static void knock(struct scene *scene, const char *text, const struct reach_options *options)
{
	memset(scene, 0, sizeof(*scene));
	scene->loop = loop_new();
	snprintf(scene->address.text, sizeof(scene->address.text), "%s", text);
	scene->inside = true;
	scene->reach = reach_start(scene->loop, options, &scene->address, on_end, scene);
	scene->inside = false;
	assert_int_equal(loop_run(scene->loop), 0);
	assert_int_equal(scene->ends, 1);
	scene->loop = loop_free(scene->loop);
}

static struct reach_options options_for(uint16_t port, uint32_t ms)
{
	return (struct reach_options){.helo = "me.test",
				      .connect_ms = ms,
				      .reply_ms = ms,
				      .quit_ms = PATIENT,
				      .port = port,
				      .is_inside = true};
}

#define TEN(x)    x x x x x x x x x x
#define LINE_1000 TEN(TEN("aaaaaaaaaa"))
#define CUT       TEN("aaaaaaaaaa") "aaaaaaaaaaaaaaaaaaaa"

static const struct row {
	const char *name;
	struct temper temper;
	enum survey_reach reach;
	enum survey_step step;
	int code;
	const char *banner;
	const char *heard; // NULL: whatever it is
	enum survey_answer starttls;
} rows[] = {
// clang-format off
#define AT(reach, step) SURVEY_REACH_##reach, SURVEY_STEP_##step
#define ACCEPTS AT(ACCEPTS, EHLO)
#define E "EHLO me.test\r\n"
#define Q "QUIT\r\n"
	{"fine", {.banner = "220 mx ESMTP\r\n", EHLO_OK}, ACCEPTS, 250, "mx.test", E Q, SURVEY_YES},
	{"no STARTTLS", {.banner = "220 mx\r\n", "250-STARTTLS\r\n250-XSTARTTLS\r\n250-STARTTLSX\r\n250 SIZE\r\n"},
	 ACCEPTS, 250, "STARTTLS", E Q, SURVEY_NO},
	{"STARTTLS in the middle, in lower case", {.banner = "220 mx\r\n", "250-mx\r\n250-starttls \r\n250 SIZE\r\n"},
	 ACCEPTS, 250, "mx", E Q, SURVEY_YES},
	{"banner of lines, without CR", {.banner = "220-a\n220-b\n220 c\n", "250 mx\n"}, ACCEPTS, 250, "mx", E Q, SURVEY_NO},
	{"STARTTLS in the banner", {.banner = "220-a\n220-STARTTLS\n220 c\n", "250 mx\n"}, ACCEPTS, 250, "mx", E Q, SURVEY_NO},
	{"bare codes", {.banner = "220\r\n", "250\r\n"}, ACCEPTS, 250, "", E Q, SURVEY_NO},
	{"half lines", {.banner = "220-m\r\n220 x\r\n", EHLO_OK, .pause = 2}, ACCEPTS, 250, "mx.test", NULL, SURVEY_YES},
	{"64 lines", {.banner = "220 mx\r\n", TEN("250-a\r\n250-b\r\n250-c\r\n250-d\r\n250-e\r\n250-f\r\n")
	 "250-g\r\n250-h\r\n250-i\r\n250 STARTTLS\r\n"}, ACCEPTS, 250, "a", E Q, SURVEY_YES},
	{"65 lines", {.banner = "220 mx\r\n", TEN("250-a\r\n250-b\r\n250-c\r\n250-d\r\n250-e\r\n250-f\r\n")
	 "250-g\r\n250-h\r\n250-i\r\n250-j\r\n250 STARTTLS\r\n"}, AT(PROTOCOL, EHLO), 250, "a", E, 0},
	{"10,000 lines", {.banner = "220 mx\r\n", "250-another line\r\n", .times = 10000},
	 AT(PROTOCOL, EHLO), 250, "another line", E, 0},
	{"more than 8 kB in few lines", {.banner = "220-" TEN(LINE_1000 "\r\n220-") "\r\n", NULL},
	 AT(PROTOCOL, BANNER), 220, CUT "aaaa...", "", 0},
	{"a line without end", {.banner = "220 " LINE_1000 LINE_1000 LINE_1000, NULL},
	 AT(PROTOCOL, BANNER), 0, "220 " CUT "...", "", 0},
	{"bannerless", {.banner = NULL, NULL}, AT(TIMEOUT, BANNER), 0, "", "", 0},
	{"half a banner", {.banner = "220-mx\r\n220", NULL}, AT(TIMEOUT, BANNER), 220, "mx", "", 0},
	{"a banner that drips", {.banner = "220 " LINE_1000, NULL, .pause = 20}, AT(TIMEOUT, BANNER), 0, "", NULL, 0},
	{"lines that drip", {.banner = "220-a\r\n" TEN("220-b\r\n220-c\r\n220-d\r\n220-e\r\n220-f\r\n"), NULL, .pause = 2},
	 AT(TIMEOUT, BANNER), 220, "a", NULL, 0},
	{"no answer to EHLO", {.banner = "220 mx\r\n", NULL}, AT(TIMEOUT, EHLO), 220, "mx", E, 0},
	{"421 banner", {.banner = "421 4.3.2 busy\r\n", NULL}, AT(BUSY, BANNER), 421, "4.3.2 busy", Q, 0},
	{"554 banner", {.banner = "554-go away\r\n554 5.7.1 no\r\n", NULL}, AT(REJECTED, BANNER), 554, "go away", Q, 0},
	{"451 to EHLO", {.banner = "220 mx\r\n", "451 later\r\n"}, AT(BUSY, EHLO), 451, "later", E Q, 0},
	{"502 to EHLO", {.banner = "220 mx\r\n", "502 what?\r\n"}, AT(REJECTED, EHLO), 502, "what?", E Q, 0},
	{"250 banner", {.banner = "250 mx\r\n", NULL}, AT(PROTOCOL, BANNER), 250, "mx", "", 0},
	{"354 to EHLO", {.banner = "220 mx\r\n", "354 go\r\n"}, AT(PROTOCOL, EHLO), 354, "go", E, 0},
	{"codes that differ", {.banner = "220-a\r\n250 b\r\n", NULL}, AT(PROTOCOL, BANNER), 220, "a", "", 0},
	{"SSH", {.banner = "SSH-2.0-OpenSSH_9.2\r\n", NULL}, AT(PROTOCOL, BANNER), 0, "SSH-2.0-OpenSSH_9.2", "", 0},
	{"garbage with NUL, ESC and 8-bit octets", {.banner = "\0\x1b[31m\xff\xe2\x80\xae\r\n", NULL, 12},
	 AT(PROTOCOL, BANNER), 0, "\\x00\\x1b[31m\\xff\\xe2\\x80\\xae", "", 0},
	{"the same after a code", {.banner = "554 a\0b\x1b[31m\xff\r\n", NULL, 15}, AT(REJECTED, BANNER), 554, "a?b?[31m?", Q, 0},
	{"an empty line", {.banner = "\r\n", NULL}, AT(PROTOCOL, BANNER), 0, "", "", 0},
	{"closes at once", {.banner = CLOSE, NULL}, AT(CLOSED, BANNER), 0, "", "", 0},
	{"resets at once", {.banner = CLOSE, NULL, .is_reset = true}, AT(CLOSED, BANNER), 0, "", "", 0},
	{"closes after EHLO", {.banner = "220 mx\r\n", CLOSE}, AT(CLOSED, EHLO), 220, "mx", E, 0},
	{"resets after EHLO", {.banner = "220 mx\r\n", CLOSE, .is_reset = true}, AT(CLOSED, EHLO), 220, "mx", E, 0},
	// clang-format on
};

static void check_times(const struct survey_address *address, enum survey_step last, int least)
{
	assert_int_equal(address->step_ms[SURVEY_STEP_NONE], -1);
	for (int step = SURVEY_STEP_CONNECT; step < SURVEY_STEPS; step++) {
		if ((int)last < step)
			assert_int_equal(address->step_ms[step], -1);
		else
			assert_in_range(address->step_ms[step], 0, PATIENT);
	}
	assert_true(address->step_ms[last] >= least);
}

// Every step ends in every way as what it is, in its time, without a descriptor left.
static void test_every_temper(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		bool is_slow = row->reach == SURVEY_REACH_TIMEOUT;
		size_t fds = count_fds();
		struct server server;
		struct scene scene;
		struct reach_options options;

		print_message("# %s\n", row->name);
		server_start(&server, &row->temper);
		options = options_for(server.port, is_slow ? SHORT : PATIENT);
		knock(&scene, "127.0.0.1", &options);
		server_stop(&server);
		assert_int_equal(scene.address.reach, row->reach);
		assert_int_equal(scene.address.step, row->step);
		assert_int_equal(scene.address.code, row->code);
		assert_string_equal(scene.address.banner, row->banner);
		assert_int_equal(scene.address.starttls, row->starttls);
		check_times(&scene.address, row->step, is_slow ? SHORT - 1 : 0);
		if (row->heard != NULL)
			assert_string_equal(server.heard, row->heard);
		assert_null(strstr(server.heard, "MAIL"));
		assert_int_equal(count_fds(), fds);
	}
}

// A server that does not answer QUIT, and one whose answer nobody waits for.
static void test_quit_changes_nothing(void **state)
{
	static const struct temper temper = {.banner = "220 mx\r\n", EHLO_OK, .pause = 1};
	struct server server;
	struct scene scene;
	struct reach_options options;

	(void)state;
	server_start(&server, &temper);
	options = options_for(server.port, PATIENT);
	options.quit_ms = 1;
	knock(&scene, "127.0.0.1", &options);
	server_stop(&server);
	assert_int_equal(scene.address.reach, SURVEY_REACH_ACCEPTS);
}

static void test_refused(void **state)
{
	size_t fds = count_fds();
	struct scene scene;
	struct reach_options options = options_for(0, PATIENT);

	(void)state;
	close(listen_on(1, &options.port));
	knock(&scene, "127.0.0.1", &options);
	assert_int_equal(scene.address.reach, SURVEY_REACH_REFUSED);
	assert_int_equal(scene.address.step, SURVEY_STEP_CONNECT);
	check_times(&scene.address, SURVEY_STEP_CONNECT, 0);
	knock(&scene, "::1", &options);
	assert_true(scene.address.reach == SURVEY_REACH_REFUSED ||
		    scene.address.reach == SURVEY_REACH_UNKNOWN); // a host without IPv6
	assert_int_equal(count_fds(), fds);
}

// Nobody accepts, and the backlog is full: the SYN is not answered.
static void test_connect_timeout(void **state)
{
	struct scene scene;
	struct reach_options options = options_for(0, SHORT);
	int listener = listen_on(0, &options.port);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int others[4];

	(void)state;
	address.sin_port = htons(options.port);
	for (int i = 0; i < 4; i++) {
		others[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(others[i], (struct sockaddr *)&address, sizeof(address));
	}
	knock(&scene, "127.0.0.1", &options);
	assert_int_equal(scene.address.reach, SURVEY_REACH_TIMEOUT);
	assert_int_equal(scene.address.step, SURVEY_STEP_CONNECT);
	check_times(&scene.address, SURVEY_STEP_CONNECT, SHORT - 1);
	for (int i = 0; i < 4; i++)
		close(others[i]);
	close(listener);
}

// What fails on our side is nobody's fault but ours: UNKNOWN.
static void test_own_faults(void **state)
{
	static const struct {
		const char *name, *to, *source_v4;
	} cases[] = {
		{"a source that is not ours", "127.0.0.1", "192.0.2.77"},
		{"a source of the other family", "127.0.0.1", "::1"},
		{"a source that is none", "127.0.0.1", "here"},
		{"no address", "mx.test", ""},
		{"an empty one", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t fds = count_fds();
		struct scene scene;
		struct reach_options options = options_for(9, PATIENT);

		print_message("# %s\n", cases[i].name);
		options.source_v4 = cases[i].source_v4;
		knock(&scene, cases[i].to, &options);
		assert_int_equal(scene.address.reach, SURVEY_REACH_UNKNOWN);
		assert_int_equal(scene.address.step, SURVEY_STEP_CONNECT);
		assert_int_equal(scene.address.step_ms[SURVEY_STEP_CONNECT], -1);
		assert_int_equal(count_fds(), fds);
	}
}

static void test_source_is_used(void **state)
{
	static const struct temper temper = {.banner = "220 mx\r\n", EHLO_OK};
	struct server server;
	struct scene scene;
	struct reach_options options;

	(void)state;
	server_start(&server, &temper);
	options = options_for(server.port, PATIENT);
	options.source_v4 = "127.0.0.2";
	knock(&scene, "127.0.0.1", &options);
	server_stop(&server);
	assert_int_equal(scene.address.reach, SURVEY_REACH_ACCEPTS);
}

// What a stranger's DNS says never makes us talk to ourselves or our neighbours.
static void test_inside(void **state)
{
	static const struct temper temper = {.banner = "220 mx\r\n", EHLO_OK};
	static const char *const addresses[] = {
		"127.0.0.1",
		"127.255.0.1",
		"0.0.0.0",
		"10.1.2.3",
		"172.31.0.1",
		"192.168.0.1",
		"169.254.169.254",
		"100.64.0.1",
		"224.0.0.1",
		"255.255.255.255",
		"::1",
		"::",
		"fd00::1",
		"::ffff:127.0.0.1",
		"fe80::1",
		"ff02::1",
	};
	struct server server;

	(void)state;
	server_start(&server, &temper);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		struct scene scene;
		struct reach_options options = options_for(server.port, PATIENT);

		print_message("# %s\n", addresses[i]);
		options.is_inside = false;
		knock(&scene, addresses[i], &options);
		assert_int_equal(scene.address.reach, SURVEY_REACH_UNREACHABLE);
		assert_int_equal(scene.address.step_ms[SURVEY_STEP_CONNECT], -1);
	}
	// not even where it is allowed is a mapped address a way to IPv4
	struct scene scene;
	struct reach_options options = options_for(server.port, PATIENT);

	knock(&scene, "::ffff:127.0.0.1", &options);
	assert_int_not_equal(scene.address.reach, SURVEY_REACH_ACCEPTS);
	server_stop(&server);
	assert_int_equal(server.sessions, 0);
}

// Once the step is reached that is to be interrupted.
static void on_look(void *arg)
{
	struct scene *scene = arg;

	source_set_timer(scene->look, 1000);
	if (scene->address.step != scene->until)
		return;
	scene->reach = reach_free(scene->reach);
	loop_stop(scene->loop, 0);
}

// Cancelled in each step: no callback, no descriptor, and what was found stands.
static void test_cancel(void **state)
{
	static const struct {
		struct temper temper;
		enum survey_step step;
		enum survey_reach reach;
	} cases[] = {
		{{.banner = NULL}, SURVEY_STEP_BANNER, SURVEY_REACH_UNKNOWN},
		{{.banner = "220 mx\r\n"}, SURVEY_STEP_EHLO, SURVEY_REACH_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t fds = count_fds();
		struct server server;
		struct scene scene = {.address.text = "127.0.0.1"};
		struct reach_options options;

		server_start(&server, &cases[i].temper);
		options = options_for(server.port, PATIENT);
		scene.loop = loop_new();
		scene.reach = reach_start(scene.loop, &options, &scene.address, on_end, &scene);
		scene.until = cases[i].step;
		scene.look = loop_add_timer(scene.loop, 0, on_look, &scene);
		assert_int_equal(loop_run(scene.loop), 0);
		source_free(scene.look);
		loop_free(scene.loop);
		server_stop(&server);
		assert_int_equal(scene.ends, 0);
		assert_int_equal(scene.address.step, cases[i].step);
		assert_int_equal(scene.address.reach, cases[i].reach);
		assert_int_equal(count_fds(), fds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_temper), cmocka_unit_test(test_quit_changes_nothing),
		cmocka_unit_test(test_refused),      cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_own_faults),   cmocka_unit_test(test_source_is_used),
		cmocka_unit_test(test_inside),       cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
