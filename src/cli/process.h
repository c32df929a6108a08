// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Runs another program and reads what it says.
#pragma once

#include "base/buf.h"

// Runs argv[0], found by PATH, up to NULL, with nothing for standard input, and appends its
// standard output to out and its standard error to errors. Killed after so many seconds. Its exit
// status, 128 and the signal's number where one ended it, or a negative errno where it cannot be
// run: -ETIMEDOUT, -EMSGSIZE where a buffer is full.
int process_run(const char *const *argv, int seconds, struct buf *out,
		struct buf *errors) must_check;
