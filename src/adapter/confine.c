// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What remains to a process that parses: memory and one descriptor. Its libraries can still open
// what anybody may read, iconv(3)'s tables among it.
#include "adapter/confine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define ONLY_FD 0

static void limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit limits = {value, value};

	if (setrlimit(resource, &limits) < 0)
		_exit(CONFINE_COULD_NOT);
}

void confine(int fd, const struct confinement *limits)
{
#ifndef __SANITIZE_ADDRESS__ // which maps terabytes and uses few of them
	limit(RLIMIT_AS, limits->memory);
#endif
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(fd, ONLY_FD) < 0 || close_range(ONLY_FD + 1, ~0U, 0) < 0)
		_exit(CONFINE_COULD_NOT);
	if (limits->cpu > 0)
		limit(RLIMIT_CPU, limits->cpu);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_NOFILE, 16); // iconv(3) reads its tables from files
}
