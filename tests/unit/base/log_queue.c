// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// log to sockets: journald and syslog as two sockets of ours in a folder; both may go away.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_queue.h"

#define SOME 900 // lines: more than the kernel's queue (10 or 512), fewer than ours

static char folder[] = "/tmp/postsix-log-XXXXXX";
static char journal_path[100], syslog_path[100];
static const struct log_places both = {journal_path, syslog_path};

// A receiver at path.
static int receiver(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

// The next datagram, or "" where there is none.
static const char *next(int fd)
{
	static char text[8192];
	ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		print_error("no %s in:\n%s", part, text);
	assert_non_null(strstr(text, part));
}

static int set_up(void **state)
{
	(void)state;
	unlink(journal_path);
	unlink(syslog_path);
	log_open_at("postsix-test", LOG_TO_SYSLOG, &both);
	return 0;
}

static void test_fields(void **state)
{
	static const struct {
		const char *token, *text, *fields;
	} rows[] = {
		{NULL, "started, version=0.1, sites=2",
		 "POSTSIX_EVENT=started\nPOSTSIX_VERSION=0.1\nPOSTSIX_SITES=2\n"},
		{"abcdefghijklm", "request=ignored, reason=loop (RFC 3834 2), detail=-, from=<>",
		 "POSTSIX_EVENT=request\nPOSTSIX_ID=abcdefghijklm\nPOSTSIX_REQUEST=ignored\n"
		 "POSTSIX_REASON=loop (RFC 3834 2)\nPOSTSIX_DETAIL=-\nPOSTSIX_FROM=<>\n"},
		{"NOTOKEN", "alert=own-records, remote_mta=a=b",
		 "POSTSIX_EVENT=alert\nPOSTSIX_ALERT=own-records\nPOSTSIX_REMOTE_MTA=a=b\n"},
		{"4Xy", "deferred, status=4.3.0 x: y, will retry",
		 "POSTSIX_EVENT=deferred\nPOSTSIX_ID=4Xy\nPOSTSIX_STATUS=4.3.0 x: y\n"},
		{NULL, "own-records=unknown",
		 "POSTSIX_EVENT=own-records\nPOSTSIX_OWN_RECORDS=unknown\n"},
		{NULL, "cannot listen on /a: b", "POSTSIX_EVENT=cannot\n"},
		{NULL, "=x, 1a=b, , _MESSAGE=c", "POSTSIX_EVENT==x\n"},
	};
	int journal = receiver(journal_path);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char head[600];
		const char *text;

		if (rows[i].token != NULL)
			log_event(LOG_NOTICE, rows[i].token, "%s", rows[i].text);
		else
			log_note(LOG_NOTICE, "%s", rows[i].text);
		snprintf(head, sizeof(head),
			 "MESSAGE=%s%s%s\nPRIORITY=5\nSYSLOG_FACILITY=2\n"
			 "SYSLOG_IDENTIFIER=postsix-test\nSYSLOG_PID=%d\n%s",
			 rows[i].token != NULL ? rows[i].token : "",
			 rows[i].token != NULL ? ": " : "", rows[i].text, (int)getpid(),
			 rows[i].fields);
		text = next(journal);
		assert_string_equal(text, head);
	}
	close(journal);
}

static void test_23_nobody_makes_a_field(void **state)
{
	int journal = receiver(journal_path);
	const char *text;

	(void)state;
	log_event(LOG_INFO, "a\nb", "from=<%s>, raw=%s", log_value("x, priority=0\nPRIORITY=0"),
		  "y\nPRIORITY=0");
	text = next(journal);
	assert_has(text, "\nPOSTSIX_ID=a?b\n");
	assert_has(text, "\nPOSTSIX_RAW=y?PRIORITY=0\n");
	assert_null(strstr(text, "\nPRIORITY=0"));
	assert_null(strstr(text, "\nPOSTSIX_PRIORITY"));
	close(journal);
}

static void test_36_each_line_once(void **state)
{
	int journal = receiver(journal_path), syslog = receiver(syslog_path);
	char expected[100];

	(void)state;
	log_note(LOG_ERR, "entry=%d", 1);
	assert_has(next(journal), "MESSAGE=entry=1\n");
	assert_string_equal(next(journal), "");
	assert_string_equal(next(syslog), "");

	close(journal); // its file refuses now
	log_note(LOG_ERR, "entry=%d", 2);
	snprintf(expected, sizeof(expected), " postsix-test[%d]: entry=2", (int)getpid());
	assert_has(next(syslog), expected);
	unlink(journal_path);
	log_note(LOG_ERR, "entry=%d", 3);
	assert_int_equal(strncmp(next(syslog), "<19>", 4), 0);
	assert_string_equal(next(syslog), "");
	close(syslog);
}

