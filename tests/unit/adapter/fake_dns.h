// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A DNS server of every temper on a loopback port of its own: a thread answers out of a table, over
// UDP and TCP. A name that is above another one is there, "*.test" is any name below test; all else
// is NXDOMAIN.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	T_A = 1,
	T_NS = 2,
	T_CNAME = 5,
	T_MX = 15,
	T_TXT = 16,
	T_AAAA = 28,
	T_TEMPER = 1000
};

#define RECORD_TTL   300
#define NEGATIVE_TTL 60 // the last number of the SOA record

// data: an address, a name, "10 name", a string; for T_TEMPER what befalls every question for the
// name or below it: black, servfail, refused, wrongid, cut (TC over UDP), cuthang (and nothing over
// TCP), zero (a datagram of no octets), nosoa, once (the first question is not heard).
struct zone_row {
	const char *name;
	int type;
	const char *data;
	uint32_t ttl; // 0: RECORD_TTL; 1: none
};

struct fake_dns {
	const struct zone_row *rows;
	size_t n_rows;
	int udp, tcp;
	char servers[40]; // for dns_options
	pthread_t thread;
	atomic_bool is_over;
	atomic_int n_asked, n_tcp;
	char asked[20000]; // " name/type" of each question, as much as fits
};

struct packet {
	unsigned char bytes[65535];
	size_t len;
};

static void put(struct packet *packet, const void *bytes, size_t len)
{
	if (packet->len + len <= sizeof(packet->bytes))
		memcpy(packet->bytes + packet->len, bytes, len);
	packet->len += len;
}

static void put_number(struct packet *packet, uint32_t number, size_t octets)
{
	const uint32_t wire = htonl(number);

	put(packet, (const unsigned char *)&wire + 4 - octets, octets);
}

static void put_name(struct packet *packet, const char *name)
{
	while (*name != '\0') {
		const size_t n = strcspn(name, ".");

		put_number(packet, (uint32_t)n, 1);
		put(packet, name, n);
		name += n + (name[n] == '.');
	}
	put_number(packet, 0, 1);
}

static void put_record(struct packet *packet, const char *name, int type, uint32_t ttl,
		       const void *data, size_t len)
{
	put_name(packet, name);
	put_number(packet, (uint32_t)type, 2);
	put_number(packet, 1, 2);
	put_number(packet, ttl, 4);
	put_number(packet, (uint32_t)len, 2);
	put(packet, data, len);
}

static void put_row(struct packet *packet, const char *name, const struct zone_row *row)
{
	struct packet *data = calloc(1, sizeof(*data));
	const char *host = strchr(row->data, ' ');

	if (row->type == T_A || row->type == T_AAAA) {
		data->len = row->type == T_A ? 4 : 16;
		inet_pton(row->type == T_A ? AF_INET : AF_INET6, row->data, data->bytes);
	} else if (row->type == T_TXT) {
		put_number(data, (uint32_t)strlen(row->data), 1);
		put(data, row->data, strlen(row->data));
	} else if (row->type == T_MX) {
		put_number(data, (uint32_t)atoi(row->data), 2);
		put_name(data, host + 1);
	} else {
		put_name(data, row->data);
	}
	put_record(packet, name, row->type,
		   row->ttl == 0   ? RECORD_TTL
		   : row->ttl == 1 ? 0
				   : row->ttl,
		   data->bytes, data->len);
	free(data);
}

static void put_soa(struct packet *packet)
{
	struct packet *data = calloc(1, sizeof(*data));

	put_name(data, "ns.test");
	put_name(data, "root.test");
	for (int i = 0; i < 4; i++)
		put_number(data, 1, 4);
	put_number(data, NEGATIVE_TTL, 4);
	put_record(packet, "test", 6, 900, data->bytes, data->len);
	free(data);
}

static bool is_below(const char *name, const char *top)
{
	const size_t n = strlen(name), k = strlen(top);

	return n >= k && strcasecmp(name + n - k, top) == 0 &&
	       (n == k || k == 0 || name[n - k - 1] == '.');
}

static const char *temper_of(const struct fake_dns *dns, const char *name)
{
	for (size_t i = 0; i < dns->n_rows; i++)
		if (dns->rows[i].type == T_TEMPER && is_below(name, dns->rows[i].name))
			return dns->rows[i].data;
	return "";
}

static bool is_row_of(const struct zone_row *row, const char *name)
{
	if (row->type == T_TEMPER)
		return false;
	if (strncmp(row->name, "*.", 2) == 0)
		return strlen(name) > strlen(row->name) - 2 && is_below(name, row->name + 2);
	return strcasecmp(row->name, name) == 0;
}

// The records into the packet, along CNAMEs. Whether the name is there at all.
static bool put_answers(const struct fake_dns *dns, struct packet *packet, const char *name,
			int type, int depth, int *n)
{
	bool is_there = false;

	for (size_t i = 0; i < dns->n_rows; i++) {
		const struct zone_row *row = &dns->rows[i];

		is_there = is_there || is_row_of(row, name) || is_below(row->name, name);
		if (!is_row_of(row, name) || (row->type != type && row->type != T_CNAME))
			continue;
		put_row(packet, name, row);
		++*n;
		if (row->type == T_CNAME && depth < 4)
			return put_answers(dns, packet, row->data, type, depth + 1, n);
	}
	return is_there;
}

