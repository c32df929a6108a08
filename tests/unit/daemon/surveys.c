// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// surveys: a report waits for its survey and no longer than it says, whatever becomes of the survey
// (fault 7; invariants I1, I2). The surveyor is the test's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "adapter/surveyor.h"
#include "daemon/diary.h"
#include "daemon/request.h"
#include "daemon/surveys.h"
#include "unit/daemon/life.h"

#define ASKED_MAX 200

// ---- in place of the library's ------------------------------------------------------------------

static struct {
	char domain[DOMAIN_MAX + 1];
	void (*on_survey)(void *arg, const struct survey *survey);
	void *arg;
} asked[ASKED_MAX];
static size_t n_asked;
static int ask_answer; // what surveyor_ask() says
static int new_error;
static struct surveyor_options options;
static char source[100];

struct surveyor *surveyor_new(struct loop *loop, const struct surveyor_options *given,
			      int *ret_error)
{
	(void)loop;
	options = *given;
	snprintf(source, sizeof(source), "%s", given->knock.source_v6);
	*ret_error = new_error;
	return new_error < 0 ? NULL : (struct surveyor *)&options;
}

int surveyor_ask(struct surveyor *surveyor, const char *domain,
		 void (*on_survey)(void *arg, const struct survey *survey), void *arg)
{
	(void)surveyor;
	if (ask_answer == 0 && n_asked < ASKED_MAX) {
		snprintf(asked[n_asked].domain, sizeof(asked[0].domain), "%s", domain);
		asked[n_asked].on_survey = on_survey;
		asked[n_asked++].arg = arg;
	}
	return ask_answer;
}

struct surveyor *surveyor_free(struct surveyor *surveyor)
{
	(void)surveyor;
	return NULL;
}

static void answer(size_t i, bool is_complete)
{
	static struct survey survey;

	memset(&survey, 0, sizeof(survey));
	snprintf(survey.domain, sizeof(survey.domain), "%s", asked[i].domain);
	survey.mx = SURVEY_MX_LISTED;
	survey.is_complete = is_complete;
	survey.tried_reach = true;
	survey.took_ms = 23;
	survey.n_hosts = survey.n_hosts_all = 2;
	strcpy(survey.hosts[0].name, "mx1.good.test");
	strcpy(survey.hosts[1].name, "mx2.good.test");
	survey.hosts[0].has_v6 = SURVEY_NO;
	survey.hosts[1].has_v6 = SURVEY_YES;
	survey.hosts[1].n_v6 = 1;
	strcpy(survey.hosts[1].v6[0].text, "2001:db8:100::1");
	survey.hosts[1].v6[0].kind = SURVEY_KIND_DOCUMENTATION;
	survey.hosts[1].v6[0].reach = SURVEY_REACH_REFUSED;
	asked[i].on_survey(asked[i].arg, &survey);
}

static int forget(void **state)
{
	n_asked = 0;
	ask_answer = new_error = 0;
	house_survey_deadline = 10;
	return make(state);
}

static int make_daemon(void **state)
{
	int status = -1;

	if (forget(state) < 0)
		return -1;
	house = daemon_new(house_config, stderr, &status);
	return house == NULL ? -1 : 0;
}

// ---- turns by hand ------------------------------------------------------------------------------

static void record(const char *sender, const char *name)
{
	struct entry entry = house_entry(sender, "test@six.test");

	assert_int_equal(request_record(house, name, &entry), 0);
}

static void commit(void)
{
	assert_int_equal(store_commit(house->store), 0);
	diary_forget(house->diary);
	surveys_ask(house->surveys);
}

static void request(const char *sender, const char *name)
{
	assert_int_equal(store_begin(house->store), 0);
	record(sender, name);
	commit();
}

static void turn(void)
{
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(surveys_record(house->surveys), 0);
	commit();
}

static const char *dues(void)
{
	return house_ask("SELECT kind, due - 1800000000 FROM message ORDER BY id");
}

