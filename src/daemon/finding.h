// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What a letter has to tell, found out of its row: the survey, why the probe failed, the verdicts.
// The same row gives the same finding, but for our own records, which may be looked at in between.
#pragma once

#include <stdbool.h>

#include "mail/diagnose.h"
#include "mail/trace.h"
#include "mail/verdict.h"

struct config_site;
struct daemon;
struct store_mail;
struct survey;

struct finding {
	struct survey *survey; // NULL for none
	bool is_diagnosed;
	struct diagnosis diagnosis;
	struct trace trace; // has_trace: of the request
	bool has_trace;
	struct verdict_found found[ABILITIES];
};

// Never fails: what is not known is not in it. finding_free() it.
void finding_make(struct finding *finding, const struct daemon *daemon,
		  const struct config_site *site, const struct store_mail *mail);

// Frees what is in it.
void finding_free(struct finding *finding);
