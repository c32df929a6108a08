// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Keys, by OpenSSL's libcrypto.
//
// What a newcomer would get wrong: whatever form the file had, key_pem() is written anew, so that
// the library that signs sees one form only. And OpenSSL would ask the terminal for the password
// of a locked key, were there no on_password.
#include "adapter/key.h"

#define OPENSSL_API_COMPAT 0x10101000L // RSA_METHOD, see key_keep()

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/credential.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"

#define ED25519_OCTETS    32
#define ED25519_SIGNATURE 64
#define BASE64_SIZE(n)    (((n) + 2) / 3 * 4 + 1)

struct key {
	enum key_type type;
	EVP_PKEY *pair;
	char *pem;
	RSA *rsa; // where it is kept, else NULL
	struct key *next_kept;
};

static int on_password(char *dst, int size, int writing, void *arg)
{
	(void)dst, (void)size, (void)writing, (void)arg;
	return -1;
}

// Signs something and verifies it: what goes wrong here would go wrong with every letter.
static bool halves_pair(EVP_PKEY *pair, enum key_type type)
{
	static const unsigned char text[] = "postsix";
	const EVP_MD *md = type == KEY_RSA ? EVP_sha256() : NULL;
	EVP_MD_CTX *sign = EVP_MD_CTX_new(), *verify = EVP_MD_CTX_new();
	unsigned char signature[KEY_RSA_BITS_MAX / 8];
	size_t len = sizeof(signature);
	bool ok = EVP_DigestSignInit(sign, NULL, md, NULL, pair) == 1 &&
		  EVP_DigestSign(sign, signature, &len, text, sizeof(text)) == 1 &&
		  EVP_DigestVerifyInit(verify, NULL, md, NULL, pair) == 1 &&
		  EVP_DigestVerify(verify, signature, len, text, sizeof(text)) == 1;

	EVP_MD_CTX_free(sign);
	EVP_MD_CTX_free(verify);
	return ok;
}

static const char *check_pair(EVP_PKEY *pair, enum key_type type)
{
	int id = EVP_PKEY_get_base_id(pair), bits = EVP_PKEY_get_bits(pair);

	if (type == KEY_RSA && id != EVP_PKEY_RSA)
		return "an RSA key is wanted";
	if (type == KEY_ED25519 && id != EVP_PKEY_ED25519)
		return "an Ed25519 key is wanted";
	if (type == KEY_RSA && (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX))
		return "an RSA key of 2048 to 4096 bits is wanted";
	return halves_pair(pair, type) ? NULL : "its private and public halves do not pair";
}

static char *write_pem(EVP_PKEY *pair)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL, *pem;
	long len;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL) != 1)
		abort(); // memory
	len = BIO_get_mem_data(bio, &data);
	pem = mem_strndup(data, (size_t)len);
	OPENSSL_cleanse(data, (size_t)len);
	BIO_free(bio);
	return pem;
}

static struct key *key_of(EVP_PKEY *pair, enum key_type type)
{
	struct key *key = mem_new(1, sizeof(*key));

	key->type = type;
	key->pair = pair;
	key->pem = write_pem(pair);
	return key;
}

// ---- reading ------------------------------------------------------------------------------------

static const char *read_file(const char *path, struct buf *out)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;
	int error;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return strerror(errno);
	if (!S_ISREG(stat.st_mode))
		return "it is not a regular file";
	if (stat.st_mode & (S_IROTH | S_IWOTH))
		return "others can read or write it; mode 0600 or 0640 is wanted";
	if (stat.st_mode & S_IWGRP)
		return "its group can write it; mode 0600 or 0640 is wanted";
	error = file_read_fd(fd, out);
	if (error == -EFBIG)
		return "it is too large for a key";
	if (error < 0)
		return strerror(-error);
	return out->len == 0 ? "it is empty" : NULL;
}

static const char *take_pair(const struct buf *file, enum key_type type, EVP_PKEY **ret_pair)
{
	BIO *bio = BIO_new_mem_buf(file->data, (int)file->len);
	EVP_PKEY *pair = PEM_read_bio_PrivateKey(bio, NULL, on_password, NULL);
	const char *fault = pair == NULL ? "it has no private key in PEM form without a password"
					 : check_pair(pair, type);

	BIO_free(bio);
	ERR_clear_error();
	if (fault == NULL)
		*ret_pair = pair;
	else
		EVP_PKEY_free(pair);
	return fault;
}

const char *key_open(const char *path, enum key_type type, struct key **ret_key)
{
	struct buf file = buf_make(KEY_FILE_MAX);
	char credential[PATH_MAX];
	EVP_PKEY *pair = NULL;
	const char *fault = read_file(credential_place(path, credential), &file);

	if (fault == NULL)
		fault = take_pair(&file, type, &pair);
	if (fault == NULL)
		*ret_key = key_of(pair, type);
	if (file.data != NULL)
		explicit_bzero(file.data, file.room);
	buf_free(&file);
	return fault;
}

