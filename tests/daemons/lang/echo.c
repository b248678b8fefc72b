/* SPDX-License-Identifier: MIT */
/* echo PORT 4|d: an echo server on GSocket. */
#include <gio/gio.h>

#include <stdlib.h>

int main(int argc, char **argv)
{
	GSocketFamily family = G_SOCKET_FAMILY_IPV4;
	GSocketAddress *anywhere, *peer;
	GInetAddress *address;
	GSocket *socket;
	GError *error = NULL;
	char data[65535];
	gssize bytes;

	if (argc < 3)
		return 2;
	if (argv[2][0] != '4')
		family = G_SOCKET_FAMILY_IPV6;
	socket = g_socket_new(family, G_SOCKET_TYPE_DATAGRAM,
			      G_SOCKET_PROTOCOL_UDP, &error);
	g_assert_no_error(error);
	address = g_inet_address_new_any(family);
	anywhere = g_inet_socket_address_new(address, (guint16)atoi(argv[1]));
	g_socket_bind(socket, anywhere, FALSE, &error);
	g_assert_no_error(error);

	for (;;) {
		bytes = g_socket_receive_from(socket, &peer, data, sizeof(data),
					      NULL, NULL);
		if (bytes < 0)
			continue;
		g_socket_send_to(socket, peer, data, (gsize)bytes, NULL, NULL);
		g_object_unref(peer);
	}
}
