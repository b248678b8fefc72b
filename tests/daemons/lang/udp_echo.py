# SPDX-License-Identifier: MIT
"""udp_echo.py plain|threading|forking PORT 4|6|d: an echo server on socketserver."""

import socket
import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)


def main():
    kind, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    base = {"plain": socketserver.UDPServer,
            "threading": socketserver.ThreadingUDPServer,
            "forking": socketserver.ForkingUDPServer}[kind]

    class Server(base):
        address_family = socket.AF_INET if mode == "4" else socket.AF_INET6

        def server_bind(self):
            if mode != "4":
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY,
                                       mode == "6")
            super().server_bind()

    with Server(("", port), Echo) as server:
        server.serve_forever()


main()
