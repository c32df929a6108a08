// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// libmilter's threads, where memory or tasks are short: a session for which no thread can be made
// is served by the one that is free next. And its signals: SIGHUP does not end it.
#pragma once

#include <pthread.h>
#include <signal.h>

#include "base/cleanup.h"

// What libmilter and all others find in the C library's place; that one does the work.
int pthread_create(pthread_t *restrict ret_thread, const pthread_attr_t *restrict attributes,
		   void *(*function)(void *), void *restrict arg);
int sigwait(const sigset_t *restrict set, int *restrict ret_signal);

// Once, before libmilter is opened: small stacks, one heap for all. 0, or -ENOMEM where there is no
// room for the threads that libmilter begins with.
int threads_prepare(void) must_check;
