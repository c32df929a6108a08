// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// An option of a verb that asks the database means the same whichever verb has it. Which ones a
// verb has, its own table says.

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

const char *ask_read_since(void *to, const char *value)
{
	struct ask *ask = to;

	return when_parse(value, ask->now, &ask->filter.since);
}

const char *ask_read_until(void *to, const char *value)
{
	struct ask *ask = to;

	return when_parse(value, ask->now, &ask->filter.until);
}

const char *ask_read_outcome(void *to, const char *value)
{
	struct ask *ask = to;
	enum outcome outcome;

	ask->filter.outcome = value;
	return outcome_find(value, &outcome)
		       ? NULL
		       : "pending, accepted, delayed, failed or unknown is wanted";
}

const char *ask_read_class(void *to, const char *value)
{
	struct ask *ask = to;
	enum class class;

	ask->filter.class = value;
	return class_find(value, &class) ? NULL : "there is no such class";
}

const char *ask_read_limit(void *to, const char *value)
{
	struct ask *ask = to;

	ask->has_limit = true;
	return value_number(value, &ask->filter.limit);
}

int ask_arguments(struct ask *ask, const struct options *options, int argc, char **argv)
{
	*ask = (struct ask){.program = options->program,
			    .config_path = CONFIG_PATH_DEFAULT,
			    .now = (int64_t)time(NULL)};
	return options_read(options, argc, argv, ask);
}

// Of the configuration, or of requests from before it was taken out there.
static bool has_site(struct ask *ask)
{
	const struct history_filter filter = {.site = ask->filter.site, .limit = 1};
	auto_free int64_t *ids = NULL;

	for (size_t i = 0; i < ask->config->n_sites; i++)
		if (filter.site == NULL || strcmp(ask->config->sites[i].name, filter.site) == 0)
			return true;
	return history_ids(ask->history, &filter, &ids) != 0; // an error is told where it is met
}

static int open_history(struct ask *ask)
{
	const char *fault = history_open(ask->database, &ask->history);

	if (fault != NULL) {
		fprintf(stderr, "%s: %s: %s\n", ask->program, ask->database, fault);
		return EX_NOINPUT;
	}
	if (!has_site(ask)) {
		fprintf(stderr, "%s: %s has no [site %s], nor is there a request of one\n",
			ask->program, ask->config->path, ask_clean(ask->filter.site, 80));
		return EX_USAGE;
	}
	return EX_OK;
}

int ask_open(struct ask *ask)
{
	int status;

	ask->config = config_read(ask->config_path, stderr);
	if (ask->config == NULL)
		return EX_CONFIG;
	snprintf(ask->database, sizeof(ask->database), "%s/postsix.db",
		 ask->config->state_directory);
	status = open_history(ask);
	if (status != EX_OK)
		ask_close(ask);
	return status;
}

void ask_close(struct ask *ask)
{
	ask->history = history_free(ask->history);
	ask->config = config_free(ask->config);
}

int ask_failed(const struct ask *ask, int64_t error)
{
	fprintf(stderr, "%s: %s: %s\n", ask->program, ask->database,
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
	fprintf(stderr, "%s: standard output: %s\n", ask->program, strerror(errno));
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
