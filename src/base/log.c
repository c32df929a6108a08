// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The one way to the operator's eye: journald, syslog, or standard error with a time stamp.
//
// A line is composed whole and written at once, so that lines of several processes on one standard
// error do not mix. What came from outside has been through log_value by then; a control character
// that still turns up is a bug of ours, and is replaced here so that it cannot become a second
// line. syslog(3) is not used: it may sleep for as long as nobody reads, and does not say whether
// anybody did.
#include "base/log.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log_fields.h"
#include "base/log_queue.h"
#include "base/text.h"

#define LOG_VALUE_SIZE 400
#define LOG_VALUES     16
#define LOG_PATIENCE   20   // milliseconds for each line, where nobody reads
#define LOG_LAST_WORDS 1000 // milliseconds at the end

static const char *log_program = "postsix";
static enum log_target log_target = LOG_TO_STDERR;
static struct log_places log_places;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; // the milter has threads

static void on_exit_flush(void)
{
	log_flush(LOG_LAST_WORDS);
}

void log_open_at(const char *program, enum log_target target, const struct log_places *places)
{
	static bool is_registered;

	log_program = program;
	log_target = target;
	log_places = *places;
	if (target == LOG_TO_STDERR)
		signal(SIGPIPE, SIG_IGN); // who reads it may go away before us
	if (!is_registered)
		atexit(on_exit_flush);
	is_registered = true;
}

void log_open(const char *program, enum log_target target)
{
	struct log_places places = {.journal = JOURNAL_SOCKET, .syslog = SYSLOG_SOCKET};
	bool is_stderr = target == LOG_TO_STDERR;

	if (!log_queue_is_journal(is_stderr ? NULL : places.syslog))
		places.journal = NULL;
	log_open_at(program, target, &places);
}

bool log_is_stderr_journal(void)
{
	return log_queue_is_journal(NULL);
}

// Whether a line can be written without waiting for long: nobody's sleep may hold up mail.
static bool has_room(void)
{
	struct pollfd log = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&log, 1, LOG_PATIENCE) != 0;
}

static void log_to_stderr(const char *line)
{
	char stamp[32] = "";
	char out[LOG_LINE_SIZE + 200];
	struct timespec now;
	struct tm tm;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	len = snprintf(out, sizeof(out), "%s.%03ldZ %.100s[%d]: %s\n", stamp, now.tv_nsec / 1000000,
		       log_program, (int)getpid(), line);
	assert(len > 0 && (size_t)len < sizeof(out));
	// nobody can be told that standard error is gone, or full
	if (has_room())
		(void)!write(STDERR_FILENO, out, (size_t)len);
}

static void log_line(int level, const char *token, const char *format, va_list args)
{
	struct log_line line = {.program = log_program, .level = level, .time = time(NULL)};
	size_t prefix = 0;

	if (token != NULL) {
		prefix = (size_t)snprintf(line.text, sizeof(line.text), "%.64s: ", token);
		line.token = prefix - 2;
	}
	vsnprintf(line.text + prefix, sizeof(line.text) - prefix, format, args);
	for (char *c = line.text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	if (log_target == LOG_TO_STDERR && log_places.journal == NULL) {
		log_to_stderr(line.text);
		return;
	}
	pthread_mutex_lock(&log_lock);
	log_queue_add(&log_places, &line, LOG_PATIENCE);
	pthread_mutex_unlock(&log_lock);
}

bool log_flush(int patience_ms)
{
	bool is_done;

	pthread_mutex_lock(&log_lock);
	is_done = log_queue_flush(&log_places, patience_ms);
	pthread_mutex_unlock(&log_lock);
	return is_done;
}

void log_note(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(level, NULL, format, args);
	va_end(args);
}

void log_event(int level, const char *token, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(level, token, format, args);
	va_end(args);
}

const char *log_value(const char *src)
{
	static char values[LOG_VALUES][LOG_VALUE_SIZE];
	static unsigned next;
	char *value = values[next++ % LOG_VALUES];

	if (src == NULL)
		src = "";
	return text_escape_log(value, LOG_VALUE_SIZE, src, strlen(src));
}
