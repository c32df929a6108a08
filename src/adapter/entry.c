// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One spool file, as two lines of JSON: {"version":1,"arrived":…,"instance":…,…} and
// {"fields":…,…}, or
// {"unparsable":…}.
//
// Writing and reading go by the same tables, and reading trusts nothing: the second line comes from
// a process that a stranger may have taken over. It is limited in size before it is parsed, in
// depth by jansson (its own limit is 2048; a line of ours has 5), and every value has its own
// limit.
#include "adapter/entry.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/digest.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"

#define ENTRY_VERSION   1
#define NAME_PART_MAX   40 // octets of the queue id and of the instance in a file's name
#define NAME_DIGEST     16 // octets of digest there
#define FIELD_NAME_MAX  100
#define UNPARSABLE_MAX  200
#define RETURNED_ID_MAX FACTS_VALUE_MAX
#define COUNT_MAX       1000000

// Strings of a struct by name: at offset is a char *, allocated, of at most max octets.
struct text_key {
	const char *key;
	size_t offset;
	size_t max;
};

static const struct text_key envelope_keys[] = {
#define X(name) {#name, offsetof(struct envelope, name), ENVELOPE_VALUE_MAX},
	ENVELOPE_FIELDS(X)
#undef X
};

static const struct text_key facts_keys[] = {
	{"subject", offsetof(struct facts, subject), FACTS_VALUE_MAX},
	{"report_text", offsetof(struct facts, report_text), FACTS_TEXT_MAX},
	{"status_part", offsetof(struct facts, status_part), FACTS_TEXT_MAX},
	{"returned", offsetof(struct facts, returned), FACTS_TEXT_MAX},
	{"returned_id", offsetof(struct facts, returned_id), RETURNED_ID_MAX},
};

// The dsn_field arrays of a struct by name.
struct field_key {
	const char *key;
	size_t offset;
};

static const struct field_key dsn_keys[] = {
	{"original_envelope_id", offsetof(struct dsn, original_envelope_id)},
	{"reporting_mta", offsetof(struct dsn, reporting_mta)},
	{"received_from_mta", offsetof(struct dsn, received_from_mta)},
	{"arrival_date", offsetof(struct dsn, arrival_date)},
};

static const struct field_key recipient_keys[] = {
	{"original_recipient", offsetof(struct dsn_recipient, original_recipient)},
	{"final_recipient", offsetof(struct dsn_recipient, final_recipient)},
	{"action_text", offsetof(struct dsn_recipient, action_text)},
	{"status_text", offsetof(struct dsn_recipient, status_text)},
	{"remote_mta", offsetof(struct dsn_recipient, remote_mta)},
	{"diagnostic_code", offsetof(struct dsn_recipient, diagnostic_code)},
	{"last_attempt_date", offsetof(struct dsn_recipient, last_attempt_date)},
	{"will_retry_until", offsetof(struct dsn_recipient, will_retry_until)},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

// ---- the name
// -------------------------------------------------------------------------------------

static char *name_part(char *dst, const char *value)
{
	size_t n = 0;

	for (; *value != '\0' && n < NAME_PART_MAX; value++)
		dst[n++] = isascii(*value) && isalnum((unsigned char)*value) ? *value : '_';
	dst[n] = '\0';
	return dst;
}

void entry_name(char *dst, const struct envelope *envelope)
{
	char id[NAME_PART_MAX + 1], instance[NAME_PART_MAX + 1], hex[2 * NAME_DIGEST + 1];
	unsigned char digest[DIGEST_SIZE];
	auto_buf struct buf all = buf_make(4 * (ENVELOPE_VALUE_MAX + 1));

	// the digest covers all three, so that what name_part() made alike stays different
	buf_addf(&all, "%s\n%s\n%s", envelope->queue_id, envelope->instance, envelope->recipient);
	digest_sha256(digest, buf_string(&all), all.len);
	digest_hex(hex, digest, NAME_DIGEST);
	snprintf(dst, ENTRY_NAME_MAX + 1, "%s-%s-%s", name_part(id, envelope->queue_id),
		 name_part(instance, envelope->instance), hex);
}

// ---- writing
// --------------------------------------------------------------------------------------

// A string that was built in a hurry or by another's rules, cut to max and made UTF-8.
static json_t *text_value(const char *text, size_t max)
{
	size_t len = strlen(text);
	auto_free char *copy = NULL;

	if (len <= max && text_is_utf8(text, len))
		return json_stringn_nocheck(text, len);
	copy = mem_strndup(text, len < max ? len : text_utf8_cut(text, len, max));
	scrub_utf8(copy, strlen(copy));
	return json_string_nocheck(copy);
}

static void add_texts(json_t *object, const void *from, const struct text_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text =
			*(char *const *)(const void *)((const char *)from + keys[i].offset);

		json_object_set_new_nocheck(object, keys[i].key,
					    text_value(text != NULL ? text : "", keys[i].max));
	}
}

