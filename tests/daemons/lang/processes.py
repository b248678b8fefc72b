# SPDX-License-Identifier: MIT
"""processes.py fork|spawn PORT 4|6|d: an echo server of several processes of
multiprocessing, which inherit the socket or get it by SCM_RIGHTS."""

import multiprocessing
import socket
import sys


def serve(sock):
    while True:
        sock.sendto(*sock.recvfrom(65535))


def main():
    kind, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    sock = socket.socket(socket.AF_INET if mode == "4" else socket.AF_INET6,
                         socket.SOCK_DGRAM)
    if mode != "4":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, mode == "6")
    sock.bind(("", port))
    context = multiprocessing.get_context(kind)
    for worker in [context.Process(target=serve, args=(sock,)) for _ in range(2)]:
        worker.start()


if __name__ == "__main__":
    main()
