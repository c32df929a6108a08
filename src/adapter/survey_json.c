// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A survey as JSON, by jansson.
//
// Writing and reading go by the same tables, a row for each key; the words are those of
// mail/survey.h. Reading believes nothing: the text stood in a database, but what it says of
// banners and names was a stranger's once. So each value has its type and its limit and is fit to
// print, and one that is not makes the whole no survey.
#include "adapter/survey_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define VERSION 1

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum shape {
	TEXT,
	NUMBER,       // int32_t, not negative
	COUNTED,      // size_t
	MILLISECONDS, // int32_t, or null for -1
	FLAG,
	WORD, // an enum, by its name
};

struct key {
	const char *key;
	enum shape shape;
	size_t offset;
	size_t size; // TEXT: of the array; WORD: how many there are
	const char *(*word)(int i);
};

static const char *answer_word(int i)
{
	return survey_answer_name((enum survey_answer)i);
}

static const char *mx_word(int i)
{
	return survey_mx_name((enum survey_mx)i);
}

static const char *kind_word(int i)
{
	return survey_kind_name((enum survey_kind)i);
}

static const char *reach_word(int i)
{
	return survey_reach_name((enum survey_reach)i);
}

static const char *step_word(int i)
{
	return survey_step_name((enum survey_step)i);
}

#define AT(type, member)   offsetof(struct type, member)
#define SIZE(type, member) sizeof(((struct type *)NULL)->member)

static const struct key survey_keys[] = {
	{"domain", TEXT, AT(survey, domain), SIZE(survey, domain), NULL},
	{"mx", WORD, AT(survey, mx), SURVEY_MX_NO_DOMAIN + 1, mx_word},
	{"complete", FLAG, AT(survey, is_complete), 0, NULL},
	{"knocked", FLAG, AT(survey, tried_reach), 0, NULL},
	{"a_only", FLAG, AT(survey, a_only), 0, NULL},
	{"took_ms", NUMBER, AT(survey, took_ms), 0, NULL},
	{"mx_records", COUNTED, AT(survey, n_hosts_all), 0, NULL},
};

static const struct key host_keys[] = {
	{"name", TEXT, AT(survey_host, name), SIZE(survey_host, name), NULL},
	{"preference", NUMBER, AT(survey_host, preference), 0, NULL},
	{"cname", FLAG, AT(survey_host, is_cname), 0, NULL},
	{"literal", FLAG, AT(survey_host, is_literal), 0, NULL},
	{"a", WORD, AT(survey_host, has_v4), SURVEY_YES + 1, answer_word},
	{"aaaa", WORD, AT(survey_host, has_v6), SURVEY_YES + 1, answer_word},
	{"ns_aaaa", WORD, AT(survey_host, ns_v6), SURVEY_YES + 1, answer_word},
};

static const struct key address_keys[] = {
	{"address", TEXT, AT(survey_address, text), SIZE(survey_address, text), NULL},
	{"kind", WORD, AT(survey_address, kind), SURVEY_KINDS, kind_word},
	{"reach", WORD, AT(survey_address, reach), SURVEY_REACHES, reach_word},
	{"step", WORD, AT(survey_address, step), SURVEY_STEPS, step_word},
	{"connect_ms", MILLISECONDS, AT(survey_address, step_ms[SURVEY_STEP_CONNECT]), 0, NULL},
	{"banner_ms", MILLISECONDS, AT(survey_address, step_ms[SURVEY_STEP_BANNER]), 0, NULL},
	{"ehlo_ms", MILLISECONDS, AT(survey_address, step_ms[SURVEY_STEP_EHLO]), 0, NULL},
	{"code", NUMBER, AT(survey_address, code), 0, NULL},
	{"starttls", WORD, AT(survey_address, starttls), SURVEY_YES + 1, answer_word},
	{"banner", TEXT, AT(survey_address, banner), SIZE(survey_address, banner), NULL},
};

// ---- writing
// --------------------------------------------------------------------------------------

static json_t *value_of(const struct key *key, const void *from)
{
	const char *at = (const char *)from + key->offset;
	int32_t number = 0;
	size_t count = 0;

	if (key->shape == TEXT)
		return json_string(at);
	if (key->shape == FLAG)
		return json_boolean(*(const bool *)at);
	if (key->shape == COUNTED) {
		memcpy(&count, at, sizeof(count));
		return json_integer((json_int_t)count);
	}
	memcpy(&number, at, sizeof(number));
	if (key->shape == WORD)
		return json_string(key->word(number));
	return key->shape == MILLISECONDS && number < 0 ? json_null() : json_integer(number);
}

static bool write_keys(json_t *object, const struct key *keys, size_t n, const void *from)
{
	bool is_written = true;

	for (size_t i = 0; i < n; i++)
		is_written =
			json_object_set_new(object, keys[i].key, value_of(&keys[i], from)) == 0 &&
			is_written;
	return is_written;
}

static bool write_addresses(json_t *host, const char *key, const struct survey_address *addresses,
			    size_t n)
{
	json_t *array = json_array();
	bool is_written = true;

	for (size_t i = 0; i < n; i++) {
		json_t *address = json_object();

		is_written =
			write_keys(address, address_keys, COUNT(address_keys), &addresses[i]) &&
			is_written;
		json_array_append_new(array, address);
	}
	json_object_set_new(host, key, array);
	return is_written;
}

