// SPDX-License-Identifier: MIT

// An echo server that minds the address itself, for both families on one
// socket: it asks for the original destination and for pktinfo, and answers
// from where the request went.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"syscall"
)

const (
	ipRecvOrigDstAddr   = 20 // both IP_ and IP_RECVORIGDSTADDR
	ipv6RecvOrigDstAddr = 74
	ipPktinfo           = 8
	ipv6RecvPktinfo     = 49
	ipv6Pktinfo         = 50
)

func setOptions(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	set := func(fd uintptr, level, name int) {
		if err := syscall.SetsockoptInt(int(fd), level, name, 1); err != nil {
			failed = err
		}
	}
	err = raw.Control(func(fd uintptr) {
		set(fd, syscall.IPPROTO_IP, ipRecvOrigDstAddr)
		set(fd, syscall.IPPROTO_IPV6, ipv6RecvOrigDstAddr)
		set(fd, syscall.IPPROTO_IP, ipPktinfo)
		set(fd, syscall.IPPROTO_IPV6, ipv6RecvPktinfo)
	})
	if err != nil {
		return err
	}
	return failed
}

// The original destination of a request, or nil: a raw sockaddr.
func destination(control []byte) (net.IP, error) {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == syscall.IPPROTO_IP &&
			m.Header.Type == ipRecvOrigDstAddr:
			return net.IP(m.Data[4:8]), nil
		case m.Header.Level == syscall.IPPROTO_IPV6 &&
			m.Header.Type == ipv6RecvOrigDstAddr:
			return net.IP(m.Data[8:24]), nil
		}
	}
	return nil, fmt.Errorf("no original destination in %d bytes", len(control))
}

// The control message that makes this address the source.
func from(source net.IP) []byte {
	level, kind, size := syscall.IPPROTO_IPV6, ipv6Pktinfo, 20
	v4 := source.To4()
	if v4 != nil {
		level, kind, size = syscall.IPPROTO_IP, ipPktinfo, 12
	}
	control := make([]byte, syscall.CmsgSpace(size))
	binary.LittleEndian.PutUint64(control[0:], uint64(syscall.CmsgLen(size)))
	binary.LittleEndian.PutUint32(control[8:], uint32(level))
	binary.LittleEndian.PutUint32(control[12:], uint32(kind))
	if v4 != nil {
		copy(control[16+4:], v4)
	} else {
		copy(control[16:], source)
	}
	return control
}

func main() {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{})
	if err != nil {
		log.Fatal(err)
	}
	if err := setOptions(conn); err != nil {
		log.Fatal(err)
	}
	fmt.Println("port", conn.LocalAddr().(*net.UDPAddr).Port)
	data, control := make([]byte, 2048), make([]byte, 512)
	for {
		n, oobn, _, peer, err := conn.ReadMsgUDP(data, control)
		if err != nil {
			log.Fatal(err)
		}
		source, err := destination(control[:oobn])
		if err != nil {
			log.Fatal(err)
		}
		_, _, err = conn.WriteMsgUDP(data[:n], from(source), peer)
		if err != nil {
			log.Print(err)
		}
	}
}
