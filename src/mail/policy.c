// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One buffer holds the request in hand and what came behind it. A line is cut into a C string in
// place once its newline is there, and looked at from where the last look ended: a byte is never
// read twice, however small the pieces are. A name given twice is refused, as two senders would
// mean that somebody wrote a newline into a value.
#include "mail/policy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct policy {
	struct buf buf; // what was answered, the request's lines, then what is not looked at yet
	size_t begin;   // of the request
	size_t line;    // where the line begins that is not whole yet
	size_t seen;    // how far it was looked at
	bool is_whole;  // a request ends at line
	size_t n_fields;
	size_t fields[POLICY_ATTRIBUTES_MAX]; // where each line begins
	const char *fault;
};

struct policy *policy_new(void)
{
	struct policy *policy = mem_new(1, sizeof(*policy));

	// what one push may bring lies behind a request that is almost whole
	policy->buf = buf_make(SIZE_MAX / 2);
	return policy;
}

struct policy *policy_free(struct policy *policy)
{
	if (policy == NULL)
		return NULL;
	buf_free(&policy->buf);
	free(policy);
	return NULL;
}

// What was answered goes from the buffer when more is pushed: moving the rest for each of many
// small requests would cost its square.
static void drop_request(struct policy *policy)
{
	policy->begin = policy->line;
	policy->n_fields = 0;
	policy->is_whole = false;
	if (policy->begin == policy->buf.len) {
		buf_free(&policy->buf); // an idle connection holds no memory
		policy->begin = policy->line = policy->seen = 0;
	}
}

static const char *line_at(const struct policy *policy, size_t i)
{
	return policy->buf.data + policy->fields[i];
}

static bool is_known(const struct policy *policy, const char *line, size_t name_size)
{
	for (size_t i = 0; i < policy->n_fields; i++)
		if (strncmp(line_at(policy, i), line, name_size) == 0)
			return true;
	return false;
}

// A whole line that is not empty. NULL, or what is wrong with it.
static const char *take_line(struct policy *policy, size_t len)
{
	char *line = policy->buf.data + policy->line;
	const char *equals;

	if (memchr(line, '\0', len) != NULL)
		return "a line has a NUL";
	line[len] = '\0';
	equals = strchr(line, '=');
	if (equals == NULL || equals == line)
		return "a line is not name=value";
	if (is_known(policy, line, (size_t)(equals - line) + 1))
		return "a name is given twice";
	if (policy->n_fields == POLICY_ATTRIBUTES_MAX)
		return "it has more than 100 attributes";
	policy->fields[policy->n_fields++] = policy->line;
	return NULL;
}

// What is wrong with the size of the request so far, its line in hand being len octets and more to
// come.
static const char *check_size(const struct policy *policy, size_t len)
{
	if (len > POLICY_LINE_MAX)
		return "a line is longer than 4096 octets";
	if (policy->line - policy->begin + len >= POLICY_REQUEST_MAX)
		return "it is longer than 16384 octets";
	return NULL;
}

// Looks at the next line: true where there was a whole one.
static bool next_line(struct policy *policy)
{
	size_t left = policy->buf.len - policy->seen;
	const char *newline =
		left == 0 ? NULL : memchr(policy->buf.data + policy->seen, '\n', left);
	size_t end = newline == NULL ? policy->buf.len : (size_t)(newline - policy->buf.data);
	size_t len = end - policy->line;

	policy->seen = end;
	policy->fault = check_size(policy, len);
	if (newline == NULL || policy->fault != NULL)
		return false;
	if (len == 0)
		policy->is_whole = true;
	else
		policy->fault = take_line(policy, len);
	policy->line = policy->seen = end + 1;
	return policy->fault == NULL;
}

void policy_push(struct policy *policy, const void *bytes, size_t len)
{
	if (policy->fault != NULL)
		return;
	if (policy->begin > 0) {
		buf_shift(&policy->buf, policy->begin);
		policy->line -= policy->begin;
		policy->seen -= policy->begin;
		for (size_t i = 0; i < policy->n_fields; i++)
			policy->fields[i] -= policy->begin;
		policy->begin = 0;
	}
	buf_add(&policy->buf, bytes, len);
}

enum policy_event policy_next(struct policy *policy)
{
	if (policy->is_whole)
		drop_request(policy);
	while (policy->fault == NULL && !policy->is_whole && next_line(policy))
		;
	if (policy->fault != NULL) {
		buf_free(&policy->buf);
		policy->begin = policy->line = policy->seen = policy->n_fields = 0;
		return POLICY_BROKEN;
	}
	return policy->is_whole ? POLICY_REQUEST : POLICY_WAIT;
}

const char *policy_value(const struct policy *policy, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < policy->n_fields; i++) {
		const char *line = line_at(policy, i);

		if (strncmp(line, name, len) == 0 && line[len] == '=')
			return line + len + 1;
	}
	return "";
}

// The local part in quotes, quotes and backslashes in it behind a backslash.
static void quote_local(struct buf *out, const char *local, size_t len)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (local[i] == '"' || local[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, local[i]);
	}
	buf_addc(out, '"');
}

const char *policy_address(const char *value, struct addr *ret_addr)
{
	auto_buf struct buf quoted = buf_make(3 * (size_t)POLICY_LINE_MAX);
	const char *at = strrchr(value, '@');
	const char *wrong;

	if (at == NULL || at == value)
		return "the address has no @ or no local part";
	// what begins like a route, a quote or a bracket is none here: that is in the local part
	wrong = strchr("@\"<", value[0]) != NULL ? "" : addr_parse(value, strlen(value), ret_addr);
	if (wrong == NULL)
		return NULL;
	quote_local(&quoted, value, (size_t)(at - value));
	buf_adds(&quoted, at);
	return addr_parse(quoted.data, quoted.len, ret_addr);
}

const char *policy_fault(const struct policy *policy)
{
	return policy->fault;
}

size_t policy_pending(const struct policy *policy)
{
	return policy->is_whole ? 0 : policy->buf.len - policy->begin;
}

void policy_write_action(struct buf *out, const char *action)
{
	buf_adds(out, "action=");
	for (size_t i = 0; action[i] != '\0' && i < POLICY_ACTION_MAX; i++)
		buf_addc(out, action[i] >= ' ' && action[i] <= '~' ? action[i] : '?');
	buf_adds(out, "\n\n");
}
