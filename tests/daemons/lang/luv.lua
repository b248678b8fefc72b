-- SPDX-License-Identifier: MIT
-- luv.lua PORT ADDRESS: an echo server on luv (libuv), which reads in batches.
local uv = require("luv")

local server = uv.new_udp({mmsgs = 8})
server:bind(arg[2], tonumber(arg[1]))
server:recv_start(function(_, data, peer)
	if data then
		server:send(data, peer.ip, peer.port, function() end)
	end
end)
uv.run()