static void answer_question(const struct fake_dns *dns, struct packet *packet, const char *name,
			    int type, bool is_tcp)
{
	const char *temper = temper_of(dns, name);
	int n = 0, rcode = 0;

	if (strcmp(temper, "servfail") == 0 || strcmp(temper, "refused") == 0) {
		rcode = temper[0] == 's' ? 2 : 5;
	} else if (strncmp(temper, "cut", 3) != 0 || is_tcp) {
		rcode = put_answers(dns, packet, name, type, 0, &n) ? 0 : 3;
		if (n == 0 && strcmp(temper, "nosoa") != 0) {
			put_soa(packet);
			packet->bytes[9] = 1;
		}
	}
	packet->bytes[2] = strncmp(temper, "cut", 3) == 0 && !is_tcp ? 0x83 : 0x81;
	packet->bytes[3] = (unsigned char)(0x80 | rcode);
	packet->bytes[6] = (unsigned char)(n >> 8);
	packet->bytes[7] = (unsigned char)n;
	if (strcmp(temper, "wrongid") == 0)
		packet->bytes[0] ^= 0x55;
}

static void note_question(struct fake_dns *dns, const char *name, int type)
{
	const size_t len = strlen(dns->asked);

	dns->n_asked++;
	if (len + strlen(name) + 8 < sizeof(dns->asked))
		snprintf(dns->asked + len, sizeof(dns->asked) - len, " %s/%d", name, type);
}

// False where nothing is to be said.
static bool make_answer(struct fake_dns *dns, const unsigned char *query, size_t len, bool is_tcp,
			struct packet *packet)
{
	char name[256] = "";
	size_t at = 12, n = 0;
	int type;
	const char *temper;

	for (; at < len && query[at] != 0; at += query[at] + 1U)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "%s%.*s", n > 0 ? "." : "",
				      query[at], query + at + 1);
	type = query[at + 1] << 8 | query[at + 2];
	note_question(dns, name, type);
	temper = temper_of(dns, name);
	memset(packet->bytes, 0, 12);
	packet->len = 0;
	put(packet, query, 2);
	packet->len = 12;
	packet->bytes[5] = 1;
	put(packet, query + 12, at + 5 - 12);
	answer_question(dns, packet, name, type, is_tcp);
	if (strcmp(temper, "zero") == 0)
		packet->len = 0;
	return strcmp(temper, "black") != 0 && !(is_tcp && strcmp(temper, "cuthang") == 0) &&
	       !(strcmp(temper, "once") == 0 &&
		 strstr(dns->asked, name) ==
			 dns->asked + strlen(dns->asked) - strlen(strrchr(dns->asked, ' ')) + 1);
}

// One connection at a time, one question each.
static void serve_tcp(struct fake_dns *dns, struct packet *packet)
{
	unsigned char query[600], head[2];
	int fd = accept(dns->tcp, NULL, NULL);
	ssize_t n = fd < 0 ? -1 : recv(fd, head, 2, MSG_WAITALL);

	dns->n_tcp++;
	if (n == 2)
		n = recv(fd, query, (size_t)(head[0] << 8 | head[1]), MSG_WAITALL);
	if (n > 12 && make_answer(dns, query, (size_t)n, true, packet)) {
		head[0] = (unsigned char)(packet->len >> 8);
		head[1] = (unsigned char)packet->len;
		send(fd, head, 2, MSG_NOSIGNAL | MSG_MORE);
		send(fd, packet->bytes, packet->len, MSG_NOSIGNAL);
	}
	if (fd >= 0)
		close(fd);
}

static void *run_dns(void *arg)
{
	struct fake_dns *dns = arg;
	struct packet *packet = calloc(1, sizeof(*packet));
	struct pollfd polls[2] = {{.fd = dns->udp, .events = POLLIN},
				  {.fd = dns->tcp, .events = POLLIN}};

	while (!dns->is_over && poll(polls, 2, 50) >= 0) {
		struct sockaddr_in client;
		socklen_t size = sizeof(client);
		unsigned char query[600];
		const ssize_t n = recvfrom(dns->udp, query, sizeof(query), MSG_DONTWAIT,
					   (struct sockaddr *)&client, &size);

		if (n > 12 && make_answer(dns, query, (size_t)n, false, packet))
			sendto(dns->udp, packet->bytes, packet->len, 0, (struct sockaddr *)&client,
			       size);
		if ((polls[1].revents & POLLIN) != 0)
			serve_tcp(dns, packet);
	}
	free(packet);
	return NULL;
}

static int bind_dns(int kind, struct sockaddr_in *address)
{
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	close(fd);
	return -1;
}

// UDP on any port, and TCP on the same.
static void fake_dns_start(struct fake_dns *dns, const struct zone_row *rows, size_t n_rows)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	const int room = 1 << 20;

	memset(dns, 0, sizeof(*dns));
	dns->rows = rows;
	dns->n_rows = n_rows;
	for (dns->tcp = -1; dns->tcp < 0;) {
		address = (struct sockaddr_in){.sin_family = AF_INET,
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		dns->udp = bind_dns(SOCK_DGRAM, &address);
		assert_true(dns->udp >= 0);
		getsockname(dns->udp, (struct sockaddr *)&address, &size);
		dns->tcp = bind_dns(SOCK_STREAM, &address);
		if (dns->tcp < 0)
			close(dns->udp);
	}
	assert_int_equal(listen(dns->tcp, 50), 0);
	setsockopt(dns->udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%d", ntohs(address.sin_port));
	pthread_create(&dns->thread, NULL, run_dns, dns);
}

static void fake_dns_stop(struct fake_dns *dns)
{
	dns->is_over = true;
	pthread_join(dns->thread, NULL);
	close(dns->udp);
	close(dns->tcp);
}
