// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Which keys sign which of our mail: those of the site, in the name of the domain in its From.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "adapter/config.h"
#include "base/buf.h"

struct signing;

// Opens every key that config names. NULL on failure, after a line for each fault to errors. config
// must stay.
struct signing *signing_new(const struct config *config, FILE *errors);
struct signing *signing_free(struct signing *signing);

// Octets that the signatures on a message from domain, one of the site's, take at most; 0 where its
// mail is not signed.
size_t signing_room(const struct signing *signing, const struct config_site *site,
		    const char *domain);

// Puts the signatures in front of the message; text is untouched where the site has no key. The
// same text and date give the same signatures. 0, or a negative errno: -EFBIG where text's ceiling
// is passed.
int signing_sign(const struct signing *signing, const struct config_site *site, const char *domain,
		 int64_t date, struct buf *text) must_check;

// Logs a line for each site whose mail is not signed.
void signing_warn(const struct signing *signing);
