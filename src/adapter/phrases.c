// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One language's texts. The table below says which there must be: the names are those of the enums,
// so a class or an evidence that is added has no text until every language has one, and postsixd
// does not start without.

#include "adapter/phrases.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/inifile.h"
#include "base/mem.h"
#include "mail/diagnose.h"
#include "mail/mustache.h"
#include "mail/survey.h"
#include "mail/verdict.h"

#define ENTRIES_MAX 1024
#define TEXT_MAX    2000 // octets of one text as the file has it
#define FILLED_MAX  8192 // and filled
#define KEYS_MAX    5

struct entry {
	char *section; // "class no-aaaa"
	char *key;
	struct buf text;
	int line;
};

struct phrases {
	size_t n;
	struct entry entries[ENTRIES_MAX];
};

struct reading {
	struct phrases *phrases;
	const char *path;
	FILE *errors;
	int line;
	size_t n_faults;
};

static const char *const ours[] = {"handover", "records"};
static const char *const notes[] = {
	"implicit-aaaa", "implicit-a", "null-mx", "none",  "no-domain",  "no-dns",  "incomplete",
	"cname",         "literal",    "later",   "ns-v4", "more-hosts", "some-not"};
static const char *const whos[] = {"you", "provider", "nobody", "us"};
static const char *const menders[] = {"sender", "recipient", "provider", "sending", "both"};
static const char *const titles[] = {"happened", "means", "who", "send"};
static const char *const providers[] = {"google", "microsoft"};
static const char *const units[] = {"day", "hour", "minute", "second"};
static const char *const word_names[] = {"server"};

// The names of enums, by their number.
static const char *name_of_class(size_t i)
{
	return class_name((enum class)i);
}

static const char *name_of_evidence(size_t i)
{
	return evidence_name((enum evidence)i);
}

static const char *name_of_ability(size_t i)
{
	return ability_name((enum ability)i);
}

static const char *name_of_verdict(size_t i)
{
	return verdict_name((enum verdict)i);
}

static const char *name_of_mx(size_t i)
{
	return survey_mx_name((enum survey_mx)i);
}

static const char *name_of_kind(size_t i)
{
	return survey_kind_name((enum survey_kind)i);
}

static const char *name_of_reach(size_t i)
{
	return survey_reach_name((enum survey_reach)i);
}

static const char *name_of_step(size_t i)
{
	return survey_step_name((enum survey_step)i);
}

