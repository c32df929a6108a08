// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The event loop (sd-event). One per process; callbacks run one at a time.
//
// A source frees itself with source_free(), also from inside its own callback; a freed source never
// fires again. Adding a source ends the process where there is no memory; only loop_add_child and
// loop_add_watch can fail.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct loop;
struct source;

// Never NULL. Serves systemd's watchdog where the unit asks for it.
struct loop *loop_new(void);
// NULL is fine. The sources are freed by their owners, before.
struct loop *loop_free(struct loop *loop);

// Runs until loop_stop(). Returns what that was given, or a negative errno.
int loop_run(struct loop *loop) must_check;
void loop_stop(struct loop *loop, int status);

// Monotonic microseconds, the loop's own idea of now.
uint64_t loop_now(const struct loop *loop);

// events: EPOLLIN, EPOLLOUT bits. The descriptor stays the caller's.
struct source *loop_add_io(struct loop *loop, int fd, uint32_t events,
			   void (*on_io)(void *arg, uint32_t events), void *arg);
void source_set_io(struct source *source, uint32_t events);

// One shot, usec from now (UINT64_MAX: not before it is set); source_set_timer arms it anew (also
// after it fired).
struct source *loop_add_timer(struct loop *loop, uint64_t usec, void (*on_timer)(void *arg),
			      void *arg);
void source_set_timer(struct source *source, uint64_t usec);

// on_idle runs once after each source_set_idle(), when no other event is pending.
struct source *loop_add_idle(struct loop *loop, void (*on_idle)(void *arg), void *arg);
void source_set_idle(struct source *source);

// From now on the source waits while others are pending, in turn with the idle ones: a flood of its
// events keeps neither them nor anything else from running.
void source_set_background(struct source *source);

// Blocks the signal for the process and delivers it here. (A child made by fork inherits the
// blocking.)
struct source *loop_add_signal(struct loop *loop, int signal, void (*on_signal)(void *arg),
			       void *arg);

// A child process's end (waitid's status as in wait(2)). The child is reaped. Blocks SIGCHLD. NULL
// and errno where there is no descriptor left to watch it with, or no such child.
struct source *loop_add_child(struct loop *loop, int pid, void (*on_exit)(void *arg, int status),
			      void *arg);

// Something appeared in the folder (inotify: moved in or written). A hint: it may be lost. NULL and
// errno where the folder cannot be watched.
struct source *loop_add_watch(struct loop *loop, const char *path, void (*on_hint)(void *arg),
			      void *arg);

struct source *source_free(struct source *source);

// sd_notify: "READY=1", "STOPPING=1". Nothing where no manager listens.
void loop_notify(const char *state);

// One line for whoever asks the manager how we are.
void loop_notify_status(const char *format, ...) printf_like(1, 2);

// A reload begins; READY=1 ends it.
void loop_notify_reloading(void);

// Microseconds within which the manager wants to hear WATCHDOG=1 over and over; 0 where it does
// not. A loop says so by itself; this is for a program without one.
uint64_t loop_watchdog(void);

// The listening descriptor that systemd handed over, the n-th of them, or -ENOENT.
int loop_inherited_fd(int n);
