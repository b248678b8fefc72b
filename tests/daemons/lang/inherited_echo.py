# SPDX-License-Identifier: MIT
"""An echo server on the socket that systemd passed as fd 3."""

import socket

with socket.socket(fileno=3) as sock:
    while True:
        data, peer = sock.recvfrom(65535)
        sock.sendto(data, peer)
