// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The resident process, and its workers.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "adapter/spool.h"
#include "base/cleanup.h"

struct serve {
	int listen_fd;
	struct spool *spool;
	size_t max_children; // beyond that many at work, connections wait in the backlog
	uint64_t limit;      // octets of a message
};

#define SERVE_STOP_PATIENCE 10 // seconds for the children after SIGTERM

// A listening SOCK_SEQPACKET socket at path (its mode by the umask). One that a dead process left
// there is replaced, one that somebody listens on is not. The descriptor, or a negative errno:
// -EADDRINUSE.
int serve_listen(const char *path) must_check;

// Serves until SIGTERM or SIGINT, then lets the children finish. Logs.
void serve_run(const struct serve *serve);
