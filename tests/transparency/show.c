/* SPDX-License-Identifier: MIT */
/* Prints a sequence's calls as C, for a person who looks into a difference. */
#include "call.h"

const char *name_of(enum what what)
{
	static const char *const names[] = {
#define X(name) #name,
		CALLS(X)
#undef X
	};

	return names[what];
}

static void show_bytes(FILE *out, const void *bytes, size_t n)
{
	(void)fputc('"', out);
	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "\\x%02x",
			      ((const unsigned char *)bytes)[i]);
	(void)fputc('"', out);
}

static const char *host_name(enum host host)
{
	static const char *const names[HOSTS] = {
		"NULL",
		"0.0.0.0",
		"127.0.0.1",
		"127.0.0.2",
		"::",
		"::1",
		"fd00::2",
		"::ffff:0.0.0.0",
		"::ffff:127.0.0.1",
		"::ffff:127.0.0.2",
		"AF_UNSPEC 0.0.0.0",
		"AF_UNSPEC 127.0.0.1",
		"255.255.255.255",
		"ff02::1",
		"10.9.9.9",
		"AF_UNIX",
	};

	return names[host];
}

/* An address and its length. */
static void show_place(FILE *out, const struct place *place)
{
	struct sockaddr_storage address;
	struct place anywhere = *place;

	if (place->port < 0)
		anywhere.port = 0;
	if (place->host == NO_ADDRESS)
		(void)fprintf(out, "NULL");
	else if (place->port < 0)
		(void)fprintf(out, "at(\"%s\", port_of(%d))",
			      host_name(place->host), -place->port);
	else
		(void)fprintf(out, "at(\"%s\", %d)", host_name(place->host),
			      place->port);
	(void)fprintf(out, ", %d", (int)address_of(&anywhere, &address));
}

static void show_message(FILE *out, const struct message *message, bool sent)
{
	_Alignas(struct cmsghdr) char control[1024] = { 0 };
	size_t bytes = sent ? control_of(message, control) : 0;

	(void)fprintf(out, "message(");
	if (sent)
		show_place(out, &message->to);
	else
		(void)fprintf(out, "name[%d]", message->name_room);
	(void)fprintf(out, ", iov[%d]{", message->iov_count);
	for (int i = 0; i < MOST_IOVS && i < message->iov_count; i++)
		(void)fprintf(out, "%s%d", i ? ", " : "", message->iov_len[i]);
	(void)fprintf(out, "}%s, ", message->bad_iov ? " at 8" : "");
	if (!sent)
		(void)fprintf(out, "control[%d]", message->control_room);
	else if (!message->cmsg_count)
		(void)fprintf(out, "NULL, 0");
	else
		show_bytes(out, control, bytes);
	if (sent && message->cmsg_count)
		(void)fprintf(out, ", %zu", bytes);
	(void)fprintf(out, ")");
}

void show(FILE *out, int n, const struct call *call)
{
	const bool sent =
		call->what >= CALL_sendto && call->what <= CALL_writev;
	const bool received =
		call->what >= CALL_recvfrom && call->what <= CALL___read_chk;

	(void)fprintf(out, "\t/* %2d */ %s%s(", n,
		      call->via == BY_SYSCALL ? "SYS_" : "",
		      name_of(call->what));
	if (call->what == CALL_socket) {
		(void)fprintf(out, "%d, %#x, %d", call->a,
			      (unsigned int)call->b, call->c);
	} else if (call->what == CALL_bind || call->what == CALL_connect) {
		(void)fprintf(out, "%d, ", call->fd);
		show_place(out, &call->messages[0].to);
	} else if (call->what == CALL_setsockopt ||
		   call->what == CALL_getsockopt) {
		(void)fprintf(out, "%d, %d, %d, &(int){ %d }, %d", call->fd,
			      call->a, call->b, call->value, call->value_len);
	} else if (sent || received) {
		(void)fprintf(out, "%d", call->fd);
		for (int i = 0; i < call->message_count; i++) {
			(void)fprintf(out, ",\n\t\t");
			show_message(out, &call->messages[i], sent);
		}
		(void)fprintf(out, ", %#x", (unsigned int)call->flags);
		if (call->what == CALL_recvmmsg)
			(void)fprintf(out, ", %d us", call->timeout);
	} else {
		(void)fprintf(out, "%d, %d, %d, %d", call->fd, call->to,
			      call->a, call->b);
	}
	(void)fprintf(out, ");%s\n", call->via == BY_ALIAS ? " // alias" : "");
}
