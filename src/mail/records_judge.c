// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What the DNS has, against what must be there. Others may have records beside ours (a second mail
// host, another key): only what breaks mail is wrong, what is odd is doubtful.
#include "mail/records.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "mail/spf.h"

#define HOSTS_MAX  16
#define LABELS_MAX 16 // of a name on the way up to its zone

static void say(struct record_finding *finding, enum record_level level, const char *format, ...)
	printf_like(3, 4);

static void say(struct record_finding *finding, enum record_level level, const char *format, ...)
{
	char text[2 * RECORDS_TEXT_MAX];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	text_escape(finding->text, sizeof(finding->text), text, strlen(text));
	finding->level = level;
}

// True where there is an answer to look at; else the finding says why not.
static bool is_answered(const struct lookup *found, const char *what,
			struct record_finding *finding)
{
	if (found->status == LOOKUP_WAITING)
		say(finding, RECORD_WAITS, "%s", "");
	else if (found->status == LOOKUP_UNKNOWN)
		say(finding, RECORD_UNKNOWN, "the DNS does not say (%s)", what);
	return found->status == LOOKUP_FOUND || found->status == LOOKUP_NOTHING;
}

static bool has_value(const struct lookup *found, const char *value)
{
	for (size_t i = 0; i < found->n; i++)
		if (text_equals_nocase(found->values[i], value))
			return true;
	return false;
}

static void join(struct buf *out, const struct lookup *found)
{
	for (size_t i = 0; i < found->n; i++)
		buf_addf(out, "%s%s", i == 0 ? "" : " ",
			 found->values[i][0] == '\0' ? "." : found->values[i]);
}

// ---- MX, addresses

static void judge_mx(const struct record *record, struct lookups *lookups,
		     struct record_finding *finding)
{
	auto_buf struct buf all = buf_make(RECORDS_TEXT_MAX);
	const struct lookup *found = lookups_ask(lookups, LOOKUP_MX, record->name);

	if (!is_answered(found, "MX", finding))
		return;
	join(&all, found);
	if (found->n == 0)
		say(finding, RECORD_WRONG, "there is no MX record");
	else if (!has_value(found, record->value))
		say(finding, RECORD_WRONG, "the MX is %s, not %s", buf_string(&all), record->value);
	else if (record->role == RECORD_MX_ALONE && found->n > 1)
		say(finding, RECORD_WRONG, "the MX is %s, not %s alone", buf_string(&all),
		    record->value);
	else
		say(finding, RECORD_GOOD, "%s", buf_string(&all));
}

// The first value that is none of the addresses, as after a move; NULL: all are.
static const char *find_stray(const struct lookup *found, const char *addresses)
{
	for (size_t i = 0; i < found->n; i++) {
		size_t len = strlen(found->values[i]);
		const char *at = addresses;

		while ((at = strstr(at, found->values[i])) != NULL &&
		       ((at > addresses && at[-1] != ' ') || (at[len] != ' ' && at[len] != '\0')))
			at++;
		if (at == NULL)
			return found->values[i];
	}
	return NULL;
}

static void judge_address(const struct record *record, struct lookups *lookups,
			  struct record_finding *finding)
{
	auto_buf struct buf all = buf_make(RECORDS_TEXT_MAX);
	const struct lookup *found = lookups_ask(lookups, record->type, record->name);
	const char *type = lookup_type_name(record->type);
	const char *stray;

	if (!is_answered(found, type, finding))
		return;
	join(&all, found);
	stray = find_stray(found, record->addresses);
	if (found->n == 0)
		say(finding, RECORD_WRONG, "there is no %s record", type);
	else if (!has_value(found, record->value))
		say(finding, RECORD_WRONG, "it is %s, not %s", buf_string(&all), record->value);
	else if (found->is_alias) // RFC 2181 section 10.3
		say(finding, RECORD_WRONG, "the name is a CNAME, which no mail host may be");
	else if (stray != NULL)
		say(finding, RECORD_DOUBTFUL, "it is %s: on %s none of its instances listens",
		    buf_string(&all), stray);
	else
		say(finding, RECORD_GOOD, "%s", buf_string(&all));
}

// ---- no IPv4 in the path

struct hosts {
	char names[HOSTS_MAX][DOMAIN_MAX + 1];
	size_t n;
};

static void keep(struct hosts *hosts, const struct lookup *found)
{
	hosts->n = 0;
	for (size_t i = 0; i < found->n && hosts->n < HOSTS_MAX; i++)
		text_cut(hosts->names[hosts->n++], DOMAIN_MAX + 1, found->values[i]);
}

// That none of them has an A record; which one has, is said.
static void judge_no_a(const struct hosts *hosts, const char *what, struct lookups *lookups,
		       struct record_finding *finding)
{
	for (size_t i = 0; i < hosts->n; i++) {
		const struct lookup *found = lookups_ask(lookups, LOOKUP_A, hosts->names[i]);

		if (!is_answered(found, "A", finding))
			return;
		if (found->n > 0) {
			say(finding, RECORD_WRONG, "its %s %s has the A record %s", what,
			    hosts->names[i], found->values[0]);
			return;
		}
	}
	say(finding, RECORD_GOOD, "no %s has an A record", what);
}

