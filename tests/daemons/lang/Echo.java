// SPDX-License-Identifier: MIT
// java Echo PORT ADDRESS: an echo server on DatagramSocket.
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;

class Echo {
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        InetAddress address = InetAddress.getByName(args[1]);
        try (DatagramSocket socket = new DatagramSocket(port, address)) {
            byte[] data = new byte[65535];
            while (true) {
                DatagramPacket packet = new DatagramPacket(data, data.length);
                socket.receive(packet);
                socket.send(packet);
            }
        }
    }
}
