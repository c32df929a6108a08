// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// One SMTP session, its messages one after the other, each with its own thread's stack and nobody
// else's data.
//
// What Postfix tells is believed (client address, macros); what the client says is not: it comes
// out through the filter of authres_clean or an escape. Whatever is our own fault is a tempfail:
// nothing passes unchecked.
#include "milter/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapter/dns.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"
#include "mail/authres.h"
#include "mail/trace.h"
#include "milter/lookup.h"

#define ATTEMPTS 5 // a question's first attempt may take this part of the deadline

// Fields of one name that are to be deleted, by their number among the fields of that name.
struct forged {
	const char *name;
	unsigned n_seen; // fields of that name
	size_t n;
	unsigned nth[SESSION_FORGED_MAX];
};

struct session {
	const struct milter *milter;
	struct trace trace; // what is known of the session; the message's part is added for each
	char id[TRACE_NAME_SIZE]; // our authserv-id
	const char *unfit;        // why its mail is put off, or NULL
	struct dns *dns;
	bool has_reverse; // reverse is known, and will not be another
	struct reverse reverse;
	struct verify *verify; // the message at hand
	struct forged authres, traces;
};

// ---- the session
// ---------------------------------------------------------------------------------

static void clean_macro(char *dst, size_t size, struct milter_peer *peer, const char *name)
{
	authres_clean(dst, size, milter_macro(peer, name));
}

static bool is_word(const char *text)
{
	return text[0] != '\0' &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789")] == '\0';
}

static void *on_connect(void *arg, struct milter_peer *peer, const char *address)
{
	struct session *session = mem_new(1, sizeof(*session));
	struct trace *trace = &session->trace;

	session->milter = arg;
	session->authres.name = AUTHRES_FIELD;
	session->traces.name = TRACE_FIELD;
	text_cut(trace->client, sizeof(trace->client), address);
	if (address[0] != '\0')
		trace->family = strchr(address, ':') != NULL ? 6 : 4;
	clean_macro(trace->instance, sizeof(trace->instance), peer, "{daemon_name}");
	clean_macro(session->id, sizeof(session->id), peer, "j");
	if (!is_word(trace->instance))
		session->unfit = "milter_macro_daemon_name is no instance's name";
	else if (!authres_is_domain(session->id))
		session->unfit = "the macro j is no host name";
	return session;
}

static void on_helo(void *arg, struct milter_peer *peer, const char *name)
{
	struct session *session = arg;

	(void)peer;
	authres_clean(session->trace.helo, sizeof(session->trace.helo), name);
}

static void end_message(struct session *session)
{
	session->verify = verify_free(session->verify);
	session->authres.n_seen = session->traces.n_seen = 0;
	session->authres.n = session->traces.n = 0;
}

static void on_close(void *arg)
{
	struct session *session = arg;

	end_message(session);
	dns_close(session->dns);
	free(session);
}

// ---- the message comes
// -------------------------------------------------------------------------------

// What has no place in the DNS is not looked up: <>, an address literal, a U-label.
static void note_sender(struct trace *trace, const char *path)
{
	struct addr sender;

	trace->mx.domain[0] = '\0';
	if (addr_parse(path, strlen(path), &sender) == NULL &&
	    authres_is_domain(sender.domain.text))
		memcpy(trace->mx.domain, sender.domain.text, sizeof(trace->mx.domain));
}

static void on_message(void *arg, struct milter_peer *peer, const char *sender)
{
	struct session *session = arg;

	(void)peer;
	end_message(session);
	note_sender(&session->trace, sender);
	session->verify = verify_new(session->milter->verifier);
}

// More than fit are counted: the message is refused for them.
static void note_field(struct forged *forged, bool is_forged)
{
	forged->n_seen++;
	if (!is_forged)
		return;
	if (forged->n < SESSION_FORGED_MAX)
		forged->nth[forged->n] = forged->n_seen;
	forged->n++;
}

static void on_field(void *arg, const char *name, const char *value)
{
	struct session *session = arg;

	if (text_equals_nocase(name, AUTHRES_FIELD))
		note_field(&session->authres, authres_claims(value, session->id));
	if (text_equals_nocase(name, TRACE_FIELD))
		note_field(&session->traces, true);
	if (session->verify != NULL)
		verify_header(session->verify, name, value);
}

