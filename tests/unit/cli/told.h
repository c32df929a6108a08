// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The verbs that ask the database, as somebody types them: a configuration and a database in a
// temporary folder, a clock, what strangers may have written, and what was printed.
#pragma once

#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdarg.h>
#include <time.h>

#include "adapter/store.h"
#include "adapter/store_attempts.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "unit/database.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      INT64_C(1800000000)
#define R(i)     ((uint64_t)(i) << 4)

static int64_t told_clock = NOW;
static struct store *told_store;
static char *told_out, *told_errors; // of the last verb
static size_t told_len;              // of told_out
static int told_status;

// In place of the C library's: the verbs' clock is the test's.
time_t time(time_t *ret_now)
{
	if (ret_now != NULL)
		*ret_now = (time_t)told_clock;
	return (time_t)told_clock;
}

#define TOLD_LONG                                                                                  \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" \
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"

// What a stranger writes where a text is wanted.
static const char *const told_strangers[] = {
	"\x1b[2J\x1b]0;owned\x07",
	"a\r\nrequest 1\r\tb",
	"=cmd|' /C calc'!A0",
	"+1",
	"-1",
	"@SUM(1)",
	"a\",\"b,c",
	"\xff\xfe\xc3(",
	"\xe2\x80\xaegnp.exe\xe2\x80\xa8",
	"\x7f\xc2\x9b"
	"31m",
	"back\\slash \\n {}",
	"<script>",
	"",
	"@",
	"\xf0\x9f\x98\x80 \xc3\xa9",
	TOLD_LONG TOLD_LONG TOLD_LONG "\xf0\x9f\x98\x80",
};

// cmocka set-up: an empty database.
static inline int told_make(void **state)
{
	static const char *const folders[] = {"state", "spool", "spool/new", "spool/quarantine"};
	char text[2000];
	int len;

	told_clock = NOW;
	if (folder_make(state) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(folders); i++)
		mkdir(folder_file(folders[i]), 0755);
	len = snprintf(text, sizeof(text),
		       "[postsix]\nstate_directory = %s/state\nspool_directory = %s/spool\n"
		       "diagnose_table = %s/diagnose.tab\npolicy_socket = %s/policy\n"
		       "intake_socket = %s/intake\nmilter_socket = %s/milter\n"
		       "operator_address = op@good.test\nrequester_daily = 3\n"
		       "[dual]\nhostname = mx.dual.test\nlisten = 192.0.2.25\ninject = %s/dual\n"
		       "[v6]\nhostname = mx.six.test\nlisten = 2001:db8:25::6\ninject = %s/v6\n"
		       "[site one]\nv6_domain = six.test\ndual_domain = dual.test\n",
		       folder_path, folder_path, folder_path, folder_path, folder_path, folder_path,
		       folder_path, folder_path);
	folder_write("conf", text, (size_t)len);
	folder_write("diagnose.tab", "no-aaaa * * * * * no AAAA\n", 26);
	return store_open(folder_file("state/postsix.db"), &told_store, NULL) == NULL ? 0 : -1;
}

static inline int told_remove(void **state)
{
	free(told_out);
	free(told_errors);
	told_out = told_errors = NULL;
	told_store = store_free(told_store);
	return folder_remove(state);
}

static inline char *told_read(const char *name, size_t *ret_len)
{
	FILE *file = fopen(folder_file(name), "r");
	struct stat info;
	char *text;

	if (file == NULL || fstat(fileno(file), &info) < 0)
		abort();
	text = calloc(1, (size_t)info.st_size + 1);
	*ret_len = fread(text, 1, (size_t)info.st_size, file);
	fclose(file);
	return text;
}

static inline int told_divert(FILE *stream, const char *name)
{
	int fd, kept;

	fflush(stream);
	kept = dup(fileno(stream));
	fd = open(folder_file(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, fileno(stream)) < 0)
		abort();
	close(fd);
	return kept;
}

static inline void told_restore(FILE *stream, int kept)
{
	fflush(stream);
	if (dup2(kept, fileno(stream)) < 0)
		abort();
	close(kept);
}

// Runs the verb with the words up to a NULL: told_status, told_out and told_errors. Returns
// told_out.
static inline const char *tell(int (*verb)(int, char **), ...)
{
	char config[] = "-c", name[] = "verb", path[400];
	char *argv[12] = {name, config, path};
	static char copies[COUNT(argv)][1200]; // folder_file() has few buffers
	const char *word;
	size_t n = 3, unused;
	int out, errors;
	va_list words;

	strcpy(path, folder_file("conf"));
	va_start(words, verb);
	while (n < COUNT(argv) - 1 && (word = va_arg(words, const char *)) != NULL) {
		snprintf(copies[n], sizeof(copies[n]), "%s", word);
		argv[n] = copies[n];
		n++;
	}
	va_end(words);
	optind = 0;
	out = told_divert(stdout, "out");
	errors = told_divert(stderr, "errors");
	told_status = verb((int)n, argv);
	told_restore(stdout, out);
	told_restore(stderr, errors);
	free(told_out);
	free(told_errors);
	told_out = told_read("out", &told_len);
	told_errors = told_read("errors", &unused);
	return told_out;
}

