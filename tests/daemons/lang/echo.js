// SPDX-License-Identifier: MIT
// echo.js PORT 4|6|d: an echo server on dgram.
const dgram = require('dgram');

const [port, mode] = process.argv.slice(2);
const socket = dgram.createSocket({
	type: mode === '4' ? 'udp4' : 'udp6',
	ipv6Only: mode === '6',
});

socket.on('message', (data, peer) => {
	socket.send(data, peer.port, peer.address);
});
socket.bind(Number(port));
