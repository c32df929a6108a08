// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A list of sources, of which one is open. A pipe or a terminal is read when the loop says that
// something is there, so that a slow writer holds up no survey; a file is read at once.
//
// What a newcomer would get wrong: epoll refuses files, and tells of a writer who is gone even
// where nobody asks. So only pipes, sockets and terminals are watched, and only while something is
// wanted.
#include "cli/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define BLOCK 65536

struct entry {
	const char *text;
	bool is_file;
	uint64_t size;
};

struct names {
	struct loop *loop;
	void (*on_ready)(void *arg);
	void (*on_fault)(void *arg, const char *line);
	void *arg;
	struct entry *entries;
	size_t n, at;
	uint64_t size, taken; // octets, for names_share
	bool is_endless;      // of unknown size
	int status;
	// the file that is open
	int fd;
	bool is_watched, is_ready;
	struct source *io;
	size_t line; // its number; 0 in an argument
	bool is_skipping;
	size_t start, end; // of what is in block
	char block[BLOCK];
};

struct names *names_new(struct loop *loop, void (*on_ready)(void *arg),
			void (*on_fault)(void *arg, const char *line), void *arg)
{
	struct names *names = mem_new(1, sizeof(*names));

	names->loop = loop;
	names->on_ready = on_ready;
	names->on_fault = on_fault;
	names->arg = arg;
	names->fd = -1;
	return names;
}

static void add(struct names *names, const char *text, bool is_file, uint64_t size)
{
	names->entries = mem_grow(names->entries, names->n + 1, sizeof(*names->entries));
	names->entries[names->n++] = (struct entry){text, is_file, size};
	names->size += size;
}

void names_add_file(struct names *names, const char *path)
{
	struct stat info;
	int r = strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &info) : stat(path, &info);

	if (r < 0 || !S_ISREG(info.st_mode)) {
		names->is_endless = true;
		info.st_size = 0;
	}
	add(names, path, true, (uint64_t)info.st_size);
}

void names_add_word(struct names *names, const char *word)
{
	if (strcmp(word, "-") == 0)
		names_add_file(names, word);
	else
		add(names, word, false, strlen(word) + 1);
}

// ---- faults -------------------------------------------------------------------------------------

static const char *place(const struct names *names)
{
	const char *text = names->entries[names->at].text;

	return strcmp(text, "-") == 0 ? "standard input" : text;
}

static void tell(struct names *names, int status, const char *sentence)
{
	char name[200];
	char line[1000];

	text_escape(name, sizeof(name), place(names), strlen(place(names)));
	if (names->line > 0)
		snprintf(line, sizeof(line), "%s:%zu: %s", name, names->line, sentence);
	else
		snprintf(line, sizeof(line), "%s: %s", name, sentence);
	if (status > names->status)
		names->status = status;
	names->on_fault(names->arg, line);
}

void names_refuse(struct names *names, const char *sentence)
{
	// an argument's entry was left with its only name
	bool is_over = names->line == 0 && names->fd < 0;

	names->at -= is_over;
	tell(names, EX_DATAERR, sentence);
	names->at += is_over;
}

// ---- lines --------------------------------------------------------------------------------------

