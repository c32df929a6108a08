// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A table that is walked from end to end: a deployment has a few dozen questions, and the order in
// which they were taken down is the order in which they are asked.
#include "mail/lookups.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

struct row {
	enum lookup_type type;
	char *name;
	struct lookup lookup;
};

struct lookups {
	struct row *rows;
	size_t n;
	size_t given_out;
};

static const struct lookup too_many = {.status = LOOKUP_UNKNOWN};

struct lookups *lookups_new(void)
{
	return mem_new(1, sizeof(struct lookups));
}

static void free_values(struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->n; i++)
		free(lookup->values[i]);
	free(lookup->values);
}

struct lookups *lookups_free(struct lookups *lookups)
{
	if (lookups == NULL)
		return NULL;
	for (size_t i = 0; i < lookups->n; i++) {
		free(lookups->rows[i].name);
		free_values(&lookups->rows[i].lookup);
	}
	free(lookups->rows);
	free(lookups);
	return NULL;
}

const struct lookup *lookups_ask(struct lookups *lookups, enum lookup_type type, const char *name)
{
	struct row *row;

	for (size_t i = 0; i < lookups->n; i++)
		if (lookups->rows[i].type == type &&
		    text_equals_nocase(lookups->rows[i].name, name))
			return &lookups->rows[i].lookup;
	if (lookups->n == LOOKUPS_MAX)
		return &too_many;
	lookups->rows = mem_grow(lookups->rows, lookups->n + 1, sizeof(*lookups->rows));
	row = &lookups->rows[lookups->n++];
	*row = (struct row){.type = type, .name = mem_strdup(name)};
	return &row->lookup;
}

bool lookups_next(struct lookups *lookups, size_t *ret_number, enum lookup_type *ret_type,
		  const char **ret_name)
{
	const struct row *row;

	if (lookups->given_out == lookups->n)
		return false;
	row = &lookups->rows[lookups->given_out];
	*ret_number = lookups->given_out++;
	*ret_type = row->type;
	*ret_name = row->name;
	return true;
}

void lookups_fill(struct lookups *lookups, size_t number, const struct lookup *lookup)
{
	struct lookup *own = &lookups->rows[number].lookup;

	free_values(own);
	*own = (struct lookup){.status = lookup->status, .is_alias = lookup->is_alias};
	own->values = mem_new(lookup->n + 1, sizeof(*own->values));
	for (; own->n < lookup->n; own->n++)
		own->values[own->n] = mem_strdup(lookup->values[own->n]);
}

const char *lookup_type_name(enum lookup_type type)
{
	static const char *const names[LOOKUP_TYPES] = {
		[LOOKUP_A] = "A",     [LOOKUP_AAAA] = "AAAA", [LOOKUP_MX] = "MX",
		[LOOKUP_PTR] = "PTR", [LOOKUP_TXT] = "TXT",   [LOOKUP_NS] = "NS",
	};

	return names[type];
}
