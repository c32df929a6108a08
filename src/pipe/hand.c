// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Hands one message to postsix-intake and waits for its word, with libc alone.
//
// There is no time limit here: pipe(8) has one (command_time_limit) and kills. Whatever goes
// wrong is a temporary failure, because Postfix still has the mail.
#include "pipe/hand.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/pass.h"

static void status_set(char *status, const char *what, int error)
{
	snprintf(status, HAND_STATUS_MAX + 1, "4.3.0 %s: %s", what, strerror(error));
}

// The arguments one after the other, each with its NUL. -1 where they are too long.
static ssize_t pack(char packet[HAND_PACKET_MAX], char *const *arguments)
{
	size_t used = 0;

	for (; *arguments != NULL; arguments++) {
		size_t len = strlen(*arguments) + 1;

		if (len > HAND_PACKET_MAX - used)
			return -1;
		memcpy(packet + used, *arguments, len);
		used += len;
	}
	return (ssize_t)used;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	// a full backlog makes this wait: more messages than intake has children for
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

// Until there is an answer. False where pipe(8), which alone reads our standard output, died first:
// what it wrote till then ends like a whole message, so nobody may be seen to wait for it.
static bool wait_for_answer(int fd)
{
	struct pollfd ends[] = {{.fd = fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};

	while (poll(ends, 2, -1) < 0 && errno == EINTR)
		;
	return (ends[1].revents & POLLERR) == 0;
}

// Intake's word, made one printable line of the form that pipe(8) understands.
static bool read_status(int fd, char *status)
{
	ssize_t len;

	if (!wait_for_answer(fd)) {
		strcpy(status, "4.3.0 pipe(8) went away");
		return false;
	}
	do
		len = recv(fd, status, HAND_STATUS_MAX, 0);
	while (len < 0 && errno == EINTR);
	if (len < 0) {
		status_set(status, "postsix-intake", errno);
		return false;
	}
	status[len] = '\0';
	for (ssize_t i = 0; i < len; i++)
		if (status[i] < ' ' || status[i] > '~')
			status[i] = '?';
	if (strcmp(status, "2.0.0") == 0)
		return true;
	if (len == 0)
		strcpy(status, "4.3.0 postsix-intake went away before it answered");
	else if (strncmp(status, "4.", 2) != 0)
		strcpy(status, "4.3.0 postsix-intake gave an answer that is none");
	return false;
}

bool hand_over(const char *socket_path, char *const *arguments, int message_fd,
	       char ret_status[HAND_STATUS_MAX + 1])
{
	char packet[HAND_PACKET_MAX];
	ssize_t len = pack(packet, arguments);
	bool is_safe = false;
	int fd, error;

	if (len <= 0) {
		strcpy(ret_status,
		       "4.3.5 postsix-pipe has no arguments, or more than 16 kB of them");
		return false;
	}
	fd = connect_to(socket_path);
	if (fd < 0) {
		status_set(ret_status, "postsix-intake cannot be reached", errno);
		return false;
	}
	error = pass_send(fd, packet, (size_t)len, message_fd);
	if (error == 0)
		is_safe = read_status(fd, ret_status);
	else
		status_set(ret_status, "postsix-intake does not take the request", -error);
	close(fd);
	return is_safe;
}
