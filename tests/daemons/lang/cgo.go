// SPDX-License-Identifier: MIT

// cgo PORT: an echo server on a C library's socket calls, which Go calls by cgo.
package main

/*
#include <netinet/in.h>
#include <sys/socket.h>

static int bind_to(int port)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) ? -1 : fd;
}

static void echo(int fd)
{
	char data[2048];
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &length);

	if (n >= 0)
		sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&peer, length);
}
*/
import "C"

import (
	"log"
	"os"
	"strconv"
)

func main() {
	port, err := strconv.Atoi(os.Args[1])
	fd := C.bind_to(C.int(port))
	if err != nil || fd < 0 {
		log.Fatal("no socket")
	}
	// Go has its goroutines on several threads, of which each request may get another.
	for {
		done := make(chan bool)
		go func() {
			C.echo(fd)
			done <- true
		}()
		<-done
	}
}
