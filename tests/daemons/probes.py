# SPDX-License-Identifier: MIT
"""What to ask servers, by protocol, and what their answers say."""

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from typing import Callable

SECRET = b"testing123"


@dataclass(frozen=True)
class Probe:
    """One question.

    `read(query, answer)` says what the answer means, without what differs from
    one time to the next; None when it is no answer to this query.
    """

    query: Callable[[], bytes]
    read: Callable[[bytes, bytes], object]
    # Datagrams that one client sends, each after the answer to the last.
    turns: int = 1
    # TFTP answers from a port of its own (RFC 1350 section 4).
    any_port: bool = False
    # What answers mean are numbers, which grow as long as a session goes on.
    numbered: bool = False


@dataclass(frozen=True)
class Client:
    """A question that a real client asks: it hears right answers only.

    In the command $clients is clients/, $address and $port are to be asked, and
    $literal is the address with brackets where it needs them.
    """

    command: str


def same(query, answer):
    return "the same" if answer == query else None


def echo_query():
    return b"hello " + os.urandom(4).hex().encode() + b"\n"


echo = Probe(echo_query, same, turns=2)


def numbered_read(query, answer):
    number, _, line = answer.partition(b"\t")
    return int(number) if line == query else None


# "cat -n" answers.
numbered_echo = Probe(echo_query, numbered_read, turns=2, numbered=True)


def dns_query(name="test.example", flags=0x0100):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return (os.urandom(2) + struct.pack(">5H", flags, 1, 0, 0, 0)
            + labels + b"\0" + struct.pack(">HH", 1, 1))


def dns_read(query, answer):
    if answer[:2] != query[:2] or len(answer) < 12 or not answer[2] & 0x80:
        return None
    return answer[2:]


dns = Probe(dns_query, dns_read)
dns_ns = Probe(lambda: dns_query("ns.test.example"), dns_read)
# RFC 4795 section 2.1.1: no flags.
llmnr = Probe(lambda: dns_query("test", 0), dns_read)

# memcached's doc/protocol.txt: request id, sequence number, datagrams, 0.
memcached = Probe(
    lambda: os.urandom(2) + b"\0\0\0\1\0\0version\r\n",
    lambda query, answer: (answer[8:] if answer[:2] == query[:2]
                           and answer[8:].startswith(b"VERSION") else None))


def tftp_read(_, answer):
    return answer if answer[:4] == b"\0\3\0\1" else None


tftp = Probe(lambda: b"\0\1hello.txt\0octet\0", tftp_read, any_port=True)


# RFC 5905 figure 8: version 4, mode 3; the answer repeats our transmit time.
def ntp_read(query, answer):
    if len(answer) < 48 or answer[0] & 7 != 4 or answer[24:32] != query[40:]:
        return None
    return answer[:2]


ntp = Probe(lambda: b"\x23" + bytes(39) + os.urandom(8), ntp_read)

# RFC 5531 section 9: a call of procedure 0 of the port mapper, version 2.
rpc = Probe(
    lambda: os.urandom(4) + struct.pack(">5I", 0, 2, 100000, 2, 0) + bytes(16),
    lambda query, answer: answer[4:] if answer[:4] == query[:4] else None)


def radius(code, attributes):
    """RFC 2865 section 3, with a Message-Authenticator (RFC 3579 section 3.2)."""
    authenticator = os.urandom(16)
    hidden = hashlib.md5(SECRET + authenticator).digest()
    packet = (struct.pack(">BBH", code, os.urandom(1)[0], 20 + len(attributes(hidden)) + 18)
              + authenticator + attributes(hidden) + b"\x50\x12")
    return packet + hmac.new(SECRET, packet + bytes(16), "md5").digest()


def radius_read(query, answer):
    return answer[0] if len(answer) >= 20 and answer[1] == query[1] else None


def access(hidden):
    password = b"wrong".ljust(16, b"\0")
    return (b"\1\6user" + b"\2\x12" + bytes(a ^ b for a, b in zip(password, hidden))
            + b"\4\6\x0a\1\2\5")


radius_access = Probe(lambda: radius(1, access), radius_read)
# RFC 5997.
radius_status = Probe(lambda: radius(12, lambda hidden: b""), radius_read)


def ber(tag, *parts):
    content = b"".join(parts)
    return bytes([tag, len(content)]) + content


# RFC 3416 section 3, in SNMPv2c with community "public".
def snmp_message(kind, *variables):
    # Not negative, not shortened.
    request = ber(2, b"\x40" + os.urandom(3))
    pdu = ber(kind, request, ber(2, b"\0"), ber(2, b"\0"), ber(0x30, *variables))
    return ber(0x30, ber(2, b"\1"), ber(4, b"public"), pdu)


def variable(name, value):
    return ber(0x30, ber(6, bytes(name)), value)


def snmp_read(query, answer):
    request = query[query.index(b"\2\4\x40"):][:6]
    return request in answer and b"\xa2" in answer[:20] or None


SYS_DESCR = (43, 6, 1, 2, 1, 1, 1, 0)
SYS_UPTIME = (43, 6, 1, 2, 1, 1, 3, 0)
TRAP_OID = (43, 6, 1, 6, 3, 1, 1, 4, 1, 0)
COLD_START = (43, 6, 1, 6, 3, 1, 1, 5, 1)
snmp = Probe(lambda: snmp_message(0xA0, variable(SYS_DESCR, ber(5))), snmp_read)
snmp_inform = Probe(
    lambda: snmp_message(0xA6, variable(SYS_UPTIME, ber(0x43, b"\1")),
                         variable(TRAP_OID, ber(6, bytes(COLD_START)))), snmp_read)


