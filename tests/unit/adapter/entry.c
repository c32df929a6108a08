// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// adapter/entry: what is written is read again; nothing else is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/entry.h"
#include "base/mem.h"

#define ENVELOPE_LINE                                                                              \
	"{\"version\":1,\"arrived\":5,\"instance\":\"v6\",\"queue_id\":\"4X\",\"sender\":\"a@b\"," \
	"\"recipient\":\"test@six.test\",\"original_recipient\":\"\",\"client_address\":\"\","     \
	"\"client_hostname\":\"\",\"client_helo\":\"\",\"client_port\":\"\","                      \
	"\"client_protocol\":\"\",\"size\":\"\"}\n"
#define FACTS_START                                                                                \
	"{\"fields\":[[\"From\",\"a@b\"]],\"n_received\":1,\"date\":2,\"first_received\":3,"       \
	"\"header_cut\":false,"
#define FACTS_END                                                                                  \
	"\"body_hash\":\"\",\"is_report\":true,\"subject\":\"s\",\"report_text\":\"\","            \
	"\"status_part\":\"\",\"returned\":\"\",\"returned_id\":\"\""
#define DSN_START                                                                                  \
	",\"dsn\":{\"original_envelope_id\":\"\",\"reporting_mta\":\"dns; x\","                    \
	"\"received_from_mta\":\"\",\"arrival_date\":\"\",\"ignored\":0,\"recipients\":["
#define RECIPIENT(action, status)                                                                  \
	"{\"original_recipient\":\"\",\"final_recipient\":\"rfc822; a@b\",\"action_text\":\"\","   \
	"\"status_text\":\"\",\"remote_mta\":\"\",\"diagnostic_code\":\"\","                       \
	"\"last_attempt_date\":\"\",\"will_retry_until\":\"\",\"action\":\"" action                \
	"\",\"status\":\"" status "\"}"
#define GOOD ENVELOPE_LINE FACTS_START FACTS_END DSN_START RECIPIENT("failed", "5.1.1") "]}}\n"

static void envelope_make(struct envelope *envelope, const char *queue_id, const char *instance,
			  const char *recipient)
{
	*envelope = (struct envelope){0};
	assert_null(envelope_set(envelope, "queue_id", queue_id));
	assert_null(envelope_set(envelope, "instance", instance));
	assert_null(envelope_set(envelope, "recipient", recipient));
	assert_null(envelope_finish(envelope));
}

static const char *name_of(const char *queue_id, const char *instance, const char *recipient)
{
	static char names[4][ENTRY_NAME_MAX + 1];
	static unsigned next;
	char *name = names[next++ % 4];
	struct envelope envelope;

	envelope_make(&envelope, queue_id, instance, recipient);
	entry_name(name, &envelope);
	envelope_free(&envelope);
	return name;
}

static void test_20_names(void **state)
{
	char long_id[901];

	(void)state;
	memset(long_id, 'x', 900);
	long_id[900] = '\0';
	assert_string_equal(name_of("4X", "v6", "a@b"), name_of("4X", "v6", "a@b"));
	assert_string_not_equal(name_of("4X", "v6", "a@b"), name_of("4X", "v6", "b@b"));
	assert_string_not_equal(name_of("4X", "v6", "a@b"), name_of("4X", "dual", "a@b"));
	assert_string_not_equal(name_of("4X", "v6", "a@b"), name_of("4Y", "v6", "a@b"));
	assert_string_not_equal(name_of("4/X", "v6", "a@b"), name_of("4.X", "v6", "a@b"));
	assert_memory_equal(name_of("4X", "v6", "a@b"), "4X-v6-", 6);
	assert_memory_equal(name_of("../\xc3\xa9\n", "/", "/etc"), "______-_-", 9);
	assert_true(strlen(name_of(long_id, long_id, long_id)) <= ENTRY_NAME_MAX);
}

static void test_unparsable(void **state)
{
	struct facts facts = {.unparsable = mem_strdup("parser died: signal 11")};
	struct buf file = buf_make(ENTRY_MAX);
	struct envelope envelope;
	struct entry entry;

	(void)state;
	envelope_make(&envelope, "4X", "v6", "a@b");
	entry_write_envelope(&file, &envelope, 1479892800);
	entry_write_facts(&file, &facts);
	assert_null(entry_read(file.data, file.len, &entry));
	assert_int_equal(entry.arrived, 1479892800);
	assert_string_equal(entry.facts.unparsable, "parser died: signal 11");
	assert_string_equal(entry.facts.subject, "");
	entry_free(&entry);
	facts_free(&facts);
	envelope_free(&envelope);
	buf_free(&file);
}

