// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// trace: one text for one trace, whatever strangers called themselves (RELIABILITY D5, 23).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "mail/trace.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct trace sample = {
	.instance = "v6",
	.client = "2001:db8:100::10",
	.family = 6,
	.fcrdns = AUTH_PASS,
	.ptr = "mx.good.test",
	.helo = "mx.good.test",
	.tls = "TLSv1.3",
	.cipher = "TLS_AES_256_GCM_SHA384",
	.time = 1790000000,
	.mx = {AUTH_PASS, "good.test"},
	.n_dkim = 2,
	.dkim = {{AUTH_PASS, "good.test"}, {AUTH_TEMPERROR, ""}},
	.n_more = 495,
};

static const char sample_text[] =
	"v=1; instance=v6; client=2001:db8:100::10; family=6;\n"
	"\tfcrdns=pass; ptr=mx.good.test; helo=mx.good.test; tls=TLSv1.3;\n"
	"\tcipher=TLS_AES_256_GCM_SHA384; time=1790000000; mx=pass/good.test;\n"
	"\tdkim=pass/good.test; dkim=temperror; more=495";

static const char *parse(const char *text, struct trace *ret_trace)
{
	return trace_parse(text, strlen(text), ret_trace);
}

static void assert_same(const struct trace *a, const struct trace *b)
{
	assert_string_equal(a->instance, b->instance);
	assert_string_equal(a->client, b->client);
	assert_int_equal(a->family, b->family);
	assert_int_equal(a->fcrdns, b->fcrdns);
	assert_string_equal(a->ptr, b->ptr);
	assert_string_equal(a->helo, b->helo);
	assert_string_equal(a->tls, b->tls);
	assert_string_equal(a->cipher, b->cipher);
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->mx.result, b->mx.result);
	assert_string_equal(a->mx.domain, b->mx.domain);
	assert_int_equal(a->n_dkim, b->n_dkim);
	assert_int_equal(a->n_more, b->n_more);
	for (size_t i = 0; i < a->n_dkim; i++) {
		assert_int_equal(a->dkim[i].result, b->dkim[i].result);
		assert_string_equal(a->dkim[i].domain, b->dkim[i].domain);
	}
}

static void test_known_text(void **state)
{
	auto_buf struct buf out = buf_make(TRACE_TEXT_MAX);
	struct trace back = {0};

	(void)state;
	trace_write(&out, &sample);
	assert_string_equal(buf_string(&out), sample_text);
	assert_null(parse(buf_string(&out), &back));
	assert_same(&back, &sample);
}

static void test_unfolded_is_the_same(void **state)
{
	char text[sizeof(sample_text)];
	struct trace back = {0};

	(void)state;
	memcpy(text, sample_text, sizeof(text));
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '\n' ? ' ' : *c;
	assert_null(parse(text, &back));
	assert_same(&back, &sample);
}

static void test_least_and_most(void **state)
{
	struct trace least = {.instance = "dual", .fcrdns = AUTH_NONE, .time = 0};
	struct trace most = {.instance = "abcdefghij012345", .family = 6, .time = 999999999999};
	struct trace back = {0};

	(void)state;
	strcpy(most.client, "2001:db8:1111:2222:3333:4444:5555:6666");
	for (size_t i = 0; i < 255; i++)
		most.ptr[i] = most.helo[i] = i % 50 == 49 ? '.' : 'x';
	memset(most.tls, 't', sizeof(most.tls) - 1);
	memset(most.cipher, 'c', sizeof(most.cipher) - 1);
	most.mx.result = AUTH_TEMPERROR;
	memcpy(most.mx.domain, most.ptr, sizeof(most.ptr));
	most.n_dkim = TRACE_DKIM_MAX;
	for (size_t i = 0; i < TRACE_DKIM_MAX; i++) {
		most.dkim[i].result = AUTH_PERMERROR;
		memcpy(most.dkim[i].domain, most.ptr, sizeof(most.ptr));
	}
	for (const struct trace *row = &least; row != NULL; row = row == &least ? &most : NULL) {
		auto_buf struct buf out = buf_make(TRACE_TEXT_MAX);

		trace_write(&out, row);
		assert_false(buf_failed(&out));
		assert_null(parse(buf_string(&out), &back));
		assert_same(&back, row);
	}
}

static void test_fault_23_what_strangers_say(void **state)
{
	static const char *const rows[] = {
		"a b",      "a; instance=v6", "a\r\nX: y", "a\ndkim=pass/good.test",
		"\x1b[31m", "\xc3\xa9",       "\xff",      "\"a\"",
		"(a)",      "<a>,b\\",
	};

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		auto_buf struct buf out = buf_make(TRACE_TEXT_MAX);
		struct trace trace = sample, back = {0};

		strcpy(trace.helo, rows[i]);
		strcpy(trace.ptr, rows[i]);
		strcpy(trace.tls, rows[i]);
		strcpy(trace.mx.domain, rows[i]);
		strcpy(trace.dkim[0].domain, rows[i]);
		trace_write(&out, &trace);
		assert_null(parse(buf_string(&out), &back));
		assert_int_equal(strlen(back.helo), strlen(rows[i]));
		assert_null(strpbrk(back.helo, "; \r\n\t\"\\()<>,\x1b"));
		assert_string_equal(back.ptr, "");
		assert_string_equal(back.mx.domain, "");
		assert_string_equal(back.dkim[0].domain, "");
		assert_string_equal(back.instance, "v6");
	}
}

