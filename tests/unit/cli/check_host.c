// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// check: the clock, room on the disk, and the queues, in states that no test can bring a machine
// into; what the kernel and postqueue(1) say is the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "cli/check.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      INT64_C(1800000000)

static int64_t now = NOW;
static struct timex kernel;
static int kernel_state; // negative: errno
static struct statvfs room;
static int room_error;

// In place of the C library's.
time_t time(time_t *ret_now)
{
	if (ret_now != NULL)
		*ret_now = (time_t)now;
	return (time_t)now;
}

int adjtimex(struct timex *ret_clock)
{
	assert_int_equal(ret_clock->modes, 0); // it is only asked
	*ret_clock = kernel;
	errno = kernel_state < 0 ? -kernel_state : 0;
	return kernel_state < 0 ? -1 : kernel_state;
}

int statvfs(const char *path, struct statvfs *ret_room)
{
	(void)path;
	*ret_room = room;
	errno = room_error;
	return room_error == 0 ? 0 : -1;
}

static struct config config = {
	.message_size_limit = 10 << 20,
	.state_directory = "/state",
	.spool_directory = "/spool",
	.v6 = {.queue_directory = "/v6", .config_directory = "/etc/v6"},
	.dual = {.queue_directory = "/dual", .config_directory = "/etc/dual"}};

static struct check begin(const char *name)
{
	return (struct check){
		.config = &config, .current = name, .unit_prefix = "postfix@postfix-"};
}

