// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// key: what is taken for a key and what is not (fault 34), what is made, what the DNS says of it
// (RFC 6376 section 3.6.1, RFC 8463, RFC 8301).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "adapter/key.h"
#include "unit/folder.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

// RFC 8463 appendix A.2
#define RFC8463_PRIVATE "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define RFC8463_RECORD  "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static FILE *create(const char *name)
{
	FILE *file = fopen(folder_file(name), "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	return file;
}

static void write_pem(const char *name, EVP_PKEY *pair, const char *password)
{
	FILE *file = create(name);

	assert_int_equal(PEM_write_PKCS8PrivateKey(file, pair,
						   password == NULL ? NULL : EVP_aes_128_cbc(),
						   NULL, 0, NULL, (void *)(uintptr_t)password),
			 1);
	fclose(file);
}

// The older form; flip changes a few bits of the modulus, which follows the version and a head of
// four octets.
static void write_rsa_pem(const char *name, EVP_PKEY *pair, unsigned char flip)
{
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(pair, &der);
	FILE *file = create(name);

	assert_true(len > 300);
	der[4 + 3 + 4 + 100] ^= flip;
	PEM_write(file, "RSA PRIVATE KEY", "", der, len);
	fclose(file);
	OPENSSL_free(der);
}

// Large ones of four primes, which are found sooner.
static EVP_PKEY *rsa(int type, size_t bits)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(type, NULL);
	EVP_PKEY *pair = NULL;

	EVP_PKEY_keygen_init(context);
	EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits);
	if (bits >= 4096)
		EVP_PKEY_CTX_set_rsa_keygen_primes(context, 4);
	assert_int_equal(EVP_PKEY_keygen(context, &pair), 1);
	EVP_PKEY_CTX_free(context);
	return pair;
}

static void write_all(void)
{
	static const size_t sizes[] = {1024, 2047, 2048, 4096, 4104};
	EVP_PKEY *pair;
	char name[20];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		pair = rsa(EVP_PKEY_RSA, sizes[i]);
		snprintf(name, sizeof(name), "rsa%zu", sizes[i]);
		write_pem(name, pair, NULL);
		if (sizes[i] == 2048) {
			write_rsa_pem("traditional", pair, 0);
			write_rsa_pem("unpaired", pair, 0x55);
			write_pem("locked", pair, "secret");
		}
		EVP_PKEY_free(pair);
	}
	pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	write_pem("ed25519", pair, NULL);
	EVP_PKEY_free(pair);
	pair = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	write_pem("ec", pair, NULL);
	EVP_PKEY_free(pair);
	pair = rsa(EVP_PKEY_RSA_PSS, 2048);
	write_pem("pss", pair, NULL);
	EVP_PKEY_free(pair);
}

// A public key, a cut one, and what is none.
static void write_others(void)
{
	static char large[KEY_FILE_MAX + 1];
	EVP_PKEY *pair = rsa(EVP_PKEY_RSA, 2048);
	FILE *file = fopen(folder_file("public"), "w");
	char text[2000];
	size_t len;

	assert_non_null(file);
	PEM_write_PUBKEY(file, pair);
	fclose(file);
	EVP_PKEY_free(pair);
	file = fopen(folder_file("rsa2048"), "r");
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	folder_write("cut", text, len / 2);
	folder_write("empty", "", 0);
	folder_write("text", "This is no key.\n", 16);
	memset(large, '\n', sizeof(large));
	folder_write("large", large, sizeof(large));
	mkdir(folder_file("folder"), 0700);
}

static int make_files(void **state)
{
	static const char *const others[] = {"public", "cut", "empty", "text", "large"};

	if (folder_make(state) < 0)
		return -1;
	write_all();
	write_others();
	for (size_t i = 0; i < COUNT(others); i++)
		chmod(folder_file(others[i]), 0600);
	return 0;
}

static const char no_pem[] = "it has no private key in PEM form without a password";

