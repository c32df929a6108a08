// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Our mail on its way to one instance: claimed in the database, composed, submitted, its fate
// recorded.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct daemon;
struct outbox;

// over_v6: to postfix-v6; else to postfix-dual.
struct outbox *outbox_new(struct daemon *daemon, bool over_v6);

// What is under way stays marked as being sent; the next start sends it once more.
struct outbox *outbox_free(struct outbox *outbox);

// The three steps of a turn. The first two are inside its transaction and return 0 or the
// database's negative errno; the last comes after the commit.
int outbox_record_fates(struct outbox *outbox) must_check;
int outbox_claim(struct outbox *outbox) must_check;
void outbox_hand_over(struct outbox *outbox);

// After a rollback: nothing was recorded, nothing claimed.
void outbox_roll_back(struct outbox *outbox);

// True where nothing is under way or waits to be recorded.
bool outbox_is_idle(const struct outbox *outbox);

// Messages under way, or whose fate waits to be recorded.
size_t outbox_count(const struct outbox *outbox);
