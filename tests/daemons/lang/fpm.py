# SPDX-License-Identifier: MIT
"""fpm.py PATH SCRIPT QUERY: has the PHP-FPM that listens at PATH run a script.

It waits until the script ends: FastCGI Specification 1.0.
"""

import socket
import struct
import sys
import time

BEGIN, PARAMS, STDIN = 1, 4, 5
RESPONDER = 1


def record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def pair(name, value):
    # A length of less than 128 has one byte.
    return bytes([len(name), len(value)]) + name.encode() + value.encode()


def connect(path):
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except OSError:
            sock.close()
            time.sleep(0.05)


def main():
    path, script, query = sys.argv[1:]
    variables = {"SCRIPT_FILENAME": script, "QUERY_STRING": query,
                 "REQUEST_METHOD": "GET"}
    with connect(path) as sock:
        sock.sendall(record(BEGIN, struct.pack(">HB5x", RESPONDER, 0))
                     + record(PARAMS, b"".join(pair(*each) for each in variables.items()))
                     + record(PARAMS, b"") + record(STDIN, b""))
        while data := sock.recv(65536):
            sys.stdout.buffer.write(data)


main()
