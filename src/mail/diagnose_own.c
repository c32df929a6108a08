// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// How mail servers report: Postfix, Exim, qmail, Sendmail, Exchange, Google, DragonFly and others.
// Of several phases the first here counts: who tells of the message's end may name the commands
// before it as well.
#include "mail/diagnose_own.h"

#define QUOTES(text)                                                                               \
	{                                                                                          \
		OWN_QUOTES, PHASE_UNKNOWN, text                                                    \
	}
#define SAID_AT(phase, text)                                                                       \
	{                                                                                          \
		OWN_PHASE, PHASE_##phase, text                                                     \
	}

const struct own_phrase diagnose_own[] = {
	QUOTES("said:"),
	QUOTES("refused to talk to me:"),
	QUOTES("SMTP error from remote"),
	QUOTES("Remote Server returned"),
	QUOTES("Reported error:"),
	QUOTES("responded with"),
	QUOTES("It responded as follows"),
	QUOTES("generated following response"),
	QUOTES("generated response:"),
	QUOTES("did not like our"),
	QUOTES("the other server returned"),
	QUOTES("response from the remote server"),
	QUOTES("response was:"),
	QUOTES("rejected by a remote mail server"),
	QUOTES("<<< "),
	QUOTES("failed with:"),
	QUOTES("ERROR_CODE :"),
	QUOTES("server message"),
	QUOTES("SMTP:RCPT host"),

	SAID_AT(END, "in reply to end of DATA"),
	SAID_AT(END, "after end of data"),
	SAID_AT(END, "failed after I sent the message"),
	SAID_AT(END, "did not like our final DATA"),
	SAID_AT(END, "while sending end of data"),
	SAID_AT(END, "for TEXT command"),
	SAID_AT(END, "while sending message body"),
	SAID_AT(DATA, "in reply to DATA command"),
	SAID_AT(DATA, "after DATA"),
	SAID_AT(DATA, "did not like our DATA"),
	SAID_AT(DATA, "while sending DATA command"),
	SAID_AT(DATA, ">>> DATA"),
	SAID_AT(RCPT, "in reply to RCPT TO command"),
	SAID_AT(RCPT, "after RCPT TO"),
	SAID_AT(RCPT, "after RCPT command"),
	SAID_AT(RCPT, "following RCPT command"),
	SAID_AT(RCPT, "[RCPT_TO]"),
	SAID_AT(RCPT, "does not like recipient"),
	SAID_AT(RCPT, "did not like our RCPT TO"),
	SAID_AT(RCPT, "RCPT TO response"),
	SAID_AT(RCPT, "RCPT TO generated"),
	SAID_AT(RCPT, "SMTP:RCPT"),
	SAID_AT(RCPT, "while sending RCPT TO"),
	SAID_AT(RCPT, ">>> RCPT TO"),
	SAID_AT(MAIL, "in reply to MAIL FROM command"),
	SAID_AT(MAIL, "after MAIL FROM"),
	SAID_AT(MAIL, "after MAIL command"),
	SAID_AT(MAIL, "[MAIL_FROM]"),
	SAID_AT(MAIL, "but sender was rejected"),
	SAID_AT(MAIL, "did not like our MAIL FROM"),
	SAID_AT(MAIL, "while sending MAIL FROM"),
	SAID_AT(MAIL, ">>> MAIL FROM"),
	SAID_AT(STARTTLS, "in reply to STARTTLS"),
	SAID_AT(STARTTLS, "after STARTTLS"),
	SAID_AT(STARTTLS, "Cannot start TLS"),
	SAID_AT(STARTTLS, "TLS is required, but"),
	SAID_AT(STARTTLS, "Server certificate not"),
	SAID_AT(EHLO, "in reply to EHLO"),
	SAID_AT(EHLO, "in reply to HELO"),
	SAID_AT(EHLO, "in reply to LHLO"),
	SAID_AT(EHLO, "after EHLO"),
	SAID_AT(EHLO, "after HELO"),
	SAID_AT(EHLO, "the EHLO handshake"),
	SAID_AT(EHLO, "the HELO handshake"),
	SAID_AT(EHLO, "but my name was rejected"),
	SAID_AT(BANNER, "refused to talk to me"),
	SAID_AT(BANNER, "initial server greeting"),
	SAID_AT(BANNER, "but greeting failed"),
	SAID_AT(BANNER, "after initial connection"),
	SAID_AT(BANNER, "during greeting wait"),
	SAID_AT(CONNECT, "connect to"),
	SAID_AT(CONNECT, "Host or domain name not found"),
	SAID_AT(CONNECT, "Name service error"),
	SAID_AT(CONNECT, "unable to look up host"),
	SAID_AT(CONNECT, "did not accept our requests to connect"),
	SAID_AT(CONNECT, "able to establish an SMTP connection"),
	SAID_AT(CONNECT, "during user open with"),
	SAID_AT(CONNECT, "couldn't find any host named"),
};

const size_t diagnose_own_count = sizeof(diagnose_own) / sizeof(diagnose_own[0]);
