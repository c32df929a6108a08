// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// INI files, read by inih, with what inih does not say: the line, and whether it was a whole one.
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

#define INIFILE_SECTION_SIZE 50 // of a section's name, which is cut

// What is borrowed is so for the call. Lines count from 1.
struct inifile_reader {
	// May be NULL. Each [section] as it begins, whether or not it has a value.
	void (*on_section)(void *arg, int line, const char *section);
	// goes_on: the line begins with a blank and so is more of the value before it, of the same
	// section and name.
	void (*on_value)(void *arg, int line, const char *section, const char *name,
			 const char *value, bool goes_on);
	void (*on_fault)(void *arg, int line, const char *subject, const char *sentence);
	void *arg;
	bool one_line; // values have one line: one that begins with a blank is a fault
};

// Reads the whole file, whatever its faults. 0 and *ret_line, the number of the last line; or a
// negative errno where it cannot be opened, and then nothing was called.
int inifile_read(const char *path, const struct inifile_reader *reader, int *ret_line) must_check;
