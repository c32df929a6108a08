// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Takes from a process, before it reads what a stranger wrote, all that it does not need for that.
#pragma once

#define CONFINE_COULD_NOT 1 // the exit status of a process that could not be confined

struct confinement {
	unsigned long memory; // octets of address space
	unsigned long cpu;    // seconds of processor; 0: no limit
};

// For a process that was forked for it: no descriptor but fd, which becomes number 0; no other
// process, no file to write, no core, limits; killed when its parent goes. Ends the process where
// that cannot be had.
void confine(int fd, const struct confinement *limits);
