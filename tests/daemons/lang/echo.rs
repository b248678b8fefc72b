// SPDX-License-Identifier: MIT
// echo PORT ADDRESS: an echo server on std's UdpSocket, which prints its port.
use std::env;
use std::net::UdpSocket;

fn main() -> std::io::Result<()> {
    let words: Vec<String> = env::args().collect();
    let socket = UdpSocket::bind(format!("{}:{}", words[2], words[1]))?;
    println!("port {}", socket.local_addr()?.port());
    let mut data = [0; 65535];
    loop {
        let (bytes, peer) = socket.recv_from(&mut data)?;
        socket.send_to(&data[..bytes], peer)?;
    }
}