// How many lines there are, each of which is as a terminal may have it.
static inline size_t told_lines(void)
{
	size_t n = 0;

	assert_int_equal(strlen(told_out), told_len);
	for (const char *at = told_out; *at != '\0'; n++) {
		size_t len = strcspn(at, "\n");

		assert_true(text_is_printable(at, len));
		assert_int_equal(at[len], '\n');
		at += len + 1;
	}
	return n;
}

// The object on that line, of so many; each is one, and ASCII. Yours to json_decref().
static inline json_t *told_object(size_t number, size_t of)
{
	json_t *found = NULL;
	size_t n = 0;

	assert_true(text_is_ascii(told_out, told_len));
	for (const char *at = told_out; *at != '\0'; n++) {
		size_t len = strcspn(at, "\n");
		json_t *object = json_loadb(at, len, JSON_REJECT_DUPLICATES, NULL);

		assert_true(json_is_object(object));
		if (n == number)
			found = json_incref(object);
		json_decref(object);
		at += len + 1;
	}
	assert_int_equal(n, of);
	return found;
}

// A member, or a member's member: "a.b".
static inline const json_t *told_member(const json_t *object, const char *name)
{
	char first[80];
	size_t len = strcspn(name, ".");

	snprintf(first, sizeof(first), "%.*s", (int)len, name);
	object = json_object_get(object, first);
	return name[len] == '.' ? told_member(object, name + len + 1) : object;
}

// A request all of whose texts are that one, and its probe.
static inline void told_request(uint64_t id, int64_t arrived, const char *decision,
				const char *text)
{
	char entry[40];
	struct store_request request = {.id = id,
					.entry = entry,
					.arrived = arrived,
					.decision = decision,
					.site = text,
					.requester = text,
					.instance = text,
					.queue_id = text,
					.recipient = text,
					.client_address = text,
					.client_hostname = text,
					.client_helo = text,
					.client_protocol = text,
					.size = INT64_MAX,
					.message_id = text,
					.references = text,
					.in_reply_to = text,
					.subject = text,
					.date = -1,
					.first_received = INT64_MAX,
					.hops = INT64_MIN,
					.trace = text,
					.authenticated = text,
					.fingerprint = text,
					.mailbox = text,
					.domain = text,
					.network = text};

	snprintf(entry, sizeof(entry), "e%llx", (unsigned long long)id);
	assert_int_equal(store_add_request(told_store, &request), 0);
	if (strcmp(decision, "answer") == 0)
		assert_int_equal(store_add_mail(told_store, id, KIND_SIX, arrived, arrived, 0), 0);
}

// A notification, all of whose texts are that one, that says the probe failed.
static inline void told_failure(uint64_t id, int64_t at, const char *class, const char *status,
				const char *text)
{
	char entry[40];
	int64_t row = 0;
	struct store_dsn dsn = {.entry = entry,
				.arrived = at,
				.decision = "used",
				.mail = kind_id(id, KIND_SIX),
				.sender = text,
				.client_address = text,
				.action = text,
				.status = status,
				.final_recipient = text,
				.reporting_mta = text,
				.remote_mta = text,
				.diagnostic = text,
				.class = class,
				.last_attempt = text,
				.will_retry_until = text,
				.report_text = text,
				.status_part = text,
				.returned = text};

	snprintf(entry, sizeof(entry), "d%llx-%lld", (unsigned long long)id, (long long)at);
	assert_int_equal(store_add_dsn(told_store, &dsn, &row), 0);
	assert_int_equal(
		store_set_outcome(told_store, kind_id(id, KIND_SIX), OUTCOME_FAILED, row, at), 0);
}

static inline void told_attempt(uint64_t id, int64_t at, const char *text)
{
	struct store_attempt attempt = {.mail = kind_id(id, KIND_SIX),
					.at = at,
					.recorded = at,
					.relay = text,
					.result = text,
					.status = text,
					.reason = text};

	assert_int_equal(store_add_attempt(told_store, &attempt), 1);
}

// A request of each stranger's, with all that can follow.
static inline void told_all_strangers(void)
{
	assert_int_equal(store_begin(told_store), 0);
	for (size_t i = 0; i < COUNT(told_strangers); i++) {
		told_request(R(i + 1), NOW - 100 + (int64_t)i, "answer", told_strangers[i]);
		told_failure(R(i + 1), NOW, "no-aaaa", told_strangers[i], told_strangers[i]);
		told_attempt(R(i + 1), NOW, told_strangers[i]);
		assert_int_equal(store_add_survey(told_store, R(i + 1), NOW, told_strangers[i]), 0);
	}
	assert_int_equal(store_commit(told_store), 0);
}
