// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The state machine of a probe, as a table: what is not in it changes nothing.

#include "mail/outcome.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
	[OUTCOME_PENDING] = "pending", [OUTCOME_ACCEPTED] = "accepted",
	[OUTCOME_DELAYED] = "delayed", [OUTCOME_FAILED] = "failed",
	[OUTCOME_UNKNOWN] = "unknown",
};

#define ANY_SUCCESS(now)                                                                           \
	{now, DSN_ACTION_DELIVERED, OUTCOME_ACCEPTED},                                             \
		{now, DSN_ACTION_RELAYED, OUTCOME_ACCEPTED},                                       \
	{                                                                                          \
		now, DSN_ACTION_EXPANDED, OUTCOME_ACCEPTED                                         \
	}

static const struct {
	enum outcome now;
	enum dsn_action action;
	enum outcome next;
} moves[] = {
	ANY_SUCCESS(OUTCOME_PENDING),
	ANY_SUCCESS(OUTCOME_DELAYED),
	ANY_SUCCESS(OUTCOME_UNKNOWN),
	{OUTCOME_PENDING, DSN_ACTION_DELAYED, OUTCOME_DELAYED},
	{OUTCOME_PENDING, DSN_ACTION_FAILED, OUTCOME_FAILED},
	{OUTCOME_DELAYED, DSN_ACTION_FAILED, OUTCOME_FAILED},
	{OUTCOME_ACCEPTED, DSN_ACTION_FAILED, OUTCOME_FAILED},
	{OUTCOME_UNKNOWN, DSN_ACTION_FAILED, OUTCOME_FAILED},
};

const char *outcome_name(enum outcome outcome)
{
	return names[outcome];
}

bool outcome_find(const char *name, enum outcome *ret_outcome)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0) {
			*ret_outcome = (enum outcome)i;
			return true;
		}
	return false;
}

bool outcome_next(enum outcome now, enum dsn_action action, enum outcome *ret_next)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
		if (moves[i].now == now && moves[i].action == action) {
			*ret_next = moves[i].next;
			return true;
		}
	return false;
}
