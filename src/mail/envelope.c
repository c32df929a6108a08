// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The envelope as pipe(8) tells it. The names come from ENVELOPE_FIELDS alone, so that
// postsix-pipe's arguments, the spool entry and this struct cannot drift apart. A name given twice
// is refused: two senders would mean that the two ends of the socket disagree, and nobody could say
// whom to answer.
#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
#define X(name) {#name, offsetof(struct envelope, name)},
	ENVELOPE_FIELDS(X)
#undef X
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static char **field_at(struct envelope *envelope, size_t i)
{
	return (char **)(void *)((char *)envelope + fields[i].offset);
}

const char *envelope_set(struct envelope *envelope, const char *name, const char *value)
{
	char **field = NULL;

	for (size_t i = 0; i < N_FIELDS && field == NULL; i++) {
		if (strcmp(name, fields[i].name) == 0)
			field = field_at(envelope, i);
	}
	if (field == NULL)
		return "the envelope has no such name";
	if (*field != NULL)
		return "the envelope gives a name twice";
	if (strlen(value) > ENVELOPE_VALUE_MAX)
		return "the envelope has a value of more than 1000 octets";
	*field = mem_strdup(value);
	return NULL;
}

static void drop_tag(char *address)
{
	if (strncmp(address, "IPv6:", 5) == 0)
		memmove(address, address + 5, strlen(address + 5) + 1);
}

const char *envelope_finish(struct envelope *envelope)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		char **field = field_at(envelope, i);

		if (*field == NULL)
			*field = mem_strdup("");
	}
	drop_tag(envelope->client_address);
	if (*envelope->instance == '\0')
		return "instance";
	if (*envelope->queue_id == '\0')
		return "queue_id";
	return *envelope->recipient == '\0' ? "recipient" : NULL;
}

void envelope_free(struct envelope *envelope)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		free(*field_at(envelope, i));
	*envelope = (struct envelope){0};
}