static void on_body_start(void *arg)
{
	struct session *session = arg;

	if (session->verify != NULL)
		verify_end_of_header(session->verify);
}

static void on_body(void *arg, const void *bytes, size_t len)
{
	struct session *session = arg;

	if (session->verify != NULL)
		verify_body(session->verify, bytes, len);
}

// ---- and ends
// ----------------------------------------------------------------------------------------

// The client's name for the whole session, unless the DNS was silent about it; mail hosts and keys
// for this message.
static int look_up(struct session *session, struct verify_result *ret_result)
{
	const int64_t deadline = session->milter->deadline_ms;
	const bool ask_reverse = !session->has_reverse && session->trace.client[0] != '\0';
	const char *names[VERIFY_SIGNATURES_MAX];
	const struct lookup_wanted wanted = {.address = session->trace.client,
					     .reverse = ask_reverse ? &session->reverse : NULL,
					     .domain = session->trace.mx.domain,
					     .n_keys = verify_wants(session->verify, names),
					     .keys = names};
	struct lookup lookup;
	int error = 0;

	if (session->dns == NULL)
		error = dns_open((int)(deadline / ATTEMPTS), &session->dns);
	if (error != 0)
		return error;
	lookup_all(session->dns, dns_now() + deadline, &wanted, &lookup);
	session->trace.mx.result = lookup.mx;
	if (ask_reverse)
		session->has_reverse = session->reverse.iprev != AUTH_TEMPERROR;
	error = verify_finish(session->verify, lookup_key, &lookup, ret_result);
	lookup_free(&lookup);
	return error;
}

static void complete_trace(struct session *session, struct milter_peer *peer,
			   const struct verify_result *result)
{
	struct trace *trace = &session->trace;

	clean_macro(trace->tls, sizeof(trace->tls), peer, "{tls_version}");
	clean_macro(trace->cipher, sizeof(trace->cipher), peer, "{cipher}");
	memcpy(trace->ptr, session->reverse.name, sizeof(trace->ptr));
	trace->fcrdns = session->reverse.iprev;
	if (trace->fcrdns == AUTH_PERMERROR || trace->client[0] == '\0')
		trace->fcrdns = AUTH_NONE;
	trace->time = time(NULL);
	trace->n_dkim = result->n;
	trace->n_more = result->n_more;
	for (size_t i = 0; i < result->n; i++) {
		trace->dkim[i].result = result->signature[i].result;
		memcpy(trace->dkim[i].domain, result->signature[i].domain,
		       sizeof(trace->dkim[i].domain));
	}
}

static void write_authres(const struct session *session, const struct verify_result *result,
			  struct buf *out)
{
	struct authres_dkim dkim[VERIFY_SIGNATURES_MAX + 1];
	struct authres authres = {.id = session->id,
				  .address = session->trace.client,
				  .iprev = session->reverse.iprev,
				  .n_dkim = result->n,
				  .dkim = dkim};

	for (size_t i = 0; i < result->n; i++) {
		const struct verify_signature *seen = &result->signature[i];

		dkim[i] = (struct authres_dkim){seen->result, seen->domain, seen->selector,
						seen->start, seen->reason};
	}
	if (result->n_more > 0)
		dkim[authres.n_dkim++] = (struct authres_dkim){AUTH_POLICY, "", "", "",
							       "further signatures not verified"};
	authres_write(out, &authres);
}

// From the last to the first, as each deletion renumbers those behind it (CVE-2022-48521).
static int delete_forged(struct milter_peer *peer, const struct forged *forged)
{
	int error = 0;

	for (size_t i = forged->n; i > 0 && error == 0; i--)
		error = milter_delete_field(peer, forged->name, forged->nth[i - 1]);
	return error;
}

