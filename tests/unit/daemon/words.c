// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// daemon/words: what a letter may tell of how its request came, of which server it tells it, and
// what it notes of a domain's mail servers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mail/mustache.h"
#include "unit/daemon/letters.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NOW          LETTERS_NOW
#define START        "v=1; instance=v6; client=2001:db8::1; family=6; "

static struct config_site site = {.title = TEXT("six"), .contact = TEXT("help")};
static struct phrases *phrases;

static const struct mustache_value *find(const struct mustache_values *values, const char *name)
{
	for (size_t i = 0; i < values->n; i++)
		if (strcmp(values->values[i].name, name) == 0)
			return &values->values[i];
	fail_msg("no value %s", name);
	return NULL;
}

static const char *text_of(const struct words_tree *words, const char *name)
{
	return find(words_values(words), name)->text;
}

static struct words_input input_of(const struct scene *scene)
{
	return (struct words_input){
		.site = &site,
		.phrases = phrases,
		.mail = &scene->mail,
		.own_name = "mx.six.test",
		.own_address = "2001:db8:25::6",
		.survey = scene->has_survey ? &scene->survey : NULL,
		.found = scene->found,
		.diagnosis = scene->has_diagnosis ? &scene->diagnosis : NULL,
	};
}

static struct words_tree *words_of(const struct scene *scene)
{
	struct words_input input = input_of(scene);

	return words_new(&input, WORDS_CUT_MAX);
}

// ---- how the request came
// -------------------------------------------------------------------------

static const char *const names[] = {"client_name", "client_wrong_name", "tls", "dkim",
				    "took",        "took_servers"};

// By the milter's words, or without a milter by Postfix's; and how long it took.
static const struct {
	const char *trace;
	const char *hostname;
	int64_t date;
	int64_t first_received;
	const char *want[COUNT(names)];
} rows[] = {
	{START "fcrdns=pass; ptr=mx.good.test; helo=x.test; tls=TLSv1.3; cipher=AES; time=9;"
	       " dkim=pass/good.test; dkim=fail/other.test",
	 "unknown",
	 NOW - 3,
	 NOW - 2,
	 {"mx.good.test", "", "TLSv1.3 (AES)", "pass (good.test), fail (other.test)", "3 seconds",
	  "2 seconds"}},
	{START "fcrdns=fail; ptr=mx.good.test; helo=x.test; time=9",
	 "mx.good.test",
	 NOW - 7200,
	 NOW - 90,
	 {"", "mx.good.test", "", "", "2 hours", "90 seconds"}},
	{"", "mx.good.test", NOW - 1, 0, {"mx.good.test", "", "", "", "1 second", ""}},
	{"nonsense", "unknown", NOW + 5, 0, {"", "", "", "", "", ""}}, // clocks disagree
	{"", "unknown", NOW - 3 * 86400, NOW - 600, {"", "", "", "", "3 days", "10 minutes"}},
};

static void test_origin(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		struct words_tree *words;

		scene_begin(&scene, "");
		scene.mail.kind = KIND_REPORT;
		scene.mail.trace = TEXT(rows[i].trace);
		scene.mail.client_hostname = TEXT(rows[i].hostname);
		scene.mail.date = rows[i].date;
		scene.mail.first_received = rows[i].first_received;
		words = words_of(&scene);
		for (size_t n = 0; n < COUNT(names); n++)
			assert_string_equal(text_of(words, names[n]), rows[i].want[n]);
		words_free(words);
	}
}

// ---- which server
// ---------------------------------------------------------------------------------

// The one whose words they are; else the one that ours tried; else the likely one.
static const struct {
	const char *remote;
	const char *reporter;
	const char *diagnostic;
	const char *want; // in what is said to have happened
} servers[] = {
	{"dns; mx1.good.test", "dns; mx.six.test", "smtp; 421 no",
	 "mx1.good.test has an IPv6 "
	 "address (2001:db8::1)"},
	{"", "dns; mx.six.test",
	 "X-Postfix; connect to mx9.good.test[2001:db8::9]:25: Connection timed out",
	 "mx9.good.test has an IPv6 address (2001:db8::9)"},
	{"dns; mx1.good.test", "dns; mx.six.test",
	 "X-Postfix; lost connection with mx9.good.test[2001:db8::9] after host "
	 "mx1.good.test[2001:db8::7] said",
	 "mx1.good.test has an IPv6 address (2001:db8::7)"},
	{"", "dns; mx.six.test", "X-Postfix; Name service error for name=a.good.test type=AAAA: x",
	 "a.good.test has an IPv6 address,"},
	{"", "dns; inner.good.test", "smtp; 550 no", "inner.good.test has an IPv6 address,"},
	{"", "dns; mx.six.test", "X-Postfix; nothing", "mx1.good.test has an IPv6 address (2001:"},
	{"dns; <b>x", "dns; mx.six.test", "smtp; [::1] said [2001:db8::5]", "server mx1.good.test"},
};

