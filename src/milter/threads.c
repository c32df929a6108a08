// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// pthread_create(3) and sigwait(3), as libmilter finds them: the program's own come before the C
// library's.
//
// libmilter runs a session on a thread of its pool that is free, or on a new one. Where that cannot
// be made, it writes a line to the log, and the session is lost: it counts as running, nobody runs
// it, its descriptor stays open, and Postfix waits. What does work is a thread that cannot detach
// itself: it hands its session back to the pool before it ends. So where there is no thread, its
// function is called by the one that wanted it, which is detached already.
#include "milter/threads.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define STACK ((size_t)256 << 10) // several times what is used; 8 MB each is the usual
#define SPARE ((size_t)4 << 20)   // left for the sessions at work when no more threads are made
#define CREW  8                   // libmilter begins with fewer

typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

// What a thread of the pool runs. libmilter makes its first ones without a session.
static _Atomic(void *(*)(void *)) pool_function;

static bool has_room(size_t size)
{
	void *room = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return room != MAP_FAILED && munmap(room, size) == 0;
}

static int hand_back(void *(*function)(void *), void *session)
{
	pthread_detach(pthread_self());
	function(session);
	return 0;
}

int pthread_create(pthread_t *restrict ret_thread, const pthread_attr_t *restrict attributes,
		   void *(*function)(void *), void *restrict arg)
{
	create_fn *create = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
	const bool has_session = arg != NULL && function == atomic_load(&pool_function);
	int error = EAGAIN;

	if (create == NULL)
		abort();
	if (!has_session || has_room(STACK + SPARE))
		error = create(ret_thread, attributes, function, arg);
	if (error == 0 && arg == NULL)
		atomic_store(&pool_function, function);
	return error != 0 && has_session ? hand_back(function, arg) : error;
}

// libmilter blocks SIGHUP in all of its threads, waits for it among others in one of them, and ends
// when it comes. Nobody waits for it here, so it stays blocked and does nothing.
int sigwait(const sigset_t *restrict set, int *restrict ret_signal)
{
	sigset_t without = *set;
	int signal;

	sigdelset(&without, SIGHUP);
	do
		signal = sigwaitinfo(&without, NULL);
	while (signal < 0 && errno == EINTR);
	if (signal < 0)
		return errno;
	*ret_signal = signal;
	return 0;
}

int threads_prepare(void)
{
	pthread_attr_t attributes;
	bool done;

	if (pthread_attr_init(&attributes) != 0)
		return -ENOMEM;
	done = pthread_attr_setstacksize(&attributes, STACK) == 0 &&
	       pthread_setattr_default_np(&attributes) == 0 &&
	       // a heap for each thread reserves 64 MB of address space
	       mallopt(M_ARENA_MAX, 1) == 1 && has_room(CREW * STACK + SPARE);
	pthread_attr_destroy(&attributes);
	return done ? 0 : -ENOMEM;
}
