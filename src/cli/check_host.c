// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The host around us: its clock, and the instances' certificates.

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "adapter/certificate.h"
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

// True where the file of that name was one of ours before.
static bool is_known(const struct check *check, size_t first, const char *path)
{
	for (size_t i = first; i < check->n_lines; i++)
		if (strcmp(check->lines[i].subject, path) == 0)
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

static void look_at_instance(struct check *check, size_t first,
			     const struct config_instance *config)
{
	const char *const argv[] = {"postconf",
				    "-c",
				    config->config_directory,
				    "-xh",
				    "smtpd_tls_chain_files",
				    "smtpd_tls_cert_file",
				    NULL};
	auto_buf struct buf out = buf_make(65536), errors = buf_make(65536);
	size_t n = 0, n_keys = 0;
	const char *last = "";

	if (process_run(argv, 60, &out, &errors) != 0)
		return; // the settings' check has said so
	for (char *rest = out.data, *path;
	     rest != NULL && (path = strtok_r(rest, ", \t\n", &rest)) != NULL;) {
		if (path[0] != '/')
			continue;
		n++;
		last = path;
		if (is_key_alone(path))
			n_keys++;
		else if (!is_known(check, first, path))
			look_at_file(check, path);
	}
	if (n > 0 && n == n_keys)
		look_at_file(check, last); // which says that there is none
}

void check_certificate(struct check *check)
{
	size_t first = check->n_lines;

	look_at_instance(check, first, &check->config->v6);
	look_at_instance(check, first, &check->config->dual);
	if (check->n_lines == first)
		check_say(check, CHECK_OK, "", "the instances have none, and offer no TLS");
}
