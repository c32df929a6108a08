// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Why a probe failed: one table, read from the top, first match wins. To teach it a server's words,
// add a row above the first one that would say something else, and a line to the test's table.
//
// Who speaks matters more than what is said: "Host not found" is our Postfix failing to find the
// requester's server, or the requester's server failing to find our domain. So each row says whose
// words it knows.

#include "mail/diagnose.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define ANY (-1)

enum voice {
	BOTH,
	OURS,    // the reporter's own words: no server's answer is the reason
	THEIRS,  // a remote server's answer
	TO_MAIL, // one to MAIL FROM
	TO_DATA, // one to DATA or to the message's end
};

struct row {
	enum voice voice;
	// Of the status; or ANY. Its class does not matter: 4 or 5 is when we gave up, not why.
	int subject, detail;
	const char *phrase; // whose words begin where a word begins; NULL for any
	enum class class;
};

static const struct row rows[] = {
	// Postfix on what it could not reach (smtp_addr.c, smtp_connect.c, smtp_trouble.c)
	{OURS, ANY, ANY, "type=AAAA: Host found but no data record", CLASS_NO_AAAA},
	{OURS, ANY, ANY, "No address associated with hostname", CLASS_NO_AAAA},
	{OURS, ANY, ANY, "does not accept mail (nullMX)", CLASS_NULL_MX},
	{OURS, ANY, ANY, "Host not found, try again", CLASS_OTHER},
	{OURS, ANY, ANY, "Temporary failure in name resolution", CLASS_OTHER},
	{OURS, ANY, ANY, "Host not found", CLASS_NO_SUCH_DOMAIN},
	{OURS, ANY, ANY, "unable to look up host", CLASS_NO_SUCH_DOMAIN},
	{OURS, ANY, ANY, "Network is unreachable", CLASS_UNROUTABLE},
	{OURS, ANY, ANY, "No route to host", CLASS_UNROUTABLE},
	{OURS, ANY, ANY, "Permission denied", CLASS_UNROUTABLE}, // ICMPv6: prohibited
	{OURS, ANY, ANY, "Connection refused", CLASS_REFUSED},
	{OURS, ANY, ANY, "TLS is required", CLASS_TLS},
	{OURS, ANY, ANY, "Cannot start TLS", CLASS_TLS},
	{OURS, ANY, ANY, "certificate", CLASS_TLS},
	{OURS, ANY, ANY, "timed out", CLASS_TIMEOUT},
	{OURS, ANY, ANY, "lost connection with", CLASS_PROTOCOL},
	{OURS, ANY, ANY, "Connection reset by peer", CLASS_PROTOCOL},
	{OURS, 4, 1, NULL, CLASS_TIMEOUT},

	// what a receiver wants of a sender over IPv6
	{THEIRS, 7, 25, NULL, CLASS_PTR_REQUIRED},
	{THEIRS, ANY, ANY, "PTR", CLASS_PTR_REQUIRED},
	{THEIRS, ANY, ANY, "reverse DNS", CLASS_PTR_REQUIRED},
	{THEIRS, ANY, ANY, "rDNS", CLASS_PTR_REQUIRED},
	{THEIRS, ANY, ANY, "cannot find your hostname", CLASS_PTR_REQUIRED},
	{THEIRS, ANY, ANY, "cannot find your reverse hostname", CLASS_PTR_REQUIRED},
	{THEIRS, 7, 20, NULL, CLASS_AUTH_REQUIRED}, // RFC 7372 and 20 to 26
	{THEIRS, 7, 21, NULL, CLASS_AUTH_REQUIRED},
	{THEIRS, 7, 22, NULL, CLASS_AUTH_REQUIRED},
	{THEIRS, 7, 23, NULL, CLASS_AUTH_REQUIRED},
	{THEIRS, 7, 26, NULL, CLASS_AUTH_REQUIRED},
	{THEIRS, ANY, ANY, "SPF", CLASS_AUTH_REQUIRED},
	{THEIRS, ANY, ANY, "DKIM", CLASS_AUTH_REQUIRED},
	{THEIRS, ANY, ANY, "DMARC", CLASS_AUTH_REQUIRED},
	{THEIRS, ANY, ANY, "unauthenticated email", CLASS_AUTH_REQUIRED},
	{THEIRS, ANY, ANY, "does not have authentication information", CLASS_AUTH_REQUIRED},
	{THEIRS, 7, 510, NULL, CLASS_NO_V6_POLICY},
	{THEIRS, ANY, ANY, "over IPv6", CLASS_NO_V6_POLICY},
	{THEIRS, ANY, ANY, "via IPv6", CLASS_NO_V6_POLICY},
	{THEIRS, ANY, ANY, "IPv6 is not", CLASS_NO_V6_POLICY},
	{THEIRS, ANY, ANY, "accept IPv6", CLASS_NO_V6_POLICY},
	{THEIRS, ANY, ANY, "STARTTLS", CLASS_TLS},
	{THEIRS, ANY, ANY, "greylist", CLASS_GREYLISTED},
	{THEIRS, ANY, ANY, "graylist", CLASS_GREYLISTED},
	{THEIRS, ANY, ANY, "grey listed", CLASS_GREYLISTED},

	// the envelope sender; many servers say it only in reply to RCPT TO
	{THEIRS, 1, 7, NULL, CLASS_SENDER_DOMAIN},
	{THEIRS, 1, 8, NULL, CLASS_SENDER_DOMAIN},
	{THEIRS, 7, 27, NULL, CLASS_SENDER_DOMAIN}, // RFC 7505: the sender's domain has a null MX
	{THEIRS, ANY, ANY, "Sender's best MX", CLASS_SENDER_DOMAIN},
	{THEIRS, ANY, ANY, "Sender address rejected", CLASS_SENDER_DOMAIN},
	{THEIRS, ANY, ANY, "Domain of sender", CLASS_SENDER_DOMAIN},
	{THEIRS, ANY, ANY, "Sender verify failed", CLASS_SENDER_DOMAIN},

	// the recipient
	{THEIRS, 2, 2, NULL, CLASS_MAILBOX_FULL},
	{THEIRS, ANY, ANY, "mailbox full", CLASS_MAILBOX_FULL},
	{THEIRS, ANY, ANY, "mailbox is full", CLASS_MAILBOX_FULL},
	{THEIRS, ANY, ANY, "over quota", CLASS_MAILBOX_FULL},
	{THEIRS, ANY, ANY, "quota exceeded", CLASS_MAILBOX_FULL},
	{THEIRS, ANY, ANY, "RESOLVER.ADR.RecipientNotFound", CLASS_NO_SUCH_USER}, // with 5.1.10
	{BOTH, 1, 10, NULL, CLASS_NULL_MX},
	{BOTH, 1, 1, NULL, CLASS_NO_SUCH_USER},
	{BOTH, 1, 2, NULL, CLASS_NO_SUCH_DOMAIN},
	{BOTH, 1, 3, NULL, CLASS_NO_SUCH_USER},
	{BOTH, 1, 6, NULL, CLASS_NO_SUCH_USER},
	{BOTH, 2, 1, NULL, CLASS_NO_SUCH_USER},
	{THEIRS, ANY, ANY, "user unknown", CLASS_NO_SUCH_USER},
	{THEIRS, ANY, ANY, "unknown user", CLASS_NO_SUCH_USER},
	{THEIRS, ANY, ANY, "no such user", CLASS_NO_SUCH_USER},
	{THEIRS, ANY, ANY, "Recipient address rejected: Access denied",
	 CLASS_NO_SUCH_USER}, // Microsoft, 5.4.1

	// by where it was said, and by the status alone
	{THEIRS, ANY, ANY, "Client host",
	 CLASS_OTHER}, // our address, by a blocklist: said at any command
	{THEIRS, 3, 4, NULL, CLASS_CONTENT},
	{THEIRS, 2, 3, NULL, CLASS_CONTENT},
	{THEIRS, 6, ANY, NULL, CLASS_CONTENT},
	{BOTH, 3, ANY, NULL, CLASS_OTHER}, // the mail system's own trouble
	{TO_MAIL, ANY, ANY, NULL, CLASS_SENDER_DOMAIN},
	{TO_DATA, 7, ANY, NULL, CLASS_CONTENT},
	{THEIRS, 5, ANY, NULL, CLASS_PROTOCOL},
	{BOTH, 4, 2, NULL, CLASS_PROTOCOL},
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

// A byte after which no word begins: a phrase in the middle of a host name or an address is none.
static bool is_inner(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= 'a' && byte <= 'z') || (byte != '\0' && strchr("._@-/=", byte) != NULL);
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + 'a' - 'A') : byte;
}

