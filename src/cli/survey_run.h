// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The surveys of a whole list of domains: as many under way as may be, one written for each that
// ends, and the next asked for as room frees. Memory does not grow with the list, nor by a reader
// who is slow.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

enum survey_form {
	SURVEY_FORM_TABLE,
	SURVEY_FORM_JSON,
	SURVEY_FORM_CSV,
};

struct survey_wish {
	enum survey_form form;
	bool v4, v6; // families that are shown, and knocked at where reach is set
	bool reach;
	bool is_ordered; // written in the order of the list, not as they end
	int deadline_ms;
	int parallel;
	const char *helo;
	char *const *words; // domains, up to NULL
	const char **files; // lists of domains
	size_t n_files;
};

// Returns an exit status of sysexits.h, or 130 where SIGINT ended it. Says on standard error what
// went wrong.
int survey_run(const struct survey_wish *wish) must_check;
