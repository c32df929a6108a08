// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One switch reads the options of all verbs that ask the database: an option means the same
// whichever verb has it. Which ones a verb has, its own table of long options says.

#include "cli/ask.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/text.h"
#include "base/value.h"
#include "base/when.h"
#include "mail/diagnose.h"
#include "mail/outcome.h"
#include "mail/token.h"

#define CLEAN_MAX 1000

static const char *read_outcome(const char *text)
{
	enum outcome outcome;

	return outcome_find(text, &outcome)
		       ? NULL
		       : "pending, accepted, delayed, failed or unknown is wanted";
}

static const char *read_class(const char *text)
{
	enum class class;

	return class_find(text, &class) ? NULL : "there is no such class";
}

// NULL, or what is wrong with the value.
static const char *read_option(struct ask *ask, int letter, const char *value)
{
	struct history_filter *filter = &ask->filter;

	switch (letter) {
	case 's':
		return when_parse(value, ask->now, &filter->since);
	case 'u':
		return when_parse(value, ask->now, &filter->until);
	case 'n':
		ask->has_limit = true;
		return value_number(value, &filter->limit);
	case 'o':
		filter->outcome = value;
		return read_outcome(value);
	case 'l':
		filter->class = value;
		return read_class(value);
	case 'd':
		filter->decision = value;
		return NULL;
	default:
		filter->site = value;
		return NULL;
	}
}

// False where the letter is none of these.
static bool read_plain(struct ask *ask, int letter, const char *value)
{
	switch (letter) {
	case 'c':
		ask->config_path = value;
		return true;
	case 'f':
		ask->output = value;
		return true;
	case 'k':
		ask->key_file = value;
		return true;
	case 'j':
		ask->json = true;
		return true;
	case 'v':
		ask->csv = true;
		return true;
	case 'm':
		ask->merge = true;
		return true;
	default:
		return false;
	}
}

int ask_arguments(struct ask *ask, const char *verb, const char *help, const struct option *options,
		  int argc, char **argv)
{
	*ask = (struct ask){.verb = verb,
			    .help = help,
			    .config_path = CONFIG_PATH_DEFAULT,
			    .now = (int64_t)time(NULL)};
	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		const char *fault = NULL;

		if (c == 'h' || c == '?') {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EX_OK : EX_USAGE;
		}
		if (!read_plain(ask, c, optarg))
			fault = read_option(ask, c, optarg);
		if (fault != NULL) {
			fprintf(stderr, "postsix %s: %s: %s\n", verb, ask_clean(optarg, 80), fault);
			return EX_USAGE;
		}
	}
	return -1;
}

int ask_open(struct ask *ask)
{
	const char *fault;

	ask->config = config_read(ask->config_path, stderr);
	if (ask->config == NULL)
		return EX_CONFIG;
	snprintf(ask->database, sizeof(ask->database), "%s/postsix.db",
		 ask->config->state_directory);
	fault = history_open(ask->database, &ask->history);
	if (fault == NULL)
		return EX_OK;
	fprintf(stderr, "postsix %s: %s: %s\n", ask->verb, ask->database, fault);
	ask_close(ask);
	return EX_NOINPUT;
}

void ask_close(struct ask *ask)
{
	ask->history = history_free(ask->history);
	ask->config = config_free(ask->config);
}

int ask_failed(const struct ask *ask, int64_t error)
{
	fprintf(stderr, "postsix %s: %s: %s\n", ask->verb, ask->database,
		error == -EAGAIN    ? "it is busy; try again"
		: error == -EUCLEAN ? "it is damaged"
				    : strerror((int)-error));
	return error == -EAGAIN ? EX_TEMPFAIL : EX_IOERR;
}

bool ask_write(struct buf *buf)
{
	bool is_written = buf->len == 0 || fwrite(buf->data, 1, buf->len, stdout) == buf->len;

	buf_clear(buf);
	return is_written && ferror(stdout) == 0;
}

int ask_finish(const struct ask *ask)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return EX_OK;
	fprintf(stderr, "postsix %s: standard output: %s\n", ask->verb, strerror(errno));
	return EX_IOERR;
}

static const char *cleaned(const char *text, size_t width,
			   char *(*escape)(char *dst, size_t size, const char *src, size_t len))
{
	static char texts[8][CLEAN_MAX];
	static unsigned next;
	char *dst = texts[next++ % 8];

	if (*text == '\0')
		return "-";
	return escape(dst, (width < CLEAN_MAX ? width : CLEAN_MAX - 1) + 1, text, strlen(text));
}

const char *ask_clean(const char *text, size_t width)
{
	return cleaned(text, width, text_escape);
}

const char *ask_escaped(const char *text, size_t width)
{
	return cleaned(text, width, text_escape_rest);
}

const char *ask_id(int64_t id)
{
	static char texts[4][TOKEN_ID_SIZE];
	static unsigned next;
	char *dst = texts[next++ % 4];

	token_id_text(dst, (uint64_t)id);
	return dst;
}
