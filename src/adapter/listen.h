// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A server on a unix stream socket, on the event loop: it accepts, bounds, times out, and hands
// bytes over.
//
// What comes and goes is bounded, connection by connection and in all. Where there is no room for
// another, the one that has been silent longest goes: somebody who only holds connections open
// keeps nobody out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct listen;
struct loop;

struct listen_service {
	// A new connection's state. Never NULL.
	void *(*on_open)(void *arg);
	// Bytes came; the answer is appended to out, which holds 64 kB. False: close the
	// connection, once what is in out was offered. *ret_is_waiting: a request was begun and has
	// no end yet.
	bool (*on_bytes)(void *state, const char *bytes, size_t len, struct buf *out,
			 bool *ret_is_waiting);
	void (*on_close)(void *state);
	void *arg; // on_open's
};

// Serves the n-th socket that systemd handed over; where it handed over none such, a new one at
// path, which its owner and group may connect to. A socket file that nobody listens on is replaced.
// Sets *ret_listen; else a negative errno (-EADDRINUSE: somebody listens there).
int listen_open(struct loop *loop, const char *path, int n, const struct listen_service *service,
		struct listen **ret_listen) must_check;

// What a server begins with; a test sets others, before the loop runs.
struct listen_limits {
	size_t connections; // 1200, or fewer where the process may not have so many descriptors
	uint64_t idle;     // µs between requests: 600 s; Postfix itself keeps a connection for 300
	uint64_t patience; // µs for a request that was begun, and for an answer to be taken: 10 s
};

// Others than what it begins with.
void listen_set_limits(struct listen *listen, struct listen_limits limits);

// Closes all connections, with on_close each, and removes the file that it made.
struct listen *listen_free(struct listen *listen);