static void test_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(servers); i++) {
		struct scene scene;
		struct words_tree *words;

		scene_begin(&scene, "");
		scene_address(scene_host(&scene, "mx1.good.test", 1), "2001:db8::1",
			      SURVEY_REACH_TIMEOUT, SURVEY_STEP_CONNECT);
		scene_bounce(&scene, CLASS_TIMEOUT, "4.4.1", servers[i].remote,
			     servers[i].diagnostic);
		scene.mail.reporting_mta = TEXT(servers[i].reporter);
		scene.mail.kind = KIND_BOUNCE;
		words = words_of(&scene);
		if (strstr(text_of(words, "happened"), servers[i].want) == NULL)
			fail_msg("%s\nis not in\n%s", servers[i].want, text_of(words, "happened"));
		words_free(words);
	}
}

// ---- what happened
// --------------------------------------------------------------------------------

// Each class has its own words, and who can mend it; a hint where the provider is known.
static void test_every_class(void **state)
{
	const char *seen[CLASSES] = {NULL};
	struct words_tree *words[CLASSES];

	(void)state;
	for (enum class class = 0; class < CLASSES; class ++) {
		struct scene scene;

		scene_begin(&scene, "");
		scene_bounce(&scene, class, "5.0.0", "dns; mx.good.test", "smtp; 550 no");
		scene.mail.kind = KIND_BOUNCE;
		words[class] = words_of(&scene);
		seen[class] = text_of(words[class], "happened");
		for (enum class other = 0; other < class; other++)
			assert_string_not_equal(seen[class], seen[other]);
		assert_string_not_equal(text_of(words[class], "subject"), "");
		assert_string_not_equal(text_of(words[class], "means"), "");
		assert_string_not_equal(text_of(words[class], "who"), "");
		assert_string_equal(text_of(words[class], "is_ours"), "");
	}
	for (enum class class = 0; class < CLASSES; class ++)
		words_free(words[class]);
}

static const struct {
	const char *host;
	enum class class;
	const char *want; // in the hint
} hints[] = {
	{"gmail-smtp-in.l.google.com", CLASS_PTR_REQUIRED, "Google"},
	{"gmail-smtp-in.l.google.com", CLASS_NO_SUCH_USER, ""},
	{"a-b.mail.protection.outlook.com", CLASS_NO_AAAA, "Microsoft 365"},
	{"a-b.mail.protection.outlook.com", CLASS_AUTH_REQUIRED, "Microsoft 365"},
	{"google.com.evil.test", CLASS_PTR_REQUIRED, ""},
};

static void test_hints(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hints); i++) {
		struct scene scene;
		struct words_tree *words;

		scene_begin(&scene, "");
		scene_bounce(&scene, hints[i].class, "5.0.0", hints[i].host, "smtp; 550 no");
		scene.mail.kind = KIND_BOUNCE;
		words = words_of(&scene);
		assert_int_equal(text_of(words, "hint")[0] == '\0', hints[i].want[0] == '\0');
		assert_non_null(strstr(text_of(words, "hint"), hints[i].want));
		words_free(words);
	}
}

// A report says nothing of a failure; and what is our fault is no class of the person's.
static void test_ours(void **state)
{
	static const char *const keys[] = {"subject", "happened", "means", "who", "send", "hint"};
	struct scene scene;
	struct words_tree *words;

	(void)state;
	scene_make(&scene, 0, KIND_REPORT);
	words = words_of(&scene);
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_string_equal(text_of(words, keys[i]), "");
	words_free(words);
	scene_ours(&scene);
	scene.mail.kind = KIND_BOUNCE;
	words = words_of(&scene);
	assert_string_equal(text_of(words, "is_ours"), "yes");
	assert_non_null(strstr(text_of(words, "happened"), "Our own"));
	assert_string_equal(text_of(words, "send"), "");
	words_free(words);
	scene_make(&scene, SCENES - 1, KIND_BOUNCE); // it wants a PTR, and ours is wrong
	words = words_of(&scene);
	assert_string_equal(text_of(words, "is_ours"), "yes");
	assert_non_null(strstr(text_of(words, "happened"), "records of ours"));
	assert_string_equal(text_of(words, "hint"), "");
	words_free(words);
}