static bool write_host(json_t *object, const struct survey_host *host)
{
	return write_keys(object, host_keys, COUNT(host_keys), host) &&
	       write_addresses(object, "v4", host->v4, host->n_v4) &&
	       write_addresses(object, "v6", host->v6, host->n_v6);
}

int survey_json_write(const struct survey *survey, struct buf *buf)
{
	json_t *object = json_object(), *hosts = json_array();
	bool is_written;
	char *text;

	json_object_set_new(object, "v", json_integer(VERSION));
	is_written = write_keys(object, survey_keys, COUNT(survey_keys), survey);
	for (size_t i = 0; i < survey->n_hosts; i++) {
		json_t *host = json_object();

		is_written = write_host(host, &survey->hosts[i]) && is_written;
		json_array_append_new(hosts, host);
	}
	json_object_set_new(object, "hosts", hosts);
	text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(object);
	if (text == NULL)
		abort();
	if (is_written)
		buf_adds(buf, text);
	free(text);
	return is_written ? 0 : -EILSEQ;
}

// ---- reading
// --------------------------------------------------------------------------------------

static bool read_number(const json_t *value, int64_t max, int64_t *ret_number)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > max)
		return false;
	*ret_number = json_integer_value(value);
	return true;
}

static bool read_text(const struct key *key, const json_t *value, char *to)
{
	if (!json_is_string(value) || json_string_length(value) >= key->size ||
	    !text_is_printable(json_string_value(value), json_string_length(value)))
		return false;
	memcpy(to, json_string_value(value), json_string_length(value) + 1);
	return true;
}

static bool read_word(const struct key *key, const json_t *value, int32_t *ret_number)
{
	int32_t i = 0;

	if (!json_is_string(value))
		return false;
	while (i < (int32_t)key->size && strcmp(key->word(i), json_string_value(value)) != 0)
		i++;
	*ret_number = i;
	return i < (int32_t)key->size;
}

// What is four octets wide.
static bool read_small(const struct key *key, const json_t *value, void *to)
{
	int64_t large = -1;
	int32_t number = -1;
	bool is_read;

	if (key->shape == WORD) {
		is_read = read_word(key, value, &number);
	} else {
		is_read = (key->shape == MILLISECONDS && json_is_null(value)) ||
			  read_number(value, INT32_MAX, &large);
		number = (int32_t)large;
	}
	memcpy(to, &number, sizeof(number));
	return is_read;
}

static bool read_count(const json_t *value, size_t *to)
{
	int64_t number = 0;
	const bool is_read = read_number(value, INT32_MAX, &number);

	*to = (size_t)number;
	return is_read;
}

static bool read_key(const struct key *key, const json_t *object, void *to)
{
	const json_t *value = json_object_get(object, key->key);
	void *at = (char *)to + key->offset;

	switch (key->shape) {
	case TEXT:
		return read_text(key, value, at);
	case FLAG:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case COUNTED:
		return read_count(value, at);
	default:
		return read_small(key, value, at);
	}
}

static bool read_keys(const json_t *object, const struct key *keys, size_t n, void *to)
{
	for (size_t i = 0; i < n; i++) {
		if (!read_key(&keys[i], object, to))
			return false;
	}
	return true;
}

// An array of at most max, whose length is set.
static bool take_array(const json_t *object, const char *key, size_t max, const json_t **ret_array,
		       size_t *ret_n)
{
	*ret_array = json_object_get(object, key);
	*ret_n = json_array_size(*ret_array);
	return json_is_array(*ret_array) && *ret_n <= max;
}

static bool read_addresses(const json_t *host, const char *key, struct survey_address *addresses,
			   size_t *ret_n)
{
	const json_t *array;

	if (!take_array(host, key, SURVEY_ADDRESSES_MAX, &array, ret_n))
		return false;
	for (size_t i = 0; i < *ret_n; i++) {
		addresses[i].step_ms[SURVEY_STEP_NONE] = -1;
		if (!read_keys(json_array_get(array, i), address_keys, COUNT(address_keys),
			       &addresses[i]))
			return false;
	}
	return true;
}

static bool read_survey(const json_t *object, struct survey *survey)
{
	const json_t *hosts;
	int64_t version = 0;

	if (!read_number(json_object_get(object, "v"), VERSION, &version) || version != VERSION ||
	    !read_keys(object, survey_keys, COUNT(survey_keys), survey) ||
	    !take_array(object, "hosts", SURVEY_HOSTS_MAX, &hosts, &survey->n_hosts))
		return false;
	for (size_t i = 0; i < survey->n_hosts; i++) {
		struct survey_host *host = &survey->hosts[i];
		const json_t *from = json_array_get(hosts, i);

		if (!read_keys(from, host_keys, COUNT(host_keys), host) ||
		    !read_addresses(from, "v4", host->v4, &host->n_v4) ||
		    !read_addresses(from, "v6", host->v6, &host->n_v6))
			return false;
	}
	return true;
}

int survey_json_read(const char *text, size_t len, struct survey *ret_survey)
{
	const bool is_plain = len <= SURVEY_JSON_MAX && text_is_printable(text, len);
	json_t *object = is_plain ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	auto_free struct survey *survey = mem_new(1, sizeof(*survey));
	const bool is_read = object != NULL && read_survey(object, survey);

	json_decref(object);
	if (!is_read)
		return -EINVAL;
	*ret_survey = *survey;
	return 0;
}
