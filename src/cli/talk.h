// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A few words with a server of this host. Blocking, and no step of it takes
// longer than TALK_SECONDS.
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define TALK_SECONDS 10
#define TALK_MAX     65536 // octets of an answer

// A connected socket of that type (SOCK_STREAM, SOCK_SEQPACKET), or a negative errno.
int talk_open(const char *path, int type) must_check;

// The same to port 25 of an IPv6 address of this host. -EINVAL where it is none.
int talk_open_smtp(const char *address) must_check;

// 0, or a negative errno: -ETIMEDOUT, -EPIPE.
int talk_send(int fd, const void *data, size_t len) must_check;

// Appends what comes next. 0; -ETIMEDOUT, -ECONNRESET where the other end is closed, or another
// negative errno.
int talk_read(int fd, struct buf *out) must_check;

// Reads one reply of SMTP: its code, 100 to 599, or a negative errno; -EPROTO for what is none.
// text: its last line, printable; at least SMTP_REPLY_TEXT_SIZE octets.
int talk_smtp(int fd, char *text, size_t size) must_check;
