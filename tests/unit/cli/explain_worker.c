// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The process of `postsix explain`, taken over by a message: in place of the parser stands one that
// does what the message says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/explain_judge.h"
#include "cli/explain_worker.h"

void explain_judge(const struct diagnose_table *table, char *bytes, size_t len,
		   struct explained *ret_explained)
{
	const char *act = strndup(bytes, len);

	(void)table;
	*ret_explained = (struct explained){.is_mail = true};
	if (strcmp(act, "socket") == 0)
		socket(AF_INET, SOCK_STREAM, 0);
	else if (strcmp(act, "program") == 0)
		execl("/bin/true", "true", NULL);
	else if (strcmp(act, "write") == 0)
		(void)open("/tmp/postsix-explain", O_WRONLY | O_CREAT, 0600);
	else if (strcmp(act, "read") == 0)
		ret_explained->is_mail = open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES;
}

void explained_free(struct explained *explained)
{
	(void)explained;
}

static void test_worker_taken_over(void **state)
{
	static const struct {
		const char *act;
		enum explain_verdict verdict;
	} rows[] = {
		{"nothing", EXPLAIN_CLASSED}, {"socket", EXPLAIN_DIED},
		{"nothing", EXPLAIN_CLASSED}, {"program", EXPLAIN_DIED},
		{"write", EXPLAIN_DIED},      {"read", EXPLAIN_NO_MAIL},
	};
	const struct explain_setting setting = {NULL, NULL, true};
	struct explain_worker *worker;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	print_message("# skipped: the sanitizer makes calls that the filter forbids; the plain "
		      "build runs this\n");
	skip();
#endif
	assert_int_equal(explain_worker_new(&setting, &worker), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_buf struct buf out = buf_make(10000);
		enum explain_verdict verdict;

		assert_int_equal(explain_worker_ask(worker, "f", 1, rows[i].act,
						    strlen(rows[i].act), &out, &verdict),
				 0);
		if (verdict != rows[i].verdict)
			fail_msg("%s: %d", rows[i].act, verdict);
	}
	explain_worker_free(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worker_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
