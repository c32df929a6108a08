// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What postsix-pipe sends, and the answer to it.
//
// A packet is refused whole at the first thing that is not as hand.h says. The descriptors that
// came with it are closed whatever becomes of it.
#include "intake/request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/pass.h"

#define NAME_MAX_OCTETS 40

// "name=value" into the envelope.
static const char *set_one(struct envelope *envelope, const char *argument)
{
	const char *equals = strchr(argument, '=');
	char name[NAME_MAX_OCTETS + 1];

	if (equals == NULL || equals - argument > NAME_MAX_OCTETS)
		return "an argument is not name=value";
	memcpy(name, argument, (size_t)(equals - argument));
	name[equals - argument] = '\0';
	return envelope_set(envelope, name, equals + 1);
}

const char *request_parse(const char *packet, size_t len, struct envelope *ret_envelope)
{
	struct envelope envelope = {0};
	const char *wrong = NULL, *missing;

	if (len == 0 || packet[len - 1] != '\0')
		return "the request does not end in a NUL";
	for (size_t i = 0; i < len && wrong == NULL; i += strlen(packet + i) + 1)
		wrong = set_one(&envelope, packet + i);
	missing = envelope_finish(&envelope);
	if (wrong == NULL && missing != NULL)
		wrong = "the request lacks instance, queue_id or recipient";
	if (wrong == NULL)
		*ret_envelope = envelope;
	else
		envelope_free(&envelope);
	return wrong;
}

const char *request_read(int socket, struct request *ret_request)
{
	static char packet[REQUEST_PACKET_MAX];
	const char *wrong;
	int fd = -1;
	ssize_t len = pass_receive(socket, packet, sizeof(packet), &fd);

	if (len == -EMSGSIZE)
		return "the request is too long, or has more than one descriptor";
	if (len <= 0)
		return "";
	if (fd < 0)
		return "the request came without the message's descriptor";
	wrong = request_parse(packet, (size_t)len, &ret_request->envelope);
	if (wrong == NULL)
		ret_request->message_fd = fd;
	else
		close(fd);
	return wrong;
}

bool request_is_wanted(int socket)
{
	struct pollfd poll_fd = {.fd = socket, .events = POLLRDHUP};

	return poll(&poll_fd, 1, 0) == 0;
}

void request_answer(int socket, const char *status)
{
	while (send(socket, status, strlen(status), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

void request_free(struct request *request)
{
	envelope_free(&request->envelope);
	if (request->message_fd >= 0)
		close(request->message_fd);
	request->message_fd = -1;
}