# OpenVPN: P_CONTROL_HARD_RESET_CLIENT_V2 (7), key 0, session, no acks, packet 0.
def openvpn_read(query, answer):
    # P_CONTROL_HARD_RESET_SERVER_V2 acknowledges our session.
    return answer[0] if answer[:1] == b"\x40" and query[1:9] in answer else None


openvpn = Probe(lambda: b"\x38" + os.urandom(8) + bytes(5), openvpn_read)

# RFC 5389 section 6: a binding request.
stun = Probe(
    lambda: b"\0\1\0\0\x21\x12\xa4\x42" + os.urandom(12),
    lambda query, answer: answer[:2] == b"\1\1" and answer[4:20] == query[4:] or None)


def sip_query(method="OPTIONS"):
    unique = os.urandom(6).hex()
    return "\r\n".join((
        f"{method} sip:test@test SIP/2.0",
        f"Via: SIP/2.0/UDP 10.1.2.5:5999;rport;branch=z9hG4bK{unique}",
        f"From: <sip:client@test>;tag={unique}",
        "To: <sip:test@test>",
        f"Call-ID: {unique}",
        f"CSeq: 1 {method}",
        "Contact: <sip:client@10.1.2.5:5999>",
        "Max-Forwards: 5",
        "Content-Length: 0", "", "")).encode()


def sip_read(query, answer):
    call = query[query.index(b"Call-ID"):].split(b"\r\n")[0]
    return answer[:11] if answer[:8] == b"SIP/2.0 " and call in answer else None


sip = Probe(sip_query, sip_read)

# RFC 7252: GET /.well-known/core.
coap = Probe(
    lambda: b"\x40\x01" + os.urandom(2) + b"\xbb.well-known\x04core",
    lambda query, answer: (answer[:2] + answer[4:]
                           if answer[2:4] == query[2:4] else None))


def dtls_query():
    """RFC 6347 section 4.2: the first ClientHello, without a cookie."""
    signatures = struct.pack(">HHHH", 13, 6, 4, 0x0401) + b"\4\3"
    curves = struct.pack(">HHHH", 10, 4, 2, 23)
    extensions = signatures + curves
    hello = (b"\xfe\xfd" + os.urandom(32) + b"\0\0"
             + struct.pack(">HHH", 4, 0xC02F, 0x009C) + b"\1\0"
             + struct.pack(">H", len(extensions)) + extensions)
    size = len(hello).to_bytes(3, "big")
    fragment = b"\1" + size + b"\0\0" + bytes(3) + size + hello
    return b"\x16\xfe\xff" + bytes(8) + struct.pack(">H", len(fragment)) + fragment


# A HelloVerifyRequest.
dtls = Probe(dtls_query,
             lambda _, answer: answer[:1] == b"\x16" and answer[13:14] == b"\3" or None)

# Minetest's connection.h: protocol, no peer yet, channel 0, reliable, original.
minetest = Probe(
    lambda: b"\x4f\x45\x74\x03\0\0\0\x03" + struct.pack(">H", 65500) + b"\1",
    lambda query, answer: answer[:4] == query[:4] or None)

# Cube 2's server information: the answer begins with the query.
cube2 = Probe(
    lambda: b"\1\1",
    lambda query, answer: len(answer) > 2 and answer[:2] == query or None)

# Teeworlds' network.h: a control packet that asks for a token, padded.
teeworlds = Probe(
    lambda: (b"\4\0\0\xff\xff\xff\xff\5" + os.urandom(4)).ljust(519, b"\0"),
    lambda query, answer: answer[3:7] == query[8:12] or None)

# n2n version 1, register: community, two MAC addresses, two sockets, ...  The
# answer says that it comes from a supernode.
n2n = Probe(
    lambda: b"\1\1\0\0" + b"lab".ljust(16, b"\0") + b"\2\0\0\0\0\1" + bytes(61),
    lambda query, answer: answer[3:4] == b"\1" and answer[4:20] == query[4:20] or None)

# protocols/talkd.h: version 1, LOOK_UP, for root on this host.
talk = Probe(
    lambda: (b"\1\1\0\0" + os.urandom(4) + bytes(36)
             + b"root".ljust(12, b"\0") + b"root".ljust(12, b"\0") + bytes(16)),
    lambda query, answer: answer[:2] == b"\1\1" and len(answer) >= 24 or None)

tftp_files = Client("$clients/tftp_files $address $port")
# "0/20 (0%)" are lost.
iperf3 = Client("sh -c 'iperf3 -u -k 20 -l 500 -P 2 -c $address -p $port |"
                " grep \"SUM.* 0/.*receiver\"'")
iperf2 = Client("sh -c 'iperf -u -n 10K -l 500 -c $address -p $port |"
                " grep \" 0/.*(0%)\"'")
dtls_openssl = Client("$clients/lines "
                      "openssl s_client -dtls -quiet -connect $literal:$port")
dtls_gnutls = Client("$clients/lines gnutls-cli -u --insecure -p $port $address")
