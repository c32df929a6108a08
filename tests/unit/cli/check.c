// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// check: its options, and residents that answer anything, or hang up (RELIABILITY fault 35: what is
// wrong is said with its mend).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <utime.h>

#include "unit/cli/told.h"

static pid_t servers[3];
static size_t n_servers;

// Someone who answers each connection with these octets, so many times over, and closes it.
static void serve(const char *name, int type, const void *octets, size_t len, int times)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	assert_true(text_copy(address.sun_path, sizeof(address.sun_path), folder_file(name)));
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 5), 0);
	servers[n_servers] = fork();
	assert_true(servers[n_servers] >= 0);
	if (servers[n_servers++] != 0) {
		close(fd);
		return;
	}
	for (;;) {
		int client = accept(fd, NULL, NULL);
		char question[4096];

		if (type != SOCK_SEQPACKET && read(client, question, sizeof(question)) < 0)
			_exit(1);
		for (int i = 0; i < times; i++)
			if (send(client, octets, len, MSG_NOSIGNAL) < 0)
				break;
		shutdown(client, SHUT_WR);
		while (read(client, question, sizeof(question)) > 0) {
		}
		close(client);
	}
}

static void end_servers(void)
{
	while (n_servers > 0) {
		kill(servers[--n_servers], SIGKILL);
		waitpid(servers[n_servers], NULL, 0);
	}
}

static int drop(void **state)
{
	end_servers();
	return told_remove(state);
}

