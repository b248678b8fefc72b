<?php
// SPDX-License-Identifier: MIT
// echo.php HOST:PORT 4|6|d: an echo server on streams.
$context = stream_context_create(['socket' => ['ipv6_v6only' => $argv[2] === '6']]);
$socket = stream_socket_server(
    "udp://$argv[1]", $errno, $error, STREAM_SERVER_BIND, $context);
if (!$socket) {
    die("$error\n");
}
while (true) {
    $data = stream_socket_recvfrom($socket, 65535, 0, $peer);
    stream_socket_sendto($socket, $data, 0, $peer);
}
