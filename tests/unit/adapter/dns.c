// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// dns on the event loop, and what an answer says of aliases and of its TTL (RFC 2181 section 5.2,
// RFC 2308 section 5; RELIABILITY fault 7). The milter's way to ask meets its faults in
// tests/system/milter_dns.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "adapter/dns.h"
#include "unit/adapter/fake_dns.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct zone_row zone[] = {
	{"a.test", T_A, "192.0.2.1", 0},
	{"two.test", T_A, "192.0.2.1", 77},
	{"two.test", T_A, "192.0.2.2", 0},
	{"never.test", T_A, "192.0.2.1", 1},
	{"age.test", T_A, "192.0.2.1", UINT32_C(0x80000000)},
	{"alias.test", T_CNAME, "a.test", 40},
	{"far.test", T_CNAME, "alias.test", 0},
	{"dangling.test", T_CNAME, "nowhere.test", 0},
	{"loop.test", T_CNAME, "pool.test", 0},
	{"pool.test", T_CNAME, "loop.test", 0},
	{"mx.test", T_MX, "20 b.test", 0},
	{"mx.test", T_MX, "20 a.test", 0},
	{"mx.test", T_MX, "5 c.test", 50},
	{"", T_NS, "ns.test", 0},
	{"zone.test", T_NS, "ns2.test", 0},
	{"txt.test", T_TXT, "hello", 0},
	{"black.test", T_TEMPER, "black", 0},
	{"servfail.test", T_TEMPER, "servfail", 0},
	{"nosoa.test", T_TEMPER, "nosoa", 0},
	{"cut.test", T_TEMPER, "cut", 0},
	{"cut.test", T_A, "192.0.2.9", 0},
	{"cuthang.test", T_TEMPER, "cuthang", 0},
	{"once.test", T_TEMPER, "once", 0},
	{"once.test", T_A, "192.0.2.8", 0},
};

static const struct {
	enum dns_type type;
	const char *name;
	enum dns_status status;
	const char *first; // value, NULL for none
	uint32_t ttl;
	bool is_alias, is_loop;
	int n_asked; // the server, when the same is asked twice, one after the other; who fails is
		     // asked four times each
} rows[] = {
	{DNS_A, "a.test", DNS_FOUND, "192.0.2.1", 300, false, false, 1},
	{DNS_A, "two.test", DNS_FOUND, "192.0.2.1", 77, false, false, 1},
	{DNS_A, "never.test", DNS_FOUND, "192.0.2.1", 0, false, false, 2},
	{DNS_A, "age.test", DNS_FOUND, "192.0.2.1", 0, false, false, 2},
	{DNS_A, "alias.test", DNS_FOUND, "192.0.2.1", 40, true, false, 1},
	{DNS_A, "far.test", DNS_FOUND, "192.0.2.1", 40, true, false, 1},
	{DNS_A, "loop.test", DNS_NO_DATA, NULL, 0, true, true, 2},
	{DNS_A, "dangling.test", DNS_NO_NAME, NULL, 0, true, false, 2},
	{DNS_MX, "mx.test", DNS_FOUND, "c.test", 50, false, false, 1},
	{DNS_NS, "zone.test", DNS_FOUND, "ns2.test", 300, false, false, 1},
	{DNS_NS, "", DNS_FOUND, "ns.test", 300, false, false, 1},
	{DNS_TXT, "txt.test", DNS_FOUND, "hello", 300, false, false, 1},
	{DNS_AAAA, "a.test", DNS_NO_DATA, NULL, NEGATIVE_TTL, false, false, 1},
	{DNS_A, "nx.nowhere.test", DNS_NO_NAME, NULL, NEGATIVE_TTL, false, false, 1},
	{DNS_A, "nosoa.test", DNS_NO_DATA, NULL, 0, false, false, 2},
	{DNS_A, "servfail.test", DNS_TEMPERROR, NULL, 0, false, false, 8},
	{DNS_A, "cut.test", DNS_FOUND, "192.0.2.9", 300, false, false, 2},
	{DNS_A, "once.test", DNS_FOUND, "192.0.2.8", 300, false, false, 2},
	{DNS_A, "a..test", DNS_MALFORMED, NULL, 0, false, false, 0},
};

struct scene {
	struct fake_dns server;
	struct loop *loop;
	struct dns *dns;
	bool is_asking;
	size_t row;
	int n_answers;
	char file[40]; // in place of resolv.conf
};

static void check(const struct dns_answer *answer, size_t i)
{
	if (answer->status != rows[i].status || answer->is_alias != rows[i].is_alias ||
	    answer->is_loop != rows[i].is_loop || answer->ttl > rows[i].ttl ||
	    answer->ttl + 30 < rows[i].ttl || (answer->n > 0) != (rows[i].first != NULL))
		fail_msg("%s: status %d alias %d loop %d ttl %u", rows[i].name, answer->status,
			 answer->is_alias, answer->is_loop, answer->ttl);
	if (rows[i].first != NULL)
		assert_string_equal(answer->values[0], rows[i].first);
}

static void ask(struct scene *scene);