// ---- notes
// ----------------------------------------------------------------------------------------

static void implicit_aaaa(struct scene *scene)
{
	struct survey_host *host = scene_host(scene, "good.test", 0);

	scene->survey.mx = SURVEY_MX_IMPLICIT;
	host->has_v4 = SURVEY_NO;
	scene_address(host, "2001:db8::1", SURVEY_REACH_ACCEPTS, SURVEY_STEP_EHLO);
}

static void implicit_a(struct scene *scene)
{
	scene->survey.mx = SURVEY_MX_IMPLICIT;
	scene->survey.a_only = true;
	scene_host(scene, "good.test", 0);
}

static void no_dns(struct scene *scene)
{
	scene->survey.mx = SURVEY_MX_UNKNOWN;
	scene->survey.is_complete = false;
}

static void null_mx(struct scene *scene)
{
	scene->survey.mx = SURVEY_MX_NULL;
}

static void no_domain(struct scene *scene)
{
	scene->survey.mx = SURVEY_MX_NO_DOMAIN;
}

static void later(struct scene *scene)
{
	scene_host(scene, "a.good.test", 10);
	scene_address(scene_host(scene, "b.good.test", 20), "2001:db8::1", SURVEY_REACH_ACCEPTS,
		      SURVEY_STEP_EHLO);
}

// The same preference: neither is preferred.
static void beside(struct scene *scene)
{
	later(scene);
	scene->survey.hosts[1].preference = 10;
}

// Of the one that is preferred the DNS said nothing.
static void perhaps_later(struct scene *scene)
{
	later(scene);
	scene->survey.hosts[0].has_v6 = SURVEY_UNKNOWN;
}

static void ula(struct scene *scene)
{
	struct survey_host *host = scene_host(scene, "a.good.test", 10);

	scene_address(host, "fd00::1", SURVEY_REACH_UNREACHABLE, SURVEY_STEP_CONNECT);
	scene_address(host, "fd00::2", SURVEY_REACH_UNREACHABLE, SURVEY_STEP_CONNECT);
}

static void ula_answers(struct scene *scene)
{
	scene_address(scene_host(scene, "a.good.test", 10), "fd00::1", SURVEY_REACH_ACCEPTS,
		      SURVEY_STEP_EHLO);
}

static void alias(struct scene *scene)
{
	scene_host(scene, "a.good.test", 10)->is_cname = true;
}

static void literal(struct scene *scene)
{
	scene_host(scene, "192.0.2.1", 10)->is_literal = true;
}

static void names_over_v4(struct scene *scene)
{
	ula_answers(scene);
	scene->survey.hosts[0].ns_v6 = SURVEY_NO;
}

static const struct {
	void (*make)(struct scene *scene);
	const char *want[2]; // how the notes go, in order, and no others
} notes[] = {
	{implicit_aaaa, {"an IPv6 address only", NULL}},
	{implicit_a, {"an IPv4 address only", NULL}},
	{no_dns, {"did not answer our questions", NULL}},
	{null_mx, {"(RFC 7505)", NULL}},
	{no_domain, {"no domain good.test", NULL}},
	{later, {"b.good.test, number 2", NULL}},
	{beside, {NULL}},
	{perhaps_later, {NULL}},
	{ula, {"fd00::1 of a.good.test", NULL}},
	{ula_answers, {NULL}},
	{alias, {"a.good.test, which is an alias", NULL}},
	{literal, {"192.0.2.1, where a name must stand", NULL}},
	{names_over_v4, {"name servers of a.good.test", NULL}},
};

static void test_notes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(notes); i++) {
		struct scene scene;
		struct words_tree *words;
		const struct mustache_value *list;

		scene_begin(&scene, "");
		scene.mail.kind = KIND_REPORT;
		notes[i].make(&scene);
		words = words_of(&scene);
		list = find(words_values(words), "notes");
		assert_int_equal(list->n_items, notes[i].want[0] != NULL);
		assert_string_equal(text_of(words, "has_notes"), list->n_items > 0 ? "yes" : "");
		for (size_t n = 0; n < list->n_items; n++) {
			const char *note = find(&list->items[n], "note")->text;

			if (strstr(note, notes[i].want[n]) == NULL)
				fail_msg("%s\nis not in\n%s", notes[i].want[n], note);
		}
		words_free(words);
	}
}

