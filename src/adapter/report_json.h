// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The report for machines: one JSON object, as doc/report.schema.json describes it. It goes with
// the report and the processed bounce as report.json.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "mail/trace.h"
#include "mail/verdict.h"

#define REPORT_JSON_VERSION 1
#define REPORT_JSON_MAX     (7 * 1024) // octets, so that text, HTML and attachments find room beside
#define REPORT_JSON_TEXT    500        // octets of any string

// Strings may be NULL or "" for none, and hold anything. All borrowed.
struct report_json {
	const char *kind; // "report" or "bounce"
	const char *id;   // the 13 letters that our log and the letter's foot have
	const char *requester;
	const char *recipient; // the address of ours that was written to
	int64_t arrived;       // seconds since 1970
	const char *client_address;
	const char *client_helo;
	const char *protocol;
	const struct trace *trace;         // what the milter saw, or NULL
	const struct verdict_found *found; // ABILITIES of them, or NULL
	const char *survey;                // adapter/survey_json.h's text, or NULL
	// Of a bounce; class NULL or "" for none.
	const char *class;
	const char *phase;
	const char *action;
	const char *status;
	const char *remote_mta;
	const char *diagnostic;
};

// Appends the object: ASCII of at most max octets in lines, every string as text_escape has it, so
// that no reader meets a control character; what did not fit is told by "cut": true. Hosts of the
// survey go first, from the end, then the survey, then every string is cut shorter. 0, or -EFBIG
// where max is too small for that.
int report_json_write(const struct report_json *report, size_t max, struct buf *out) must_check;
