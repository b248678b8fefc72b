// SPDX-License-Identifier: MIT
// mono Echo.exe PORT ADDRESS: an echo server on System.Net.Sockets.
using System.Net;
using System.Net.Sockets;

class Echo {
	static void Main(string[] args) {
		var any = new IPEndPoint(IPAddress.Parse(args[1]), int.Parse(args[0]));
		var socket = new Socket(any.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
		var data = new byte[65535];
		socket.Bind(any);
		while (true) {
			EndPoint peer = any;
			int bytes = socket.ReceiveFrom(data, ref peer);
			socket.SendTo(data, bytes, SocketFlags.None, peer);
		}
	}
}
