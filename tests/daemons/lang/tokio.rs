// SPDX-License-Identifier: MIT
// tokio PORT ADDRESS: an echo server on Tokio's UdpSocket, a task for each request.
use std::env;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;

async fn serve(name: String) -> std::io::Result<()> {
    let socket = Arc::new(UdpSocket::bind(name).await?);
    loop {
        let mut data = vec![0; 65535];
        let (bytes, peer) = socket.recv_from(&mut data).await?;
        let socket = socket.clone();
        tokio::spawn(async move { socket.send_to(&data[..bytes], peer).await });
    }
}

fn main() -> std::io::Result<()> {
    let words: Vec<String> = env::args().collect();
    Runtime::new()?.block_on(serve(format!("{}:{}", words[2], words[1])))
}
