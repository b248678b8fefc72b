-- SPDX-License-Identifier: MIT
-- echo.lua PORT ADDRESS: an echo server on LuaSocket.
local socket = require("socket")

local port, address = arg[1], arg[2]
local udp = assert(address:find(":") and socket.udp6() or socket.udp4())
assert(udp:setsockname(address, port))
while true do
	local data, host, peer = udp:receivefrom()
	if data then
		udp:sendto(data, host, peer)
	end
end