// A key with a question mark before it may be empty.
static const struct kind {
	const char *name;
	size_t n;
	const char *(*name_of)(size_t i);
	const char *const *names; // or these
	const char *keys[KEYS_MAX];
} kinds[] = {
	{"class", CLASSES, name_of_class, NULL, {"subject", "happened", "means", "who", "?send"}},
	{"ours", 2, NULL, ours, {"subject", "happened", "means", "who", "?send"}},
	{"explain", CLASSES, name_of_class, NULL, {"happened", "means", "who", "?send"}},
	{"mender", sizeof(menders) / sizeof(*menders), NULL, menders, {"text"}},
	{"title", sizeof(titles) / sizeof(*titles), NULL, titles, {"text"}},
	{"evidence", EVIDENCES, name_of_evidence, NULL, {"text"}},
	{"ability", ABILITIES, name_of_ability, NULL, {"title", "about"}},
	{"verdict", VERDICTS, name_of_verdict, NULL, {"text"}},
	{"mx", SURVEY_MX_NO_DOMAIN + 1, name_of_mx, NULL, {"text"}},
	{"kind", SURVEY_KINDS, name_of_kind, NULL, {"?text", "?note"}},
	{"reach", SURVEY_REACHES, name_of_reach, NULL, {"text"}},
	{"step", SURVEY_STEPS, name_of_step, NULL, {"text"}},
	{"note", sizeof(notes) / sizeof(*notes), NULL, notes, {"text"}},
	{"who", sizeof(whos) / sizeof(*whos), NULL, whos, {"text"}},
	{"provider", sizeof(providers) / sizeof(*providers), NULL, providers, {"hint"}},
	{"unit", sizeof(units) / sizeof(*units), NULL, units, {"one", "few", "many"}},
	{"word", sizeof(word_names) / sizeof(*word_names), NULL, word_names, {"text"}},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void report(struct reading *reading, int line, const char *subject, const char *sentence)
{
	reading->n_faults++;
	fprintf(reading->errors, "%s:%d: %s: %s\n", reading->path, line, subject, sentence);
}

static struct entry *find_entry(struct phrases *phrases, const char *section, const char *key)
{
	for (size_t i = 0; i < phrases->n; i++)
		if (strcmp(phrases->entries[i].section, section) == 0 &&
		    strcmp(phrases->entries[i].key, key) == 0)
			return &phrases->entries[i];
	return NULL;
}

static const char *kind_name(const struct kind *kind, size_t i)
{
	return kind->names != NULL ? kind->names[i] : kind->name_of(i);
}

// The table's row that a section "kind name" is of, or NULL.
static const struct kind *find_kind(const char *section)
{
	size_t len = strcspn(section, " ");

	if (section[len] == '\0')
		return NULL;
	for (size_t k = 0; k < KINDS; k++) {
		if (strlen(kinds[k].name) != len || strncmp(kinds[k].name, section, len) != 0)
			continue;
		for (size_t i = 0; i < kinds[k].n; i++)
			if (strcmp(kind_name(&kinds[k], i), section + len + 1) == 0)
				return &kinds[k];
	}
	return NULL;
}

static bool has_key(const struct kind *kind, const char *key)
{
	for (size_t i = 0; i < KEYS_MAX && kind->keys[i] != NULL; i++)
		if (strcmp(kind->keys[i] + (kind->keys[i][0] == '?'), key) == 0)
			return true;
	return false;
}

static void add_entry(struct reading *reading, const char *section, const char *key,
		      const char *text)
{
	struct phrases *phrases = reading->phrases;
	struct entry *entry = &phrases->entries[phrases->n];

	if (phrases->n == ENTRIES_MAX) {
		report(reading, reading->line, key, "too many texts");
		return;
	}
	phrases->n++;
	*entry = (struct entry){mem_strdup(section), mem_strdup(key), buf_make(TEXT_MAX),
				reading->line};
	buf_adds(&entry->text, text);
}

static void on_value(void *arg, int line, const char *section, const char *key, const char *value,
		     bool goes_on)
{
	struct reading *reading = arg;
	struct entry *entry = find_entry(reading->phrases, section, key);
	const struct kind *kind = find_kind(section);

	reading->line = line;
	if (goes_on && entry != NULL) {
		buf_adds(&entry->text, entry->text.len > 0 ? " " : "");
		buf_adds(&entry->text, value);
	} else if (entry != NULL) {
		report(reading, line, key, "given twice");
	} else if (kind == NULL) {
		report(reading, line, section, "no such section");
	} else if (!has_key(kind, key)) {
		report(reading, line, key, "no such text in this section");
	} else {
		add_entry(reading, section, key, value);
	}
}

static void on_fault(void *arg, int line, const char *subject, const char *sentence)
{
	report(arg, line, subject, sentence);
}

static const char *or_empty(const char *string)
{
	return string != NULL ? string : "";
}

// Appends template filled with facts; NULL or what is wrong with it.
static const char *fill(const char *template, const struct phrase_facts *facts, const char *server,
			struct buf *out)
{
	const struct mustache_value values[] = {
		{.name = "address", .text = facts->address},
		{.name = "domain", .text = facts->domain},
		{.name = "host", .text = facts->host, .is_rendered = true},
		{.name = "host_address", .text = facts->host_address},
		{.name = "answer", .text = facts->answer},
		{.name = "our_domain", .text = facts->our_domain},
		{.name = "our_host", .text = facts->our_host},
		{.name = "our_address", .text = facts->our_address},
		{.name = "is_v6", .text = facts->is_v6 ? "yes" : ""},
		{.name = "code", .text = facts->code},
		{.name = "step", .text = facts->step},
		{.name = "n", .text = facts->n},
		{.name = "server", .text = server, .is_rendered = true},
	};
	const struct mustache_values list = {values, sizeof(values) / sizeof(*values)};

	return mustache_render(template, MUSTACHE_TEXT, &list, out);
}

static bool is_one_of(const char *text, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return true;
	return false;
}

// Who can mend it: a name, whose text is elsewhere.
static const char *check_who(const struct entry *entry)
{
	const char *name = buf_string(&entry->text);

	if (strncmp(entry->section, "explain ", 8) != 0)
		return is_one_of(name, whos, sizeof(whos) / sizeof(*whos))
			       ? NULL
			       : "it must be one of you, provider, nobody, us";
	return is_one_of(name, menders, sizeof(menders) / sizeof(*menders))
		       ? NULL
		       : "it must be one of sender, recipient, provider, sending, both";
}

// With every fact and with none, since a section's inside is looked at only where it stands.
static void check_entry(struct reading *reading, const struct entry *entry)
{
	static const struct phrase_facts none,
		all = {"x", "x", "x", "x", "x", "x", "x", "x", true, "x", "x", "x"};
	auto_buf struct buf out = buf_make(FILLED_MAX);
	const char *template = buf_string(&entry->text);
	const char *fault = fill(template, &none, "", &out);

	if (fault == NULL)
		fault = fill(template, &all, "x", &out);
	if (buf_failed(&entry->text) || buf_failed(&out))
		fault = "too long";
	if (fault == NULL && strcmp(entry->key, "who") == 0)
		fault = check_who(entry);
	if (fault != NULL)
		report(reading, entry->line, entry->key, fault);
}

static void check_complete(struct reading *reading, const struct kind *kind, const char *name)
{
	char section[80], subject[100];

	snprintf(section, sizeof(section), "%s %s", kind->name, name);
	for (size_t i = 0; i < KEYS_MAX && kind->keys[i] != NULL; i++) {
		bool may_be_empty = kind->keys[i][0] == '?';
		const char *key = kind->keys[i] + may_be_empty;
		const struct entry *entry = find_entry(reading->phrases, section, key);

		snprintf(subject, sizeof(subject), "[%s] %s", section, key);
		if (entry == NULL)
			report(reading, 0, subject, "must be given");
		else if (entry->text.len == 0 && !may_be_empty)
			report(reading, entry->line, subject, "must not be empty");
	}
}

static void check_all(struct reading *reading)
{
	for (size_t i = 0; i < reading->phrases->n; i++)
		check_entry(reading, &reading->phrases->entries[i]);
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < kinds[k].n; i++)
			check_complete(reading, &kinds[k], kind_name(&kinds[k], i));
}