// True where text begins with phrase: without case, a blank for any run of blanks and line ends
// (reports are wrapped).
static bool starts_with(const char *text, const char *phrase)
{
	for (; *phrase != '\0'; phrase++) {
		if (*phrase == ' ' && is_blank(*text)) {
			while (is_blank(*text))
				text++;
		} else if (lower(*text++) != lower(*phrase)) {
			return false;
		}
	}
	return true;
}

static bool has_phrase(const char *text, const char *phrase)
{
	for (const char *at = text; *at != '\0'; at++)
		if ((at == text || !is_inner(at[-1])) && starts_with(at, phrase))
			return true;
	return false;
}

// Whose words the diagnostic is. Old Postfix puts the remote's answer behind "X-Postfix; host …
// said:".
static enum voice voice_of(const struct diagnose_input *input, const char *words)
{
	const bool quotes =
		has_phrase(words, "said:") || has_phrase(words, "refused to talk to me:");
	const bool own_type = text_starts_nocase(words, "X-Postfix;");

	if (!quotes &&
	    (own_type || (*input->remote_mta == '\0' && !text_starts_nocase(words, "smtp;"))))
		return OURS;
	if (has_phrase(input->text, "in reply to MAIL FROM command"))
		return TO_MAIL;
	if (has_phrase(input->text, "in reply to DATA command") ||
	    has_phrase(input->text, "in reply to end of DATA command"))
		return TO_DATA;
	return THEIRS;
}

