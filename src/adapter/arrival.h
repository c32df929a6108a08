// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How a request came, out of what is kept of it, as verdict_find() wants it.
#pragma once

#include <stdbool.h>

#include "adapter/config.h"

// 4 or 6, of the client at the first hop; 0 where it is not known. Where the message was handed
// from one of our own instances to the other, the client is ourselves, which says nothing: 0.
int arrival_family(const struct config *config, const char *address);

// Whether it was sent to the site's IPv6-only domain.
bool arrival_is_v6_only(const struct config_site *site, const char *recipient);