static void test_asked_after_the_commit(void **state)
{
	(void)state;
	assert_int_equal(store_begin(house->store), 0);
	record("a@Good.test", "e1");
	assert_int_equal(n_asked, 0);
	commit();
	assert_int_equal(n_asked, 1);
	assert_string_equal(asked[0].domain, "Good.test");
	assert_string_equal(dues(), "report|11\nsix|0\n"); // the probe waits for nothing
	house_clock += 2;
	answer(0, true);
	assert_string_equal(dues(), "report|11\nsix|0\n");
	turn();
	assert_string_equal(dues(), "report|2\nsix|0\n");
	assert_string_equal(house_ask("SELECT request = (SELECT id FROM request),"
				      " made - 1800000000, json_extract(json, '$.domain')"
				      " FROM survey"),
			    "1|2|Good.test\n");
	assert_int_equal(surveys_open(house->surveys), 0);
}

static void test_2_rolled_back(void **state)
{
	(void)state;
	assert_int_equal(store_begin(house->store), 0);
	record("a@good.test", "e1");
	store_rollback(house->store);
	diary_forget(house->diary);
	surveys_roll_back(house->surveys);
	surveys_ask(house->surveys);
	assert_int_equal(n_asked, 0);
	assert_int_equal(surveys_open(house->surveys), 0);

	request("a@good.test", "e1");
	request("b@good.test", "e2");
	answer(0, true);
	assert_int_equal(store_begin(house->store), 0);
	assert_int_equal(surveys_record(house->surveys), 0);
	store_rollback(house->store);
	surveys_roll_back(house->surveys);
	answer(1, true);
	turn();
	assert_string_equal(house_ask("SELECT count(*) FROM survey"), "2\n");
	assert_int_equal(surveys_open(house->surveys), 0);
}

static void test_not_taken(void **state)
{
	(void)state;
	ask_answer = -EBUSY;
	request("a@good.test", "e1");
	assert_string_equal(dues(), "report|11\nsix|0\n");
	turn();
	assert_string_equal(dues(), "report|0\nsix|0\n");
	assert_string_equal(house_ask("SELECT count(*) FROM survey"), "0\n");
	assert_int_equal(surveys_open(house->surveys), 0);
}

// A turn is short, however many surveys end at once.
static void test_7_15_many_at_once(void **state)
{
	char sender[40], name[40];

	(void)state;
	assert_int_equal(store_begin(house->store), 0);
	for (int i = 0; i < 150; i++) {
		snprintf(sender, sizeof(sender), "a%d@good.test", i);
		snprintf(name, sizeof(name), "e%d", i);
		record(sender, name);
	}
	commit();
	assert_int_equal(n_asked, 150);
	for (size_t i = 0; i < 150; i++)
		answer(i, true);
	assert_int_equal(surveys_open(house->surveys), 150);
	turn();
	assert_string_equal(house_ask("SELECT count(*) FROM survey"), "64\n");
	turn();
	turn();
	assert_string_equal(house_ask("SELECT count(*) FROM survey"), "150\n");
	assert_int_equal(surveys_open(house->surveys), 0);
}

static void test_what_the_surveyor_is_told(void **state)
{
	(void)state;
	assert_int_equal(options.deadline_ms, 10000);
	assert_int_equal(options.at_once, 256);
	assert_true(options.waiting > options.at_once && options.waiting <= 20000);
	assert_true(options.reach);
	assert_false(options.reach_v4);
	assert_int_equal(options.network_at_once, 4);
	assert_string_equal(options.knock.helo, "mx.six.test");
	assert_string_equal(source, "2001:db8:25::6");
}

// ---- whole lives --------------------------------------------------------------------------------

static bool six_sent(void)
{
	return is("SELECT state FROM message WHERE kind = 'six'", "sent\n") && n_asked > 0;
}

static bool answered(void)
{
	for (; n_asked > 0; n_asked--)
		answer(n_asked - 1, true);
	return all_sent();
}

static void test_I1_report_with_its_survey(void **state)
{
	(void)state;
	put_request("a@good.test");
	serve(answered);
	expect_logged("request=answered");
	expect_logged("survey=complete, domain=good.test, mx=listed, hosts=2, v6=1, reach=refused, "
		      "took=23ms");
	assert_string_equal(house_ask("SELECT attempts FROM message"), "1\n1\n");
}

