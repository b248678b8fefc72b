// SPDX-License-Identifier: MIT
// java Channel PORT ADDRESS: an echo server on NIO's DatagramChannel and a Selector.
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;

class Channel {
    public static void main(String[] args) throws Exception {
        ByteBuffer data = ByteBuffer.allocateDirect(65535);
        try (DatagramChannel channel = DatagramChannel.open();
             Selector selector = Selector.open()) {
            channel.bind(new InetSocketAddress(args[1], Integer.parseInt(args[0])));
            channel.configureBlocking(false);
            channel.register(selector, SelectionKey.OP_READ);
            while (true) {
                selector.select();
                selector.selectedKeys().clear();
                SocketAddress peer;
                while ((peer = channel.receive(data.clear())) != null)
                    channel.send(data.flip(), peer);
            }
        }
    }
}