// The code in the remote's own answer ("smtp; 550 5.7.25 …") says more than the field, which many
// reporters fill with 5.0.0.
static struct status status_of(const struct diagnose_input *input)
{
	const char *answer = strchr(input->diagnostic, ';');
	struct status status = input->status;

	if (answer == NULL)
		return status;
	answer += 1 + strspn(answer + 1, " ");
	if (strspn(answer, "0123456789") == 3 && (answer[3] == ' ' || answer[3] == '-') &&
	    status_parse(answer + 4, &status))
		return status;
	return input->status;
}

static bool row_matches(const struct row *row, enum voice voice, struct status status,
			const char *words)
{
	if (row->voice == THEIRS ? voice == OURS : row->voice != BOTH && row->voice != voice)
		return false;
	if (row->subject != ANY && (status.class == 0 || row->subject != status.subject))
		return false;
	if (row->detail != ANY && row->detail != status.detail)
		return false;
	return row->phrase == NULL || has_phrase(words, row->phrase);
}

void diagnose(const struct diagnose_table *table, const struct diagnose_input *input,
	      struct diagnosis *ret_diagnosis)
{
	const char *words = *input->diagnostic != '\0' ? input->diagnostic : input->text;
	const enum voice voice = voice_of(input, words);
	const struct status status = status_of(input);

	(void)table;
	*ret_diagnosis = (struct diagnosis){.class = CLASS_OTHER,
					    .phase = voice == TO_MAIL ? PHASE_MAIL : PHASE_UNKNOWN,
					    .remote_spoke = voice != OURS,
					    .status = status,
					    .row = ""};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (row_matches(&rows[i], voice, status, words)) {
			ret_diagnosis->class = rows[i].class;
			break;
		}
}

static const struct {
	const char *name;
	enum problem problem;
} classes[CLASSES] = {
	[CLASS_NO_AAAA] = {"no-aaaa", PROBLEM_IPV6},
	[CLASS_UNROUTABLE] = {"unroutable", PROBLEM_IPV6},
	[CLASS_TIMEOUT] = {"timeout", PROBLEM_IPV6},
	[CLASS_REFUSED] = {"refused", PROBLEM_IPV6},
	[CLASS_PTR_REQUIRED] = {"ptr-required", PROBLEM_POLICY},
	[CLASS_AUTH_REQUIRED] = {"auth-required", PROBLEM_POLICY},
	[CLASS_NO_V6_POLICY] = {"no-v6-policy", PROBLEM_IPV6},
	[CLASS_SENDER_DOMAIN] = {"sender-domain", PROBLEM_SENDER},
	[CLASS_TLS] = {"tls", PROBLEM_POLICY},
	[CLASS_GREYLISTED] = {"greylisted", PROBLEM_POLICY},
	[CLASS_NO_SUCH_USER] = {"no-such-user", PROBLEM_ADDRESS},
	[CLASS_MAILBOX_FULL] = {"mailbox-full", PROBLEM_MAILBOX},
	[CLASS_NULL_MX] = {"null-mx", PROBLEM_ADDRESS},
	[CLASS_NO_SUCH_DOMAIN] = {"no-such-domain", PROBLEM_ADDRESS},
	[CLASS_PROTOCOL] = {"protocol", PROBLEM_OTHER},
	[CLASS_CONTENT] = {"content", PROBLEM_OTHER},
	[CLASS_OTHER] = {"other", PROBLEM_OTHER},
};

const char *class_name(enum class class)
{
	return classes[class].name;
}

bool class_find(const char *name, enum class *ret_class)
{
	for (enum class class = 0; class < CLASSES; class ++)
		if (strcmp(classes[class].name, name) == 0) {
			*ret_class = class;
			return true;
		}
	return false;
}

static const char *const phases[PHASES] = {
	[PHASE_UNKNOWN] = "unknown", [PHASE_CONNECT] = "connect",   [PHASE_BANNER] = "banner",
	[PHASE_EHLO] = "ehlo",       [PHASE_STARTTLS] = "starttls", [PHASE_MAIL] = "mail",
	[PHASE_RCPT] = "rcpt",       [PHASE_DATA] = "data",         [PHASE_END] = "end",
};

const char *phase_name(enum phase phase)
{
	return phases[phase];
}

bool phase_find(const char *name, enum phase *ret_phase)
{
	for (enum phase phase = 0; phase < PHASES; phase++)
		if (strcmp(phases[phase], name) == 0) {
			*ret_phase = phase;
			return true;
		}
	return false;
}

enum problem class_problem(enum class class)
{
	return classes[class].problem;
}

const char *problem_name(enum problem problem)
{
	static const char *const names[] = {
		[PROBLEM_IPV6] = "ipv6",       [PROBLEM_SENDER] = "sender",
		[PROBLEM_POLICY] = "policy",   [PROBLEM_ADDRESS] = "address",
		[PROBLEM_MAILBOX] = "mailbox", [PROBLEM_OTHER] = "other",
	};

	return names[problem];
}