static void test_fault34_key_files(void **state)
{
	static const struct {
		const char *name;
		enum key_type type;
		const char *fault;
	} rows[] = {
		{"rsa2048", KEY_RSA, NULL},
		{"rsa4096", KEY_RSA, NULL},
		{"traditional", KEY_RSA, NULL},
		{"ed25519", KEY_ED25519, NULL},
		{"missing", KEY_RSA, "No such file or directory"},
		{"empty", KEY_RSA, "it is empty"},
		{"large", KEY_RSA, "it is too large for a key"},
		{"folder", KEY_RSA, "it is not a regular file"},
		{"text", KEY_RSA, no_pem},
		{"cut", KEY_RSA, no_pem},
		{"public", KEY_RSA, no_pem},
		{"locked", KEY_RSA, no_pem},
		{"rsa1024", KEY_RSA, "an RSA key of 2048 to 4096 bits is wanted"},
		{"rsa2047", KEY_RSA, "an RSA key of 2048 to 4096 bits is wanted"},
		{"rsa4104", KEY_RSA, "an RSA key of 2048 to 4096 bits is wanted"},
		{"ed25519", KEY_RSA, "an RSA key is wanted"},
		{"ec", KEY_RSA, "an RSA key is wanted"},
		{"pss", KEY_RSA, "an RSA key is wanted"},
		{"rsa2048", KEY_ED25519, "an Ed25519 key is wanted"},
		{"unpaired", KEY_RSA, "its private and public halves do not pair"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct key *key = NULL;
		const char *fault = key_open(folder_file(rows[i].name), rows[i].type, &key);

		if (rows[i].fault == NULL) {
			if (fault != NULL)
				fail_msg("%s: %s", rows[i].name, fault);
			assert_non_null(key);
			assert_int_equal(key_type(key), rows[i].type);
		} else {
			if (fault == NULL)
				fail_msg("%s is taken", rows[i].name);
			assert_string_equal(fault, rows[i].fault);
			assert_null(key);
		}
		key_free(key);
	}
}

static void test_fault34_key_permissions(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} rows[] = {{0400, true},  {0600, true},  {0640, true},  {0440, true},  {0644, false},
		    {0604, false}, {0602, false}, {0620, false}, {0660, false}, {0666, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct key *key = NULL;
		const char *fault;

		chmod(folder_file("ed25519"), rows[i].mode);
		fault = key_open(folder_file("ed25519"), KEY_ED25519, &key);
		if ((fault == NULL) != rows[i].good)
			fail_msg("mode %o: %s", (unsigned)rows[i].mode,
				 fault == NULL ? "taken" : fault);
		if (!rows[i].good)
			assert_non_null(strstr(fault, "mode 0600 or 0640 is wanted"));
		key_free(key);
	}
	chmod(folder_file("ed25519"), 0600);
}

static void expect_record(const struct key *key, const char *want)
{
	struct buf record = buf_make(KEY_RECORD_MAX);

	key_record(key, &record);
	assert_string_equal(buf_string(&record), want);
	buf_free(&record);
}

static void record_of(const char *path, enum key_type type, char dst[KEY_RECORD_MAX])
{
	struct buf record = buf_make(KEY_RECORD_MAX);
	struct key *key = NULL;

	assert_null(key_open(path, type, &key));
	key_record(key, &record);
	assert_false(buf_failed(&record));
	strcpy(dst, buf_string(&record));
	buf_free(&record);
	key_free(key);
}

// A credential of the same last name goes before the file, and only that.
static void test_credentials(void **state)
{
	char file[KEY_RECORD_MAX], credential[KEY_RECORD_MAX];
	struct key *key = NULL;

	(void)state;
	mkdir(folder_file("credentials"), 0700);
	assert_int_equal(rename(folder_file("traditional"), folder_file("credentials/traditional")),
			 0);
	record_of(folder_file("credentials/traditional"), KEY_RSA, credential);
	record_of(folder_file("rsa2048"), KEY_RSA, file);
	assert_string_equal(file, credential); // both are one key in two forms
	record_of(folder_file("rsa4096"), KEY_RSA, file);

	setenv("CREDENTIALS_DIRECTORY", folder_file("credentials"), 1);
	record_of(folder_file("traditional"), KEY_RSA, file); // where no file is
	assert_string_equal(file, credential);
	record_of(folder_file("rsa4096"), KEY_RSA, file); // where no credential is
	assert_string_not_equal(file, credential);
	folder_write("credentials/ed25519", "none", 4);
	chmod(folder_file("credentials/ed25519"), 0400);
	assert_string_equal(key_open(folder_file("ed25519"), KEY_ED25519, &key), no_pem);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_rfc8463_record(void **state)
{
	unsigned char seed[48];
	struct key *key = NULL;
	EVP_PKEY *pair;

	(void)state;
	EVP_DecodeBlock(seed, (const unsigned char *)RFC8463_PRIVATE, sizeof(RFC8463_PRIVATE) - 1);
	pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	write_pem("rfc8463", pair, NULL);
	EVP_PKEY_free(pair);
	assert_null(key_open(folder_file("rfc8463"), KEY_ED25519, &key));
	expect_record(key, RFC8463_RECORD);
	assert_int_equal(key_signature_size(key), 64);
	key_free(key);
}

// p= is what any other reader takes for the public half of the private key.
static void test_rsa_record(void **state)
{
	static const char head[] = "v=DKIM1; k=rsa; p=";
	struct buf record = buf_make(KEY_RECORD_MAX);
	struct key *key = key_make(KEY_RSA);
	unsigned char der[1000];
	const unsigned char *next = der;
	BIO *bio = BIO_new_mem_buf(key_pem(key), -1);
	EVP_PKEY *private = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL), *public;
	int len;

	(void)state;
	key_record(key, &record);
	assert_memory_equal(record.data, head, sizeof(head) - 1);
	len = EVP_DecodeBlock(der, (unsigned char *)record.data + sizeof(head) - 1,
			      (int)(record.len - (sizeof(head) - 1)));
	public = d2i_PUBKEY(NULL, &next, len);
	assert_non_null(public);
	assert_int_equal(EVP_PKEY_get_bits(public), KEY_RSA_BITS);
	assert_int_equal(EVP_PKEY_eq(private, public), 1);
	EVP_PKEY_free(public);
	EVP_PKEY_free(private);
	BIO_free(bio);
	buf_free(&record);
	key_free(key);
}

static void test_store(void **state)
{
	struct key *key = key_make(KEY_ED25519), *other = key_make(KEY_ED25519), *again = NULL;
	struct buf record = buf_make(KEY_RECORD_MAX);
	mode_t mask = umask(0);
	struct stat stat_of;

	(void)state;
	assert_int_equal(key_store(key, folder_file("new"), "/nonexistent"), 0);
	umask(mask);
	assert_int_equal(stat(folder_file("new"), &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);
	assert_int_equal(stat_of.st_uid, geteuid());
	assert_int_equal(key_store(other, folder_file("new"), "/nonexistent"), -EEXIST);
	assert_int_equal(key_store(other, folder_file("no/folder"), "/nonexistent"), -ENOENT);
	assert_null(key_open(folder_file("new"), KEY_ED25519, &again)); // the first is still there
	key_record(key, &record);
	expect_record(again, buf_string(&record));
	buf_free(&record);
	key_free(again);
	key_free(other);
	key_free(key);
}

static void test_store_owner(void **state)
{
	struct key *key = key_make(KEY_ED25519);
	struct stat stat_of;

	(void)state;
	if (geteuid() != 0)
		skip();
	folder_write("owner", "x", 1);
	assert_int_equal(chown(folder_file("owner"), 12345, 23456), 0);
	assert_int_equal(key_store(key, folder_file("owned"), folder_file("owner")), 0);
	assert_int_equal(stat(folder_file("owned"), &stat_of), 0);
	assert_int_equal(stat_of.st_uid, 12345);
	assert_int_equal(stat_of.st_gid, 23456);
	key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault34_key_files),
		cmocka_unit_test(test_fault34_key_permissions),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_rfc8463_record),
		cmocka_unit_test(test_rsa_record),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_store_owner),
	};

	assert_null(key_free(NULL));
	return cmocka_run_group_tests(tests, make_files, folder_remove);
}