static void test_mx(void **state)
{
	static const char start[] =
		"v=1; instance=v6; client=192.0.2.1; family=4; fcrdns=none; time=1";
	static const struct {
		const char *end;
		struct trace_domain mx;
	} rows[] = {
		{"", {AUTH_NONE, ""}}, // written before there was such an item
		{"; dkim=pass/a.test", {AUTH_NONE, ""}},
		{"; mx=none", {AUTH_NONE, ""}},
		{"; mx=none/a.test", {AUTH_NONE, "a.test"}},
		{"; mx=pass/a.test; dkim=fail/b.test", {AUTH_PASS, "a.test"}},
		{"; mx=fail/a.test; more=1", {AUTH_FAIL, "a.test"}},
		{"; mx=temperror/a.test", {AUTH_TEMPERROR, "a.test"}},
	};
	char text[200];
	struct trace trace;

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		snprintf(text, sizeof(text), "%s%s", start, rows[i].end);
		assert_null(parse(text, &trace));
		assert_int_equal(trace.mx.result, rows[i].mx.result);
		assert_string_equal(trace.mx.domain, rows[i].mx.domain);
	}
}

static void test_refuses(void **state)
{
	static const char start[] = "v=1; instance=v6; client=192.0.2.1; family=4; fcrdns=none;";
	static const char *const whole[] = {
		"",
		"v=1",
		"v=2; instance=v6; client=192.0.2.1; family=4; fcrdns=none; time=1",
		"instance=v6; v=1; client=192.0.2.1; family=4; fcrdns=none; time=1",
		"v=1; instance=V6; client=192.0.2.1; family=4; fcrdns=none; time=1",
		"v=1; instance=; client=192.0.2.1; family=4; fcrdns=none; time=1",
		"v=1; instance=v6; client=192.0.2.1; family=6; fcrdns=none; time=1",
		"v=1; instance=v6; client=192.0.2.1; family=0; fcrdns=none; time=1",
		"v=1; instance=v6; family=4; fcrdns=none; time=1",
		"v=1; instance=v6; client=192.0.2.01; family=4; fcrdns=none; time=1",
		"v=1; instance=v6; client=2001:DB8::1; family=6; fcrdns=none; time=1",
		"v=1; instance=v6; client=2001:db8:0::1; family=6; fcrdns=none; time=1",
		"v=1; instance=v6; client=192.0.2.1; family=4; fcrdns=policy; time=1",
		"v=1; instance=v6; client=192.0.2.1; family=4; fcrdns=Pass; time=1",
		"v=1; instance=abcdefghijklmnopq; family=0; fcrdns=none; time=1",
	};
	static const char *const ends[] = {
		"",
		" time=",
		" time=-1",
		" time=01",
		" time=1e3",
		" time=1000000000000",
		" time=1;",
		" time=1; ",
		" time=1 ;more=1",
		" time=1; time=2",
		" time=1; v=1",
		" time=1; new=1",
		" time=1; dkim",
		" time=1; dkim=pass/",
		" time=1; dkim=pass/a..b",
		" time=1; dkim=pass/[192.0.2.1]",
		" time=1; dkim=good/a.test",
		" time=1; dkim=pass; dkim=pass; dkim=pass; dkim=pass; dkim=pass; dkim=pass",
		" time=1; mx=",
		" time=1; mx=pass/",
		" time=1; mx=pass/a..b",
		" time=1; mx=pass/[192.0.2.1]",
		" time=1; mx=Pass/a.test",
		" time=1; mx=policy/a.test",
		" time=1; mx=neutral",
		" time=1; mx=permerror/a.test",
		" time=1; mx=pass/a.test; mx=pass/b.test",
		" time=1; dkim=pass/a.test; mx=pass/a.test",
		" time=1; more=1; mx=pass/a.test",
		" mx=pass/a.test; time=1",
		" time=1; more=0",
		" time=1; more=1; more=1",
		" time=1; more=1; dkim=pass",
		" ptr=a b; time=1",
		" ptr=192.0.2.1/; time=1",
		" ptr=a.test; ptr=a.test; time=1",
		" helo=a(b); time=1",
		" helo=\xc3\xa9; time=1",
		" helo=; time=1",
	};
	struct trace untouched = {.family = 99};
	char text[400];

	(void)state;
	for (size_t i = 0; i < LEN(whole); i++) {
		if (parse(whole[i], &untouched) == NULL)
			fail_msg("taken: %s", whole[i]);
	}
	for (size_t i = 0; i < LEN(ends); i++) {
		snprintf(text, sizeof(text), "%s%s", start, ends[i]);
		if (parse(text, &untouched) == NULL)
			fail_msg("taken: %s", text);
	}
	assert_int_equal(untouched.family, 99);
	snprintf(text, sizeof(text), "%s time=1", start);
	assert_null(parse(text, &untouched));                             // the beginning is good
	assert_non_null(trace_parse(text, strlen(text) + 1, &untouched)); // a NUL
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_text),
		cmocka_unit_test(test_unfolded_is_the_same),
		cmocka_unit_test(test_least_and_most),
		cmocka_unit_test(test_fault_23_what_strangers_say),
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