// Reading and writing again gives the same bytes, so nothing is lost on the way.
static void test_round_trip(void **state)
{
	struct buf file = buf_make(ENTRY_MAX), again = buf_make(ENTRY_MAX);
	struct entry entry;

	(void)state;
	assert_null(entry_read(GOOD, strlen(GOOD), &entry));
	assert_string_equal(entry.envelope.sender, "a@b");
	assert_string_equal(entry.facts.fields[0].value, "a@b");
	assert_true(entry.facts.has_dsn);
	assert_int_equal(entry.facts.dsn.recipients[0].action, DSN_ACTION_FAILED);
	assert_int_equal(entry.facts.dsn.recipients[0].status.subject, 1);
	entry_write_envelope(&file, &entry.envelope, entry.arrived);
	entry_write_facts(&file, &entry.facts);
	entry_free(&entry);
	assert_null(entry_read(file.data, file.len, &entry));
	entry_write_envelope(&again, &entry.envelope, entry.arrived);
	entry_write_facts(&again, &entry.facts);
	assert_string_equal(file.data, again.data);
	entry_free(&entry);
	buf_free(&file);
	buf_free(&again);
}

// What mime never hands over, but a caller might.
static void test_30_broken_strings(void **state)
{
	char *huge = mem_new(1, 50001);
	struct facts facts = {.subject = huge, .report_text = mem_strdup("\xe9"), .n_fields = 1};
	struct buf file = buf_make(ENTRY_MAX);
	struct envelope envelope;
	struct entry entry;

	(void)state;
	memset(huge, 'x', 50000);
	facts.fields = mem_new(1, sizeof(*facts.fields));
	facts.fields[0].name = mem_strdup("From");
	facts.fields[0].value = mem_strdup("\xff@good.test");
	envelope_make(&envelope, "4X", "v6", "a@b");
	free(envelope.sender);
	envelope.sender = mem_strdup("\xff@good.test");
	entry_write_envelope(&file, &envelope, 1);
	entry_write_facts(&file, &facts);
	assert_null(entry_read(file.data, file.len, &entry));
	assert_string_equal(entry.envelope.sender, "\x1a@good.test");
	assert_string_equal(entry.facts.fields[0].value, "\x1a@good.test");
	assert_int_equal(strlen(entry.facts.subject), FACTS_VALUE_MAX);
	entry_free(&entry);
	envelope_free(&envelope);
	facts_free(&facts);
	buf_free(&file);
}

