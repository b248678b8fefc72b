# SPDX-License-Identifier: MIT
# echo.tcl PORT: an echo server on tcl-udp.
package require udp

proc echo {socket} {
	set data [read $socket]
	fconfigure $socket -remote [fconfigure $socket -peer]
	puts -nonewline $socket $data
	flush $socket
}

set socket [udp_open [lindex $argv 0]]
fconfigure $socket -blocking 0 -buffering none -translation binary
fileevent $socket readable [list echo $socket]
vwait forever