static void test_7_too_many(void **state)
{
	(void)state;
	ask_answer = -EBUSY;
	put_request("a@good.test");
	serve(all_sent);
	expect_logged("survey=none, domain=good.test, reason=too-many");
	ask_answer = -EINVAL;
	put_request("a@[192.0.2.1]");
	serve(settled);
	expect_logged("survey=none, domain=[192.0.2.1], reason=no-domain");
}

static bool answered_in_part(void)
{
	for (; n_asked > 0; n_asked--)
		answer(n_asked - 1, false);
	return all_sent();
}

static void test_partial(void **state)
{
	(void)state;
	put_request("a@good.test");
	serve(answered_in_part);
	expect_logged("survey=partial, domain=good.test, mx=listed");
}

static bool due_passed(void)
{
	if (six_sent())
		house_clock = NOW + 11;
	return all_sent();
}

// Not that it should: but the report does not hang on it.
static void test_7_I1_survey_never_comes(void **state)
{
	(void)state;
	put_request("a@good.test");
	serve(due_passed);
	assert_int_equal(sink_dual.n_mails, 1);
	assert_string_equal(house_ask("SELECT count(*) FROM survey"), "0\n");
}

static bool too_late(void)
{
	if (due_passed() && n_asked > 0)
		answer(--n_asked, true);
	return is("SELECT count(*) FROM survey", "1\n");
}

// It is kept for the processed bounce; the report is not sent again.
static void test_late_survey(void **state)
{
	(void)state;
	put_request("a@good.test");
	serve(too_late);
	assert_int_equal(sink_dual.n_mails, 1);
}

static const char *message_id(const char *text)
{
	static char id[200];
	const char *field = strstr(text, "Message-ID: ");

	assert_non_null(field);
	snprintf(id, sizeof(id), "%.*s", (int)strcspn(field, "\r"), field);
	return id;
}

// Fault 1: what was under way is not asked for again, since it may be what killed the daemon.
static void test_1_I2_crash_under_way(void **state)
{
	(void)state;
	put_request("a@good.test");
	serve(six_sent);
	assert_int_equal(n_asked, 1);
	assert_int_equal(sink_dual.n_mails, 0);
	n_asked = 0;
	house_clock = NOW + 11;
	serve(all_sent);
	assert_int_equal(n_asked, 0);
	assert_int_equal(sink_dual.n_mails, 1);
	assert_int_equal(sink_v6.n_mails, 1);
}

// The report was handed over, and its fate not recorded: the same once more.
static void test_1_I2_crash_after_the_report(void **state)
{
	char first[200];

	(void)state;
	put_request("a@good.test");
	serve(answered);
	snprintf(first, sizeof(first), "%s", message_id(sink_dual.mails[0].text));
	house_ask("UPDATE message SET state = 'sending' WHERE kind = 'report'");
	serve(all_sent);
	assert_int_equal(sink_dual.n_mails, 2);
	assert_string_equal(message_id(sink_dual.mails[1].text), first);
	assert_string_equal(sink_dual.mails[1].text, sink_dual.mails[0].text);
}

static void test_none_wanted(void **state)
{
	(void)state;
	house_config = config_free(house_config);
	house_survey_deadline = 0;
	house_write_config();
	put_request("a@good.test");
	serve(all_sent);
	assert_int_equal(n_asked, 0);
	assert_string_equal(dues(), "report|0\nsix|0\n");
}

static void test_34_no_resolver(void **state)
{
	(void)state;
	new_error = -ENOENT;
	assert_int_equal(serve_with(all_sent, ""), EX_CONFIG);
	expect_logged("the system's DNS configuration: No such file");
}

#define TURN(name) cmocka_unit_test_setup_teardown(name, make_daemon, house_remove)
#define LIFE(name) cmocka_unit_test_setup_teardown(name, forget, house_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TURN(test_asked_after_the_commit),
		TURN(test_2_rolled_back),
		TURN(test_not_taken),
		TURN(test_7_15_many_at_once),
		TURN(test_what_the_surveyor_is_told),
		LIFE(test_I1_report_with_its_survey),
		LIFE(test_7_too_many),
		LIFE(test_partial),
		LIFE(test_7_I1_survey_never_comes),
		LIFE(test_late_survey),
		LIFE(test_1_I2_crash_under_way),
		LIFE(test_1_I2_crash_after_the_report),
		LIFE(test_none_wanted),
		LIFE(test_34_no_resolver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
