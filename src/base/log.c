// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The one way to the operator's eye: syslog(3), or standard error with a time stamp.
//
// A line is composed whole and written at once, so that lines of several processes on one standard
// error do not mix. What came from outside has been through log_value by then; a control character
// that still turns up is a bug of ours, and is replaced here so that it cannot become a second
// line.
#include "base/log.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define LOG_LINE_SIZE  2000
#define LOG_VALUE_SIZE 400
#define LOG_VALUES     16
#define LOG_PATIENCE   20 // milliseconds for each line, where nobody reads standard error

static const char *log_program = "postsix";
static enum log_target log_target = LOG_TO_STDERR;

void log_open(const char *program, enum log_target target)
{
	log_program = program;
	log_target = target;
	if (target == LOG_TO_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
	else
		signal(SIGPIPE, SIG_IGN); // who reads it may go away before us
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
	char line[LOG_LINE_SIZE] = "";
	size_t prefix = 0;

	if (token != NULL)
		prefix = (size_t)snprintf(line, sizeof(line), "%.64s: ", token);
	vsnprintf(line + prefix, sizeof(line) - prefix, format, args);
	for (char *c = line; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	if (log_target == LOG_TO_SYSLOG)
		syslog(level, "%s", line);
	else
		log_to_stderr(line);
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
