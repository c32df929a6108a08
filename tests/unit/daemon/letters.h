// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What letters are made from in tests: requests, surveys and failures of every temper.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "adapter/phrases.h"
#include "base/text.h"
#include "daemon/words.h"
#include "mail/diagnose.h"
#include "mail/survey.h"
#include "mail/verdict.h"

#define TEXT(text)     ((char *)(uintptr_t)(text))
#define LETTERS_NOW    INT64_C(1800000000)
#define LETTERS_MARKUP "<b>x</b>&amp;\"'<img src=x onerror=alert(1)>{{requester}}"
#define LETTERS_LONG                                                                               \
	"a123456789b123456789c123456789d123456789e123456789f123456789g12."                         \
	"a123456789b123456789c123456789d123456789e123456789f123456789g12."                         \
	"a123456789b123456789c123456789d123456789e123456789f123456789g12."                         \
	"a123456789b123456789c123456789d123456789e123456789f12345678."

struct scene {
	const char *name;
	struct store_mail mail;
	bool has_survey;
	struct survey survey;
	bool has_diagnosis;
	struct diagnosis diagnosis;
	enum outcome outcome;
	bool never_sent;
	enum own_records own_records;
	struct verdict_found found[ABILITIES];
};

static inline void scene_begin(struct scene *scene, const char *name)
{
	*scene = (struct scene){.name = name};
	store_mail_blank(&scene->mail);
	scene->mail.id = UINT64_C(0x123456789abcde0);
	scene->mail.created = LETTERS_NOW + 10;
	scene->mail.arrived = LETTERS_NOW;
	scene->mail.date = LETTERS_NOW - 3;
	scene->mail.first_received = LETTERS_NOW - 2;
	scene->mail.hops = 2;
	scene->mail.requester = TEXT("jan@good.test");
	scene->mail.recipient = TEXT("test@six.test");
	scene->mail.subject = TEXT("Does my mail work over IPv6?");
	scene->mail.message_id = TEXT("<m@good.test>");
	scene->mail.client_address = TEXT("2001:db8:100::25");
	scene->mail.client_hostname = TEXT("mx1.good.test");
	scene->mail.client_helo = TEXT("mx1.good.test");
	scene->mail.client_protocol = TEXT("ESMTP");
	scene->mail.trace =
		TEXT("v=1; instance=v6; client=2001:db8:100::25; family=6; fcrdns=pass; "
		     "ptr=mx1.good.test; helo=mx1.good.test; tls=TLSv1.3; "
		     "cipher=TLS_AES_256_GCM_SHA384; time=1800000000; mx=pass/good.test; "
		     "dkim=pass/good.test");
	scene->has_survey = true;
	text_cut(scene->survey.domain, sizeof(scene->survey.domain), "good.test");
	scene->survey.mx = SURVEY_MX_LISTED;
	scene->survey.is_complete = true;
	scene->survey.tried_reach = true;
}

static inline struct survey_host *scene_host(struct scene *scene, const char *name, int preference)
{
	struct survey_host *host = &scene->survey.hosts[scene->survey.n_hosts++];

	scene->survey.n_hosts_all++;
	text_cut(host->name, sizeof(host->name), name);
	host->preference = preference;
	host->has_v4 = SURVEY_YES;
	host->has_v6 = SURVEY_NO;
	host->ns_v6 = SURVEY_YES;
	return host;
}

static inline struct survey_address *scene_address(struct survey_host *host, const char *text,
						   enum survey_reach reach, enum survey_step step)
{
	struct survey_address *address = &host->v6[host->n_v6++];

	host->has_v6 = SURVEY_YES;
	text_cut(address->text, sizeof(address->text), text);
	address->kind = survey_kind_of(text);
	if (address->kind == SURVEY_KIND_DOCUMENTATION) // as it would be outside the lab
		address->kind = SURVEY_KIND_GLOBAL;
	address->reach = reach;
	address->step = step;
	address->step_ms[SURVEY_STEP_CONNECT] = 12;
	text_cut(address->banner, sizeof(address->banner), "220 mx ESMTP");
	return address;
}

static inline void scene_bounce(struct scene *scene, enum class class, const char *status,
				const char *remote, const char *diagnostic)
{
	scene->outcome = OUTCOME_FAILED;
	scene->has_diagnosis = true;
	scene->diagnosis = (struct diagnosis){.class = class,
					      .phase = PHASE_CONNECT,
					      .remote_spoke = remote[0] != '\0',
					      .row = ""};
	scene->mail.action = TEXT("failed");
	scene->mail.status = TEXT(status);
	scene->mail.final_recipient = TEXT("rfc822; jan@good.test");
	scene->mail.remote_mta = TEXT(remote);
	scene->mail.reporting_mta = TEXT("dns; mx.six.test");
	scene->mail.diagnostic = TEXT(diagnostic);
	scene->mail.class = TEXT(class_name(class));
	scene->mail.status_part = TEXT("Reporting-MTA: dns; mx.six.test\n\nFinal-Recipient: "
				       "rfc822; jan@good.test\nAction: failed\n");
	scene->mail.returned = TEXT("From: human@six.test\nSubject: Auto: mail over IPv6\n");
}

