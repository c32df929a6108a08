// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A line that is drawn over itself: carriage return, text, erase to the end. Nobody waits for it; a
// timer draws it, so it costs nothing where much happens.
#include "cli/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define EACH_USEC 200000
#define WIDTH     79 // a terminal that wraps at its last column must not
#define BAR       20

struct progress {
	struct loop *loop;
	int fd;
	struct source *timer;
	uint64_t began;
	bool is_drawn;
	void (*ask)(void *arg, struct progress_facts *ret_facts);
	void *arg;
};

void progress_line(char *line, size_t size, const struct progress_facts *facts, double seconds)
{
	double rate = seconds > 0 ? (double)facts->done / seconds : 0;
	char bar[BAR + 1] = "";
	int used = 0;

	for (int i = 0; i < BAR; i++)
		bar[i] = i < facts->share * BAR / 1000 ? '#' : ' ';
	if (facts->share >= 0)
		used = snprintf(line, size, "[%s] %3d %%  ", bar, facts->share / 10);
	snprintf(line + used, size - (size_t)used, "%" PRIu64 " done, %zu under way, %.0f/s",
		 facts->done, facts->under_way, rate);
}

static void put(const struct progress *progress, const char *text)
{
	int r = file_write_fd(progress->fd, text, strlen(text));

	(void)r; // a terminal that has gone shows no progress
}

static void on_timer(void *arg)
{
	struct progress *progress = arg;
	struct progress_facts facts = {.share = -1};
	char line[WIDTH + 1];
	char text[WIDTH + 10];

	progress->ask(progress->arg, &facts);
	progress_line(line, sizeof(line), &facts,
		      (double)(loop_now(progress->loop) - progress->began) / 1e6);
	snprintf(text, sizeof(text), "\r%s\033[K", line);
	put(progress, text);
	progress->is_drawn = true;
	source_set_timer(progress->timer, EACH_USEC);
}

static bool can_draw(int fd)
{
	const char *terminal = getenv("TERM");

	return isatty(fd) == 1 && terminal != NULL && *terminal != '\0' &&
	       strcmp(terminal, "dumb") != 0;
}

struct progress *progress_new(struct loop *loop, int fd,
			      void (*ask)(void *arg, struct progress_facts *ret_facts), void *arg)
{
	struct progress *progress;

	if (!can_draw(fd))
		return NULL;
	progress = mem_new(1, sizeof(*progress));
	progress->loop = loop;
	progress->fd = fd;
	progress->began = loop_now(loop);
	progress->ask = ask;
	progress->arg = arg;
	progress->timer = loop_add_timer(loop, EACH_USEC, on_timer, progress);
	return progress;
}

void progress_clear(struct progress *progress)
{
	if (progress == NULL || !progress->is_drawn)
		return;
	put(progress, "\r\033[K");
	progress->is_drawn = false;
}

struct progress *progress_free(struct progress *progress)
{
	if (progress == NULL)
		return NULL;
	progress_clear(progress);
	source_free(progress->timer);
	free(progress);
	return NULL;
}