static void add_dsn_fields(json_t *object, const void *from, const struct field_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_object_set_new_nocheck(
			object, keys[i].key,
			text_value((const char *)from + keys[i].offset, DSN_FIELD_MAX));
}

// One line. Out of memory ends the process, as everywhere.
static void write_line(struct buf *out, json_t *object)
{
	char *line = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	if (line == NULL)
		abort();
	buf_adds(out, line);
	buf_addc(out, '\n');
	free(line);
}

void entry_write_envelope(struct buf *out, const struct envelope *envelope, int64_t arrived)
{
	json_t *object = json_object();

	json_object_set_new_nocheck(object, "version", json_integer(ENTRY_VERSION));
	json_object_set_new_nocheck(object, "arrived", json_integer(arrived));
	add_texts(object, envelope, envelope_keys, COUNT(envelope_keys));
	write_line(out, object);
}

static json_t *dsn_value(const struct facts *facts)
{
	json_t *object = json_object(), *recipients = json_array();

	if (!facts->has_dsn) {
		json_decref(object);
		json_decref(recipients);
		return json_null();
	}
	add_dsn_fields(object, &facts->dsn, dsn_keys, COUNT(dsn_keys));
	json_object_set_new_nocheck(object, "ignored",
				    json_integer((json_int_t)facts->dsn.n_ignored));
	json_object_set_new_nocheck(object, "recipients", recipients);
	for (size_t i = 0; i < facts->dsn.n_recipients; i++) {
		const struct dsn_recipient *from = &facts->dsn.recipients[i];
		json_t *recipient = json_object();
		char status[STATUS_TEXT_SIZE];

		add_dsn_fields(recipient, from, recipient_keys, COUNT(recipient_keys));
		json_object_set_new_nocheck(recipient, "action",
					    json_string(dsn_action_name(from->action)));
		json_object_set_new_nocheck(recipient, "status",
					    json_string(status_text(status, from->status)));
		json_array_append_new(recipients, recipient);
	}
	return object;
}

static json_t *fields_value(const struct facts *facts)
{
	json_t *fields = json_array();

	for (size_t i = 0; i < facts->n_fields; i++) {
		json_t *pair = json_array();

		json_array_append_new(pair, text_value(facts->fields[i].name, FIELD_NAME_MAX));
		json_array_append_new(pair, text_value(facts->fields[i].value, FACTS_VALUE_MAX));
		json_array_append_new(fields, pair);
	}
	return fields;
}

void entry_write_facts(struct buf *out, const struct facts *facts)
{
	json_t *object = json_object();

	if (facts->unparsable != NULL) {
		json_object_set_new_nocheck(object, "unparsable",
					    text_value(facts->unparsable, UNPARSABLE_MAX));
		write_line(out, object);
		return;
	}
	json_object_set_new_nocheck(object, "fields", fields_value(facts));
	json_object_set_new_nocheck(object, "n_received",
				    json_integer((json_int_t)facts->n_received));
	json_object_set_new_nocheck(object, "date", json_integer(facts->date));
	json_object_set_new_nocheck(object, "first_received", json_integer(facts->first_received));
	json_object_set_new_nocheck(object, "header_cut", json_boolean(facts->header_cut));
	json_object_set_new_nocheck(object, "body_hash", json_string(facts->body_hash));
	json_object_set_new_nocheck(object, "is_report", json_boolean(facts->is_report));
	json_object_set_new_nocheck(object, "dsn", dsn_value(facts));
	add_texts(object, facts, facts_keys, COUNT(facts_keys));
	write_line(out, object);
}

