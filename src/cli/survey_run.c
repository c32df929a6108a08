// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Who waits for whom: a domain is read from the list when there is a place for it, and there is one
// when a survey has ended and its text is on its way out. So the reader of our output sets the pace
// of all, and what is kept is bounded by the places.
//
// What a newcomer would get wrong: with --ordered a text keeps its place until those before it are
// out; there are more places then than surveys at once, so that one slow domain does not stop all.
#include "cli/survey_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "adapter/dns.h"
#include "adapter/loop.h"
#include "adapter/survey_json.h"
#include "adapter/surveyor.h"
#include "base/mem.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/rows.h"
#include "cli/totals.h"

#define OUTPUT_MAX     (256 << 10) // octets that wait for their reader before nothing more is asked
#define ORDERED_PLACES 8           // for each survey at once
#define CONNECTIONS    256         // at once, of all surveys
#define RESERVE        32          // descriptors for everything else
#define INTERRUPTED    130         // 128 and SIGINT, as shells have it

struct run;

struct place {
	struct run *run;
	struct place *next_free;
	bool is_done; // text is whole, and waits for its turn
	struct buf text;
};

struct run {
	const struct survey_wish *wish;
	struct loop *loop;
	struct surveyor *surveyor;
	struct names *names;
	struct output *output;
	struct progress *progress;
	struct totals *totals;
	struct place *places; // in order of the list, round and round, where it is ordered
	struct place *free;   // else whichever is free
	size_t n_places;
	uint64_t asked, done, written;
	bool is_over; // the list, or by SIGINT
	bool is_interrupted;
};

// ---- out ----------------------------------------------------------------------------------------

static void write_survey(const struct run *run, const struct survey *survey, struct buf *out)
{
	const struct survey_wish *wish = run->wish;

	if (wish->form == SURVEY_FORM_TABLE) {
		rows_table(survey, wish->v4, wish->v6, out);
	} else if (wish->form == SURVEY_FORM_CSV) {
		rows_csv(survey, wish->v4, wish->v6, out);
	} else if (survey_json_write(survey, out) == 0) {
		buf_addc(out, '\n');
	} else {
		progress_clear(run->progress);
		fprintf(stderr, "postsix survey: %s: no JSON can be made of it; left out\n",
			survey->domain);
	}
}

// What is done and has its turn.
static void write_ordered(struct run *run, bool past_gaps)
{
	while (run->written < run->asked) {
		struct place *place = &run->places[run->written % run->n_places];

		if (!place->is_done && !past_gaps)
			break;
		output_add(run->output, buf_string(&place->text), place->text.len);
		buf_free(&place->text);
		place->is_done = false;
		run->written++;
	}
}

static void write_unordered(struct run *run, struct place *place)
{
	output_add(run->output, buf_string(&place->text), place->text.len);
	buf_clear(&place->text);
	place->next_free = run->free;
	run->free = place;
	run->written++;
}

// ---- in -----------------------------------------------------------------------------------------

static void feed(struct run *run);

static void on_survey(void *arg, const struct survey *survey)
{
	struct place *place = arg;
	struct run *run = place->run;

	run->done++;
	totals_add(run->totals, survey);
	write_survey(run, survey, &place->text);
	place->is_done = true;
	if (run->wish->is_ordered)
		write_ordered(run, false);
	else
		write_unordered(run, place);
	feed(run);
}

static bool has_place(const struct run *run)
{
	return run->asked - run->done < (uint64_t)run->wish->parallel &&
	       run->asked - run->written < run->n_places && output_len(run->output) < OUTPUT_MAX;
}

static void ask(struct run *run, const struct domain *domain)
{
	struct place *place =
		run->wish->is_ordered ? &run->places[run->asked % run->n_places] : run->free;
	int r = surveyor_ask(run->surveyor, domain->text, on_survey, place);

	if (r < 0) {
		names_refuse(run->names,
			     r == -EINVAL ? "no name that the DNS can have" : strerror(-r));
		return;
	}
	if (!run->wish->is_ordered)
		run->free = place->next_free;
	run->asked++;
}

static void end_if_done(struct run *run)
{
	if (output_error(run->output) < 0)
		run->is_over = true; // nobody reads what is still to come
	else if (run->asked > run->done || output_len(run->output) > 0)
		return;
	if (run->is_over)
		loop_stop(run->loop, 0);
}

static void feed(struct run *run)
{
	struct domain domain;

	while (!run->is_over && !names_is_waiting(run->names) && has_place(run)) {
		enum names_next next = names_next(run->names, &domain);

		if (next == NAMES_ONE)
			ask(run, &domain);
		else if (next == NAMES_END)
			run->is_over = true;
	}
	end_if_done(run);
}

static void on_room(void *arg)
{
	feed(arg);
}

static void on_fault(void *arg, const char *line)
{
	const struct run *run = arg;

	progress_clear(run->progress);
	fprintf(stderr, "postsix survey: %s\n", line);
}

