// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A worker: the process that takes one message after the other.
#pragma once

#include <stdint.h>

#include "adapter/spool.h"

#define WORKER_PATIENCE                                                                            \
	300 // seconds: one that takes longer over a message is killed, and the message tried again
#define WORKER_SHARE 500 // messages, after which it ends: whatever a library leaks ends with it

// In a new process, with the signals blocked as the resident has them. Each packet over the socket
// brings a connection, on which take_message() takes one message; a packet of one octet tells that
// it is over. Ends when the socket's other end does, without one after the last of its share.
_Noreturn void worker_run(int socket, struct spool *spool, uint64_t limit);