struct phrases *phrases_read(const char *directory, const char *language, FILE *errors)
{
	char path[4096];
	struct phrases *phrases = mem_new(1, sizeof(*phrases));
	struct reading reading = {.phrases = phrases, .path = path, .errors = errors};
	const struct inifile_reader reader = {
		.on_value = on_value, .on_fault = on_fault, .arg = &reading, .one_line = false};
	int last, r;

	snprintf(path, sizeof(path), "%s/%s/phrases.ini", directory, language);
	r = inifile_read(path, &reader, &last);
	if (r < 0) {
		reading.n_faults++;
		fprintf(errors, "%s: %s\n", path, strerror(-r));
	} else {
		check_all(&reading);
	}
	return reading.n_faults == 0 ? phrases : phrases_free(phrases);
}

struct phrases *phrases_free(struct phrases *phrases)
{
	if (phrases == NULL)
		return NULL;
	for (size_t i = 0; i < phrases->n; i++) {
		free(phrases->entries[i].section);
		free(phrases->entries[i].key);
		buf_free(&phrases->entries[i].text);
	}
	free(phrases);
	return NULL;
}

const char *phrases_get(const struct phrases *phrases, const char *kind, const char *name,
			const char *key)
{
	size_t len = strlen(kind);

	for (size_t i = 0; i < phrases->n; i++) {
		const struct entry *entry = &phrases->entries[i];

		if (strncmp(entry->section, kind, len) == 0 && entry->section[len] == ' ' &&
		    strcmp(entry->section + len + 1, name) == 0 && strcmp(entry->key, key) == 0)
			return buf_string(&entry->text);
	}
	assert(!"a text that the table does not name");
	return "";
}

void phrases_say(const struct phrases *phrases, const char *kind, const char *name, const char *key,
		 const struct phrase_facts *facts, struct buf *out)
{
	auto_buf struct buf server = buf_make(FILLED_MAX);
	const char *fault;

	fault = fill(phrases_get(phrases, "word", "server", "text"), facts, "", &server);
	if (fault == NULL)
		fault = fill(phrases_get(phrases, kind, name, key), facts,
			     or_empty(facts->host)[0] != '\0' ? facts->host : buf_string(&server),
			     out);
	// It was tried when it was read: what is wrong now is that it is full.
	assert(fault == NULL || buf_failed(out) || buf_failed(&server));
}