static void before_write(void *arg)
{
	const struct run *run = arg;

	if (isatty(STDOUT_FILENO) == 1)
		progress_clear(run->progress);
}

static void tell_progress(void *arg, struct progress_facts *ret_facts)
{
	const struct run *run = arg;

	*ret_facts = (struct progress_facts){
		.done = run->done,
		.under_way = (size_t)(run->asked - run->done),
		.share = names_share(run->names),
	};
}

// The first time: what is done is written, and the summary. The second: nothing.
static void on_interrupt(void *arg)
{
	struct run *run = arg;

	if (run->is_interrupted)
		_exit(INTERRUPTED);
	run->is_interrupted = run->is_over = true;
	run->surveyor = surveyor_free(run->surveyor);
	if (run->wish->is_ordered)
		write_ordered(run, true);
	run->asked = run->done;
	end_if_done(run);
}

// ---- the whole ----------------------------------------------------------------------------------

// As many as there are descriptors for.
static int most_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= CONNECTIONS + RESERVE)
		return CONNECTIONS;
	return limit.rlim_cur > RESERVE ? (int)(limit.rlim_cur - RESERVE) : 1;
}

static int open_surveyor(struct run *run)
{
	const struct survey_wish *wish = run->wish;
	struct surveyor_options options = {
		.deadline_ms = wish->deadline_ms,
		.at_once = wish->parallel,
		.waiting = wish->parallel + 1,
		.connections = most_connections(),
		.reach = wish->reach,
		.reach_v4 = wish->v4,
		.reach_v4_only = wish->v4 && !wish->v6,
		.knock = {.helo = wish->helo},
	};
	int error = dns_init();

	if (error == 0)
		run->surveyor = surveyor_new(run->loop, &options, &error);
	if (run->surveyor == NULL)
		fprintf(stderr, "postsix survey: the DNS cannot be asked: %s\n", strerror(-error));
	return run->surveyor == NULL ? EX_OSERR : EX_OK;
}

static void make_places(struct run *run)
{
	run->n_places = (size_t)run->wish->parallel * (run->wish->is_ordered ? ORDERED_PLACES : 1);
	run->places = mem_new(run->n_places, sizeof(*run->places));
	for (size_t i = run->n_places; i > 0; i--) {
		struct place *place = &run->places[i - 1];

		place->run = run;
		place->text = buf_make(SURVEY_JSON_MAX + 1);
		place->next_free = run->free;
		run->free = place;
	}
}

static void make_names(struct run *run)
{
	run->names = names_new(run->loop, on_room, on_fault, run);
	for (char *const *word = run->wish->words; *word != NULL; word++)
		names_add_word(run->names, *word);
	for (size_t i = 0; i < run->wish->n_files; i++)
		names_add_file(run->names, run->wish->files[i]);
	if (*run->wish->words == NULL && run->wish->n_files == 0)
		names_add_file(run->names, "-");
}

// For people where the table is, else beside the data.
static int write_summary(const struct run *run)
{
	const struct survey_wish *wish = run->wish;
	auto_buf struct buf text = buf_make(4096);
	FILE *out = wish->form == SURVEY_FORM_TABLE ? stdout : stderr;

	totals_print(run->totals, wish->reach && wish->v4, wish->reach && wish->v6, &text);
	fputs(buf_string(&text), out);
	return fflush(out) == 0 ? 0 : -errno;
}

static int finish(const struct run *run)
{
	int error = output_error(run->output);

	if (error == 0)
		error = write_summary(run);
	if (error < 0) {
		fprintf(stderr, "postsix survey: standard output: %s\n", strerror(-error));
		return EX_IOERR;
	}
	return run->is_interrupted ? INTERRUPTED : names_status(run->names);
}

static void free_run(struct run *run)
{
	surveyor_free(run->surveyor);
	names_free(run->names);
	output_free(run->output);
	totals_free(run->totals);
	for (size_t i = 0; i < run->n_places; i++)
		buf_free(&run->places[i].text);
	free(run->places);
	loop_free(run->loop);
}

int survey_run(const struct survey_wish *wish)
{
	struct run run = {.wish = wish, .loop = loop_new(), .totals = totals_new()};
	struct source *interrupt = loop_add_signal(run.loop, SIGINT, on_interrupt, &run);
	int status = open_surveyor(&run);

	make_places(&run);
	make_names(&run);
	run.output = output_new(run.loop, STDOUT_FILENO, on_room, before_write, &run);
	run.progress = progress_new(run.loop, STDERR_FILENO, tell_progress, &run);
	if (status == EX_OK) {
		if (wish->form == SURVEY_FORM_CSV)
			output_add(run.output, ROWS_CSV_HEADER, strlen(ROWS_CSV_HEADER));
		feed(&run);
		if (loop_run(run.loop) < 0)
			status = EX_OSERR;
	}
	run.progress = progress_free(run.progress);
	if (status == EX_OK)
		status = finish(&run);
	source_free(interrupt);
	free_run(&run);
	return status;
}
