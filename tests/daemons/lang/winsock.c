/* SPDX-License-Identifier: MIT */
/*
 * winsock.exe PORT MODE [overlapped]: an echo server for Windows, on recvfrom()
 * or on WSARecvFrom() that ends later.
 */
#include <winsock2.h>
#include <ws2tcpip.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char data[65535];

static int die(const char *what)
{
	fprintf(stderr, "%s: %d\n", what, WSAGetLastError());
	exit(EXIT_FAILURE);
}

static SOCKET bound(int port, char mode)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(port) };
	DWORD only = mode == '6';
	SOCKET sock = WSASocketW(mode == '4' ? AF_INET : AF_INET6, SOCK_DGRAM,
				 0, NULL, 0, WSA_FLAG_OVERLAPPED);

	if (sock == INVALID_SOCKET)
		die("socket");
	if (mode == '4')
		return bind(sock, (struct sockaddr *)&v4, sizeof(v4))
			       ? die("bind")
			       : sock;
	if (setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, (char *)&only,
		       sizeof(only)) ||
	    bind(sock, (struct sockaddr *)&v6, sizeof(v6)))
		die("bind");
	return sock;
}

static void echo(SOCKET sock)
{
	struct sockaddr_storage peer;
	int length = sizeof(peer);
	int n = recvfrom(sock, data, sizeof(data), 0, (struct sockaddr *)&peer,
			 &length);

	if (n >= 0)
		sendto(sock, data, n, 0, (struct sockaddr *)&peer, length);
}

static void echo_overlapped(SOCKET sock, WSAEVENT event)
{
	struct sockaddr_storage peer;
	int length = sizeof(peer);
	WSABUF room = { .buf = data, .len = sizeof(data) };
	OVERLAPPED later = { .hEvent = event };
	DWORD n, flags = 0;

	if ((WSARecvFrom(sock, &room, 1, NULL, &flags, (struct sockaddr *)&peer,
			 &length, &later, NULL) &&
	     WSAGetLastError() != WSA_IO_PENDING) ||
	    !WSAGetOverlappedResult(sock, &later, &n, TRUE, &flags))
		return;
	room.len = n;
	WSASendTo(sock, &room, 1, &n, 0, (struct sockaddr *)&peer, length, NULL,
		  NULL);
}

int main(int argc, char **argv)
{
	WSADATA unused;
	SOCKET sock;
	WSAEVENT event;

	if (argc < 3 || WSAStartup(MAKEWORD(2, 2), &unused))
		return EXIT_FAILURE;
	sock = bound(atoi(argv[1]), *argv[2]);
	event = WSACreateEvent();
	for (;;) {
		if (argc > 3)
			echo_overlapped(sock, event);
		else
			echo(sock);
	}
}