static inline void scene_good(struct scene *scene)
{
	struct survey_host *host;

	scene_begin(scene, "good");
	host = scene_host(scene, "mx1.good.test", 10);
	scene_address(host, "2001:db8:100::25", SURVEY_REACH_ACCEPTS, SURVEY_STEP_EHLO);
	host = scene_host(scene, "mx2.good.test", 20);
	scene_address(host, "2001:db8:100:2::1:25", SURVEY_REACH_ACCEPTS, SURVEY_STEP_EHLO);
	scene_bounce(scene, CLASS_NO_SUCH_USER, "5.1.1", "dns; mx1.good.test",
		     "smtp; 550 5.1.1 <jan@good.test>: Recipient address rejected: User unknown");
	scene->diagnosis.phase = PHASE_RCPT;
}

// The talk's own: no AAAA; at Microsoft, where it is a setting.
static inline void scene_bad(struct scene *scene)
{
	scene_begin(scene, "bad");
	scene->mail.client_address = TEXT("192.0.2.77");
	scene->mail.recipient = TEXT("test@dual.test");
	scene->mail.trace = TEXT("v=1; instance=dual; client=192.0.2.77; family=4; fcrdns=fail; "
				 "ptr=out.good.test; helo=out.good.test; time=1800000000");
	scene_host(scene, "good-test.mail.protection.outlook.com", 10);
	scene_host(scene, "backup.good.test", 20)->is_cname = true;
	scene_bounce(scene, CLASS_NO_AAAA, "5.4.4", "",
		     "X-Postfix; Host or domain name not found. Name service error for "
		     "name=good-test.mail.protection.outlook.com type=AAAA: Host found but no data "
		     "record of requested type");
}

// A bit of everything that can be wrong with a mail server.
static inline void scene_mixed(struct scene *scene)
{
	struct survey_host *host;

	scene_begin(scene, "mixed");
	host = scene_host(scene, "old.good.test", 5);
	host->ns_v6 = SURVEY_NO;
	host = scene_host(scene, "mx1.good.test", 10);
	host->ns_v6 = SURVEY_NO;
	scene_address(host, "2001:db8:100::25", SURVEY_REACH_TIMEOUT, SURVEY_STEP_CONNECT);
	scene_address(host, "fd00:1234:5678::25", SURVEY_REACH_UNREACHABLE, SURVEY_STEP_CONNECT);
	scene_address(host, "::ffff:192.0.2.25", SURVEY_REACH_UNREACHABLE, SURVEY_STEP_CONNECT);
	host = scene_host(scene, "mx2.good.test", 20);
	scene_address(host, "2001:db8:100::26", SURVEY_REACH_BUSY, SURVEY_STEP_BANNER)->code = 421;
	scene_address(host, "2001:db8:100::27", SURVEY_REACH_ACCEPTS, SURVEY_STEP_EHLO);
	host = scene_host(scene, "mx3.good.test", 30);
	host->has_v4 = SURVEY_UNKNOWN;
	host->has_v6 = SURVEY_UNKNOWN;
	scene->survey.n_hosts_all = 12;
	scene->survey.is_complete = false;
	scene_bounce(scene, CLASS_TIMEOUT, "4.4.1", "",
		     "X-Postfix; connect to mx1.good.test[2001:db8:100::25]:25: Connection timed "
		     "out");
}

// Ten hosts of eight addresses, with names and addresses as long as they may be.
static inline void scene_extreme(struct scene *scene)
{
	static char subject[2000], diagnostic[1000], requester[400];

	scene_begin(scene, "extreme");
	memset(subject, 'S', sizeof(subject) - 1);
	memset(diagnostic, 'd', sizeof(diagnostic) - 1);
	snprintf(requester, sizeof(requester), "%.64s@%s", LETTERS_LONG, LETTERS_LONG "test");
	for (int i = 0; i < SURVEY_HOSTS_MAX; i++) {
		char name[DOMAIN_MAX + 1], text[SURVEY_ADDRESS_SIZE];
		struct survey_host *host;

		snprintf(name, sizeof(name), "%.*s%ctest", DOMAIN_MAX - 5, LETTERS_LONG,
			 '0' + (char)i);
		host = scene_host(scene, name, 65535 - 10 + i);
		host->is_cname = true;
		host->ns_v6 = SURVEY_NO;
		for (int k = 0; k < SURVEY_ADDRESSES_MAX; k++) {
			snprintf(text, sizeof(text), "2001:db8:1234:5678:abcd:ef01:400%c:abc%c",
				 '0' + (char)i, '0' + (char)k);
			scene_address(host, text, (enum survey_reach)((i + k) % SURVEY_REACHES),
				      SURVEY_STEP_BANNER)
				->code = 421;
		}
	}
	scene->survey.n_hosts_all = 400;
	scene_bounce(scene, CLASS_OTHER, "5.0.0", "", diagnostic);
	scene->mail.requester = requester;
	scene->mail.subject = subject;
}

