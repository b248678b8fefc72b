# SPDX-License-Identifier: MIT
# echo.rb PORT ADDRESS: an echo server on UDPSocket.
require 'socket'

port, address = ARGV
socket = UDPSocket.new(address.include?(':') ? Socket::AF_INET6 : Socket::AF_INET)
socket.bind(address, port.to_i)
loop do
  data, peer = socket.recvfrom(65535)
  socket.send(data, 0, peer[3], peer[1])
end
