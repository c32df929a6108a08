// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Has a message parsed by a process that may die of it.
//
// The grandchild owns memory and one pipe: no other descriptor, no more processes, no file, and of
// the system's calls a dozen. Its line is believed to be a line, nothing more; what it says is
// checked by the program that acts on it (entry_read).
#include "intake/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/confine.h"
#include "adapter/entry.h"
#include "adapter/fence.h"
#include "adapter/mime.h"
#include "base/file.h"
#include "base/mem.h"
#include "mail/charsets.h"

#define OUT_FD    0                 // the grandchild's only descriptor
#define COULD_NOT CONFINE_COULD_NOT // its exit status where that is not the message's fault

// ---- the grandchild
// -------------------------------------------------------------------------------

static _Noreturn void parse_and_exit(const struct message *message, int out_fd)
{
	static const struct confinement confinement = {PARSE_MEMORY_MAX, PARSE_CPU_MAX};
	struct buf line = buf_make(PARSE_LINE_MAX);
	struct charsets charsets = {.n = 0};
	struct facts facts;

	confine(out_fd, &confinement);
	charsets_find(&charsets, message->head.data, message->head.len);
	mime_open_charsets(&charsets);
	if (fence() != 0)
		_exit(COULD_NOT);
	mime_read(message->head.data, message->head.len, &facts); // the parent keeps its own copy
	memcpy(facts.body_hash, message->body_hash, sizeof(facts.body_hash));
	entry_write_facts(&line, &facts);
	if (buf_failed(&line))
		_exit(2);
	_exit(file_write_fd(OUT_FD, line.data, line.len) == 0 ? 0 : COULD_NOT);
}

// ---- its parent
// -----------------------------------------------------------------------------------

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Reads what the grandchild says until it stops, says too much, or its time is over.
static const char *listen_to(int fd, struct buf *said)
{
	const int64_t deadline = now_ms() + PARSE_TIME_MAX;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char chunk[16 * 1024];

	for (;;) {
		int64_t left = deadline - now_ms();
		int ready = left <= 0 ? 0 : poll(&poll_fd, 1, (int)left);
		ssize_t got;

		if (ready == 0)
			return "parser took too long";
		got = ready < 0 ? -1 : read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return "parser cannot be heard";
		if (got == 0)
			return NULL;
		buf_add(said, chunk, (size_t)got);
		if (buf_failed(said))
			return "parser says too much";
	}
}

bool parse_is_line(const struct buf *said)
{
	return said->len >= 3 && said->data[0] == '{' && said->data[said->len - 2] == '}' &&
	       memchr(said->data, '\0', said->len) == NULL &&
	       memchr(said->data, '\n', said->len) == said->data + said->len - 1;
}

static void judge(struct parse *parse, const char *wrong, int status, const struct buf *said)
{
	char *why = parse->why;

	if (wrong != NULL)
		snprintf(why, PARSE_OUTCOME_MAX, "%s", wrong);
	else if (WIFSIGNALED(status))
		snprintf(why, PARSE_OUTCOME_MAX, "parser died: signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(why, PARSE_OUTCOME_MAX, "parser gave up: status %d", WEXITSTATUS(status));
	else if (!parse_is_line(said))
		snprintf(why, PARSE_OUTCOME_MAX, "parser makes no sense");
	else
		parse->is_done = true;
}

// 0, or -EAGAIN where the parser could not begin, or not tell: the next one may.
static int attend(pid_t pid, int fd, struct buf *out, struct parse *parse)
{
	auto_buf struct buf said = buf_make(PARSE_LINE_MAX);
	struct rusage usage = {0};
	const char *wrong = listen_to(fd, &said);
	int status = 0;

	if (wrong != NULL)
		kill(pid, SIGKILL);
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	parse->ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		    (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
	parse->kb = usage.ru_maxrss;
	judge(parse, wrong, status, &said);
	if (parse->is_done)
		buf_add(out, said.data, said.len);
	return wrong == NULL && WIFEXITED(status) && WEXITSTATUS(status) == COULD_NOT ? -EAGAIN : 0;
}

int parse_prepare(void)
{
	char sample[] = "Subject: x\n\n";
	struct envelope envelope = {0};
	struct facts facts;
	auto_buf struct buf lines = buf_make(ENTRY_MAX);
	char name[ENTRY_NAME_MAX + 1];

	mime_init();
	mime_read(sample, strlen(sample), &facts);
	if (envelope_finish(&envelope) != NULL) // it lacks everything, and that is fine here
		entry_name(name, &envelope);
	entry_write_envelope(&lines, &envelope, 0);
	entry_write_facts(&lines, &facts);
	facts_free(&facts);
	envelope_free(&envelope);
	return fence_prepare();
}

int parse_message(const struct message *message, struct buf *out, struct parse *ret_parse)
{
	int ends[2], error = -EAGAIN;
	pid_t pid;

	*ret_parse = (struct parse){0};
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		parse_and_exit(message, ends[1]);
	close(ends[1]);
	if (pid > 0)
		error = attend(pid, ends[0], out, ret_parse);
	close(ends[0]);
	return error;
}

void parse_give_up(const char *why, struct buf *out)
{
	struct facts facts = {.unparsable = mem_strdup(why)};

	entry_write_facts(out, &facts);
	facts_free(&facts);
}
