// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One process for many messages: to fork for each costs ten times what parsing costs. It is
// confined as intake's parser is, and what it writes is not believed to be fit for a terminal. It
// can open nothing, so a message that names another character set gets another process, which
// begins with that one's table, too.

#include "cli/explain_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/confine.h"
#include "adapter/fence.h"
#include "adapter/mime.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/explain_print.h"
#include "mail/charsets.h"

#define MEMORY_MAX   (256UL * 1024 * 1024) // octets of address space
#define PATIENCE     10                    // seconds for a message
#define NAME_LEN_MAX 4096
#define ANSWER_MAX   (1024 * 1024)
#define SOCKET       0 // the worker's only descriptor
#define SOCKET_ROOM  (1024 * 1024)

struct task {
	uint32_t name_len, len, number;
};

struct answer {
	uint32_t len, verdict;
};

struct explain_worker {
	const struct explain_setting *setting;
	struct charsets charsets; // that the process has
	struct buf task;          // one write for all of it
	pid_t pid;                // 0: none
	int socket;
};

// ---- the process
// -----------------------------------------------------------------------------------

// All of len octets; false at the end, or on an error.
static bool read_all(int fd, void *data, size_t len)
{
	for (size_t got = 0; got < len;) {
		const ssize_t n = read(fd, (char *)data + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

static void explain(const struct explain_setting *setting, const struct explain_source *source,
		    char *bytes, size_t len, struct buf *out)
{
	struct answer answer = {0};
	struct explained explained;

	buf_clear(out);
	buf_add(out, &answer, sizeof(answer));
	explain_judge(setting->table, bytes, len, &explained);
	if (setting->is_json)
		explain_print_json(source, &explained, setting->phrases, out);
	else
		explain_print_text(source, &explained, setting->phrases, out);
	answer.len = (uint32_t)(out->len - sizeof(answer));
	answer.verdict = explained.is_mail ? EXPLAIN_CLASSED : EXPLAIN_NO_MAIL;
	memcpy(out->data, &answer, sizeof(answer));
	explained_free(&explained);
}

static _Noreturn void serve(const struct explain_worker *worker, int socket)
{
	static const struct confinement confinement = {.memory = MEMORY_MAX};
	char *data = mem_new(1, NAME_LEN_MAX + 1 + MIME_INPUT_MAX + 1);
	struct buf out = buf_make(ANSWER_MAX);
	struct task task;

	confine(socket, &confinement);
	mime_open_charsets(&worker->charsets);
	if (fence() != 0)
		_exit(CONFINE_COULD_NOT);
	while (read_all(SOCKET, &task, sizeof(task))) {
		struct explain_source source = {data, task.number};

		if (task.name_len > NAME_LEN_MAX || task.len > MIME_INPUT_MAX ||
		    !read_all(SOCKET, data, task.name_len + 1 + task.len))
			_exit(CONFINE_COULD_NOT);
		explain(worker->setting, &source, data + task.name_len + 1, task.len, &out);
		if (file_write_fd(SOCKET, out.data, out.len) < 0)
			break;
	}
	_exit(0);
}

// ---- its parent
// ------------------------------------------------------------------------------------

int explain_worker_new(const struct explain_setting *setting, struct explain_worker **ret_worker)
{
	struct explain_worker *worker;
	const int r = fence_prepare();

	if (r < 0)
		return r;
	worker = mem_new(1, sizeof(*worker));
	mime_init();
	worker->setting = setting;
	worker->task = buf_make(sizeof(struct task) + NAME_LEN_MAX + 1 + MIME_INPUT_MAX);
	worker->socket = -1;
	*ret_worker = worker;
	return 0;
}

static void stop(struct explain_worker *worker)
{
	if (worker->pid == 0)
		return;
	close(worker->socket);
	kill(worker->pid, SIGKILL);
	while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
		;
	worker->pid = 0;
}

struct explain_worker *explain_worker_free(struct explain_worker *worker)
{
	if (worker != NULL) {
		stop(worker);
		buf_free(&worker->task);
	}
	free(worker);
	return NULL;
}

static int start(struct explain_worker *worker)
{
	const struct timeval patience = {.tv_sec = PATIENCE};
	const int room = SOCKET_ROOM;
	int ends[2];
	pid_t pid;

	if (worker->pid != 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		serve(worker, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	// (Without these it is only slower, or waits longer.)
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	worker->pid = pid;
	worker->socket = ends[0];
	return 0;
}

// They are opened before the fence is put up. Too many of them, and they begin anew.
static void want_charsets(struct explain_worker *worker, const char *bytes, size_t len)
{
	struct charsets *charsets = &worker->charsets;
	const size_t n = charsets->n;

	if (n + CHARSETS_MESSAGE_MAX > CHARSETS_MAX)
		charsets->n = 0;
	charsets_find(charsets, bytes, len);
	if (charsets->n != n)
		stop(worker);
}

static bool send_task(struct explain_worker *worker, const char *name, unsigned number,
		      const char *bytes, size_t len)
{
	const size_t name_len = strnlen(name, NAME_LEN_MAX);
	struct task task = {(uint32_t)name_len,
			    (uint32_t)(len < MIME_INPUT_MAX ? len : MIME_INPUT_MAX), number};

	buf_clear(&worker->task);
	buf_add(&worker->task, &task, sizeof(task));
	buf_add(&worker->task, name, name_len);
	buf_addc(&worker->task, '\0');
	buf_add(&worker->task, bytes, task.len);
	return file_write_fd(worker->socket, worker->task.data, worker->task.len) == 0;
}

// Control characters would be the parser's own mischief.
static void add_harmless(struct buf *out, const char *text, size_t len)
{
	const size_t start = out->len;

	buf_add(out, text, len);
	for (size_t i = start; i < out->len; i++)
		if (((unsigned char)out->data[i] < ' ' && out->data[i] != '\n') ||
		    out->data[i] == 0x7f)
			out->data[i] = '?';
}

static bool read_answer(int socket, struct buf *out, enum explain_verdict *ret_verdict)
{
	struct answer answer;
	char *text;
	bool ok;

	if (!read_all(socket, &answer, sizeof(answer)) || answer.len > ANSWER_MAX ||
	    answer.verdict > EXPLAIN_NO_MAIL)
		return false;
	text = mem_new(answer.len + 1, 1);
	ok = read_all(socket, text, answer.len);
	if (ok)
		add_harmless(out, text, answer.len);
	free(text);
	*ret_verdict = (enum explain_verdict)answer.verdict;
	return ok;
}

int explain_worker_ask(struct explain_worker *worker, const char *name, unsigned number,
		       const char *bytes, size_t len, struct buf *out,
		       enum explain_verdict *ret_verdict)
{
	int r;

	want_charsets(worker, bytes, len);
	r = start(worker);
	if (r < 0)
		return r;
	*ret_verdict = EXPLAIN_DIED;
	if (!send_task(worker, name, number, bytes, len) ||
	    !read_answer(worker->socket, out, ret_verdict)) {
		*ret_verdict = EXPLAIN_DIED;
		stop(worker);
	}
	return 0;
}
