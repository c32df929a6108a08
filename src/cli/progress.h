// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How far it is, on one line of a terminal, at most five times a second; nothing where standard
// error is no terminal, or a dumb one.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "adapter/loop.h"

struct progress_facts {
	uint64_t done;
	size_t under_way;
	int share; // of all there is, in thousandths; -1: nobody knows
};

struct progress;

// ask fills the facts whenever they are drawn. NULL where nothing is to be drawn; that is fine for
// all functions here.
struct progress *progress_new(struct loop *loop, int fd,
			      void (*ask)(void *arg, struct progress_facts *ret_facts), void *arg);

// Takes the line away until it is drawn anew: before something else is written to the terminal.
void progress_clear(struct progress *progress);

// Takes the line away for good.
struct progress *progress_free(struct progress *progress);

// The line itself, cut to size - 1 characters; size is more than 40. seconds: since the start.
void progress_line(char *line, size_t size, const struct progress_facts *facts, double seconds);
