// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The languages that we can write: the folders below templates_directory that have phrases.ini.
// Whoever writes to test+cs@ is answered in Czech where there is a folder cs, and anybody else in
// the language of the site.
#pragma once

#include <stdio.h>

#include "adapter/config.h"
#include "adapter/phrases.h"

#define LANGUAGE_NAME_MAX 31

struct language {
	struct language *next;
	char name[LANGUAGE_NAME_MAX + 1];
	struct phrases *phrases;
};

struct languages;

// Reads them all. NULL on failure, after a line to errors for each fault: a text that is missing,
// a site's language that is not there. config must stay.
struct languages *languages_read(const struct config *config, FILE *errors) must_check;
struct languages *languages_free(struct languages *languages);

// The one of that name, in any case; NULL for none such.
const struct language *languages_find(const struct languages *languages, const char *name);

// Of a letter about what was written to that address at the site; NULL where the site has none any
// more.
const struct language *languages_of(const struct languages *languages,
				    const struct config_site *site, const char *recipient);

// The first one; the next one is its next.
const struct language *languages_first(const struct languages *languages);
