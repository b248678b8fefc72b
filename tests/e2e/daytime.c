/* SPDX-License-Identifier: MIT */
/*
 * A TCP daytime server.  It says the time and closes first, so that TIME_WAIT
 * stays with it:
 *
 *     daytime iterative|fork
 */
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say_time(int fd)
{
	time_t now = time(NULL);
	char text[32];

	if (!ctime_r(&now, text) || dprintf(fd, "%s", text) < 0)
		server_die("dprintf");
}

static void serve(int fd, int forks)
{
	pid_t child = forks ? fork() : 0;

	if (child < 0)
		server_die("fork");
	if (!child)
		say_time(fd);
	if (forks && !child)
		_exit(EXIT_SUCCESS);
	close(fd);
}

int main(int argc, char **argv)
{
	int forks = argc > 1 && !strcmp(argv[1], "fork");
	int listener = server_bind(AF_INET, SOCK_STREAM, 0, 0);
	int fd;

	/* Children leave no zombies then. */
	(void)signal(SIGCHLD, SIG_IGN);
	if (listen(listener, SOMAXCONN))
		server_die("listen");
	server_ready(listener);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		serve(fd, forks);
	server_die("accept");
}
