// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/dsn on any bytes: counts within bounds, values without line ends and blanks around them, no
// control character out of an escape. Reached: a recipient with an action and a status.

#include <string.h>

#include "fuzz.h"

#include "mail/dsn.h"

static void check_value(const char *value)
{
	const size_t len = strlen(value);

	assert(len <= DSN_FIELD_MAX);
	assert(strpbrk(value, "\r\n") == NULL);
	assert(len == 0 ||
	       (strchr(" \t", value[0]) == NULL && strchr(" \t", value[len - 1]) == NULL));
}

static size_t count_controls(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += (unsigned char)*text < ' ' || *text == 0x7f;
	return n;
}

static void check_address(const char *field)
{
	char address[DSN_FIELD_MAX + 1], xtext[20];

	dsn_address(address, sizeof address, field);
	assert(strlen(address) <= strlen(field));
	assert(count_controls(address) <= count_controls(field));
	dsn_xtext(xtext, sizeof xtext, field);
	assert(strlen(xtext) < sizeof xtext && strpbrk(xtext, "=\r\n ") == NULL);
}

static void check_recipient(const struct dsn_recipient *recipient)
{
	check_value(recipient->original_recipient);
	check_value(recipient->final_recipient);
	check_value(recipient->action_text);
	check_value(recipient->status_text);
	check_value(recipient->remote_mta);
	check_value(recipient->diagnostic_code);
	check_value(recipient->last_attempt_date);
	check_value(recipient->will_retry_until);
	check_address(recipient->final_recipient);
	check_address(recipient->original_recipient);
	if (recipient->action != DSN_ACTION_UNKNOWN && recipient->status.class != 0)
		fuzz_reached++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dsn dsn;

	dsn_parse((const char *)data, size, &dsn);
	assert(dsn.n_recipients <= DSN_RECIPIENTS_MAX);
	assert(dsn.n_ignored == 0 || dsn.n_recipients == DSN_RECIPIENTS_MAX);
	check_value(dsn.original_envelope_id);
	check_value(dsn.reporting_mta);
	check_value(dsn.received_from_mta);
	check_value(dsn.arrival_date);
	for (size_t i = 0; i < dsn.n_recipients; i++)
		check_recipient(&dsn.recipients[i]);
	dsn_free(&dsn);
	return 0;
}
