// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A survey as people and spreadsheets read it. What strangers wrote is escaped and cut.
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "mail/survey.h"

#define ROWS_CSV_HEADER                                                                            \
	"domain,mx,complete,preference,host,cname,literal,ns_v6,family,address,kind,reach,step,"   \
	"code,starttls,connect_ms,banner_ms,ehlo_ms,banner\r\n"

// For people, at most 80 columns: a line for the domain, one for each MX host, one for each of its
// addresses of the families that are wanted, each with what became of the knock, and an empty one.
void rows_table(const struct survey *survey, bool v4, bool v6, struct buf *out);

// RFC 4180, a line for each address of the families that are wanted; one without an address for a
// host, and one without a host for a domain, that have none. What strangers wrote never begins as a
// formula of a spreadsheet does: an apostrophe comes before.
void rows_csv(const struct survey *survey, bool v4, bool v6, struct buf *out);
