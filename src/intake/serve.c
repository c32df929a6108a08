// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The resident process: accepts, and hands each connection to a worker that is free.
//
// Workers are forked when they are wanted and stay, because a fork of a program with so many
// libraries costs more than all else that is done for a message. Each hangs on a socket of its own,
// which no other process may hold open: its end tells the worker that the resident is gone. The
// resident itself reads nothing that anybody sent. Signals are blocked everywhere but inside
// ppoll(2), so none can be missed.
#include "intake/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/loop.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pass.h"
#include "intake/worker.h"

static volatile sig_atomic_t stop_wanted;

static void on_signal(int signal)
{
	if (signal != SIGCHLD)
		stop_wanted = 1;
}

static void handle_signals(sigset_t *ret_before)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGCHLD};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t mask;

	signal(SIGHUP, SIG_IGN); // it has nothing to reload; the workers inherit this
	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&mask, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &mask, ret_before);
}

static int address_of(const char *path, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret_address->sun_path, path);
	return 0;
}

// Nobody listens on a socket file that refuses: its process is gone.
static void remove_dead(int fd, const struct sockaddr_un *address)
{
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
}

int serve_listen(const char *path)
{
	auto_fd int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int error = address_of(path, &address);

	if (error == 0 && (fd < 0 || probe < 0))
		error = -errno;
	if (error == 0) {
		remove_dead(probe, &address);
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		    listen(fd, SOMAXCONN) < 0)
			error = -errno;
	}
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return error;
}

// ---- the workers --------------------------------------------------------------------------------

struct worker {
	pid_t pid;    // 0: none in this place
	int socket;   // our end; -1 where the other one is gone
	bool is_busy; // has a connection, and has not said that it is over
};

struct crew {
	const struct serve *serve;
	struct worker *workers;
	struct pollfd *polls; // one for each, and one for the listening socket
	size_t n_places;      // as many workers as there ever were at once
	sigset_t mask;
};

static void hang_up(struct worker *worker)
{
	if (worker->socket >= 0)
		close(worker->socket);
	worker->socket = -1;
}

// What the resident has and a worker must not. (The connection comes again, over its socket.)
static void leave_resident(const struct crew *crew, int connection)
{
	close(crew->serve->listen_fd);
	close(connection);
	for (size_t i = 0; i < crew->n_places; i++)
		hang_up(&crew->workers[i]);
}

// 0, or a negative errno.
static int start(struct crew *crew, struct worker *worker, int connection)
{
	const struct serve *serve = crew->serve;
	int ends[2], error = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		error = -errno;
	if (pid == 0) {
		leave_resident(crew, connection);
		close(ends[0]);
		worker_run(ends[1], serve->spool, serve->limit);
	}
	close(ends[1]);
	if (pid > 0)
		*worker = (struct worker){.pid = pid, .socket = ends[0]};
	else
		close(ends[0]);
	return error;
}

static struct worker *free_place(struct crew *crew)
{
	for (size_t i = 0; i < crew->n_places; i++)
		if (crew->workers[i].pid == 0)
			return &crew->workers[i];
	crew->n_places++;
	crew->workers = mem_grow(crew->workers, crew->n_places, sizeof(*crew->workers));
	crew->polls = mem_grow(crew->polls, crew->n_places + 1, sizeof(*crew->polls));
	crew->workers[crew->n_places - 1] = (struct worker){.socket = -1};
	return &crew->workers[crew->n_places - 1];
}

// The first one that is free, so that it is mostly the same; else a new one. 0, or a negative
// errno.
static int find_free(struct crew *crew, int connection, struct worker **ret_worker)
{
	struct worker *worker = NULL;
	int error = 0;

	for (size_t i = 0; i < crew->n_places && worker == NULL; i++)
		if (crew->workers[i].pid != 0 && !crew->workers[i].is_busy)
			worker = &crew->workers[i];
	if (worker == NULL) {
		worker = free_place(crew);
		error = start(crew, worker, connection);
	}
	if (error == 0)
		*ret_worker = worker;
	return error;
}

// Reads that a message is over. Anything else is a worker's end, of which waitpid will tell more.
static void hear(struct worker *worker)
{
	char word;

	if (recv(worker->socket, &word, sizeof(word), MSG_DONTWAIT) == 1)
		worker->is_busy = false;
	else
		hang_up(worker);
}

