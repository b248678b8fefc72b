# SPDX-License-Identifier: MIT
# echo.pl PORT 4|6|d: an echo server on IO::Socket.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::IP;

my ($port, $mode) = @ARGV;
my $sock =
    $mode eq '4'
    ? IO::Socket::INET->new(Proto => 'udp', LocalPort => $port)
    : IO::Socket::IP->new(
        Proto     => 'udp',
        LocalAddr => '::',
        LocalPort => $port,
        V6Only    => $mode eq '6'
    );
die "bind: $@" unless $sock;

while (1) {
    my $peer = $sock->recv(my $data, 65535);
    # IO::Socket remembers the peer that it heard last; IO::Socket::IP does not.
    $mode eq '4' ? $sock->send($data) : $sock->send($data, 0, $peer);
}
