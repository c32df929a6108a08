// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What one message says of itself. wanted[] is the whole list of header fields that get past the
// parser: those that the refusal table judges and those that a reply's own header is made from.
// Received is absent: it is counted, and the first one's time is kept; how the message reached us
// is told by the envelope and by our own trace, which no stranger writes.
#include "mail/facts.h"

#include <stdlib.h>

#include "base/text.h"

static const char *const wanted[] = {
	// a reply's header, and how well formed the request is (RFC 5322 section 3.6, RFC 3834
	// section 3.1)
	"From",
	"Sender",
	"Reply-To",
	"To",
	"Cc",
	"Date",
	"Message-ID",
	"In-Reply-To",
	"References",
	"Subject",
	"Content-Type",
	"Return-Path",
	// what postsix-milter saw (mail/trace.h)
	"X-Postsix-Trace",
	// machines that say so (RFC 3834 section 5, and what was used before it)
	"Auto-Submitted",
	"Precedence",
	"X-Auto-Response-Suppress",
	"X-Autoreply",
	"X-Autorespond",
	"X-Autoresponse",
	"X-Loop",
	"Delivered-To",
	// mailing lists (RFC 2369, RFC 2919, RFC 8058, and what was used before them)
	"List-Id",
	"List-Help",
	"List-Subscribe",
	"List-Unsubscribe",
	"List-Unsubscribe-Post",
	"List-Post",
	"List-Owner",
	"List-Archive",
	"Mailing-List",
	"X-Mailing-List",
	"X-ML-Name",
	"Feedback-ID",
};

bool facts_wants(const char *name)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (text_equals_nocase(name, wanted[i]))
			return true;
	}
	return false;
}

const char *facts_field(const struct facts *facts, const char *name, size_t n)
{
	for (size_t i = 0; i < facts->n_fields; i++) {
		if (text_equals_nocase(facts->fields[i].name, name) && n-- == 0)
			return facts->fields[i].value;
	}
	return NULL;
}

void facts_free(struct facts *facts)
{
	for (size_t i = 0; i < facts->n_fields; i++) {
		free(facts->fields[i].name);
		free(facts->fields[i].value);
	}
	free(facts->fields);
	free(facts->unparsable);
	free(facts->subject);
	free(facts->report_text);
	free(facts->status_part);
	free(facts->returned);
	free(facts->returned_id);
	dsn_free(&facts->dsn);
	*facts = (struct facts){0};
}