// The one line's level and text, mend, in a static buffer.
static const char *line(const char *check)
{
	static char text[4000];
	json_t *object, *one;

	tell(verb_check, "--json", "--only", check, NULL);
	object = json_loadb(told_out, told_len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	one = json_array_get(json_object_get(object, "checks"), 0);
	snprintf(text, sizeof(text), "%s: %s [%s]", json_string_value(told_member(one, "level")),
		 json_string_value(told_member(one, "text")),
		 json_array_size(told_member(one, "mend")) == 0
			 ? ""
			 : json_string_value(json_array_get(told_member(one, "mend"), 0)));
	json_decref(object);
	return text;
}

static void test_usage(void **state)
{
	static const struct {
		const char *words[3];
		int status;
	} cases[] = {
		{{"--only", "nosuch"}, EX_USAGE},
		{{"--only", "dns,nosuch"}, EX_USAGE},
		{{"--only", "disk,,clock"}, EX_USAGE},
		{{"--only", ""}, EX_USAGE},
		{{"--only", "dis"}, EX_USAGE},
		{{"--only", "disks"}, EX_USAGE},
		{{"--skip", "nosuch"}, EX_USAGE},
		{{"--spool-age", "soon"}, EX_USAGE},
		{{"--self-wait", "-1"}, EX_USAGE},
		{{"--self-test=\x1b[2J"}, EX_USAGE},
		{{"--nonsense"}, EX_USAGE},
		{{"one", "two"}, EX_USAGE},
		{{"nosuch"}, EX_USAGE},
		{{"--help"}, EX_OK},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		tell(verb_check, cases[i].words[0], cases[i].words[1], NULL);
		assert_int_equal(told_status, cases[i].status);
		assert_int_equal(told_len == 0, cases[i].status != EX_OK);
	}
	tell(verb_check, "--only", "spool,database", "one", NULL);
	assert_int_equal(told_status, 0);
	assert_int_equal(told_lines(), 3);
	assert_non_null(strstr(told_out, "\n2 ok, 0 warnings, 0 failures\n"));
	unlink(folder_file("conf"));
	assert_string_equal(tell(verb_check, NULL), "");
	assert_int_equal(told_status, EX_CONFIG);
}

static void test_away(void **state)
{
	(void)state;
	tell(verb_check, "--only", "policy,milter,intake", NULL);
	assert_int_equal(told_status, 2);
	assert_int_equal(told_lines(), 3 * 2 + 1);
	assert_non_null(strstr(told_out, "mend: systemctl start postsixd; journalctl"));
	assert_non_null(strstr(told_out, "mend: systemctl start postsix-milter; "));
	assert_non_null(strstr(told_out, "mend: systemctl start postsix-intake; "));
}

static void test_policy(void **state)
{
	static const struct {
		const char *answer;
		int times;
		const char *want;
	} cases[] = {
		{"action=550 5.1.1 no\n\n", 1, "ok: it answers on "},
		{"action=DUNNO\n\n", 1,
		 "fail: it does not refuse an unknown address: action=DUNNO"},
		{"action=\x1b[2J\xff\n\n", 1,
		 "fail: it does not refuse an unknown address: action=\\x1b[2J\\xff"},
		{"action=550 5.1.1 no\n", 1, "policy: it closed the connection [systemctl start"},
		{"", 0, "policy: it closed the connection [systemctl start"},
		{"xxxxxxxxxxxxxxxx", 100000, "fail: "}, // without end
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		serve("policy", SOCK_STREAM, cases[i].answer, strlen(cases[i].answer),
		      cases[i].times);
		assert_non_null(strstr(line("policy"), cases[i].want));
		assert_int_equal(told_status, i == 0 ? 0 : 2);
		end_servers();
	}
}

static void test_milter(void **state)
{
	static const struct {
		const char *answer;
		const char *want;
	} cases[] = {
		{"\0\0\0\x0dOxxxxxxxxxxxx", "ok: it answers on "},
		{"\0\0\0\x0dXxxxxxxxxxxxx", "milter: Protocol error [systemctl start"},
		{"\0\0\0\x0dOxxxxxxxxxxx", "milter: it closed the connection [systemctl start"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		serve("milter", SOCK_STREAM, cases[i].answer, i == 2 ? 16 : 17, 1);
		assert_non_null(strstr(line("milter"), cases[i].want));
		assert_int_equal(told_status, i == 0 ? 0 : 2);
		end_servers();
	}
}

static void test_intake(void **state)
{
	(void)state;
	serve("intake", SOCK_SEQPACKET, "", 0, 0);
	assert_non_null(strstr(line("intake"), "ok: it answers on "));
}

static void test_spool(void **state)
{
	struct utimbuf fresh = {NOW - 7, NOW - 7}, old = {NOW - 700, NOW - 700};

	(void)state;
	assert_string_equal(line("spool"), "ok: 0 entries []");
	folder_write("spool/new/.half", "", 0);
	folder_write("spool/new/a\x1b[2J", "", 0);
	assert_int_equal(utime(folder_file("spool/new/a\x1b[2J"), &fresh), 0);
	assert_string_equal(line("spool"), "ok: 1 entry []");
	assert_int_equal(utime(folder_file("spool/new/a\x1b[2J"), &old), 0);
	assert_non_null(strstr(line("spool"), "fail: 1 entry, the oldest of 700 s [postsixd does"));
	tell(verb_check, "--only", "spool", "--spool-age", "1h", NULL);
	assert_int_equal(told_status, 0);
	folder_write("spool/quarantine/x", "", 0);
	tell(verb_check, "--only", "spool", "--spool-age", "1h", NULL);
	assert_int_equal(told_status, 1);
	assert_non_null(strstr(told_out, "WARN  spool       "));
	assert_non_null(strstr(told_out, "/quarantine: 1 message that could not be read\n"));
	assert_non_null(strstr(told_out, "\n1 ok, 1 warning, 0 failures\n"));
	folder_write("spool/quarantine/y", "", 0);
	tell(verb_check, "--only", "spool", NULL);
	assert_non_null(strstr(told_out, "/quarantine: 2 messages that could not be read\n"));
	assert_non_null(strstr(told_out, "\n0 ok, 1 warning, 1 failure\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, told_make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_usage),  TEST(test_away),   TEST(test_policy),
		TEST(test_milter), TEST(test_intake), TEST(test_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
