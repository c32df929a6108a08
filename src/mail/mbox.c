// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The writers of mbox files do not agree on how to quote a "From " line in a message, so nothing is
// unquoted here; what matters of a bounce does not begin so.
#include "mail/mbox.h"

#include <string.h>

void mbox_start(struct mbox *mbox, bool is_mbox, size_t max,
		void (*on_message)(void *arg, char *bytes, size_t len), void *arg)
{
	*mbox = (struct mbox){.message = buf_make(max),
			      .is_mbox = is_mbox,
			      .is_after_gap = true,
			      .on_message = on_message,
			      .arg = arg};
}

static void tell(struct mbox *mbox)
{
	if (mbox->has_begun)
		mbox->on_message(mbox->arg,
				 mbox->message.len > 0 ? mbox->message.data : (char[]){""},
				 mbox->message.len);
	buf_clear(&mbox->message);
}

// What fits of the line: a message that is cut is still one.
static void keep(struct mbox *mbox, const char *line, size_t len)
{
	const size_t room = mbox->message.max - mbox->message.len;

	buf_add(&mbox->message, line, len < room ? len : room);
}

void mbox_line(struct mbox *mbox, const char *line, size_t len)
{
	const bool is_from = len >= 5 && memcmp(line, "From ", 5) == 0;

	if (!mbox->has_begun)
		mbox->is_mbox |= is_from;
	if (mbox->is_mbox && is_from && mbox->is_after_gap) {
		tell(mbox);
		mbox->has_begun = true;
		mbox->is_after_gap = false;
		return;
	}
	mbox->has_begun = true;
	mbox->is_after_gap = line[0] == '\n' || (line[0] == '\r' && len <= 2);
	keep(mbox, line, len);
}

void mbox_end(struct mbox *mbox)
{
	tell(mbox);
	buf_free(&mbox->message);
}
