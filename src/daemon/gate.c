// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Each connection is one of Postfix's smtpd(8), which asks one question and waits for its answer.
//
// Refusals are logged, but a flood of them must not be a flood of lines: after so many of one
// reason within a minute the others are counted, and told of in one line when the minute is over.

#include "daemon/gate.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/listen.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/policy.h"
#include "mail/policy.h"

#define MINUTE    UINT64_C(60000000) // µs
#define LINES_MAX 20                 // of one reason in a minute
#define REASONS   32                 // more than there are

struct account {
	const char *reason; // a literal of whoever refuses
	unsigned lines;
	unsigned hidden;
};

struct gate {
	struct daemon *daemon;
	struct listen *listen;
	struct source *minute;
	struct account accounts[REASONS];
};

struct visitor {
	struct gate *gate;
	struct policy *policy;
};

// ---- the log ------------------------------------------------------------------------------------

static void on_minute(void *arg)
{
	struct gate *gate = arg;

	for (size_t i = 0; i < REASONS && gate->accounts[i].reason != NULL; i++) {
		struct account *account = &gate->accounts[i];

		if (account->hidden > 0)
			log_note(LOG_INFO, "policy=refused, reason=%s, more=%u, seconds=60",
				 account->reason, account->hidden);
		account->lines = account->hidden = 0;
	}
	log_flush(0); // also where nothing is logged for long
	source_set_timer(gate->minute, MINUTE);
}

// True where this line may be written.
static bool may_log(struct gate *gate, const char *reason)
{
	struct account *account = gate->accounts;

	while (account->reason != NULL && strcmp(account->reason, reason) != 0 &&
	       account < &gate->accounts[REASONS - 1])
		account++;
	account->reason = reason;
	if (account->lines == LINES_MAX) {
		account->hidden++;
		return false;
	}
	account->lines++;
	return true;
}

static void log_refusal(struct gate *gate, const struct policy_question *question,
			const struct policy_answer *answer)
{
	char token[TOKEN_ID_SIZE] = "NOTOKEN";

	if (!may_log(gate, answer->reason))
		return;
	if (answer->id != 0)
		token_id_text(token, answer->id);
	log_event(LOG_INFO, token,
		  "policy=refused, reason=%s, limit=%s, from=<%s>, to=<%s>, client=%s, reply=%s",
		  answer->reason, answer->option[0] == '\0' ? "-" : answer->option,
		  question->sender[0] == '\0' ? "" : log_value(question->sender),
		  log_value(question->recipient), log_value(question->client_address),
		  log_value(answer->action));
}

// ---- the questions ------------------------------------------------------------------------------

static void answer_request(struct gate *gate, const struct policy *policy, struct buf *out)
{
	const struct policy_question question = {
		.sender = policy_value(policy, "sender"),
		.recipient = policy_value(policy, "recipient"),
		.client_address = policy_value(policy, "client_address"),
	};
	struct policy_answer answer;

	// asked elsewhere than at RCPT it has nothing to say
	if (strcmp(policy_value(policy, "protocol_state"), "RCPT") != 0) {
		policy_write_action(out, "DUNNO");
		return;
	}
	policy_decide(gate->daemon, &question, &answer);
	if (answer.reason != NULL)
		log_refusal(gate, &question, &answer);
	policy_write_action(out, answer.action);
}

static void *on_open(void *arg)
{
	struct visitor *visitor = mem_new(1, sizeof(*visitor));

	visitor->gate = arg;
	visitor->policy = policy_new();
	return visitor;
}

static bool on_bytes(void *state, const char *bytes, size_t len, struct buf *out,
		     bool *ret_is_waiting)
{
	struct visitor *visitor = state;
	struct policy *policy = visitor->policy;
	enum policy_event event;

	policy_push(policy, bytes, len);
	while ((event = policy_next(policy)) == POLICY_REQUEST)
		answer_request(visitor->gate, policy, out);
	*ret_is_waiting = policy_pending(policy) > 0;
	if (event == POLICY_BROKEN && may_log(visitor->gate, "broken"))
		log_note(LOG_WARNING, "policy=broken, error=%s, connection closed",
			 policy_fault(policy));
	return event != POLICY_BROKEN;
}

static void on_close(void *state)
{
	struct visitor *visitor = state;

	policy_free(visitor->policy);
	free(visitor);
}

int gate_open(struct daemon *daemon, struct gate **ret_gate)
{
	struct gate *gate = mem_new(1, sizeof(*gate));
	const struct listen_service service = {on_open, on_bytes, on_close, gate};
	int r = listen_open(daemon->loop, daemon->config->policy_socket, 0, &service,
			    &gate->listen);

	if (r < 0) {
		free(gate);
		return r;
	}
	gate->daemon = daemon;
	gate->minute = loop_add_timer(daemon->loop, MINUTE, on_minute, gate);
	*ret_gate = gate;
	return 0;
}

struct gate *gate_free(struct gate *gate)
{
	if (gate == NULL)
		return NULL;
	listen_free(gate->listen);
	source_free(gate->minute);
	free(gate);
	return NULL;
}
