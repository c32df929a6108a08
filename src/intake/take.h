// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Takes one message: from the request on the socket to the entry in the spool.
#pragma once

#include <stdint.h>

#include "adapter/spool.h"

#define TAKE_SLACK                                                                                 \
	(64 * 1024) // octets over the limit: Postfix counts before it adds its own header fields

// Serves the one request that comes over the socket; logs what becomes of it, once.
void take_message(int socket, struct spool *spool, uint64_t limit);
