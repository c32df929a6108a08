// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Written by base/json, read by jansson. The file came from another host of ours, or from
// somebody's editor: what is no number is no figure, and the whole is refused. Nor is a name that
// none of ours is like: it would go on into a table that a spreadsheet opens.

#include "adapter/figures_json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/when.h"

#define VERSION 1

void figures_json_write(const struct figures *figures, int64_t since, int64_t until,
			struct buf *out)
{
	json_open(out, NULL, '{');
	json_number(out, "v", VERSION);
	json_text(out, "key", figures->key);
	json_time(out, "since", since);
	json_time(out, "until", until);
	json_open(out, "counts", '{');
	for (size_t i = 0; i < figures->n_counts; i++)
		json_number(out, figures->counts[i].name, figures->counts[i].count);
	json_close(out, '}');
	json_open(out, "different", '{');
	for (size_t i = 0; i < figures->n_sets; i++) {
		const struct figures_set *set = &figures->sets[i];

		json_open(out, set->name, '{');
		json_number(out, "count", figures_size(set));
		json_flag(out, "exact", !set->is_sum);
		json_open(out, "tags", '[');
		for (size_t k = 0; figures->key[0] != '\0' && k < set->n; k++) {
			char tag[20];

			snprintf(tag, sizeof(tag), "%016" PRIx64, set->tags[k]);
			json_text(out, NULL, tag);
		}
		json_close(out, ']');
		json_close(out, '}');
	}
	json_close(out, '}');
	json_close(out, '}');
	buf_addc(out, '\n');
}

static bool read_time(const json_t *value, int64_t *ret_time)
{
	*ret_time = 0;
	return json_is_null(value) ||
	       (json_is_string(value) && when_parse(json_string_value(value), 0, ret_time) == NULL);
}

static bool is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-");

	return name[len] == '\0' && len < FIGURES_NAME_SIZE && name[0] >= 'a' && name[0] <= 'z';
}

static bool read_counts(json_t *object, struct figures *figures)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (!is_name(name) || !json_is_integer(value) || json_integer_value(value) < 0)
			return false;
		figures_count(figures, name, json_integer_value(value));
	}
	return json_is_object(object);
}

static bool read_tag(const json_t *value, uint64_t *ret_tag)
{
	const char *text = json_string_value(value);

	if (text == NULL || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return false;
	*ret_tag = strtoull(text, NULL, 16);
	return true;
}

static bool read_set(const char *name, const json_t *object, struct figures *figures)
{
	const json_t *tags = json_object_get(object, "tags");
	const json_t *count = json_object_get(object, "count");
	struct figures_set *set = is_name(name) ? figures_set(figures, name) : NULL;
	uint64_t tag = 0;

	if (set == NULL || !json_is_array(tags) || !json_is_integer(count))
		return false;
	for (size_t i = 0; i < json_array_size(tags); i++) {
		if (!read_tag(json_array_get(tags, i), &tag))
			return false;
		figures_member(figures, name, tag);
	}
	set->more = json_integer_value(count) - (int64_t)json_array_size(tags);
	set->is_sum = !json_is_true(json_object_get(object, "exact"));
	return set->more >= 0;
}

static bool read_all(json_t *object, struct figures *figures, int64_t *ret_since,
		     int64_t *ret_until)
{
	const json_t *version = json_object_get(object, "v");
	const json_t *key = json_object_get(object, "key");
	json_t *sets = json_object_get(object, "different"), *set;
	const char *name;

	if (!json_is_integer(version) || json_integer_value(version) != VERSION ||
	    !json_is_string(key) || !json_is_object(sets) ||
	    !text_copy(figures->key, sizeof(figures->key), json_string_value(key)) ||
	    !read_time(json_object_get(object, "since"), ret_since) ||
	    !read_time(json_object_get(object, "until"), ret_until) ||
	    !read_counts(json_object_get(object, "counts"), figures))
		return false;
	json_object_foreach(sets, name, set) if (!read_set(name, set, figures)) return false;
	return true;
}

int figures_json_read(const char *text, size_t len, int64_t *ret_since, int64_t *ret_until,
		      struct figures **ret_figures)
{
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct figures *figures = figures_new();
	int64_t since = 0, until = 0;
	bool is_read = object != NULL && read_all(object, figures, &since, &until);

	json_decref(object);
	if (!is_read) {
		figures_free(figures);
		return -EINVAL;
	}
	figures_finish(figures);
	*ret_since = since;
	*ret_until = until;
	*ret_figures = figures;
	return 0;
}
