// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A survey as JSON, one object on one line: the database's, the report's and `postsix survey
// --json`. doc/survey.schema.json is its schema, of which "v" is the version.
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "mail/survey.h"

#define SURVEY_JSON_MAX (128 * 1024) // octets; ten hosts with sixteen long banners each stay below

// Appends the object, in ASCII, without a line's end. -EILSEQ where a text of it is no UTF-8.
int survey_json_write(const struct survey *survey, struct buf *buf) must_check;

// Reads what that has written. -EINVAL, with *ret_survey untouched, for anything else, another
// version included; keys that are not known are ignored.
int survey_json_read(const char *text, size_t len, struct survey *ret_survey) must_check;