static void judge_mx_no_a(const struct record *record, struct lookups *lookups,
			  struct record_finding *finding)
{
	const struct lookup *found = lookups_ask(lookups, LOOKUP_MX, record->name);
	struct hosts hosts;

	if (!is_answered(found, "MX", finding))
		return;
	keep(&hosts, found);
	judge_no_a(&hosts, "mail host", lookups, finding);
	if (finding->level != RECORD_GOOD)
		return;
	found = lookups_ask(lookups, LOOKUP_A, record->name);
	if (is_answered(found, "A", finding) && found->n > 0)
		say(finding, RECORD_DOUBTFUL,
		    "the domain itself has the A record %s: no mail goes there, but some servers "
		    "take it for IPv4",
		    found->values[0]);
}

// The name servers of the zone that has the name: asked for at it, then above it.
static void judge_ns_no_a(const struct record *record, struct lookups *lookups,
			  struct record_finding *finding)
{
	const char *name = record->name;
	const struct lookup *found = lookups_ask(lookups, LOOKUP_NS, name);
	struct hosts hosts;

	for (int i = 0; i < LABELS_MAX && found->status == LOOKUP_NOTHING && *name != '\0'; i++) {
		name += strcspn(name, ".");
		name += *name == '.';
		found = lookups_ask(lookups, LOOKUP_NS, name);
	}
	if (!is_answered(found, "NS", finding))
		return;
	keep(&hosts, found);
	judge_no_a(&hosts, "name server", lookups, finding);
}

// ---- TXT

static void judge_spf(const struct record *record, struct lookups *lookups,
		      struct record_finding *finding)
{
	static const enum record_level levels[] = {
		[SPF_WAITS] = RECORD_WAITS,   [SPF_PASS] = RECORD_GOOD,
		[SPF_NO_PASS] = RECORD_WRONG, [SPF_NONE] = RECORD_WRONG,
		[SPF_BROKEN] = RECORD_WRONG,  [SPF_UNKNOWN] = RECORD_UNKNOWN,
	};
	const char *list = record->addresses;
	char address[64];

	say(finding, RECORD_GOOD, "it lets pass %s", record->addresses);
	while (*list != '\0' && finding->level == RECORD_GOOD) {
		size_t len = strcspn(list, " ");
		enum spf_answer answer;

		snprintf(address, sizeof(address), "%.*s", (int)len, list);
		list += len + strspn(list + len, " ");
		answer = spf_ask(lookups, record->name, address);
		if (answer != SPF_PASS)
			say(finding, levels[answer], "SPF of %s for %s: %s", record->name, address,
			    spf_answer_name(answer));
	}
	// nothing asks for it but MAIL FROM:<>
	if (record->role == RECORD_HELO_SPF && finding->level == RECORD_WRONG)
		finding->level = RECORD_DOUBTFUL;
}

// The value of a tag in a list of RFC 6376 section 3.2, without its white space; false for none.
static bool find_tag(const char *text, const char *tag, char *dst, size_t size)
{
	size_t len = strlen(tag), n = 0;

	for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, "; \t")) {
		size_t end = strcspn(text, ";"), name = strcspn(text, "= \t");
		const char *value = text + name + strspn(text + name, " \t");

		if (name == len && strncmp(text, tag, len) == 0 && *value == '=') {
			for (value++; value < text + end && n + 1 < size; value++)
				if (strchr(" \t\r\n", *value) == NULL)
					dst[n++] = *value;
			dst[n] = '\0';
			return true;
		}
		text += end;
	}
	return false;
}

static void judge_dkim(const struct record *record, struct lookups *lookups,
		       struct record_finding *finding)
{
	const struct lookup *found = lookups_ask(lookups, LOOKUP_TXT, record->name);
	char wanted[2048] = "", there[2048] = "", value[64] = "";

	if (!is_answered(found, "TXT", finding))
		return;
	if (found->n != 1) {
		say(finding, RECORD_WRONG, "%s",
		    found->n == 0 ? "there is no TXT record" : "there are several TXT records");
		return;
	}
	find_tag(record->value, "p", wanted, sizeof(wanted));
	if (!find_tag(found->values[0], "p", there, sizeof(there)))
		say(finding, RECORD_WRONG, "it has no p=: %s", found->values[0]);
	else if (there[0] == '\0')
		say(finding, RECORD_WRONG, "it says that the key is withdrawn (p= is empty)");
	else if (strcmp(wanted, there) != 0)
		say(finding, RECORD_WRONG, "it is the record of another key than we sign with");
	else if (find_tag(found->values[0], "h", value, sizeof(value)) &&
		 strstr(value, "sha256") == NULL)
		say(finding, RECORD_WRONG, "it does not allow sha256 (h=%s)", value);
	else if (find_tag(found->values[0], "t", value, sizeof(value)) &&
		 strchr(value, 'y') != NULL)
		say(finding, RECORD_DOUBTFUL, "it says that we only test (t=y)");
	else
		say(finding, RECORD_GOOD, "it is that of our key");
}

