// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our own records, looked at in the DNS when a server says that it refused a probe for want of
// them: so that no person is sent to their provider for what is our fault.
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "mail/diagnose.h"

struct daemon;
struct own;

// It asks the DNS only where surveys are on (survey_deadline). Logs where it cannot; never NULL.
struct own *own_new(struct daemon *daemon);
struct own *own_free(struct own *own);

// Looks at them, unless it is doing so or did a minute ago. Returns the seconds by which
// daemon->own_records is as good as it gets: what is written of them may wait so long; 0 where it
// is so already.
int64_t own_look(struct own *own);

// Inside a turn's transaction: processed bounces that wait for a look under way go on waiting,
// whatever else they waited for; those whose look has ended wait no more. 0, or the database's
// negative errno.
int own_record(struct own *own) must_check;

// After the commit.
void own_commit(struct own *own);

// Alerts the operator to the probe that was refused, by the diary, or after the look that is under
// way; not where our records turn out to be good.
void own_alert(struct own *own, uint64_t id, enum class class, const char *remote_mta);
