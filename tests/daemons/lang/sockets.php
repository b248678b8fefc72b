<?php
// SPDX-License-Identifier: MIT
// sockets.php PORT 4|6|d: an echo server on ext/sockets, which PHP loads with
// RTLD_DEEPBIND.
$four = $argv[2] === '4';
$socket = socket_create($four ? AF_INET : AF_INET6, SOCK_DGRAM, SOL_UDP);
if (!$four) {
    socket_set_option($socket, IPPROTO_IPV6, IPV6_V6ONLY, (int)($argv[2] === '6'));
}
if (!socket_bind($socket, $four ? '0.0.0.0' : '::', (int)$argv[1])) {
    die("bind\n");
}
while (socket_recvfrom($socket, $data, 65535, 0, $peer, $port) !== false) {
    socket_sendto($socket, $data, strlen($data), 0, $peer, $port);
}