static const char *read_domain(const char *bytes, size_t len, struct domain *ret_domain)
{
	struct domain domain;
	const char *fault;

	if (len > 1 && bytes[len - 1] == '.')
		len--;
	fault = domain_parse(bytes, len, &domain);
	if (fault == NULL && domain.literal)
		fault = "an address, not a domain";
	if (fault == NULL && domain.utf8)
		fault = "not in ASCII; the DNS has it as xn--...";
	if (fault == NULL)
		*ret_domain = domain;
	return fault;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

// False where there is none on the line.
static bool take_name(struct names *names, const char *bytes, size_t len, struct domain *ret_domain)
{
	const char *comment = memchr(bytes, '#', len);
	const char *fault;

	len = comment != NULL ? (size_t)(comment - bytes) : len;
	while (len > 0 && is_blank(bytes[len - 1]))
		len--;
	for (; len > 0 && is_blank(*bytes); len--)
		bytes++;
	if (len == 0)
		return false;
	fault = read_domain(bytes, len, ret_domain);
	if (fault != NULL)
		tell(names, EX_DATAERR, fault);
	return fault == NULL;
}

// ---- files --------------------------------------------------------------------------------------

static void close_file(struct names *names)
{
	names->io = source_free(names->io);
	if (names->fd > STDIN_FILENO)
		close(names->fd);
	names->fd = -1;
	names->line = 0;
	names->at++;
}

static void open_file(struct names *names)
{
	const char *path = names->entries[names->at].text;
	struct stat info = {0};

	names->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	names->start = names->end = names->line = 0;
	names->is_skipping = names->is_ready = false;
	if (names->fd < 0 || fstat(names->fd, &info) < 0) {
		tell(names, EX_NOINPUT, strerror(errno));
		close_file(names);
		return;
	}
	names->is_watched =
		S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || isatty(names->fd) == 1;
}

static void on_io(void *arg, uint32_t events)
{
	struct names *names = arg;

	(void)events;
	names->is_ready = true;
	names->io = source_free(names->io);
	names->on_ready(names->arg);
}

// More of the open file into the block; false where that has to be waited for.
static bool fill(struct names *names)
{
	ssize_t n;

	if (names->is_watched && !names->is_ready) {
		if (names->io == NULL)
			names->io = loop_add_io(names->loop, names->fd, EPOLLIN, on_io, names);
		return false;
	}
	memmove(names->block, names->block + names->start, names->end - names->start);
	names->end -= names->start;
	names->start = 0;
	if (names->end == BLOCK) { // one line: what is left of it is skipped, too
		names->is_skipping = true;
		names->end = 0;
	}
	n = read(names->fd, names->block + names->end, BLOCK - names->end);
	names->is_ready = false;
	if (n > 0) {
		names->end += (size_t)n;
	} else if (n == 0 || errno != EINTR) {
		if (n < 0)
			tell(names, EX_NOINPUT, strerror(errno));
		else if (names->end > 0 || names->is_skipping) // a last line without its end
			names->block[names->end++] = '\n';
		else
			close_file(names);
		if (n < 0)
			close_file(names);
	}
	return true;
}

// The next line's name, if it is in the block.
static bool take_line(struct names *names, struct domain *ret_domain)
{
	const char *line = names->block + names->start;
	const char *end =
		names->start < names->end ? memchr(line, '\n', names->end - names->start) : NULL;
	bool is_one = false;

	if (end == NULL)
		return false;
	names->line++;
	names->taken += (uint64_t)(end + 1 - line);
	names->start += (size_t)(end + 1 - line);
	if (names->is_skipping)
		tell(names, EX_DATAERR, "the line is too long");
	else
		is_one = take_name(names, line, (size_t)(end - line), ret_domain);
	names->is_skipping = false;
	return is_one;
}

static bool take_word(struct names *names, struct domain *ret_domain)
{
	const char *word = names->entries[names->at].text;
	const char *fault = read_domain(word, strlen(word), ret_domain);

	names->taken += strlen(word) + 1;
	if (fault != NULL)
		tell(names, EX_DATAERR, fault);
	names->at++;
	return fault == NULL;
}

enum names_next names_next(struct names *names, struct domain *ret_domain)
{
	while (names->at < names->n) {
		if (!names->entries[names->at].is_file) {
			if (take_word(names, ret_domain))
				return NAMES_ONE;
		} else if (names->fd < 0) {
			open_file(names);
		} else if (names->start < names->end &&
			   memchr(names->block + names->start, '\n', names->end - names->start)) {
			if (take_line(names, ret_domain))
				return NAMES_ONE;
		} else if (!fill(names)) {
			return NAMES_WAIT;
		}
	}
	return NAMES_END;
}

bool names_is_waiting(const struct names *names)
{
	return names->io != NULL;
}

int names_status(const struct names *names)
{
	return names->status;
}

int names_share(const struct names *names)
{
	if (names->is_endless || names->size == 0)
		return -1;
	return names->taken < names->size ? (int)(names->taken * 1000 / names->size) : 1000;
}

struct names *names_free(struct names *names)
{
	if (names == NULL)
		return NULL;
	if (names->at < names->n)
		close_file(names);
	free(names->entries);
	free(names);
	return NULL;
}
