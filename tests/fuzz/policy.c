// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/policy on any bytes, whole and in pieces: the same requests, the same values, the same end.
// Nothing it says is over its maxima. Reached: a request came through.

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "mail/policy.h"

// What a connection said, as text.
static void listen_to(const uint8_t *data, size_t size, size_t piece, struct buf *said)
{
	static const char *const names[] = {"request", "sender", "recipient", "a", ""};
	struct policy *policy = policy_new();
	enum policy_event event = POLICY_WAIT;

	for (size_t at = 0; at < size && event != POLICY_BROKEN; at += piece) {
		policy_push(policy, data + at, size - at < piece ? size - at : piece);
		while ((event = policy_next(policy)) == POLICY_REQUEST) {
			fuzz_reached++;
			for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
				const char *value = policy_value(policy, names[i]);

				assert(strlen(value) < POLICY_LINE_MAX);
				assert(strchr(value, '\n') == NULL);
				buf_addf(said, "%s=%s,", names[i], value);
			}
			buf_addc(said, '\n');
		}
		assert(policy_pending(policy) < POLICY_REQUEST_MAX + 1);
	}
	assert((event == POLICY_BROKEN) == (policy_fault(policy) != NULL));
	// (why is another matter: two limits are passed in either order)
	buf_adds(said, event == POLICY_BROKEN ? "broken" : "open");
	policy_free(policy);
}

static void check_action(const uint8_t *data, size_t size)
{
	char *action = calloc(1, size + 1);
	struct buf out = buf_make(POLICY_ACTION_MAX + 20);

	memcpy(action, data, size);
	policy_write_action(&out, action);
	assert(!buf_failed(&out) && strchr(buf_string(&out), '\n') == out.data + out.len - 2);
	buf_free(&out);
	free(action);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = buf_make(8 << 20), pieces = buf_make(8 << 20);

	if (size > 60000)
		return 0;
	listen_to(data, size, size + 1, &whole);
	listen_to(data, size, 1 + size % 13, &pieces);
	assert(strcmp(buf_string(&whole), buf_string(&pieces)) == 0);
	check_action(data, size);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