static void test_36_nobody_is_there_for_a_while(void **state)
{
	char expected[100];
	int journal;

	(void)state;
	for (int i = 0; i < 5; i++)
		log_note(LOG_INFO, "entry=%d", i);
	journal = receiver(journal_path);
	log_note(LOG_INFO, "entry=5");
	for (int i = 0; i < 6; i++) {
		snprintf(expected, sizeof(expected), "MESSAGE=entry=%d\n", i);
		assert_has(next(journal), expected);
	}
	assert_string_equal(next(journal), "");
	close(journal);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Reads what is there, which must go on from *n, and has what waits sent. Returns how often another
// line came, which must be that one.
static int drain(int fd, int *n, const char *other)
{
	char expected[100];
	int n_other = 0;

	for (const char *text; *(text = next(fd)) != '\0'; log_flush(0)) {
		snprintf(expected, sizeof(expected), "MESSAGE=entry=%d\n", *n);
		if (strstr(text, expected) != NULL) {
			++*n;
			continue;
		}
		assert_has(text, other);
		n_other++;
	}
	return n_other;
}

static void test_36_nobody_reads(void **state)
{
	const double start = seconds();
	int journal = receiver(journal_path), syslog = receiver(syslog_path), n = 0;

	(void)state;
	for (int i = 0; i < SOME; i++)
		log_note(LOG_INFO, "entry=%d", i);
	assert_true(seconds() - start <
		    20); // a line a time would be 1 s at least for each that waits
	drain(journal, &n, "no other");
	assert_int_equal(n, SOME);
	assert_string_equal(next(syslog), "");
	close(journal);
	close(syslog);
}

static void test_36_what_is_lost_is_told(void **state)
{
	char last[200];
	int journal, n = 0;

	(void)state;
	for (int i = 0; i < LOG_QUEUE_MAX + 7; i++)
		log_note(LOG_INFO, "entry=%d", i);
	journal = receiver(journal_path);
	snprintf(last, sizeof(last), "MESSAGE=" LOG_LOST "\nPRIORITY=4\n", (size_t)7);
	log_flush(0);
	assert_int_equal(drain(journal, &n, last), 1);
	assert_int_equal(n, LOG_QUEUE_MAX);
	log_note(LOG_INFO, "after=all");
	assert_has(next(journal), "MESSAGE=after=all\n");
	close(journal);
}

static void test_child_leaves_its_parents_lines(void **state)
{
	int journal, status;
	pid_t child;

	(void)state;
	log_note(LOG_INFO, "whose=parent");
	child = fork();
	if (child == 0) {
		journal = receiver(journal_path);
		log_note(LOG_INFO, "whose=child");
		_exit(strstr(next(journal), "whose=child") != NULL && *next(journal) == '\0' ? 0
											     : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	journal = receiver(journal_path);
	log_flush(0);
	assert_has(next(journal), "MESSAGE=whose=parent\n");
	close(journal);
}

// The end of a program: what waits is sent, if somebody comes within a second.
static void test_36_last_words(void **state)
{
	int journal = receiver(journal_path), n = 0, status;
	struct pollfd lines = {.fd = journal, .events = POLLIN};
	int said[2];
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(pipe(said), 0);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < SOME; i++)
			log_note(LOG_INFO, "entry=%d", i);
		assert_int_equal(write(said[1], "", 1), 1);
		exit(0); // NOLINT: on purpose not _exit
	}
	assert_int_equal(read(said[0], &byte, 1), 1);
	while (n < SOME && poll(&lines, 1, 10000) == 1)
		drain(journal, &n, "no other");
	waitpid(child, &status, 0);
	assert_int_equal(n, SOME);
	close(journal);
}

static void test_stream_of_the_journal(void **state)
{
	char stream[64], link[100];
	struct stat is;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	assert_false(log_queue_is_journal(NULL));
	assert_int_equal(fstat(STDERR_FILENO, &is), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)is.st_dev, (uintmax_t)is.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_true(log_queue_is_journal(NULL));
	setenv("JOURNAL_STREAM", "1:2", 1);
	assert_false(log_queue_is_journal(NULL));
	snprintf(link, sizeof(link), "%s/log", folder);
	assert_false(log_queue_is_journal(link));
	assert_int_equal(symlink("/dev/null", link), 0); // somebody else's
	assert_false(log_queue_is_journal(link));
	unlink(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fields, set_up),
		cmocka_unit_test_setup(test_23_nobody_makes_a_field, set_up),
		cmocka_unit_test_setup(test_36_each_line_once, set_up),
		cmocka_unit_test_setup(test_36_nobody_is_there_for_a_while, set_up),
		cmocka_unit_test_setup(test_36_nobody_reads, set_up),
		cmocka_unit_test_setup(test_36_what_is_lost_is_told, set_up),
		cmocka_unit_test_setup(test_child_leaves_its_parents_lines, set_up),
		cmocka_unit_test_setup(test_36_last_words, set_up),
		cmocka_unit_test_setup(test_stream_of_the_journal, set_up),
	};
	int status;

	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(journal_path, sizeof(journal_path), "%s/journal", folder);
	snprintf(syslog_path, sizeof(syslog_path), "%s/syslog", folder);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(journal_path);
	unlink(syslog_path);
	rmdir(folder);
	return status;
}
