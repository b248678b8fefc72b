# SPDX-License-Identifier: MIT
# fibers.rb PORT ADDRESS: an echo server with a fiber for each request, which
# answers when the queue is empty.
require 'socket'

port, address = ARGV
socket = UDPSocket.new(address.include?(':') ? Socket::AF_INET6 : Socket::AF_INET)
socket.bind(address, port.to_i)
loop do
  waiting = []
  socket.wait_readable
  loop do
    fiber = Fiber.new do
      data, peer = socket.recvfrom_nonblock(65535)
      Fiber.yield
      socket.send(data, 0, peer[3], peer[1])
    end
    fiber.resume
    waiting << fiber
  rescue IO::WaitReadable
    break
  end
  waiting.each(&:resume)
end