// What a survey and an attempt keep is escaped: in a letter it stands as it is kept, and what else
// there is in it is escaped all the same.
static void test_escaped_once(void **state)
{
	static const char template[] =
		"{{#hosts}}{{name}} {{#addresses}}{{banner}}{{/addresses}}{{/hosts}} "
		"{{#notes}}{{note}}{{/notes}} {{#attempts}}{{attempt_reason}}{{/attempts}}";
	static char tries[] = "1\trelay\t4.2.2\t\\x1b\\\\ \x1b";
	auto_buf struct buf out = buf_make(10000);
	struct scene scene;
	struct survey_host *host;
	struct words_tree *words;

	(void)state;
	scene_begin(&scene, "");
	scene.mail.kind = KIND_REPORT;
	host = scene_host(&scene, "a\\.b.good.test", 10);
	host->is_cname = true;
	text_cut(scene_address(host, "2001:db8::1", SURVEY_REACH_ACCEPTS, SURVEY_STEP_EHLO)->banner,
		 SURVEY_BANNER_SIZE, "\\x07");
	scene.mail.tries = tries;
	words = words_of(&scene);
	assert_null(mustache_render(template, MUSTACHE_TEXT, words_values(words), &out));
	assert_memory_equal(out.data, "a\\.b.good.test \\x07 ", 20);
	assert_non_null(strstr(buf_string(&out) + 20, "a\\.b.good.test, which is an alias"));
	assert_non_null(strstr(buf_string(&out), " \\x1b\\\\ \\x1b"));
	words_free(words);
}

// ---- bounds
// ---------------------------------------------------------------------------------------

// A7: less and less of it, and never a value longer than was asked for.
static void test_A7_cut(void **state)
{
	(void)state;
	for (size_t max = 32; max <= 4 * WORDS_CUT_MAX; max *= 2) {
		struct scene scene;
		struct words_input input;
		struct words_tree *words;
		const struct mustache_values *values;
		const struct mustache_value *hosts;

		scene_make(&scene, 3, KIND_BOUNCE);
		input = input_of(&scene);
		words = words_new(&input, max);
		values = words_values(words);
		hosts = find(values, "hosts");
		assert_true(strlen(find(values, "request_subject")->text) <= max);
		assert_true(strlen(find(values, "request_subject")->text) <= WORDS_CUT_MAX);
		assert_true(strlen(find(values, "diagnostic_lines")->text) <= max);
		assert_int_equal(hosts->n_items, max >= WORDS_CUT_MAX / 4 ? 10 : 4);
		assert_string_equal(find(values, "more_hosts")->text,
				    hosts->n_items == 10 ? "" : "6");
		for (size_t i = 0; i < hosts->n_items; i++) {
			assert_true(strlen(find(&hosts->items[i], "name")->text) <= max);
			assert_int_equal(find(&hosts->items[i], "addresses")->n_items,
					 max >= WORDS_CUT_MAX       ? 4
					 : max >= WORDS_CUT_MAX / 4 ? 2
								    : 1);
		}
		words_free(words);
	}
}

// So that a template is tried with every name: one item at least in each list, or none in any.
static void test_sample(void **state)
{
	static const char *const lists[] = {"abilities", "hosts", "notes"};
	struct scene scene;
	struct words_input input;

	(void)state;
	scene_make(&scene, 0, KIND_BOUNCE);
	input = input_of(&scene);
	for (int is_full = 0; is_full <= 1; is_full++) {
		struct words_tree *words = words_sample(&input, is_full);

		for (size_t i = 0; i < COUNT(lists); i++)
			assert_int_equal(find(words_values(words), lists[i])->n_items > 0, is_full);
		assert_int_equal(text_of(words, "diagnostic_lines")[0] != '\0', is_full);
		words_free(words);
	}
}

static int set_up(void **state)
{
	(void)state;
	text_cut(site.v6_domain.text, sizeof(site.v6_domain.text), "six.test");
	text_cut(site.dual_domain.text, sizeof(site.dual_domain.text), "dual.test");
	phrases = phrases_read("templates", "en", stderr);
	return phrases == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	phrases_free(phrases);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_origin),      cmocka_unit_test(test_server),
		cmocka_unit_test(test_every_class), cmocka_unit_test(test_hints),
		cmocka_unit_test(test_ours),        cmocka_unit_test(test_escaped_once),
		cmocka_unit_test(test_notes),       cmocka_unit_test(test_A7_cut),
		cmocka_unit_test(test_sample),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
