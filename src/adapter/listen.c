// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Connections stand in a list, the one heard from last in front, so the back is the one to go where
// there is no room, and a look at time limits ends at the first that is young enough. One slow
// timer looks after all of them: limits hold to within a few seconds, and a connection costs no
// timer of its own.
//
// What a newcomer would get wrong: accept(2) that fails leaves its event pending, so without a
// pause the loop would spin.
#include "adapter/listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "adapter/loop.h"
#include "base/cleanup.h"
#include "base/mem.h"

#define SECOND  UINT64_C(1000000)
#define MOST    1200
#define READ    4096
#define OUT_MAX (64 << 10)
#define RESERVE 64 // descriptors for everything else

struct connection {
	struct connection *newer, *older;
	struct listen *listen;
	int fd;
	struct source *io;
	void *state;
	struct buf out;
	uint64_t heard;  // when it last said or took something
	bool is_waiting; // a request was begun, or an answer is not taken yet
	bool is_ending;  // gone when out is empty
};

struct listen {
	struct loop *loop;
	int fd;
	char *path;
	struct source *io;
	struct source *look;
	struct listen_service service;
	struct connection *newest, *oldest;
	size_t count;
	struct listen_limits limits;
};

// ---- the list -----------------------------------------------------------------------------------

static void unlink_connection(struct connection *c)
{
	*(c->newer == NULL ? &c->listen->newest : &c->newer->older) = c->older;
	*(c->older == NULL ? &c->listen->oldest : &c->older->newer) = c->newer;
	c->newer = c->older = NULL;
}

static void link_newest(struct connection *c)
{
	struct listen *listen = c->listen;

	c->older = listen->newest;
	*(listen->newest == NULL ? &listen->oldest : &listen->newest->newer) = c;
	listen->newest = c;
	c->heard = loop_now(listen->loop);
}

static void close_connection(struct connection *c)
{
	struct listen *listen = c->listen;

	unlink_connection(c);
	listen->count--;
	source_free(c->io);
	close(c->fd);
	listen->service.on_close(c->state);
	buf_free(&c->out);
	free(c);
}

// ---- one connection -----------------------------------------------------------------------------

// Offers what there is. False where the other side has gone.
static bool offer(struct connection *c)
{
	ssize_t n;

	if (c->out.len == 0)
		return true;
	n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if ((size_t)n == c->out.len)
		buf_free(&c->out);
	else
		buf_shift(&c->out, (size_t)n);
	return true;
}

// Reads once. False where there is nothing more to come, or nothing more is wanted.
static bool take(struct connection *c)
{
	char bytes[READ];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	bool is_waiting = false;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (!c->listen->service.on_bytes(c->state, bytes, (size_t)n, &c->out, &is_waiting) ||
	    buf_failed(&c->out))
		c->is_ending = true;
	// the limit for a request counts from its beginning, however slowly it drips
	if (!(is_waiting && c->is_waiting)) {
		unlink_connection(c);
		link_newest(c);
	}
	c->is_waiting = is_waiting;
	return true;
}

// Nothing is read while an answer waits: whoever does not listen is not heard.
static void on_connection(void *arg, uint32_t events)
{
	struct connection *c = arg;
	bool is_fine = (events & EPOLLOUT) != 0 || c->out.len > 0 || take(c);

	if (is_fine)
		is_fine = offer(c);
	if (!is_fine || (c->is_ending && c->out.len == 0)) {
		close_connection(c);
		return;
	}
	if (c->out.len > 0)
		c->is_waiting = true;
	source_set_io(c->io, c->out.len > 0 ? EPOLLOUT : EPOLLIN);
}

static void open_connection(struct listen *listen, int fd)
{
	struct connection *c;

	if (listen->count >= listen->limits.connections)
		close_connection(listen->oldest);
	c = mem_new(1, sizeof(*c));
	c->listen = listen;
	c->fd = fd;
	c->out = buf_make(OUT_MAX);
	c->state = listen->service.on_open(listen->service.arg);
	c->io = loop_add_io(listen->loop, fd, EPOLLIN, on_connection, c);
	source_set_background(c->io);
	listen->count++;
	link_newest(c);
}

// ---- all of them --------------------------------------------------------------------------------

static void on_accept(void *arg, uint32_t events)
{
	struct listen *listen = arg;
	int fd = accept4(listen->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0) {
		open_connection(listen, fd);
		return;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	// No descriptor, no memory: who is silent longest makes room, and the next look tries
	// again.
	if (listen->oldest != NULL)
		close_connection(listen->oldest);
	source_set_io(listen->io, 0);
}

static void on_look(void *arg)
{
	struct listen *listen = arg;
	uint64_t now = loop_now(listen->loop);

	for (struct connection *c = listen->oldest, *newer; c != NULL; c = newer) {
		uint64_t silent = now - c->heard;

		newer = c->newer;
		if (silent < listen->limits.patience)
			break;
		if (c->is_waiting || silent >= listen->limits.idle)
			close_connection(c);
	}
	source_set_io(listen->io, EPOLLIN);
	source_set_timer(listen->look, listen->limits.patience / 5);
}

static size_t most_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= 2 * RESERVE)
		return RESERVE / 4;
	return limit.rlim_cur - RESERVE < MOST ? limit.rlim_cur - RESERVE : MOST;
}

// ---- the socket ---------------------------------------------------------------------------------

// Nobody listens on a socket that refuses: its process is gone. (Any other file refuses, too.)
static void remove_dead(const struct sockaddr_un *address)
{
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat info;

	if (fd < 0 || lstat(address->sun_path, &info) < 0 || !S_ISSOCK(info.st_mode))
		return;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
}

static int bind_path(int fd, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	remove_dead(&address);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	return 0;
}

static int open_socket(const char *path, int *ret_fd)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? -errno : bind_path(fd, path);

	if (error < 0 && fd >= 0)
		close(fd);
	if (error == 0)
		*ret_fd = fd;
	return error;
}

int listen_open(struct loop *loop, const char *path, int n, const struct listen_service *service,
		struct listen **ret_listen)
{
	int fd = loop_inherited_fd(n);
	bool is_ours = fd < 0;
	int error = is_ours ? open_socket(path, &fd) : 0;
	struct listen *listen;

	if (error < 0)
		return error;
	listen = mem_new(1, sizeof(*listen));
	listen->loop = loop;
	listen->fd = fd;
	listen->path = is_ours ? mem_strdup(path) : NULL;
	listen->service = *service;
	listen->limits = (struct listen_limits){most_connections(), 600 * SECOND, 10 * SECOND};
	listen->io = loop_add_io(loop, fd, EPOLLIN, on_accept, listen);
	source_set_background(listen->io);
	listen->look = loop_add_timer(loop, SECOND, on_look, listen);
	*ret_listen = listen;
	return 0;
}

void listen_set_limits(struct listen *listen, struct listen_limits limits)
{
	listen->limits = limits;
	source_set_timer(listen->look, limits.patience / 5);
}

struct listen *listen_free(struct listen *listen)
{
	if (listen == NULL)
		return NULL;
	while (listen->newest != NULL)
		close_connection(listen->newest);
	source_free(listen->io);
	source_free(listen->look);
	if (listen->path != NULL)
		unlink(listen->path);
	close(listen->fd);
	free(listen->path);
	free(listen);
	return NULL;
}
