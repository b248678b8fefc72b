# SPDX-License-Identifier: MIT
"""asyncio_echo.py PORT 4|6|d: an echo server on asyncio's datagram endpoint."""

import asyncio
import socket
import sys


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def main():
    port, mode = int(sys.argv[1]), sys.argv[2]
    sock = socket.socket(socket.AF_INET if mode == "4" else socket.AF_INET6,
                         socket.SOCK_DGRAM)
    if mode != "4":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, mode == "6")
    sock.bind(("", port))
    await asyncio.get_running_loop().create_datagram_endpoint(Echo, sock=sock)
    await asyncio.Event().wait()


asyncio.run(main())