// ---- reading
// --------------------------------------------------------------------------------------

// One JSON object under examination. The first fault sticks; taken counts the keys that were asked
// for.
struct reader {
	json_t *object;
	size_t taken;
	const char *wrong;
};

static json_t *take(struct reader *reader, const char *key)
{
	json_t *value = json_object_get(reader->object, key);

	reader->taken++;
	if (value == NULL && reader->wrong == NULL)
		reader->wrong = "a key is missing";
	return value;
}

// The string's bytes, or "" where it is none, or too long.
static const char *text_of(struct reader *reader, json_t *value, size_t max)
{
	if (json_is_string(value) && json_string_length(value) <= max)
		return json_string_value(value);
	if (reader->wrong == NULL)
		reader->wrong = json_is_string(value) ? "a string is over its limit"
						      : "a value is not a string";
	return "";
}

static int64_t take_number(struct reader *reader, const char *key, int64_t max)
{
	json_t *value = take(reader, key);

	if (json_is_integer(value) && json_integer_value(value) >= 0 &&
	    json_integer_value(value) <= max)
		return json_integer_value(value);
	if (reader->wrong == NULL)
		reader->wrong = "a value is not a number within its limit";
	return 0;
}

static bool take_bool(struct reader *reader, const char *key)
{
	json_t *value = take(reader, key);

	if (!json_is_boolean(value) && reader->wrong == NULL)
		reader->wrong = "a value is not true or false";
	return json_is_true(value);
}

static void take_texts(struct reader *reader, void *to, const struct text_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char **text = (char **)(void *)((char *)to + keys[i].offset);

		*text = mem_strdup(text_of(reader, take(reader, keys[i].key), keys[i].max));
	}
}

static void take_dsn_fields(struct reader *reader, void *to, const struct field_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		text_cut((char *)to + keys[i].offset, DSN_FIELD_MAX + 1,
			 text_of(reader, take(reader, keys[i].key), DSN_FIELD_MAX));
}

// No other keys than those that were taken.
static const char *reader_finish(const struct reader *reader)
{
	if (reader->wrong == NULL && json_object_size(reader->object) != reader->taken)
		return "an unknown key";
	return reader->wrong;
}

static const char *read_recipient(json_t *object, struct dsn_recipient *to)
{
	struct reader reader = {.object = object};
	const char *action, *status;
	char again[STATUS_TEXT_SIZE];

	take_dsn_fields(&reader, to, recipient_keys, COUNT(recipient_keys));
	action = text_of(&reader, take(&reader, "action"), STATUS_TEXT_SIZE);
	status = text_of(&reader, take(&reader, "status"), STATUS_TEXT_SIZE);
	to->action = dsn_action_parse(action);
	if (strcmp(dsn_action_name(to->action), action) != 0)
		return "an action that there is not";
	if (*status != '\0' && !status_parse(status, &to->status))
		return "a status that is none";
	if (strcmp(status_text(again, to->status), status) != 0)
		return "a status that is none";
	return reader_finish(&reader);
}

static const char *read_dsn(json_t *object, struct dsn *dsn)
{
	struct reader reader = {.object = object};
	json_t *recipients = take(&reader, "recipients");
	size_t n = json_array_size(recipients);
	const char *wrong = NULL;

	if (!json_is_array(recipients) || n > DSN_RECIPIENTS_MAX)
		return "recipients are not a list within its limit";
	take_dsn_fields(&reader, dsn, dsn_keys, COUNT(dsn_keys));
	dsn->n_ignored = (size_t)take_number(&reader, "ignored", COUNT_MAX);
	dsn->recipients = mem_new(n + 1, sizeof(*dsn->recipients));
	dsn->n_recipients = n;
	for (size_t i = 0; i < n && wrong == NULL; i++)
		wrong = read_recipient(json_array_get(recipients, i), &dsn->recipients[i]);
	return wrong != NULL ? wrong : reader_finish(&reader);
}

