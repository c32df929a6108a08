// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The milter protocol, by libmilter.
//
// The one thing to know: only the end of a message is answered. Every other step is told to Postfix
// as one that gets no reply (SMFIP_NR_*), where Postfix offers that, which saves a round trip for
// each header field; what goes wrong on the way is the filter's to remember until the end.
#include "adapter/milter.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "base/mem.h"

#define BACKLOG 256
#define SILENT                                                                                     \
	(SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_EOH |             \
	 SMFIP_NR_BODY)
#define UNWANTED    (SMFIP_NORCPT | SMFIP_NOUNKNOWN | SMFIP_NODATA)
#define ADDRESS_MAX INET6_ADDRSTRLEN

// What libmilter keeps for us of a session.
struct conversation {
	unsigned long steps; // SMFIP_ bits agreed on
	void *session;
};

static const struct milter_filter *the_filter; // libmilter has room for one

static SMFICTX *context_of(struct milter_peer *peer)
{
	return (SMFICTX *)peer;
}

static struct milter_peer *peer_of(SMFICTX *context)
{
	return (struct milter_peer *)context;
}

static void *session_of(SMFICTX *context)
{
	struct conversation *conversation = smfi_getpriv(context);

	return conversation != NULL ? conversation->session : NULL;
}

// The reply to a step, for a Postfix that waits for one.
static sfsistat done(SMFICTX *context, unsigned long bit)
{
	const struct conversation *conversation = smfi_getpriv(context);

	if (conversation == NULL)
		return SMFIS_TEMPFAIL;
	if ((conversation->steps & bit) != 0)
		return SMFIS_NOREPLY;
	return conversation->session != NULL ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps,
			     unsigned long f2, unsigned long f3, unsigned long *ret_actions,
			     unsigned long *ret_steps, unsigned long *ret_f2, unsigned long *ret_f3)
{
	const unsigned long needed = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
	struct conversation *conversation = mem_new(1, sizeof(*conversation));

	(void)f2;
	(void)f3;
	conversation->steps = steps & (SILENT | UNWANTED | SMFIP_HDR_LEADSPC);
	if ((actions & needed) != needed || (steps & SMFIP_HDR_LEADSPC) == 0 ||
	    smfi_setpriv(context, conversation) != MI_SUCCESS) {
		free(conversation);
		return SMFIS_REJECT; // this MTA cannot be worked with
	}
	*ret_actions = needed;
	*ret_steps = conversation->steps;
	*ret_f2 = 0;
	*ret_f3 = 0;
	return SMFIS_CONTINUE;
}

static void address_text(char dst[ADDRESS_MAX], const struct sockaddr *address)
{
	const void *bytes = NULL;

	dst[0] = '\0';
	if (address != NULL && address->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	if (address != NULL && address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (bytes != NULL && inet_ntop(address->sa_family, bytes, dst, ADDRESS_MAX) == NULL)
		dst[0] = '\0';
}

static sfsistat on_connect(SMFICTX *context, char *host, _SOCK_ADDR *address)
{
	struct conversation *conversation = smfi_getpriv(context);
	char text[ADDRESS_MAX];

	(void)host; // Postfix's idea of the reverse name; the filter asks for itself
	if (conversation == NULL)
		return SMFIS_TEMPFAIL;
	address_text(text, (const struct sockaddr *)address);
	conversation->session = the_filter->on_connect(the_filter->arg, peer_of(context), text);
	return done(context, SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *context, char *name)
{
	if (session_of(context) != NULL)
		the_filter->on_helo(session_of(context), peer_of(context),
				    name != NULL ? name : "");
	return done(context, SMFIP_NR_HELO);
}

static sfsistat on_envfrom(SMFICTX *context, char **words)
{
	if (session_of(context) != NULL)
		the_filter->on_message(session_of(context), peer_of(context),
				       words != NULL && words[0] != NULL ? words[0] : "");
	return done(context, SMFIP_NR_MAIL);
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
	if (session_of(context) != NULL)
		the_filter->on_field(session_of(context), name, value);
	return done(context, SMFIP_NR_HDR);
}

static sfsistat on_eoh(SMFICTX *context)
{
	if (session_of(context) != NULL)
		the_filter->on_body_start(session_of(context));
	return done(context, SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *context, unsigned char *bytes, size_t len)
{
	if (session_of(context) != NULL)
		the_filter->on_body(session_of(context), bytes, len);
	return done(context, SMFIP_NR_BODY);
}

static sfsistat on_eom(SMFICTX *context)
{
	static const sfsistat replies[] = {
		[MILTER_GO_ON] = SMFIS_CONTINUE,
		[MILTER_TEMPFAIL] = SMFIS_TEMPFAIL,
		[MILTER_REJECT] = SMFIS_REJECT,
	};

	if (session_of(context) == NULL)
		return SMFIS_TEMPFAIL;
	return replies[the_filter->on_end(session_of(context), peer_of(context))];
}

static sfsistat on_close(SMFICTX *context)
{
	struct conversation *conversation = smfi_getpriv(context);

	if (conversation != NULL && conversation->session != NULL)
		the_filter->on_close(conversation->session);
	free(conversation);
	smfi_setpriv(context, NULL);
	return SMFIS_CONTINUE;
}

const char *milter_macro(struct milter_peer *peer, const char *name)
{
	const char *value = smfi_getsymval(context_of(peer), (char *)name);

	return value != NULL ? value : "";
}

int milter_delete_field(struct milter_peer *peer, const char *name, unsigned nth)
{
	return smfi_chgheader(context_of(peer), (char *)name, (int)nth, NULL) == MI_SUCCESS ? 0
											    : -EIO;
}

int milter_insert_field(struct milter_peer *peer, const char *name, const char *value)
{
	auto_free char *spaced = mem_new(strlen(value) + 2, 1);

	// with SMFIP_HDR_LEADSPC the blank behind the colon is ours to write
	spaced[0] = ' ';
	memcpy(spaced + 1, value, strlen(value) + 1);
	return smfi_insheader(context_of(peer), 0, (char *)name, spaced) == MI_SUCCESS ? 0 : -EIO;
}

int milter_set_words(struct milter_peer *peer, const char *code, const char *words)
{
	return smfi_setreply(context_of(peer), "550", (char *)code, (char *)words) == MI_SUCCESS
		       ? 0
		       : -EIO;
}

int milter_open(const struct milter_filter *filter, const char *socket)
{
	struct smfiDesc description = {
		.xxfi_name = (char *)filter->name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_envfrom,
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	assert(the_filter == NULL);
	the_filter = filter;
	return smfi_register(description) == MI_SUCCESS && smfi_setbacklog(BACKLOG) == MI_SUCCESS &&
			       smfi_setconn((char *)socket) == MI_SUCCESS &&
			       smfi_opensocket(true) == MI_SUCCESS
		       ? 0
		       : -EIO;
}

int milter_run(void)
{
	return smfi_main() == MI_SUCCESS ? 0 : -EIO;
}
