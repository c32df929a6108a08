// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A surveyor on a loop, a DNS server of the test's own, and those who ask; what they are told, as
// text.
#pragma once

#include <errno.h>

#include "adapter/surveyor.h"
#include "base/buf.h"
#include "unit/adapter/fake_dns.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define PATIENT    60000

// ---- what was surveyed, as text
// ------------------------------------------------------------------

static char letter(enum survey_answer answer)
{
	return "?-+"[answer];
}

static void show_addresses(struct buf *text, const struct survey_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_addf(text, " %s", addresses[i].text);
		if (addresses[i].reach != SURVEY_REACH_UNKNOWN)
			buf_addf(text, "=%s", survey_reach_name(addresses[i].reach));
	}
}

// "listed of 2; 10 mx.test A+ AAAA- NS+ 192.0.2.1; …"
static void show(struct buf *text, const struct survey *survey)
{
	buf_addf(text, "%s", survey_mx_name(survey->mx));
	if (survey->n_hosts_all > 0)
		buf_addf(text, " of %zu", survey->n_hosts_all);
	buf_addf(text, "%s%s", survey->a_only ? " a-only" : "", survey->is_complete ? "" : " cut");
	for (size_t i = 0; i < survey->n_hosts; i++) {
		const struct survey_host *host = &survey->hosts[i];

		buf_addf(text, "; %d %s%s%s A%c AAAA%c NS%c", (int)host->preference, host->name,
			 host->is_cname ? " cname" : "", host->is_literal ? " literal" : "",
			 letter(host->has_v4), letter(host->has_v6), letter(host->ns_v6));
		show_addresses(text, host->v4, host->n_v4);
		show_addresses(text, host->v6, host->n_v6);
	}
}

// ---- a surveyor and its askers
// -------------------------------------------------------------------

struct scene {
	struct fake_dns dns;
	struct loop *loop;
	struct surveyor *surveyor;
	bool is_asking;
	size_t n_asked, n_told;
};

struct wish {
	struct scene *scene;
	struct buf text;
	size_t told_as; // from 1
	int32_t took_ms;
};

static void on_survey(void *arg, const struct survey *survey)
{
	struct wish *wish = arg;
	struct scene *scene = wish->scene;

	assert_false(scene->is_asking);
	assert_int_equal(wish->told_as, 0);
	wish->told_as = ++scene->n_told;
	wish->took_ms = survey->took_ms;
	show(&wish->text, survey);
	if (scene->n_told == scene->n_asked)
		loop_stop(scene->loop, 0);
}

static inline void open_scene(struct scene *scene, const struct zone_row *rows, size_t n,
			      struct surveyor_options options)
{
	int error = 0;

	memset(scene, 0, sizeof(*scene));
	fake_dns_start(&scene->dns, rows, n);
	options.dns.servers = scene->dns.servers;
	scene->loop = loop_new();
	scene->surveyor = surveyor_new(scene->loop, &options, &error);
	assert_non_null(scene->surveyor);
}

static inline void close_scene(struct scene *scene)
{
	surveyor_free(scene->surveyor);
	loop_free(scene->loop);
	fake_dns_stop(&scene->dns);
}

static inline int ask(struct scene *scene, struct wish *wish, const char *domain)
{
	int result;

	buf_free(&wish->text);
	*wish = (struct wish){.scene = scene, .text = buf_make(20000)};
	scene->is_asking = true;
	result = surveyor_ask(scene->surveyor, domain, on_survey, wish);
	scene->is_asking = false;
	if (result == 0)
		scene->n_asked++;
	return result;
}

static void on_never(void *arg)
{
	(void)arg;
	fail_msg("nobody was told");
}

// Until all are told. A loop runs once, so this is the last word about a scene.
static inline void run(struct scene *scene)
{
	struct source *never =
		loop_add_timer(scene->loop, PATIENT * UINT64_C(1000), on_never, scene);

	assert_int_equal(loop_run(scene->loop), 0);
	source_free(never);
	assert_int_equal(surveyor_open(scene->surveyor), 0);
}
