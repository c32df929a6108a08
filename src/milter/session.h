// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What one SMTP session and its messages come to: the steps of adapter/milter.h.
#pragma once

#include <stdint.h>

#include "adapter/dkim.h"
#include "adapter/milter.h"

#define SESSION_FORGED_MAX                                                                         \
	100 // fields of ours that a message may have forged; with more it is refused

// What all sessions share; nobody changes it while they run.
struct milter {
	const struct verifier *verifier;
	int64_t deadline_ms; // for all that a message asks of the DNS
};

// The steps, for milter_open(). milter is borrowed for the life of the process.
struct milter_filter session_filter(struct milter *milter);
