// SPDX-License-Identifier: MIT

// An echo server as Go's documentation has it, on the wildcard of NETWORK:
//
//	echo udp|udp4|udp6 [msg]
//
// With msg, by the methods that can have control messages, without any.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
)

func echoMessages(conn *net.UDPConn) {
	data := make([]byte, 2048)
	for {
		n, _, _, peer, err := conn.ReadMsgUDP(data, nil)
		if err != nil {
			log.Fatal(err)
		}
		if _, _, err := conn.WriteMsgUDP(data[:n], nil, peer); err != nil {
			log.Print(err)
		}
	}
}

func main() {
	conn, err := net.ListenPacket(os.Args[1], ":0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("port", conn.LocalAddr().(*net.UDPAddr).Port)
	if len(os.Args) > 2 {
		echoMessages(conn.(*net.UDPConn))
	}
	data := make([]byte, 2048)
	for {
		n, peer, err := conn.ReadFrom(data)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := conn.WriteTo(data[:n], peer); err != nil {
			log.Print(err)
		}
	}
}
