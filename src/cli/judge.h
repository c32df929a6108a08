// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The verdicts of a request, found from its rows as they are now. A letter's are found when it is
// written: of a report before there is an outcome, and with what postsixd then knows of its own
// records, which is unknown here.
#pragma once

#include <stdbool.h>

#include "adapter/config.h"
#include "adapter/history.h"
#include "mail/diagnose.h"
#include "mail/status.h"
#include "mail/survey.h"
#include "mail/verdict.h"

struct judge;

struct judgement {
	struct verdict_found found[ABILITIES];
	bool has_survey;
	struct survey survey;
	bool is_diagnosed;
	struct diagnosis diagnosis;
};

// Reads the tables that the configuration names; without them a failure's phase stays unknown.
// Never NULL.
struct judge *judge_new(const struct config *config);
struct judge *judge_free(struct judge *judge);

// The code in the Status field of a notification as the database has it: any words of whoever wrote
// that. "" where there is none.
void judge_status(const char *field, char dst[STATUS_TEXT_SIZE]);

// row: of HISTORY_PROBE.
void judge_find(const struct judge *judge, const struct history_row *row,
		struct judgement *ret_judgement);
