// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Will the next boot start what runs now? Each unit that `postsix setup` enables is enabled, and
// none that an upgrade of the distribution left behind under a name of before.

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/process.h"
#include "cli/unit.h"

#define SECONDS 10

// What systemctl(1) calls it: "enabled", "disabled", "not-found"; *ret_enabled whether it counts as
// such. A negative errno where it cannot be asked.
static int ask(const char *unit, struct buf *out, bool *ret_enabled)
{
	const char *const argv[] = {"systemctl", "is-enabled", unit, NULL};
	auto_buf struct buf errors = buf_make(65536);
	int r = process_run(argv, SECONDS, out, &errors);

	if (r < 0)
		return r;
	buf_addc(out, '\0');
	out->data[strcspn(out->data, "\n")] = '\0';
	// enabled-runtime is Postfix's generator, and holds while its own unit is enabled
	*ret_enabled = r == 0 && strcmp(out->data, "enabled") == 0;
	return 0;
}

static void look_at_unit(struct check *check, const char *unit)
{
	auto_buf struct buf out = buf_make(65536);
	bool is_enabled = false;
	int r = ask(unit, &out, &is_enabled);

	if (r < 0) {
		check_say(check, CHECK_FAIL, unit, "systemctl(1): %s", strerror(-r));
	} else if (is_enabled) {
		check_say(check, CHECK_OK, unit, "it is started at boot");
	} else {
		check_say(check, CHECK_FAIL, unit, "it is not started at boot: %s",
			  out.data[0] == '\0' ? "there is no such unit" : out.data);
		check_mend(check, "postsix setup --yes");
	}
}

static void look_at_former(struct check *check, const char *unit, const char *now)
{
	auto_buf struct buf out = buf_make(65536);
	bool is_enabled = false;

	if (ask(unit, &out, &is_enabled) < 0 || !is_enabled)
		return;
	check_say(
		check, CHECK_FAIL, unit,
		"it is enabled, and starts nothing: Postfix's unit is %s here, since an upgrade of "
		"the distribution",
		now);
	check_mend(check, "postsix setup --yes");
}

void check_units(struct check *check)
{
	static const char *const instances[] = {"dual", "v6"};
	const bool is_folder = strcmp(check->unit_prefix, UNIT_PREFIX_FOLDER) == 0;

	if (access("/run/systemd/system", F_OK) < 0) {
		check_say(check, CHECK_OK, "",
			  "systemd does not run here, so nothing was looked at");
		return;
	}
	look_at_unit(check, "postsix.target");
	for (size_t i = 0; i < sizeof(instances) / sizeof(instances[0]); i++) {
		char unit[64], former[64];

		snprintf(unit, sizeof(unit), "%s%s.service", check->unit_prefix, instances[i]);
		snprintf(former, sizeof(former), "%s%s.service",
			 is_folder ? UNIT_PREFIX_NAME : UNIT_PREFIX_FOLDER, instances[i]);
		look_at_unit(check, unit);
		look_at_former(check, former, unit);
	}
}
