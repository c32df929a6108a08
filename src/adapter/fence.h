// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A filter of system calls (seccomp(2)) around a process that parses what a stranger wrote: memory,
// and reading and writing what is open already. Anything else ends the process, by SIGSYS.
#pragma once

#include "base/cleanup.h"

// Once, before the forks: makes the filter. 0, or a negative errno.
int fence_prepare(void) must_check;

// From here on the process is inside, and there is no way out. Opening a file to read gives EACCES,
// for the sake of iconv(3), which then does not know that character set. 0, or a negative errno.
// Does nothing in a build with AddressSanitizer, which wants more of the system.
int fence(void) must_check;