static void test_clock(void **state)
{
	static const struct {
		int state, status;
		long error; // µs
		enum check_level level;
		const char *says, *mend;
	} cases[] = {
		{TIME_OK, 0, 1500, CHECK_OK, "it is synchronised, within 1 ms", NULL},
		{TIME_OK, STA_NANO | STA_PLL, 1000000, CHECK_OK, "within 1000 ms", NULL},
		{TIME_INS, STA_INS, 500, CHECK_OK, "it is synchronised", NULL}, // a leap second
		{TIME_ERROR, STA_UNSYNC, 16000000, CHECK_WARN, "not synchronised", "set-ntp true"},
		{TIME_OK, STA_UNSYNC, 0, CHECK_WARN, "not synchronised", "set-ntp true"},
		{TIME_ERROR, STA_CLOCKERR, 0, CHECK_WARN, "not synchronised", "set-ntp true"},
		{TIME_OK, 0, 1000001, CHECK_WARN, "it may be off by 1000 ms", "chronyc tracking"},
		{TIME_OK, 0, 16000000, CHECK_WARN, "it may be off by 16000 ms", "timesync-status"},
		{-EPERM, 0, 0, CHECK_WARN, "the kernel does not say: Operation not permitted",
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct check check = begin("clock");

		kernel_state = cases[i].state;
		kernel = (struct timex){.status = cases[i].status, .maxerror = cases[i].error};
		check_clock(&check);
		assert_int_equal(check.n_lines, 1);
		assert_int_equal(check.lines[0].level, cases[i].level);
		assert_non_null(strstr(check.lines[0].text, cases[i].says));
		assert_int_equal(check.lines[0].n_mend, cases[i].mend != NULL);
		if (cases[i].mend != NULL)
			assert_non_null(strstr(check.lines[0].mend[0], cases[i].mend));
		check_free_lines(&check);
	}
}

#define GB UINT64_C(262144) // blocks of 4096 octets

static void test_disk(void **state)
{
	static const struct {
		uint64_t blocks, left, files, files_left;
		enum check_level level;
		const char *says;
	} cases[] = {
		{100 * GB, 50 * GB, 1000, 500, CHECK_OK, "51200 MB are free, 50 %, and 50 % of"},
		{100 * GB, 9 * GB, 1000, 500, CHECK_OK, "9216 MB are free, 9 %"}, // plenty
		{100 * GB, 4 * GB, 1000, 500, CHECK_WARN, "4096 MB are free, 4 %"},
		{100 * GB, GB, 1000, 500, CHECK_WARN, "1024 MB are free, 1 %"},
		{100 * GB, GB - 1, 1000, 500, CHECK_FAIL, "1023 MB are free, 0 %"},
		{GB / 4, GB / 8, 1000, 500, CHECK_OK, "128 MB are free, 50 %"},
		{GB / 4, GB / 16, 1000, 500, CHECK_FAIL, "64 MB are free, 25 %"}, // six messages
		{0, 0, 0, 0, CHECK_FAIL, "0 MB are free, 100 %"},
		{100 * GB, 50 * GB, 0, 0, CHECK_OK, "100 % of the files"}, // btrfs has no number
		{100 * GB, 50 * GB, 1000, 99, CHECK_WARN, "9 % of the files"},
		{100 * GB, 50 * GB, 1000, 19, CHECK_FAIL, "1 % of the files"},
		{UINT64_MAX / 4096, UINT64_MAX / 8192, 1, 1, CHECK_OK, " MB are free"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct check check = begin("disk");

		room = (struct statvfs){.f_frsize = 4096,
					.f_blocks = cases[i].blocks,
					.f_bavail = cases[i].left,
					.f_files = cases[i].files,
					.f_favail = cases[i].files_left};
		check_disk(&check);
		assert_int_equal(check.n_lines, 4);
		assert_int_equal(check.lines[0].level, cases[i].level);
		assert_non_null(strstr(check.lines[0].text, cases[i].says));
		assert_int_equal(check.lines[0].n_mend, cases[i].level != CHECK_OK);
		check_free_lines(&check);
	}
	{
		struct check check = begin("disk");

		room_error = ENOENT;
		check_disk(&check);
		room_error = 0;
		assert_int_equal(check_count(&check, CHECK_FAIL), 4);
		assert_string_equal(check.lines[0].text, "No such file or directory");
		check_free_lines(&check);
	}
}

#define ROW(queue, id, at)                                                                         \
	"{\"queue_name\": \"" queue "\", \"queue_id\": \"" id "\", \"arrival_time\": " #at ", "    \
	"\"message_size\": 1, \"sender\": \"}\\\"queue_name\\\": \\\"hold\\\"\", \"recipients\": " \
	"[]}"

// postqueue(1), as it answers here.
static void play_postqueue(const char *answer, const char *errors, int status)
{
	char text[4000];
	int len = snprintf(text, sizeof(text),
			   "#!/bin/sh\ncat <<'E'\n%s\nE\necho '%s' >&2\nexit %d\n", answer, errors,
			   status);

	folder_write("postqueue", text, (size_t)len);
	chmod(folder_file("postqueue"), 0755);
}

static void test_queue(void **state)
{
	static const struct {
		const char *answer, *errors;
		int status;
		enum check_level level;
		const char *says, *mend;
	} cases[] = {
		{"", "", 0, CHECK_OK, "0 messages, the oldest of 0 s", NULL},
		{ROW("deferred", "4Q1", 1799999990), "", 0, CHECK_OK,
		 "1 message, the oldest of 10 s (4Q1)", NULL},
		// of this second, and from before the clock was set back
		{ROW("active", "4Q1", 1800000000), "", 0, CHECK_OK,
		 "1 message, the oldest of 0 s (4Q1)", NULL},
		{ROW("active", "4Q1", 1800009999), "", 0, CHECK_OK,
		 "1 message, the oldest of 0 s (4Q1)", NULL},
		{ROW("active", "4Q2", 1799999990) "\n" ROW("deferred", "4Q1", 1799990000), "", 0,
		 CHECK_FAIL, "2 messages, the oldest of 10000 s (4Q1)", "given up after 100 s"},
		{ROW("hold", "4Q1", 1799999990), "", 0, CHECK_WARN, "1 message,", "1 are on hold"},
		{"nonsense\n{\n" ROW("UPPER", "4Q1", 1), "", 0, CHECK_OK, "0 messages", NULL},
		{"", "fatal: no\033[2J", 1, CHECK_FAIL, "postqueue(1): fatal: no\\x1b[2J", NULL},
	};

	(void)state;
	config.v6.give_up_after = config.dual.give_up_after = 100;
	config.v6.retry_max = config.dual.retry_max = 20;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct check check = begin("queue");

		play_postqueue(cases[i].answer, cases[i].errors, cases[i].status);
		check_queue(&check);
		assert_int_equal(check.n_lines, 2);
		assert_string_equal(check.lines[0].subject, "postfix-v6");
		assert_int_equal(check.lines[0].level, cases[i].level);
		assert_non_null(strstr(check.lines[0].text, cases[i].says));
		assert_null(strstr(check.lines[0].text, "()"));
		assert_int_equal(check.lines[0].n_mend > 0, cases[i].mend != NULL);
		if (cases[i].mend != NULL)
			assert_non_null(strstr(check.lines[0].mend[0], cases[i].mend));
		check_free_lines(&check);
	}
}

static int make(void **state)
{
	char path[500];

	if (folder_make(state) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", folder_path);
	return setenv("PATH", path, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_disk),
		cmocka_unit_test_setup_teardown(test_queue, make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
