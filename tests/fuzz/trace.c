// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// mail/trace.h on any bytes: what is taken is written and taken again as the same; and a trace of
// any bytes is written as one that can be read. Reached: a trace was taken.

#include <string.h>

#include "fuzz.h"

#include "mail/trace.h"

static void write_and_read(const struct trace *trace, struct trace *ret_back)
{
	auto_buf struct buf out = buf_make(TRACE_TEXT_MAX);

	trace_write(&out, trace);
	assert(!buf_failed(&out));
	assert(strpbrk(buf_string(&out), "\r\"\\()<>,") == NULL);
	assert(trace_parse(out.data, out.len, ret_back) == NULL);
}

static void take(char *dst, size_t size, const uint8_t **data, size_t *left)
{
	size_t n = *left < size - 1 ? *left : size - 1;

	memcpy(dst, *data, n);
	dst[n] = '\0';
	*data += n;
	*left -= n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace trace = {0}, back = {0};

	if (trace_parse((const char *)data, size, &trace) == NULL) {
		write_and_read(&trace, &back);
		assert(memcmp(&trace, &back, sizeof(trace)) == 0);
		fuzz_reached++;
	}
	trace = (struct trace){.instance = "dual", .client = "192.0.2.1", .family = 4, .n_dkim = 1};
	take(trace.ptr, 40, &data, &size);
	take(trace.dkim[0].domain, 40, &data, &size);
	take(trace.mx.domain, 40, &data, &size);
	take(trace.helo, sizeof(trace.helo), &data, &size);
	take(trace.tls, sizeof(trace.tls), &data, &size);
	write_and_read(&trace, &back);
	assert(strcmp(back.instance, "dual") == 0 && strlen(back.helo) == strlen(trace.helo));
	return 0;
}
