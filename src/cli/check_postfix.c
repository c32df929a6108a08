// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Both instances: who answers on port 25 of each address, and the way in for our own mail. Where v6
// has the host's only IPv6 address together with dual, dual listens there for both.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/reach.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/check.h"
#include "cli/talk.h"
#include "mail/smtp_reply.h"

#define ADDRESSES_MAX 32

// ---- port 25 ------------------------------------------------------------------------------------

struct knock {
	struct knocks *knocks;
	const char *instance;
	const struct config_instance *config;
	struct survey_address address;
	struct reach *reach;
};

struct knocks {
	struct loop *loop;
	size_t n;
	size_t n_open;
	struct knock list[ADDRESSES_MAX];
};

static void on_end(void *arg)
{
	struct knock *knock = arg;

	knock->reach = reach_free(knock->reach);
	if (--knock->knocks->n_open == 0)
		loop_stop(knock->knocks->loop, 0);
}

static bool is_known(const struct knocks *knocks, const char *address)
{
	for (size_t i = 0; i < knocks->n; i++)
		if (strcmp(knocks->list[i].address.text, address) == 0)
			return true;
	return false;
}

static void add_addresses(struct knocks *knocks, const char *instance,
			  const struct config_instance *config)
{
	const char *list = config->listen;

	while (*list != '\0' && knocks->n < ADDRESSES_MAX) {
		size_t len = strcspn(list, " \t");
		struct knock *knock = &knocks->list[knocks->n];

		if (len > 0 && len < sizeof(knock->address.text)) {
			*knock = (struct knock){
				.knocks = knocks, .instance = instance, .config = config};
			memcpy(knock->address.text, list, len);
			knocks->n += !is_known(knocks, knock->address.text);
		}
		list += len + strspn(list + len, " \t");
	}
}

static void say_knock(struct check *check, const struct knock *knock)
{
	const struct survey_address *address = &knock->address;
	size_t len = strcspn(address->banner, " ");
	char subject[128];

	snprintf(subject, sizeof(subject), "postfix-%s [%s]", knock->instance, address->text);
	if (address->reach != SURVEY_REACH_ACCEPTS) {
		check_say(check, CHECK_FAIL, subject, "%s at %s%s%s",
			  survey_reach_name(address->reach), survey_step_name(address->step),
			  address->banner[0] == '\0' ? "" : ": ", address->banner);
		check_mend(check, "systemctl start %s%s", check->unit_prefix, knock->instance);
		check_mend(check, "`ss -ltnp sport = 25` says who has the port, `ip address` "
				  "whether this host has the address");
		return;
	}
	// the last reply is that to EHLO, and begins with the server's name as the banner does
	if (strlen(knock->config->hostname) != len ||
	    strncasecmp(address->banner, knock->config->hostname, len) != 0) {
		check_say(check, CHECK_FAIL, subject, "it calls itself %.*s, not %s", (int)len,
			  address->banner, knock->config->hostname);
		check_mend(check,
			   "another mail server has that address: take it from its "
			   "inet_interfaces, or give %s.listen another",
			   knock->instance);
		return;
	}
	check_say(check, CHECK_OK, subject, "%s answers%s", knock->config->hostname,
		  address->starttls == SURVEY_YES ? ", with STARTTLS" : "");
}

void check_port25(struct check *check)
{
	const struct config *config = check->config;
	struct knocks *knocks = mem_new(1, sizeof(*knocks));
	struct reach_options options = {.helo = "localhost", .is_inside = true};

	knocks->loop = loop_new();
	add_addresses(knocks, "dual", &config->dual);
	add_addresses(knocks, "v6", &config->v6);
	knocks->n_open = knocks->n;
	for (size_t i = 0; i < knocks->n; i++)
		knocks->list[i].reach = reach_start(
			knocks->loop, &options, &knocks->list[i].address, on_end, &knocks->list[i]);
	if (knocks->n > 0 && loop_run(knocks->loop) < 0)
		check_say(check, CHECK_FAIL, "", "the event loop failed");
	for (size_t i = 0; i < knocks->n; i++)
		say_knock(check, &knocks->list[i]);
	loop_free(knocks->loop);
	free(knocks);
}

// ---- inject -------------------------------------------------------------------------------------

// The code of the last reply, or a negative errno; text is what it said.
static int greet(int fd, char *text, size_t size)
{
	static const char hello[] = "EHLO localhost\r\n", bye[] = "QUIT\r\n";
	char last[SMTP_REPLY_TEXT_SIZE];
	int r = talk_smtp(fd, text, size);

	if (r == 220)
		r = talk_send(fd, hello, sizeof(hello) - 1);
	if (r == 0)
		r = talk_smtp(fd, text, size);
	if (r == 250 && talk_send(fd, bye, sizeof(bye) - 1) == 0 &&
	    talk_smtp(fd, last, sizeof(last)) < 0)
		return -ECONNRESET;
	return r;
}

static void look_at_inject(struct check *check, const char *instance,
			   const struct config_instance *config)
{
	char text[SMTP_REPLY_TEXT_SIZE] = "", subject[64];
	int fd = talk_open(config->inject, SOCK_STREAM);
	int r = fd < 0 ? fd : greet(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	snprintf(subject, sizeof(subject), "postfix-%s", instance);
	if (r == 250) {
		check_say(check, CHECK_OK, subject, "%s answers", config->inject);
		return;
	}
	check_say(check, CHECK_FAIL, subject, "%s: %s", config->inject,
		  r < 0 ? strerror(-r) : text);
	if (r == -EACCES || r == -EPERM)
		check_mend(check, "run as root, or as the user postsix in the group postdrop");
	else
		check_mend(check, "systemctl start %s%s; the service stands in %s/master.cf",
			   check->unit_prefix, instance, config->config_directory);
}

void check_inject(struct check *check)
{
	look_at_inject(check, "v6", &check->config->v6);
	look_at_inject(check, "dual", &check->config->dual);
}
