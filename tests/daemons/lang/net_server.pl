# SPDX-License-Identifier: MIT
# net_server.pl PORT: an echo server on Net::Server.
package Echo;
use strict;
use warnings;
use base 'Net::Server';

sub process_request {
    my $self = shift;
    my $prop = $self->{server};
    $prop->{client}->send($prop->{udp_data}, 0);
}

Echo->run(port => "$ARGV[0]/udp", host => '0.0.0.0', ipv => 4);