// Twice each, then the next.
static void on_answer(void *arg, struct dns_answer answer)
{
	struct scene *scene = arg;

	assert_false(scene->is_asking);
	check(&answer, scene->row);
	dns_answer_free(&answer);
	if (++scene->n_answers % 2 == 1) {
		ask(scene);
		return;
	}
	assert_int_equal(scene->server.n_asked, rows[scene->row].n_asked);
	scene->server.n_asked = 0;
	if (++scene->row < LEN(rows))
		ask(scene);
	else
		loop_stop(scene->loop, 0);
}

static void ask(struct scene *scene)
{
	scene->is_asking = true;
	dns_ask(scene->dns, rows[scene->row].type, rows[scene->row].name, on_answer, scene);
	scene->is_asking = false;
}

static void open_scene(struct scene *scene, struct dns_options options)
{
	memset(scene, 0, sizeof(*scene));
	fake_dns_start(&scene->server, zone, LEN(zone));
	scene->loop = loop_new();
	options.servers = scene->server.servers;
	assert_int_equal(dns_open_loop(scene->loop, &options, &scene->dns), 0);
}

static void close_scene(struct scene *scene)
{
	dns_close(scene->dns);
	loop_free(scene->loop);
	fake_dns_stop(&scene->server);
}

static void test_fault7_answers(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, (struct dns_options){0});
	ask(&scene);
	assert_int_equal(loop_run(scene.loop), 0);
	assert_int_equal(scene.n_answers, 2 * LEN(rows));
	close_scene(&scene);
}

static void on_one_more(void *arg, struct dns_answer answer)
{
	struct scene *scene = arg;

	assert_int_equal(answer.status, DNS_FOUND);
	assert_string_equal(answer.values[0], "192.0.2.1");
	dns_answer_free(&answer);
	if (++scene->n_answers == 500)
		loop_stop(scene->loop, 0);
}

// Asked five hundred times at once: the server hears one question.
static void test_asked_together(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, (struct dns_options){.cache_entries = -1});
	for (int i = 0; i < 500; i++)
		dns_ask(scene.dns, DNS_A, i % 2 == 0 ? "a.test" : "A.test", on_one_more, &scene);
	assert_int_equal(loop_run(scene.loop), 0);
	assert_in_range(scene.server.n_asked, 1, 20);
	close_scene(&scene);
}

static void write_servers(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fprintf(file, "%s\n", text) > 0);
	assert_int_equal(fclose(file), 0);
}

static void on_servers_away(void *arg, struct dns_answer answer)
{
	struct scene *scene = arg;

	assert_int_equal(answer.status, DNS_TEMPERROR);
	write_servers(scene->file, "nameserver 127.0.0.1");
	scene->n_answers = 499;
	dns_ask(scene->dns, DNS_A, "a.test", on_one_more, scene);
}

static void on_none(void *arg, struct dns_answer answer)
{
	assert_int_equal(answer.status, DNS_TEMPERROR);
	++*(int *)arg;
}

static void on_stop(void *arg)
{
	loop_stop(arg, 0);
}

// What waits, what is under way and what follows it is answered at the end; few are under way.
static void test_closed_early(void **state)
{
	struct scene scene;
	struct source *stop;
	int n_none = 0;
	char name[40];

	(void)state;
	open_scene(&scene, (struct dns_options){.at_once = 50});
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "d%d.black.test", i / 2);
		dns_ask(scene.dns, DNS_A, name, on_none, &n_none);
	}
	stop = loop_add_timer(scene.loop, 300000, on_stop, scene.loop);
	assert_int_equal(loop_run(scene.loop), 0);
	source_free(stop);
	assert_int_equal(n_none, 0);
	assert_in_range(scene.server.n_asked, 1, 50);
	close_scene(&scene);
	assert_int_equal(n_none, 400);
}

// Servers that do not answer are replaced in resolv.conf: the next question goes to the new ones.
static void test_fault7_servers_replaced(void **state)
{
	struct scene scene = {.file = "/tmp/resolv.XXXXXX"};
	const int fd = mkstemp(scene.file);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_servers(scene.file, "nameserver 127.0.0.9");
	fake_dns_start(&scene.server, zone, LEN(zone));
	scene.loop = loop_new();
	assert_int_equal(
		dns_open_loop(
			scene.loop,
			&(struct dns_options){.attempt_ms = 50,
					      .resolv_conf = scene.file,
					      .port = atoi(strrchr(scene.server.servers, ':') + 1)},
			&scene.dns),
		0);
	dns_ask(scene.dns, DNS_A, "a.test", on_servers_away, &scene);
	assert_int_equal(loop_run(scene.loop), 0);
	assert_int_equal(scene.server.n_asked, 1);
	unlink(scene.file);
	close_scene(&scene);
}

static void test_bad_servers(void **state)
{
	struct loop *loop = loop_new();
	struct dns *dns = NULL;

	(void)state;
	assert_int_equal(
		dns_open_loop(loop, &(struct dns_options){.servers = "not an address"}, &dns),
		-EINVAL);
	assert_null(dns);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault7_answers),
		cmocka_unit_test(test_asked_together),
		cmocka_unit_test(test_closed_early),
		cmocka_unit_test(test_fault7_servers_replaced),
		cmocka_unit_test(test_bad_servers),
	};

	if (dns_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
