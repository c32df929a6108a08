// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Every kind of source once, and what it means to free one, from inside and from beside.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/loop.h"

#define MS 1000ULL

struct scene {
	struct loop *loop;
	struct source *source;
	struct source *other;
	int count;
	int status;
	char order[8];
};

static void stop(void *arg)
{
	struct scene *scene = arg;

	loop_stop(scene->loop, 7);
}

static void stop_late(void *arg)
{
	struct scene *scene = arg;

	loop_stop(scene->loop, 99);
}

static struct scene scene_make(void)
{
	return (struct scene){.loop = loop_new()};
}

// Runs until something stops the loop, but never for longer than 2 s.
static int run(struct scene *scene)
{
	struct source *limit = loop_add_timer(scene->loop, 2000 * MS, stop_late, scene);
	int status = loop_run(scene->loop);

	source_free(limit);
	source_free(scene->source);
	source_free(scene->other);
	loop_free(scene->loop);
	return status;
}

static void note(struct scene *scene, char what)
{
	scene->order[strlen(scene->order)] = what;
}

static void on_io(void *arg, uint32_t events)
{
	struct scene *scene = arg;

	assert_true(events & EPOLLIN);
	scene->count++;
	loop_stop(scene->loop, 1);
}

static void test_io(void **state)
{
	struct scene scene = scene_make();
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	scene.source = loop_add_io(scene.loop, fds[0], 0, on_io, &scene);
	source_set_io(scene.source, EPOLLIN);
	assert_int_equal(run(&scene), 1);
	assert_int_equal(scene.count, 1);
	close(fds[0]);
	close(fds[1]);
}

static void on_tick(void *arg)
{
	struct scene *scene = arg;

	if (++scene->count == 3)
		loop_stop(scene->loop, 2);
	else
		source_set_timer(scene->source, 1 * MS);
}

static void test_timer_is_armed_anew_from_its_callback(void **state)
{
	struct scene scene = scene_make();
	uint64_t before = loop_now(scene.loop);
	uint64_t after;

	(void)state;
	scene.source = loop_add_timer(scene.loop, 20 * MS, on_tick, &scene);
	scene.other = loop_add_timer(scene.loop, UINT64_MAX, stop, &scene);
	assert_int_equal(loop_run(scene.loop), 2);
	after = loop_now(scene.loop);
	assert_int_equal(scene.count, 3);
	assert_in_range(after - before, 20 * MS, 60000 * MS);
	source_free(scene.source);
	source_free(scene.other);
	loop_free(scene.loop);
}

static void on_work(void *arg)
{
	note(arg, 'w');
}

static void on_idle(void *arg)
{
	struct scene *scene = arg;

	note(scene, 'i');
	loop_stop(scene->loop, 3);
}

static void test_idle_waits_for_the_others(void **state)
{
	struct scene scene = scene_make();

	(void)state;
	scene.source = loop_add_idle(scene.loop, on_idle, &scene);
	scene.other = loop_add_timer(scene.loop, 0, on_work, &scene);
	source_set_idle(scene.source);
	assert_int_equal(run(&scene), 3);
	assert_string_equal(scene.order, "wi");
}

static void test_idle_is_asleep_until_it_is_set(void **state)
{
	struct scene scene = scene_make();

	(void)state;
	scene.source = loop_add_idle(scene.loop, on_idle, &scene);
	scene.other = loop_add_timer(scene.loop, 20 * MS, stop, &scene);
	assert_int_equal(run(&scene), 7);
	assert_string_equal(scene.order, "");
}

static void test_signal(void **state)
{
	struct scene scene = scene_make();
	sigset_t set;

	(void)state;
	scene.source = loop_add_signal(scene.loop, SIGUSR1, stop, &scene);
	sigprocmask(SIG_BLOCK, NULL, &set);
	assert_true(sigismember(&set, SIGUSR1));
	kill(getpid(), SIGUSR1); // would end us if it were not blocked
	assert_int_equal(run(&scene), 7);
}