// The results' field comes out topmost, the trace below it.
static int change_header(struct session *session, struct milter_peer *peer,
			 const struct verify_result *result)
{
	auto_buf struct buf trace = buf_make(TRACE_TEXT_MAX);
	auto_buf struct buf authres = buf_make(TRACE_TEXT_MAX + VERIFY_SIGNATURES_MAX * 1000);
	int error;

	trace_write(&trace, &session->trace);
	write_authres(session, result, &authres);
	if (buf_failed(&trace) || buf_failed(&authres))
		return -EMSGSIZE;
	error = delete_forged(peer, &session->authres);
	if (error == 0)
		error = delete_forged(peer, &session->traces);
	if (error == 0)
		error = milter_insert_field(peer, TRACE_FIELD, trace.data);
	if (error == 0)
		error = milter_insert_field(peer, AUTHRES_FIELD, authres.data);
	return error;
}

static const char *or_none(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void log_message(const struct session *session, const char *queue_id,
			const struct verify_result *result, int64_t ms)
{
	const struct trace *trace = &session->trace;
	char helo[TRACE_NAME_SIZE + 50], dkim[VERIFY_SIGNATURES_MAX * 300] = "none";
	size_t n = 0;

	text_escape_log(helo, sizeof(helo), trace->helo, strlen(trace->helo));
	for (size_t i = 0; i < result->n; i++)
		n += (size_t)snprintf(dkim + n, sizeof(dkim) - n, "%s%s (%s)", i > 0 ? " " : "",
				      auth_result_name(result->signature[i].result),
				      or_none(result->signature[i].domain));
	log_event(LOG_INFO, queue_id,
		  "instance=%s, client=%s, iprev=%s (%s), helo=%s, tls=%s, dkim=%s, more=%zu, "
		  "mx=%s (%s), forged=%zu, ms=%lld",
		  trace->instance, or_none(trace->client), auth_result_name(session->reverse.iprev),
		  or_none(trace->ptr), helo, or_none(trace->tls), dkim, result->n_more,
		  auth_result_name(trace->mx.result), or_none(trace->mx.domain),
		  session->authres.n + session->traces.n, (long long)ms);
}

static enum milter_answer defer(const char *queue_id, const char *what, int error)
{
	log_event(LOG_WARNING, queue_id, "deferred, %s%s%s, will retry", what,
		  error != 0 ? ": " : "", error != 0 ? strerror(-error) : "");
	return MILTER_TEMPFAIL;
}

static enum milter_answer refuse_forged(const struct session *session, struct milter_peer *peer,
					const char *queue_id)
{
	log_event(LOG_NOTICE, queue_id, "refused, forged=%zu",
		  session->authres.n + session->traces.n);
	return milter_set_words(peer, "5.7.1",
				"Too many " AUTHRES_FIELD " or " TRACE_FIELD
				" fields in our name") == 0
		       ? MILTER_REJECT
		       : MILTER_TEMPFAIL;
}

static enum milter_answer judge(struct session *session, struct milter_peer *peer,
				const char *queue_id)
{
	const int64_t start = dns_now();
	struct verify_result result;
	int error;

	if (session->unfit != NULL)
		return defer(queue_id, session->unfit, 0);
	if (session->verify == NULL)
		return defer(queue_id, "no memory to verify signatures", 0);
	if (session->authres.n > SESSION_FORGED_MAX || session->traces.n > SESSION_FORGED_MAX)
		return refuse_forged(session, peer, queue_id);
	error = look_up(session, &result);
	if (error != 0)
		return defer(queue_id, "cannot verify", error);
	complete_trace(session, peer, &result);
	error = change_header(session, peer, &result);
	if (error != 0)
		return defer(queue_id, "cannot change the header", error);
	log_message(session, queue_id, &result, dns_now() - start);
	return MILTER_GO_ON;
}

static enum milter_answer on_end(void *arg, struct milter_peer *peer)
{
	char queue_id[65];
	enum milter_answer answer;

	clean_macro(queue_id, sizeof(queue_id), peer, "i");
	answer = judge(arg, peer, or_none(queue_id));
	end_message(arg);
	return answer;
}

struct milter_filter session_filter(struct milter *milter)
{
	return (struct milter_filter){
		.name = "postsix-milter",
		.arg = milter,
		.on_connect = on_connect,
		.on_helo = on_helo,
		.on_message = on_message,
		.on_field = on_field,
		.on_body_start = on_body_start,
		.on_body = on_body,
		.on_end = on_end,
		.on_close = on_close,
	};
}
