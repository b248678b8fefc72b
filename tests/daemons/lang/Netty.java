// SPDX-License-Identifier: MIT
// java Netty PORT ADDRESS: an echo server on Netty, by NIO.
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;

class Netty {
    public static void main(String[] args) throws Exception {
        new Bootstrap().group(new NioEventLoopGroup(1)).channel(NioDatagramChannel.class)
            .handler(new SimpleChannelInboundHandler<DatagramPacket>() {
                @Override
                protected void channelRead0(ChannelHandlerContext context,
                                            DatagramPacket packet) {
                    context.writeAndFlush(new DatagramPacket(packet.content().retain(),
                                                             packet.sender()));
                }
            }).bind(args[1], Integer.parseInt(args[0])).sync().channel().closeFuture()
            .await();
    }
}