static void on_exit_of_child(void *arg, int status)
{
	struct scene *scene = arg;

	scene->status = status;
	loop_stop(scene->loop, 4);
}

static int child_status(int code, int signal)
{
	struct scene scene = scene_make();
	int pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (signal != 0)
			raise(signal);
		_exit(code);
	}
	scene.source = loop_add_child(scene.loop, pid, on_exit_of_child, &scene);
	assert_non_null(scene.source);
	assert_int_equal(run(&scene), 4);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); // reaped
	return scene.status;
}

static void test_child(void **state)
{
	int status = child_status(75, 0);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 75);
	status = child_status(0, SIGKILL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void test_child_that_is_none(void **state)
{
	struct loop *loop = loop_new();

	(void)state;
	assert_null(loop_add_child(loop, 0x3fffffff, on_exit_of_child, NULL));
	assert_int_not_equal(errno, 0);
	loop_free(loop);
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_watch_hints_at_a_file_moved_in(void **state)
{
	struct scene scene = scene_make();
	char folder[] = "/tmp/loop.XXXXXX";
	char path[PATH_MAX], from[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/in", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file(folder, "entry", "x");
	scene.source = loop_add_watch(scene.loop, path, stop, &scene);
	snprintf(from, sizeof(from), "%s/entry", folder);
	strcat(path, "/entry");
	assert_int_equal(rename(from, path), 0);
	assert_int_equal(run(&scene), 7);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(folder);
}

static void test_watch_of_nothing(void **state)
{
	struct loop *loop = loop_new();

	(void)state;
	assert_null(loop_add_watch(loop, "/nonexistent/folder", stop, NULL));
	assert_int_equal(errno, ENOENT);
	loop_free(loop);
}

static void on_io_free_both(void *arg, uint32_t events)
{
	struct scene *scene = arg;

	(void)events;
	scene->count++;
	scene->source = source_free(scene->source);
	scene->other = source_free(scene->other);
}

// Both are ready in the same turn: whichever comes first silences the other, and itself.
static void test_a_freed_source_never_fires(void **state)
{
	struct scene scene = scene_make();
	struct source *end;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[0], "x", 1), 1);
	assert_int_equal(write(fds[1], "x", 1), 1);
	scene.source = loop_add_io(scene.loop, fds[0], EPOLLIN, on_io_free_both, &scene);
	scene.other = loop_add_io(scene.loop, fds[1], EPOLLIN, on_io_free_both, &scene);
	end = loop_add_timer(scene.loop, 30 * MS, stop, &scene);
	assert_int_equal(loop_run(scene.loop), 7);
	assert_int_equal(scene.count, 1);
	source_free(end);
	loop_free(scene.loop);
	close(fds[0]);
	close(fds[1]);
}

static void test_notify(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/loop.XXXXXX";
	char text[32] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	loop_notify("READY=1"); // to nobody
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	loop_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), 7);
	assert_string_equal(text, "READY=1");
	close(fd);
	unlink(address.sun_path);
	rmdir(folder);
}

static void test_inherited_descriptors(void **state)
{
	char pid[24];
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	unsetenv("LISTEN_FDS");
	assert_int_equal(loop_inherited_fd(0), -ENOENT);
	assert_true(fd >= 3);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	assert_int_equal(loop_inherited_fd(0), 3);
	assert_int_equal(loop_inherited_fd(1), -ENOENT);
	unsetenv("LISTEN_FDS");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_io),
		cmocka_unit_test(test_timer_is_armed_anew_from_its_callback),
		cmocka_unit_test(test_idle_waits_for_the_others),
		cmocka_unit_test(test_idle_is_asleep_until_it_is_set),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_child_that_is_none),
		cmocka_unit_test(test_watch_hints_at_a_file_moved_in),
		cmocka_unit_test(test_watch_of_nothing),
		cmocka_unit_test(test_a_freed_source_never_fires),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_inherited_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