// Every stranger's value is an attack (faults 9, 23, 24).
static inline void scene_hostile(struct scene *scene)
{
	struct survey_host *host;

	scene_begin(scene, "hostile");
	host = scene_host(scene, LETTERS_MARKUP "\r\nX: y", 10);
	scene_address(host, "2001:db8:100::25", SURVEY_REACH_REJECTED, SURVEY_STEP_BANNER)->code =
		554;
	text_cut(host->v6[0].banner, sizeof(host->v6[0].banner), LETTERS_MARKUP);
	scene_bounce(scene, CLASS_OTHER, "5.0.0", "dns; " LETTERS_MARKUP,
		     "smtp; 554 " LETTERS_MARKUP "\r\n\r\nX-Evil: yes\x1b[31m \xe2\x80\xae");
	scene->mail.subject = TEXT(LETTERS_MARKUP "\r\nBcc: x@y.test");
	scene->mail.client_helo = TEXT(LETTERS_MARKUP);
	scene->mail.client_hostname = TEXT(LETTERS_MARKUP);
	scene->mail.trace = TEXT(LETTERS_MARKUP);
	scene->mail.recipient = TEXT("test+" LETTERS_MARKUP "@six.test");
}

// No survey came, and our own server did not take the probe.
static inline void scene_ours(struct scene *scene)
{
	scene_begin(scene, "ours");
	scene->has_survey = false;
	scene->never_sent = true;
	scene->outcome = OUTCOME_UNKNOWN;
	scene->mail.trace = TEXT("");
	scene->mail.client_hostname = TEXT("unknown");
	scene->mail.date = 0;
}

// What it takes its name from: a host with an IPv6 address alone, no MX record, nothing tried.
static inline void scene_implicit(struct scene *scene)
{
	struct survey_host *host;

	scene_begin(scene, "implicit");
	scene->survey.mx = SURVEY_MX_IMPLICIT;
	scene->survey.tried_reach = false;
	host = scene_host(scene, "good.test", 0);
	host->has_v4 = SURVEY_NO;
	scene_address(host, "2001:db8:100::25", SURVEY_REACH_UNKNOWN, SURVEY_STEP_NONE);
	scene_bounce(scene, CLASS_PTR_REQUIRED, "5.7.25", "dns; gmail-smtp-in.l.google.com",
		     "smtp; 550-5.7.25 [2001:db8:25::6] The IP address sending this message does "
		     "not have a PTR record setup");
	scene->own_records = OWN_RECORDS_WRONG;
}

static void (*const scenes[])(struct scene *) = {
	scene_good,    scene_bad,  scene_mixed,    scene_extreme,
	scene_hostile, scene_ours, scene_implicit,
};
#define SCENES (sizeof(scenes) / sizeof(*scenes))

// The scene as a letter of that kind would see it: a report knows of no outcome.
static inline void scene_make(struct scene *scene, size_t i, enum kind kind)
{
	struct verdict_input input;

	scenes[i](scene);
	scene->mail.kind = kind;
	scene->mail.id = kind_id(scene->mail.id, kind);
	if (kind == KIND_REPORT) {
		scene->outcome = OUTCOME_PENDING;
		scene->never_sent = false;
		scene->has_diagnosis = false;
		scene->mail.action = TEXT("");
		scene->mail.class = TEXT("");
		scene->mail.remote_mta = TEXT("");
		scene->mail.diagnostic = TEXT("");
		scene->mail.status_part = TEXT("");
		scene->mail.returned = TEXT("");
	}
	input = (struct verdict_input){
		.family = strchr(scene->mail.client_address, ':') != NULL ? 6 : 4,
		.to_v6_domain = strstr(scene->mail.recipient, "@six.test") != NULL,
		.outcome = scene->outcome,
		.never_sent = scene->never_sent,
		.diagnosis = scene->has_diagnosis ? &scene->diagnosis : NULL,
		.survey = scene->has_survey ? &scene->survey : NULL,
		.own_records = scene->own_records,
	};
	verdict_find(&input, scene->found);
}
