// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The resident process: accepts, and forks for each message.
//
// A loop around ppoll(2) and nothing more: the one event besides a connection is a signal, and
// those are blocked everywhere but inside ppoll, so none can be missed. The resident itself reads
// nothing that anybody sent.
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
#include "intake/take.h"

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

static _Noreturn void run_child(const struct serve *serve, int socket, const sigset_t *mask)
{
	close(serve->listen_fd);
	// a stop lets us finish: systemd signals the whole group
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	alarm(SERVE_CHILD_PATIENCE);
	take_message(socket, serve->spool, serve->limit);
	_exit(0);
}

// A short wait where the system is out of something: the connection stays in the backlog.
static void wait_a_little(const char *what)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	log_note(LOG_WARNING, "%s: %s, will retry", what, strerror(errno));
	nanosleep(&pause, NULL);
}

// Accepts one connection and forks for it. The number of children that gives: 0 or 1.
static size_t accept_one(const struct serve *serve, const sigset_t *mask)
{
	int socket = accept4(serve->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	pid_t pid;

	if (socket < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			wait_a_little("accept");
		return 0;
	}
	pid = fork();
	if (pid == 0)
		run_child(serve, socket, mask);
	if (pid < 0)
		wait_a_little("fork"); // closing the connection defers the message
	close(socket);
	return pid > 0 ? 1 : 0;
}

// Reaps all that ended. Their number.
static size_t reap(void)
{
	size_t n = 0;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		n++;
		if (WIFSIGNALED(status))
			log_note(LOG_WARNING,
				 "child %d died: signal %d, its message will be tried again",
				 (int)pid, WTERMSIG(status));
		else if (WEXITSTATUS(status) != 0)
			log_note(LOG_WARNING,
				 "child %d gave up: status %d, its message will be tried again",
				 (int)pid, WEXITSTATUS(status));
	}
	return n;
}

static void finish(size_t n_children, const sigset_t *mask)
{
	const time_t deadline = time(NULL) + SERVE_STOP_PATIENCE;
	const struct timespec second = {.tv_sec = 1};

	while ((n_children -= reap()) > 0 && time(NULL) < deadline)
		ppoll(NULL, 0, &second, mask);
	if (n_children > 0)
		log_note(LOG_WARNING, "stopping while %zu children are at work", n_children);
}

void serve_run(const struct serve *serve)
{
	struct pollfd poll_fd = {.fd = serve->listen_fd, .events = POLLIN};
	size_t n_children = 0;
	sigset_t mask;

	handle_signals(&mask);
	fcntl(serve->listen_fd, F_SETFL, fcntl(serve->listen_fd, F_GETFL) | O_NONBLOCK);
	loop_notify("READY=1");
	while (!stop_wanted) {
		bool has_room = n_children < serve->max_children;
		int ready = ppoll(&poll_fd, has_room ? 1 : 0, NULL, &mask);

		n_children -= reap();
		if (ready > 0)
			n_children += accept_one(serve, &mask);
	}
	loop_notify("STOPPING=1");
	close(serve->listen_fd);
	finish(n_children, &mask);
}
