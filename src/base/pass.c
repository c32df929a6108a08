// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A packet with one descriptor.
//
// The length of the control buffer is CMSG_LEN's, not CMSG_SPACE's: the padding that the latter
// counts has room for a second descriptor, which the kernel would hand out.
#include "base/pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int pass_send(int socket, const void *data, size_t len, int fd)
{
	union control control = {0};
	struct iovec part = {(void *)data, len};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int passed_fd(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd;

	if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(int));
	return fd;
}

ssize_t pass_receive(int socket, void *data, size_t size, int *ret_fd)
{
	union control control = {0};
	struct iovec part = {data, size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t len;
	int fd;

	do
		len = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	fd = passed_fd(&message);
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		len = -EMSGSIZE;
	if (len > 0)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return len;
}