static const char *const bad[] = {
	"",
	"\n",
	"\n\n",
	"{}\n{}\n",
	ENVELOPE_LINE,
	ENVELOPE_LINE "{}\n",
	ENVELOPE_LINE "[]\n",
	ENVELOPE_LINE "{\"unparsable\":1}\n",
	ENVELOPE_LINE "{\"unparsable\":\"x\",\"fields\":[]}\n",
	ENVELOPE_LINE "{\"unparsable\":\"x\"}", // no last line feed
	ENVELOPE_LINE "{\"unparsable\":\"x\"}\n{}\n",
	ENVELOPE_LINE "{\"unparsable\":\"x\",\"unparsable\":\"y\"}\n",
	ENVELOPE_LINE "{\"unparsable\":\"x\\u0000y\"}\n",
	ENVELOPE_LINE "{\"unparsable\":\"\xff\"}\n",
	"{\"version\":2,\"arrived\":5}\n{\"unparsable\":\"x\"}\n",
	// no dsn
	ENVELOPE_LINE FACTS_START FACTS_END "}\n",
	ENVELOPE_LINE FACTS_START FACTS_END ",\"dsn\":1}\n",
	ENVELOPE_LINE FACTS_START FACTS_END ",\"dsn\":null,\"colour\":\"red\"}\n",
	ENVELOPE_LINE FACTS_START FACTS_END DSN_START "]},\"colour\":1}\n",
	ENVELOPE_LINE FACTS_START FACTS_END DSN_START "1]}}\n",
	ENVELOPE_LINE FACTS_START FACTS_END DSN_START RECIPIENT("failure", "5.1.1") "]}}\n",
	ENVELOPE_LINE FACTS_START FACTS_END DSN_START RECIPIENT("failed", "5.1") "]}}\n",
	ENVELOPE_LINE FACTS_START FACTS_END DSN_START RECIPIENT("failed", "5.1.1 (no)") "]}}\n",
	ENVELOPE_LINE FACTS_START FACTS_END DSN_START RECIPIENT("failed", "5.1.1") ",{}]}}\n",
	ENVELOPE_LINE "{\"fields\":[[\"From\"]],\"n_received\":1,\"date\":2,\"first_received\":3,"
		      "\"header_cut\":false," FACTS_END ",\"dsn\":null}\n",
	ENVELOPE_LINE "{\"fields\":[[\"X-Mailer\",\"x\"]],\"n_received\":1,\"date\":2,\"first_"
		      "received\":3,\"header_cut\":false," FACTS_END ",\"dsn\":null}\n",
	ENVELOPE_LINE "{\"fields\":[[\"From\",\"x\",\"y\"]],\"n_received\":1,\"date\":2,\"first_"
		      "received\":3,\"header_cut\":false," FACTS_END ",\"dsn\":null}\n",
	ENVELOPE_LINE "{\"fields\":{},\"n_received\":1,\"date\":2,\"first_received\":3,\"header_"
		      "cut\":false," FACTS_END ",\"dsn\":null}\n",
	ENVELOPE_LINE "{\"fields\":[],\"n_received\":-1,\"header_cut\":false," FACTS_END
		      ",\"dsn\":null}\n",
	ENVELOPE_LINE "{\"fields\":[],\"n_received\":1.5,\"header_cut\":false," FACTS_END
		      ",\"dsn\":null}\n",
	ENVELOPE_LINE "{\"fields\":[],\"n_received\":1,\"date\":2,\"first_received\":3,\"header_"
		      "cut\":0," FACTS_END ",\"dsn\":null}\n",
};

static void test_strict(void **state)
{
	struct entry entry;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (entry_read(bad[i], strlen(bad[i]), &entry) == NULL)
			fail_msg("taken: %s", bad[i]);
}

// Cut anywhere, and with any one byte removed that is not inside a string, it is no entry.
static void test_1_cut(void **state)
{
	struct entry entry;

	(void)state;
	for (size_t len = 0; len < strlen(GOOD); len++)
		assert_non_null(entry_read(GOOD, len, &entry));
}

static void test_limits(void **state)
{
	char *huge = mem_new(1, ENTRY_MAX + 2), *line = mem_new(1, 4 * FACTS_VALUE_MAX);
	struct entry entry;
	size_t len = strlen(GOOD);

	(void)state;
	memcpy(huge, GOOD, len - 1);
	memset(huge + len - 1, ' ', ENTRY_MAX - len);
	huge[ENTRY_MAX - 1] = '\n';
	assert_null(entry_read(huge, ENTRY_MAX, &entry));
	entry_free(&entry);
	huge[ENTRY_MAX - 1] = ' ';
	huge[ENTRY_MAX] = '\n';
	assert_non_null(entry_read(huge, ENTRY_MAX + 1, &entry));
	for (int over = 0; over <= 1; over++) {
		char value[FACTS_VALUE_MAX + 2];

		memset(value, 'x', sizeof(value));
		value[FACTS_VALUE_MAX + over] = '\0';
		snprintf(line, 4 * FACTS_VALUE_MAX,
			 ENVELOPE_LINE
			 "{\"fields\":[[\"From\",\"%s\"]],\"n_received\":1,\"date\":2,"
			 "\"first_received\":3,\"header_cut\":false," FACTS_END ",\"dsn\":null}\n",
			 value);
		assert_int_equal(entry_read(line, strlen(line), &entry) != NULL, over);
		if (!over)
			entry_free(&entry);
	}
	free(huge);
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_20_names),   cmocka_unit_test(test_unparsable),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_30_broken_strings),
		cmocka_unit_test(test_strict),     cmocka_unit_test(test_1_cut),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