static bool is_policy(const char *value)
{
	return text_equals_nocase(value, "reject") || text_equals_nocase(value, "quarantine") ||
	       text_equals_nocase(value, "none");
}

static void judge_dmarc(const struct record *record, struct lookups *lookups,
			struct record_finding *finding)
{
	const struct lookup *found = lookups_ask(lookups, LOOKUP_TXT, record->name);
	const char *text = NULL;
	char policy[64] = "";
	size_t n = 0;

	if (!is_answered(found, "TXT", finding))
		return;
	for (size_t i = 0; i < found->n; i++) // RFC 7489 section 6.6.3
		if (strncmp(found->values[i], "v=DMARC1", 8) == 0 &&
		    strchr("; \t", found->values[i][8]) != NULL && ++n == 1)
			text = found->values[i];
	if (n != 1)
		say(finding, RECORD_WRONG, "%s",
		    n == 0 ? "there is no DMARC record" : "there are several DMARC records");
	else if (!find_tag(text, "p", policy, sizeof(policy)) || !is_policy(policy))
		say(finding, RECORD_WRONG, "it has no p= of none, quarantine or reject: %s", text);
	else if (text_equals_nocase(policy, "none"))
		say(finding, RECORD_DOUBTFUL, "p=none lets forged mail in our name pass");
	else
		say(finding, RECORD_GOOD, "p=%s", policy);
}

// ---- PTR

// Whether that name has the address: forward-confirmed.
static bool leads_back(const char *name, const char *address, struct lookups *lookups,
		       struct record_finding *finding)
{
	const struct lookup *found =
		lookups_ask(lookups, strchr(address, ':') == NULL ? LOOKUP_A : LOOKUP_AAAA, name);

	return is_answered(found, name, finding) && has_value(found, address);
}

static void judge_ptr(const struct record *record, struct lookups *lookups,
		      struct record_finding *finding)
{
	auto_buf struct buf all = buf_make(RECORDS_TEXT_MAX);
	const struct lookup *found = lookups_ask(lookups, LOOKUP_PTR, record->name);
	struct hosts hosts;
	const char *good = NULL;

	if (!is_answered(found, "PTR", finding))
		return;
	join(&all, found);
	keep(&hosts, found);
	finding->level = RECORD_GOOD;
	for (size_t i = 0; i < hosts.n && finding->level == RECORD_GOOD; i++)
		if (leads_back(hosts.names[i], record->addresses, lookups, finding) &&
		    (good == NULL || text_equals_nocase(hosts.names[i], record->value)))
			good = hosts.names[i];
	if (finding->level != RECORD_GOOD)
		return;
	if (hosts.n == 0)
		say(finding, RECORD_WRONG, "%s has no PTR record", record->addresses);
	else if (good == NULL)
		say(finding, RECORD_WRONG, "the PTR of %s is %s, which does not lead back to it",
		    record->addresses, buf_string(&all));
	else if (!text_equals_nocase(good, record->value))
		say(finding, RECORD_DOUBTFUL, "the PTR of %s is %s, and it calls itself %s",
		    record->addresses, good, record->value);
	else
		say(finding, RECORD_GOOD, "%s is %s, and back", record->addresses, good);
}

void record_judge(const struct record *record, struct lookups *lookups,
		  struct record_finding *ret_finding)
{
	static void (*const judges[RECORD_ROLES])(const struct record *, struct lookups *,
						  struct record_finding *) = {
		[RECORD_MX] = judge_mx,           [RECORD_MX_ALONE] = judge_mx,
		[RECORD_ADDRESS] = judge_address, [RECORD_NO_A] = judge_mx_no_a,
		[RECORD_NS_NO_A] = judge_ns_no_a, [RECORD_SPF] = judge_spf,
		[RECORD_HELO_SPF] = judge_spf,    [RECORD_DKIM] = judge_dkim,
		[RECORD_DMARC] = judge_dmarc,     [RECORD_PTR] = judge_ptr,
	};

	*ret_finding = (struct record_finding){.level = RECORD_UNKNOWN};
	judges[record->role](record, lookups, ret_finding);
}

enum record_level record_worse(enum record_level a, enum record_level b)
{
	static const int badness[RECORD_LEVELS] = {
		[RECORD_GOOD] = 0,  [RECORD_DOUBTFUL] = 1, [RECORD_UNKNOWN] = 2,
		[RECORD_WRONG] = 3, [RECORD_WAITS] = 4,
	};

	return badness[a] >= badness[b] ? a : b;
}