static void log_end(const struct worker *worker, int status)
{
	const char *then = worker->is_busy ? ", its message will be tried again" : "";

	if (WIFSIGNALED(status))
		log_note(LOG_WARNING, "child %d died: signal %d%s", (int)worker->pid,
			 WTERMSIG(status), then);
	else if (WEXITSTATUS(status) != 0)
		log_note(LOG_WARNING, "child %d gave up: status %d%s", (int)worker->pid,
			 WEXITSTATUS(status), then);
}

// Frees the places of all that ended. The number that is left.
static size_t reap(struct crew *crew)
{
	size_t n_left = 0;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < crew->n_places; i++)
			if (crew->workers[i].pid == pid) {
				log_end(&crew->workers[i], status);
				hang_up(&crew->workers[i]);
				crew->workers[i] = (struct worker){.socket = -1};
			}
	for (size_t i = 0; i < crew->n_places; i++)
		n_left += crew->workers[i].pid != 0;
	return n_left;
}

// ---- the loop -----------------------------------------------------------------------------------

// A short wait where the system is out of something: what is not accepted stays in the backlog.
static void wait_a_little(const char *what, int error)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	log_note(LOG_WARNING, "%s: %s, will retry", what, strerror(-error));
	nanosleep(&pause, NULL);
}

// Accepts one connection and hands it over. Where nobody takes it, closing it defers the message.
static void accept_one(struct crew *crew)
{
	auto_fd int connection = accept4(crew->serve->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct worker *worker = NULL;
	int error;

	if (connection < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			wait_a_little("accept", -errno);
		return;
	}
	error = find_free(crew, connection, &worker);
	if (error == 0)
		error = pass_send(worker->socket, "", 1, connection);
	if (error == 0)
		worker->is_busy = true;
	else
		wait_a_little(worker == NULL ? "fork" : "handing over", error);
}

// Listens to workers that are busy, and for connections where one is not or may be started.
static nfds_t prepare(struct crew *crew)
{
	bool has_room = crew->n_places < crew->serve->max_children;

	for (size_t i = 0; i < crew->n_places; i++) {
		const struct worker *worker = &crew->workers[i];

		crew->polls[i + 1] = (struct pollfd){.fd = worker->is_busy ? worker->socket : -1,
						     .events = POLLIN};
		has_room = has_room || !worker->is_busy;
	}
	crew->polls[0] =
		(struct pollfd){.fd = has_room ? crew->serve->listen_fd : -1, .events = POLLIN};
	return crew->n_places + 1;
}

// Tells the manager that the loop goes round, and how long the next wait may be.
static const struct timespec *serve_watchdog(struct timespec *wait)
{
	const uint64_t half = loop_watchdog() / 2; // µs

	if (half == 0)
		return NULL;
	loop_notify("WATCHDOG=1");
	*wait = (struct timespec){.tv_sec = (time_t)(half / 1000000),
				  .tv_nsec = (long)(half % 1000000 * 1000)};
	return wait;
}

static void turn(struct crew *crew)
{
	const struct timespec at_once = {0};
	struct timespec wait;
	int ready = ppoll(crew->polls, prepare(crew), serve_watchdog(&wait), &crew->mask);

	for (size_t i = 0; i < crew->n_places && ready > 0; i++)
		if (crew->polls[i + 1].revents != 0)
			hear(&crew->workers[i]);
	// where a descriptor is ready, ppoll lets no signal in, and under load there always is one
	ppoll(NULL, 0, &at_once, &crew->mask);
	reap(crew);
	log_flush(0);
	if (ready > 0 && crew->polls[0].revents != 0 && !stop_wanted)
		accept_one(crew);
}

// Seconds of a clock that nobody sets.
static time_t uptime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void finish(struct crew *crew)
{
	const time_t deadline = uptime() + SERVE_STOP_PATIENCE;
	const struct timespec second = {.tv_sec = 1};
	size_t n_left;

	for (size_t i = 0; i < crew->n_places; i++)
		hang_up(&crew->workers[i]);
	while ((n_left = reap(crew)) > 0 && uptime() < deadline)
		ppoll(NULL, 0, &second, &crew->mask);
	if (n_left > 0)
		log_note(LOG_WARNING, "stopping while %zu children are at work", n_left);
}

void serve_run(const struct serve *serve)
{
	struct crew crew = {.serve = serve, .polls = mem_new(1, sizeof(*crew.polls))};

	handle_signals(&crew.mask);
	fcntl(serve->listen_fd, F_SETFL, fcntl(serve->listen_fd, F_GETFL) | O_NONBLOCK);
	loop_notify("READY=1");
	while (!stop_wanted)
		turn(&crew);
	loop_notify("STOPPING=1");
	close(serve->listen_fd);
	finish(&crew);
	free(crew.workers);
	free(crew.polls);
}
