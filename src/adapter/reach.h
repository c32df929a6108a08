// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One knock at one address: does a mail server greet us on port 25? Connect, banner, EHLO, the
// offer of STARTTLS, QUIT; never MAIL. Does not log. What it reads is a stranger's: a reply is
// bounded in lines and octets, each step in time, however slowly it drips.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapter/loop.h"
#include "mail/survey.h"

#define REACH_REPLY_LINES 64
#define REACH_REPLY_MAX   8192 // octets of one reply; a line is at most 2048, as Postfix has it

struct reach;

struct reach_options {
	const char *helo;      // our name; borrowed until on_end
	const char *source_v4; // the address to knock from, NULL or "" for the system's choice
	const char *source_v6;
	uint32_t connect_ms; // for the step CONNECT; 0: 5 s
	uint32_t reply_ms;   // for each of BANNER and EHLO; 0: 5 s
	uint32_t quit_ms;    // for the answer to QUIT, which changes nothing any more; 0: 1 s
	uint16_t port;       // 0: 25
	// Knock also at addresses that mean this host or its own network (loopback, private,
	// link-local, ULA, mapped). Otherwise they are UNREACHABLE without a packet, since what a
	// stranger's DNS says must not make us talk to our neighbours.
	bool is_inside;
};

// Begins with address->text (inet_ntop's form) and fills reach, step, step_ms, code, starttls and
// banner as they become known; address must live until on_end or reach_free(). on_end is called
// once, from the loop, never from inside this function; reach_free() is due after it, and may be
// called in it. The result stands before QUIT is answered, so whoever has no time left may call
// reach_free() and read the address: what was not over by then is REACH_UNKNOWN with the step that
// it was in. So is what failed here, before a packet left: no descriptor, a source address that is
// not ours.
// code and banner are those of the last reply, banner its first line without the code; of what is
// no SMTP the code is 0 and the banner the line as it came.
struct reach *reach_start(struct loop *loop, const struct reach_options *options,
			  struct survey_address *address, void (*on_end)(void *arg), void *arg);

// Ends the knock without calling back. NULL is fine.
struct reach *reach_free(struct reach *reach);
