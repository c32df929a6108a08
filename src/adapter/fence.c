// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The parsers' filter of system calls, by libseccomp.
//
// libseccomp takes its time to make a filter, so it makes one, as a program for the kernel, which
// each parser then loads by itself: a few microseconds.
#include "adapter/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PROGRAM_MAX 512 // instructions; there are about 50

static struct sock_filter program[PROGRAM_MAX];
static unsigned short program_len;

static int allow(scmp_filter_ctx filter)
{
	static const int calls[] = {
		SCMP_SYS(read),         SCMP_SYS(write),        SCMP_SYS(exit_group),
		SCMP_SYS(exit),         SCMP_SYS(brk),          SCMP_SYS(munmap),
		SCMP_SYS(mremap),       SCMP_SYS(madvise),      SCMP_SYS(futex),
		SCMP_SYS(close),        SCMP_SYS(getrandom),    SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	};
	// memory that can be run is no memory to a parser
	const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int error = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code);
	return error;
}

// What iconv_open(3) does for a character set that is not there.
static int refuse(scmp_filter_ctx filter)
{
	const uint32_t no = SCMP_ACT_ERRNO(EACCES);
	const struct scmp_arg_cmp to_read =
		SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	int error = seccomp_rule_add(filter, no, SCMP_SYS(openat), 1, to_read);

	if (error == 0)
		error = seccomp_rule_add(filter, no, SCMP_SYS(newfstatat), 0);
	return error;
}

// The filter as the kernel wants it.
static int export(scmp_filter_ctx filter)
{
	auto_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	int error = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	ssize_t size = error == 0 ? pread(fd, program, sizeof(program), 0) : error;

	if (size < 0)
		return error < 0 ? error : -errno;
	if (size == 0 || size == sizeof(program))
		return -E2BIG;
	program_len = (unsigned short)((size_t)size / sizeof(program[0]));
	return 0;
}

int fence_prepare(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error = filter == NULL ? -ENOMEM : allow(filter);

	if (error == 0)
		error = refuse(filter);
	if (error == 0)
		error = export(filter);
	seccomp_release(filter);
	return error;
}

int fence(void)
{
#ifndef __SANITIZE_ADDRESS__
	const struct sock_fprog filter = {program_len, program};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		return -errno;
#endif
	return 0;
}
