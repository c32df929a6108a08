// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The event loop, by sd-event.
//
// What a newcomer would get wrong: a callback may free its own source, so nothing touches a source
// after its callback returned. Sources that need nothing but memory cannot fail and end the process
// if they do; those that need a descriptor or a folder (child, watch) answer NULL, because a daemon
// at its descriptor limit should refuse work, not die.
#include "adapter/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/mem.h"

#define TIMER_ACCURACY 1000 // µs; 0 would mean sd-event's 250 ms
#define STATUS_SIZE    400

struct loop {
	sd_event *event;
};

struct source {
	sd_event_source *event_source;
	union {
		void (*io)(void *arg, uint32_t events);
		void (*plain)(void *arg);
		void (*exit)(void *arg, int status);
	} on;
	void *arg;
};

// Out of memory, or our own misuse: both end the process.
static void must(int result)
{
	if (result < 0)
		abort();
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_new(1, sizeof(*loop));

	must(sd_event_new(&loop->event));
	must(sd_event_set_watchdog(loop->event, true));
	return loop;
}

struct loop *loop_free(struct loop *loop)
{
	if (loop == NULL)
		return NULL;
	sd_event_unref(loop->event);
	free(loop);
	return NULL;
}

int loop_run(struct loop *loop)
{
	return sd_event_loop(loop->event);
}

void loop_stop(struct loop *loop, int status)
{
	must(sd_event_exit(loop->event, status));
}

uint64_t loop_now(const struct loop *loop)
{
	uint64_t usec = 0;

	must(sd_event_now(loop->event, CLOCK_MONOTONIC, &usec));
	return usec;
}

static struct source *source_new(void *arg)
{
	struct source *source = mem_new(1, sizeof(*source));

	source->arg = arg;
	return source;
}

static int on_io_event(sd_event_source *unused, int fd, uint32_t events, void *data)
{
	const struct source *source = data;

	(void)unused, (void)fd;
	source->on.io(source->arg, events);
	return 0;
}

struct source *loop_add_io(struct loop *loop, int fd, uint32_t events,
			   void (*on_io)(void *arg, uint32_t events), void *arg)
{
	struct source *source = source_new(arg);

	source->on.io = on_io;
	must(sd_event_add_io(loop->event, &source->event_source, fd, events, on_io_event, source));
	return source;
}

void source_set_io(struct source *source, uint32_t events)
{
	must(sd_event_source_set_io_events(source->event_source, events));
}

static int on_timer_event(sd_event_source *unused, uint64_t usec, void *data)
{
	const struct source *source = data;

	(void)unused, (void)usec;
	source->on.plain(source->arg);
	return 0;
}

// The moment usec from now, and never rather than an overflow.
static uint64_t moment(sd_event *event, uint64_t usec)
{
	uint64_t now = 0;

	must(sd_event_now(event, CLOCK_MONOTONIC, &now));
	return usec < UINT64_MAX - now ? now + usec : UINT64_MAX;
}

struct source *loop_add_timer(struct loop *loop, uint64_t usec, void (*on_timer)(void *arg),
			      void *arg)
{
	struct source *source = source_new(arg);

	source->on.plain = on_timer;
	must(sd_event_add_time(loop->event, &source->event_source, CLOCK_MONOTONIC,
			       moment(loop->event, usec), TIMER_ACCURACY, on_timer_event, source));
	return source;
}

void source_set_timer(struct source *source, uint64_t usec)
{
	sd_event *event = sd_event_source_get_event(source->event_source);

	must(sd_event_source_set_time(source->event_source, moment(event, usec)));
	must(sd_event_source_set_enabled(source->event_source, SD_EVENT_ONESHOT));
}

static int on_defer_event(sd_event_source *unused, void *data)
{
	const struct source *source = data;

	(void)unused;
	source->on.plain(source->arg);
	return 0;
}

struct source *loop_add_idle(struct loop *loop, void (*on_idle)(void *arg), void *arg)
{
	struct source *source = source_new(arg);

