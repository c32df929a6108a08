// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A packet with one descriptor, over a unix socket of type SOCK_SEQPACKET (SCM_RIGHTS).
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"

// 0, or a negative errno: -EPIPE where nobody is there any more. The descriptor stays the caller's.
int pass_send(int socket, const void *data, size_t len, int fd) must_check;

// Waits for a packet. Its length, 0 where the other end is gone, or a negative errno: -EMSGSIZE
// where it is longer than size or came with more than one descriptor. *ret_fd is the caller's, and
// -1 where none came; with 0 or an error, whatever came is closed.
ssize_t pass_receive(int socket, void *data, size_t size, int *ret_fd) must_check;
