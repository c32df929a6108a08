// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One child, two pipes, one deadline. What it left running holds the pipes open and counts as
// itself.
#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int spawn(const char *const *argv, int out, int errors, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
				 environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

// One read of what is ready; false at its end.
static bool drain(int fd, struct buf *out)
{
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n > 0)
		buf_add(out, bytes, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

static int read_both(const int fds[2], struct buf *const bufs[2], int64_t deadline)
{
	struct pollfd polls[2] = {{.fd = fds[0], .events = POLLIN},
				  {.fd = fds[1], .events = POLLIN}};

	while (polls[0].fd >= 0 || polls[1].fd >= 0) {
		int64_t left = deadline - now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(polls, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < 2; i++) {
			if (polls[i].revents != 0 && !drain(polls[i].fd, bufs[i]))
				polls[i].fd = -1;
			polls[i].revents = 0;
			if (buf_failed(bufs[i]))
				return -EMSGSIZE;
		}
	}
	return 0;
}

static int reap(pid_t pid, bool is_done)
{
	int status = 0;

	if (!is_done)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_run(const char *const *argv, int seconds, struct buf *out, struct buf *errors)
{
	struct buf *const bufs[2] = {out, errors};
	int64_t deadline = now_ms() + (int64_t)seconds * 1000;
	int one[2], two[2], r, status;
	pid_t pid = -1;

	if (pipe2(one, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(two, O_CLOEXEC) < 0) {
		r = -errno;
		close(one[0]);
		close(one[1]);
		return r;
	}
	r = spawn(argv, one[1], two[1], &pid);
	close(one[1]);
	close(two[1]);
	if (r == 0) {
		r = read_both((const int[]){one[0], two[0]}, bufs, deadline);
		status = reap(pid, r == 0);
		r = r == 0 ? status : r;
	}
	close(one[0]);
	close(two[0]);
	return r;
}
