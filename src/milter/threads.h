// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// libmilter's threads, where memory or tasks are short: a session for which no thread can be made
// is served by the one that is free next.
#pragma once

#include "base/cleanup.h"

// Once, before libmilter is opened: small stacks, one heap for all. 0, or -ENOMEM where there is no
// room for the threads that libmilter begins with.
int threads_prepare(void) must_check;