static const char *read_fields(struct reader *reader, struct facts *facts)
{
	json_t *fields = take(reader, "fields");
	size_t n = json_array_size(fields);

	if (!json_is_array(fields) || n > FACTS_FIELDS_MAX)
		return "fields are not a list within its limit";
	facts->fields = mem_new(n + 1, sizeof(*facts->fields));
	facts->n_fields = n;
	for (size_t i = 0; i < n; i++) {
		json_t *pair = json_array_get(fields, i);
		const char *name = text_of(reader, json_array_get(pair, 0), FIELD_NAME_MAX);

		facts->fields[i].name = mem_strdup(name);
		facts->fields[i].value =
			mem_strdup(text_of(reader, json_array_get(pair, 1), FACTS_VALUE_MAX));
		if (json_array_size(pair) != 2 || !facts_wants(name))
			return "a field that nobody wants";
	}
	return NULL;
}

static const char *read_hash(struct reader *reader, char *hash)
{
	const char *text = text_of(reader, take(reader, "body_hash"), FACTS_HASH_SIZE - 1);
	size_t len = strlen(text);

	if ((len != 0 && len != FACTS_HASH_SIZE - 1) || strspn(text, "0123456789abcdef") != len)
		return "a body_hash that is none";
	memcpy(hash, text, len + 1);
	return NULL;
}

static const char *read_unparsable(struct reader *reader, struct facts *facts)
{
	facts->unparsable = mem_strdup(text_of(reader, take(reader, "unparsable"), UNPARSABLE_MAX));
	for (size_t i = 0; i < COUNT(facts_keys); i++)
		*(char **)(void *)((char *)facts + facts_keys[i].offset) = mem_strdup("");
	return reader_finish(reader);
}

static const char *read_facts(json_t *object, struct facts *facts)
{
	struct reader reader = {.object = object};
	const char *wrong;
	json_t *dsn;

	if (json_object_get(object, "unparsable") != NULL)
		return read_unparsable(&reader, facts);
	wrong = read_fields(&reader, facts);
	if (wrong == NULL)
		wrong = read_hash(&reader, facts->body_hash);
	if (wrong != NULL)
		return wrong;
	facts->n_received = (size_t)take_number(&reader, "n_received", COUNT_MAX);
	facts->date = take_number(&reader, "date", INT64_MAX);
	facts->first_received = take_number(&reader, "first_received", INT64_MAX);
	facts->header_cut = take_bool(&reader, "header_cut");
	facts->is_report = take_bool(&reader, "is_report");
	take_texts(&reader, facts, facts_keys, COUNT(facts_keys));
	dsn = take(&reader, "dsn");
	facts->has_dsn = dsn != NULL && !json_is_null(dsn);
	if (facts->has_dsn)
		wrong = read_dsn(dsn, &facts->dsn);
	return wrong != NULL ? wrong : reader_finish(&reader);
}

static const char *read_envelope(json_t *object, struct entry *entry)
{
	struct reader reader = {.object = object};
	const char *missing;

	if (take_number(&reader, "version", INT64_MAX) != ENTRY_VERSION)
		return "not an entry of this version";
	entry->arrived = take_number(&reader, "arrived", INT64_MAX);
	take_texts(&reader, &entry->envelope, envelope_keys, COUNT(envelope_keys));
	missing = envelope_finish(&entry->envelope);
	return missing != NULL ? "the envelope lacks a value" : reader_finish(&reader);
}

static json_t *line_load(const char *line, size_t len)
{
	return json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
}

const char *entry_read(const char *bytes, size_t len, struct entry *ret_entry)
{
	const char *end = memchr(bytes, '\n', len), *wrong = "a line is not a JSON object";
	json_t *envelope, *facts;
	struct entry entry = {0};

	if (len > ENTRY_MAX)
		return "longer than an entry may be";
	if (end == NULL || bytes[len - 1] != '\n')
		return "not two lines";
	envelope = line_load(bytes, (size_t)(end - bytes));
	facts = line_load(end + 1, (size_t)(bytes + len - end - 1));
	if (json_is_object(envelope) && json_is_object(facts))
		wrong = read_envelope(envelope, &entry);
	if (json_is_object(envelope) && json_is_object(facts) && wrong == NULL)
		wrong = read_facts(facts, &entry.facts);
	json_decref(envelope);
	json_decref(facts);
	if (wrong == NULL)
		*ret_entry = entry;
	else
		entry_free(&entry);
	return wrong;
}

void entry_free(struct entry *entry)
{
	envelope_free(&entry->envelope);
	facts_free(&entry->facts);
	*entry = (struct entry){0};
}