// ---- keeping ------------------------------------------------------------------------------------

static struct key *kept; // all of them

// The private operation of all RSA keys in this process.
static int on_private_encrypt(int len, const unsigned char *from, unsigned char *to, RSA *rsa,
			      int padding)
{
	const struct key *key = kept;

	while (key != NULL && BN_cmp(RSA_get0_n(key->rsa), RSA_get0_n(rsa)) != 0)
		key = key->next_kept;
	return RSA_meth_get_priv_enc(RSA_PKCS1_OpenSSL())(len, from, to,
							  key != NULL ? key->rsa : rsa, padding);
}

static void take_over(void)
{
	static RSA_METHOD *method;

	if (method != NULL)
		return;
	method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
	if (method == NULL || RSA_meth_set_priv_enc(method, on_private_encrypt) != 1)
		abort(); // memory
	RSA_set_default_method(method);
}

void key_keep(struct key *key)
{
	assert(key->type == KEY_RSA && key->rsa == NULL);
	take_over();
	key->rsa = EVP_PKEY_get1_RSA(key->pair);
	if (key->rsa == NULL)
		abort(); // memory
	key->next_kept = kept;
	kept = key;
}

static void let_go(struct key *key)
{
	struct key **link = &kept;

	if (key->rsa == NULL)
		return;
	while (*link != key)
		link = &(*link)->next_kept;
	*link = key->next_kept;
	RSA_free(key->rsa);
}

struct key *key_free(struct key *key)
{
	if (key == NULL)
		return NULL;
	let_go(key);
	EVP_PKEY_free(key->pair);
	explicit_bzero(key->pem, strlen(key->pem));
	free(key->pem);
	free(key);
	return NULL;
}

// ---- making -------------------------------------------------------------------------------------

struct key *key_make(enum key_type type)
{
	EVP_PKEY *pair = type == KEY_RSA
				 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)KEY_RSA_BITS)
				 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (pair == NULL)
		abort(); // memory
	return key_of(pair, type);
}

static int write_out(int fd, const char *pem, const char *owner_path)
{
	struct stat owner;
	int error = file_write_fd(fd, pem, strlen(pem));

	if (error == 0 && geteuid() == 0 && stat(owner_path, &owner) == 0 &&
	    fchown(fd, owner.st_uid, owner.st_gid) < 0)
		error = -errno;
	if (error == 0 && fsync(fd) < 0)
		error = -errno;
	return error;
}

int key_store(const struct key *key, const char *path, const char *owner_path)
{
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error;

	if (fd < 0)
		return -errno;
	error = write_out(fd, key->pem, owner_path);
	if (error < 0)
		unlink(path);
	return error;
}

// ---- what it says of itself ---------------------------------------------------------------------

enum key_type key_type(const struct key *key)
{
	return key->type;
}

size_t key_signature_size(const struct key *key)
{
	return (size_t)EVP_PKEY_get_size(key->pair);
}

const char *key_pem(const struct key *key)
{
	return key->pem;
}

void key_sign_ed25519(const struct key *key, const void *data, size_t len,
		      char dst[KEY_ED25519_BASE64_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char signature[ED25519_SIGNATURE];
	size_t size = sizeof(signature);

	assert(key->type == KEY_ED25519);
	if (EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) != 1 ||
	    EVP_DigestSign(context, signature, &size, data, len) != 1)
		abort(); // memory
	EVP_MD_CTX_free(context);
	EVP_EncodeBlock((unsigned char *)dst, signature, (int)size);
}

void key_record(const struct key *key, struct buf *out)
{
	unsigned char *der = NULL, raw[ED25519_OCTETS];
	char base64[BASE64_SIZE(KEY_RSA_BITS_MAX / 8 + 64)];
	size_t raw_len = sizeof(raw);
	int len;

	if (key->type == KEY_ED25519) {
		if (EVP_PKEY_get_raw_public_key(key->pair, raw, &raw_len) != 1)
			abort();
		EVP_EncodeBlock((unsigned char *)base64, raw, (int)raw_len);
		buf_addf(out, "v=DKIM1; k=ed25519; p=%s", base64);
		return;
	}
	len = i2d_PUBKEY(key->pair, &der);
	if (len < 0)
		abort(); // memory
	assert((size_t)len <= KEY_RSA_BITS_MAX / 8 + 64);
	EVP_EncodeBlock((unsigned char *)base64, der, len);
	OPENSSL_free(der);
	buf_addf(out, "v=DKIM1; k=rsa; p=%s", base64);
}
