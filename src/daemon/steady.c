// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The difference of two clocks, seen from look to look: a jump is a change of it that no NTP daemon
// makes by slewing.

#include "daemon/steady.h"

#include <stdlib.h>

int64_t steady_look(struct steady *steady, int64_t now, int64_t uptime)
{
	const int64_t offset = now - uptime;

	if (!steady->is_known || llabs(offset - steady->offset) > STEADY_JUMP)
		steady->since = uptime;
	steady->is_known = true;
	steady->offset = offset;
	return uptime - steady->since;
}
