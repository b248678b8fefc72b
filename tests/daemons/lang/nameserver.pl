# SPDX-License-Identifier: MIT
# nameserver.pl PORT: says 192.0.2.1 to every question, with Net::DNS::Nameserver.
use strict;
use warnings;
use Net::DNS;
use Net::DNS::Nameserver;

sub reply {
    my ($name, $class, $type) = @_;
    my $answer = Net::DNS::RR->new("$name 60 $class A 192.0.2.1");
    return ('NOERROR', [$answer], [], [], { aa => 1 });
}

Net::DNS::Nameserver->new(
    LocalAddr    => '0.0.0.0',
    LocalPort    => $ARGV[0],
    ReplyHandler => \&reply
)->main_loop;
