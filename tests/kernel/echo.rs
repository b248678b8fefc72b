// SPDX-License-Identifier: MIT

// An echo server as the documentation of Rust's std::net::UdpSocket has it.
use std::net::UdpSocket;

fn main() {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    println!("port {}", socket.local_addr().unwrap().port());
    let mut data = [0; 2048];
    loop {
        let (n, peer) = socket.recv_from(&mut data).unwrap();
        socket.send_to(&data[..n], peer).unwrap();
    }
}
