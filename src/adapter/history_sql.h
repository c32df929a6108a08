// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The SQL behind history.c. Parameters are named; each query takes those it wants of: :id :since
// :until :site :decision :outcome :class :requester :limit.
#pragma once

#include "adapter/history.h"

extern const char *const history_queries[HISTORY_QUERIES];
