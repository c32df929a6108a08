// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A pipe or a terminal is written to when the loop says that it has room, at most what it is sure
// to take without blocking: it is not made non-blocking, since it belongs to the shell, too. A file
// is written to when nothing else is to be done, or enough has come together.
#include "cli/output.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define LENGTHY (64 << 10)

struct output {
	struct loop *loop;
	int fd;
	int error;
	bool is_watched;
	struct source *source; // room, where it is watched; else idleness
	struct buf buf;
	size_t at; // of buf, what is written
	void (*on_drained)(void *arg);
	void (*before_write)(void *arg);
	void *arg;
};

static void write_some(struct output *output, size_t most)
{
	size_t len = output_len(output);
	ssize_t n;

	if (output->before_write != NULL)
		output->before_write(output->arg);
	n = write(output->fd, output->buf.data + output->at, len < most ? len : most);
	if (n > 0)
		output->at += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		output->error = -errno;
	if (output->error < 0)
		output->at = output->buf.len;
	if (output->at > LENGTHY || output->at == output->buf.len) {
		buf_shift(&output->buf, output->at);
		output->at = 0;
	}
}

static void on_room(void *arg, uint32_t events)
{
	struct output *output = arg;

	(void)events;
	write_some(output, PIPE_BUF);
	if (output_len(output) == 0)
		output->source = source_free(output->source);
	output->on_drained(output->arg);
}

static void write_all(struct output *output)
{
	while (output_len(output) > 0)
		write_some(output, SIZE_MAX);
}

static void on_idle(void *arg)
{
	struct output *output = arg;

	write_all(output);
	output->on_drained(output->arg);
}

struct output *output_new(struct loop *loop, int fd, void (*on_drained)(void *arg),
			  void (*before_write)(void *arg), void *arg)
{
	struct output *output = mem_new(1, sizeof(*output));
	struct stat info;

	output->loop = loop;
	output->fd = fd;
	output->is_watched = fstat(fd, &info) == 0 &&
			     (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || isatty(fd) == 1);
	if (!output->is_watched)
		output->source = loop_add_idle(loop, on_idle, output);
	output->buf = buf_make(SIZE_MAX - 1);
	output->on_drained = on_drained;
	output->before_write = before_write;
	output->arg = arg;
	return output;
}

void output_add(struct output *output, const char *bytes, size_t len)
{
	if (output->error < 0 || len == 0)
		return;
	buf_add(&output->buf, bytes, len);
	if (output->is_watched && output->source == NULL)
		output->source = loop_add_io(output->loop, output->fd, EPOLLOUT, on_room, output);
	else if (!output->is_watched && output_len(output) >= LENGTHY)
		write_all(output);
	else if (!output->is_watched)
		source_set_idle(output->source);
}

size_t output_len(const struct output *output)
{
	return output->buf.len - output->at;
}

int output_error(const struct output *output)
{
	return output->error;
}

struct output *output_free(struct output *output)
{
	if (output == NULL)
		return NULL;
	source_free(output->source);
	buf_free(&output->buf);
	free(output);
	return NULL;
}