	source->on.plain = on_idle;
	must(sd_event_add_defer(loop->event, &source->event_source, on_defer_event, source));
	must(sd_event_source_set_priority(source->event_source, SD_EVENT_PRIORITY_IDLE));
	must(sd_event_source_set_enabled(source->event_source, SD_EVENT_OFF));
	return source;
}

void source_set_idle(struct source *source)
{
	must(sd_event_source_set_enabled(source->event_source, SD_EVENT_ONESHOT));
}

// Among sources of one priority sd-event takes the one that is pending longest.
void source_set_background(struct source *source)
{
	must(sd_event_source_set_priority(source->event_source, SD_EVENT_PRIORITY_IDLE));
}

// sd-event reads signals from a signalfd, which sees only blocked ones.
static void block_signal(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
}

static int on_signal_event(sd_event_source *unused, const struct signalfd_siginfo *info, void *data)
{
	const struct source *source = data;

	(void)unused, (void)info;
	source->on.plain(source->arg);
	return 0;
}

struct source *loop_add_signal(struct loop *loop, int signal, void (*on_signal)(void *arg),
			       void *arg)
{
	struct source *source = source_new(arg);

	source->on.plain = on_signal;
	block_signal(signal);
	must(sd_event_add_signal(loop->event, &source->event_source, signal, on_signal_event,
				 source));
	return source;
}

// waitid(2) takes the status apart; put it together as wait(2) has it, so that WIFEXITED and
// friends work.
static int wait_status(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return (info->si_status & 0xff) << 8;
	return (info->si_status & 0x7f) | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

static int on_child_event(sd_event_source *unused, const siginfo_t *info, void *data)
{
	const struct source *source = data;

	(void)unused;
	source->on.exit(source->arg, wait_status(info));
	return 0;
}

// Frees the half-made source of an addition that failed.
static struct source *give_up(struct source *source, int error)
{
	free(source);
	errno = -error;
	return NULL;
}

struct source *loop_add_child(struct loop *loop, int pid, void (*on_exit)(void *arg, int status),
			      void *arg)
{
	struct source *source = source_new(arg);
	int error;

	source->on.exit = on_exit;
	block_signal(SIGCHLD);
	error = sd_event_add_child(loop->event, &source->event_source, pid, WEXITED, on_child_event,
				   source);
	return error < 0 ? give_up(source, error) : source;
}

static int on_inotify_event(sd_event_source *unused, const struct inotify_event *event, void *data)
{
	const struct source *source = data;

	(void)unused, (void)event;
	source->on.plain(source->arg);
	return 0;
}

struct source *loop_add_watch(struct loop *loop, const char *path, void (*on_hint)(void *arg),
			      void *arg)
{
	struct source *source = source_new(arg);
	int error;

	source->on.plain = on_hint;
	error = sd_event_add_inotify(loop->event, &source->event_source, path,
				     IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR, on_inotify_event,
				     source);
	return error < 0 ? give_up(source, error) : source;
}

struct source *source_free(struct source *source)
{
	if (source == NULL)
		return NULL;
	// The loop holds a reference of its own while the source's callback runs: disabling is what
	// silences it.
	sd_event_source_disable_unref(source->event_source);
	free(source);
	return NULL;
}

void loop_notify(const char *state)
{
	// Nobody listening is no error, and a manager that does not hear us finds out by its own
	// time-outs.
	(void)sd_notify(false, state);
}

void loop_notify_status(const char *format, ...)
{
	char line[STATUS_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	(void)sd_notifyf(false, "STATUS=%s", line);
}

void loop_notify_reloading(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
			 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

uint64_t loop_watchdog(void)
{
	uint64_t usec = 0;

	return sd_watchdog_enabled(false, &usec) > 0 ? usec : 0;
}

int loop_inherited_fd(int n)
{
	int count = sd_listen_fds(false);

	if (count < 0)
		return count;
	return n < count ? SD_LISTEN_FDS_START + n : -ENOENT;
}
