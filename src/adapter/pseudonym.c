// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// HMAC-SHA-256 with a purpose in front, so that a tag of one kind is none of another.

#include "adapter/pseudonym.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "adapter/digest.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define KEY_MIN 16
#define KEY_MAX 1024

struct pseudonym {
	unsigned char key[KEY_MAX];
	size_t len;
};

struct pseudonym *pseudonym_random(void)
{
	struct pseudonym *pseudonym = mem_new(1, sizeof(*pseudonym));

	pseudonym->len = PSEUDONYM_KEY_SIZE;
	if (getrandom(pseudonym->key, pseudonym->len, 0) != PSEUDONYM_KEY_SIZE)
		abort(); // never for so few octets
	return pseudonym;
}

struct pseudonym *pseudonym_free(struct pseudonym *pseudonym)
{
	if (pseudonym != NULL)
		explicit_bzero(pseudonym, sizeof(*pseudonym));
	free(pseudonym);
	return NULL;
}

static int make_key(const char *path)
{
	auto_free char *folder = mem_strdup(path);
	char *name = strrchr(folder, '/');
	struct pseudonym *fresh;
	auto_fd int fd = -1;
	mode_t mask;
	int r;

	if (name == NULL || name == folder)
		return -EINVAL;
	*name++ = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fresh = pseudonym_random();
	mask = umask(0077);
	r = file_put_durably(fd, name, fresh->key, fresh->len);
	umask(mask);
	pseudonym_free(fresh);
	return r;
}

int pseudonym_open(const char *path, bool make, struct pseudonym **ret_pseudonym)
{
	auto_buf struct buf octets = buf_make(KEY_MAX);
	struct pseudonym *pseudonym;
	int r = file_read_at(AT_FDCWD, path, &octets);

	if (r == -ENOENT && make) {
		r = make_key(path);
		if (r == 0)
			r = file_read_at(AT_FDCWD, path, &octets);
	}
	if (r == 0 && octets.len < KEY_MIN)
		r = -ENODATA;
	if (r < 0)
		return r;
	pseudonym = mem_new(1, sizeof(*pseudonym));
	memcpy(pseudonym->key, octets.data, octets.len);
	pseudonym->len = octets.len;
	*ret_pseudonym = pseudonym;
	return 0;
}

static void hash(const struct pseudonym *pseudonym, const char *kind, const char *text,
		 unsigned char dst[DIGEST_SIZE])
{
	auto_buf struct buf all = buf_make(65536);

	buf_adds(&all, kind);
	buf_addc(&all, '\0');
	buf_adds(&all, text);
	digest_hmac(dst, pseudonym->key, pseudonym->len, all.data, all.len);
}

static bool is_pseudonym(const char *address)
{
	size_t prefix = strlen(PSEUDONYM_LOCAL);

	return strncmp(address, PSEUDONYM_LOCAL, prefix) == 0 &&
	       strspn(address + prefix, "0123456789abcdef") == PSEUDONYM_DIGITS &&
	       (address[prefix + PSEUDONYM_DIGITS] == '@' ||
		address[prefix + PSEUDONYM_DIGITS] == '\0');
}

void pseudonym_address(const struct pseudonym *pseudonym, const char *address,
		       char dst[ADDR_TEXT_SIZE])
{
	unsigned char digest[DIGEST_SIZE];
	char lower[ADDR_TEXT_SIZE];
	const char *at;
	char hex[PSEUDONYM_DIGITS + 1];

	text_cut(lower, sizeof(lower), address);
	text_lower(lower);
	if (lower[0] == '\0' || is_pseudonym(lower)) {
		memmove(dst, lower, strlen(lower) + 1);
		return;
	}
	hash(pseudonym, "address", lower, digest);
	digest_hex(hex, digest, PSEUDONYM_DIGITS / 2);
	at = strrchr(lower, '@');
	snprintf(dst, ADDR_TEXT_SIZE, PSEUDONYM_LOCAL "%s%s", hex, at == NULL ? "" : at);
}

uint64_t pseudonym_tag(const struct pseudonym *pseudonym, const char *kind, const char *text)
{
	unsigned char digest[DIGEST_SIZE];
	uint64_t tag = 0;

	hash(pseudonym, kind, text, digest);
	for (size_t i = 0; i < sizeof(tag); i++)
		tag = tag << 8 | digest[i];
	return tag;
}

void pseudonym_id(const struct pseudonym *pseudonym, char dst[PSEUDONYM_ID_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	hash(pseudonym, "key", "", digest);
	digest_hex(dst, digest, PSEUDONYM_ID_SIZE / 2);
}
