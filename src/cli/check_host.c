// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The host around us: its clock, the secret, and the instances' certificates.

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "adapter/certificate.h"
#include "adapter/seal.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/check.h"
#include "cli/process.h"

#define ERROR_MAX 1000000 // µs that the clock may be off
#define DAY       86400
#define WARN_DAYS 14 // who renews by itself does so earlier

// ---- the clock ----------------------------------------------------------------------------------

void check_clock(struct check *check)
{
	struct timex clock = {0};
	int state = adjtimex(&clock);

	if (state < 0) {
		check_say(check, CHECK_WARN, "", "the kernel does not say: %s", strerror(errno));
	} else if (state == TIME_ERROR || (clock.status & STA_UNSYNC) != 0) {
		check_say(check, CHECK_WARN, "", "nobody keeps it right (not synchronised)");
		check_mend(check,
			   "timedatectl set-ntp true, or another time service: tokens, limits "
			   "and signatures go by the clock");
	} else if (clock.maxerror > ERROR_MAX) {
		check_say(check, CHECK_WARN, "", "it may be off by %ld ms", clock.maxerror / 1000);
		check_mend(check, "timedatectl timesync-status, or chronyc tracking");
	} else {
		check_say(check, CHECK_OK, "", "it is synchronised, within %ld ms",
			  clock.maxerror / 1000);
	}
}

// ---- the secret ---------------------------------------------------------------------------------

// postsixd goes on with the one that it was started with: nothing else tells before its next start.
void check_secret(struct check *check)
{
	const char *path = check->config->token_secret_file;
	struct seal *seal = NULL;
	int r = seal_open(path, &seal);
	size_t n = r < 0 ? 0 : seal_count(seal);

	if (r < 0) {
		check_say(check, CHECK_FAIL, path, "%s", seal_fault(r));
		if (r != -EACCES)
			check_mend(check,
				   "before postsixd is started again: put it back from the "
				   "backup; `postsix setup --yes` makes a new one, by which the "
				   "fate of probes under way is not told");
	} else {
		check_say(check, CHECK_OK, path, "%zu %s", n, text_plural(n, "secret", "secrets"));
	}
	seal_free(seal);
}

// ---- certificates -------------------------------------------------------------------------------

static void look_at_file(struct check *check, const char *path)
{
	int64_t end = 0, left;
	const char *fault = certificate_end(path, &end);
	time_t when = (time_t)end;
	struct tm tm = {0};
	char date[32] = "";

	if (fault != NULL) {
		check_say(check, CHECK_FAIL, path, "%s", fault);
		check_mend(check, "give the instance a certificate that is there, or none");
		return;
	}
	if (gmtime_r(&when, &tm) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
	left = end - time(NULL);
	if (left < 0)
		check_say(check, CHECK_FAIL, path, "it expired on %s", date);
	else if (left < WARN_DAYS * DAY)
		check_say(check, CHECK_WARN, path, "it expires on %s, in %" PRId64 " %s", date,
			  left / DAY, text_plural((uint64_t)(left / DAY), "day", "days"));
	else
		check_say(check, CHECK_OK, path, "it is valid until %s", date);
}

// True where a file was spoken of before: with that text, or, NULL, with any.
static bool is_said(const struct check *check, size_t first, const char *path, const char *text)
{
	for (size_t i = first; i < check->n_lines; i++)
		if (strcmp(check->lines[i].subject, path) == 0 &&
		    (text == NULL || strcmp(check->lines[i].text, text) == 0))
			return true;
	return false;
}

// A chain file may be the key's alone (postconf(5), smtpd_tls_chain_files: key, then certificate).
static bool is_key_alone(const char *path)
{
	int64_t end;
	const char *fault = certificate_end(path, &end);

	return fault != NULL && strcmp(fault, CERTIFICATE_NONE) == 0;
}

static void look_at_key(struct check *check, size_t first, const char *path, const char *key)
{
	const char *fault = certificate_fits(path, key);

	if (fault == NULL || is_said(check, first, key, fault))
		return;
	check_say(check, CHECK_FAIL, key, "%s", fault);
	check_mend(check,
		   "the instance offers no TLS without the key of %s: as root, set tls_key in "
		   "%s, then run postsix-setup",
		   path, check->config->path);
}

// Who verifies (DANE, MTA-STS) wants the name of the MX; who only encrypts does not look.
static void look_at_name(struct check *check, const char *path, const char *name)
{
	if (certificate_names(path, name))
		return;
	check_say(check, CHECK_WARN, path, "it is not for the name %s", name);
	check_mend(check, "senders that verify refuse it, all others take it: have it renewed with "
			  "that name among its own, then reload the instance");
}

// Each key stands before its certificate, in a file of its own or in the same.
static void look_at_files(struct check *check, size_t first, const char *name, char *files)
{
	const char *key = NULL, *last = NULL;
	bool has_certificate = false;

	for (char *rest = files, *path; (path = strtok_r(rest, ", \t\n", &rest)) != NULL;) {
		if (path[0] != '/')
			continue;
		last = path;
		if (is_key_alone(path)) {
			key = path;
			continue;
		}
		if (!is_said(check, first, path, NULL))
			look_at_file(check, path);
		if (key != NULL || !has_certificate) { // else it is more of a chain
			look_at_key(check, first, path, key != NULL ? key : path);
			look_at_name(check, path, name);
		}
		has_certificate = true;
		key = NULL;
	}
	if (last != NULL && !has_certificate && !is_said(check, first, last, NULL))
		look_at_file(check, last); // which says that there is none
}

static void look_at_instance(struct check *check, size_t first,
			     const struct config_instance *config)
{
	// in this order they are asked for and told: keys before certificates
	const char *const argv[] = {"postconf",
				    "-c",
				    config->config_directory,
				    "-xh",
				    "smtpd_tls_chain_files",
				    "smtpd_tls_key_file",
				    "smtpd_tls_cert_file",
				    NULL};
	auto_buf struct buf out = buf_make(65536), errors = buf_make(65536);

	// where it fails, the settings' check says so
	if (process_run(argv, 60, &out, &errors) == 0 && out.data != NULL)
		look_at_files(check, first, config->hostname, out.data);
}

void check_certificate(struct check *check)
{
	size_t first = check->n_lines;

	look_at_instance(check, first, &check->config->v6);
	look_at_instance(check, first, &check->config->dual);
	if (check->n_lines == first)
		check_say(check, CHECK_OK, "", "the instances have none, and offer no TLS");
}
