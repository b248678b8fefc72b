#!/usr/bin/escript
%% SPDX-License-Identifier: MIT
%% socket.erl PORT 4|6|d: an echo server on the module socket.

main([Port, Mode]) ->
    {Family, V6Only} = case Mode of
        "4" -> {inet, none};
        "6" -> {inet6, true};
        "d" -> {inet6, false}
    end,
    {ok, Socket} = socket:open(Family, dgram, udp),
    V6Only =:= none orelse (ok = socket:setopt(Socket, {ipv6, v6only}, V6Only)),
    ok = socket:bind(Socket, #{family => Family, addr => any,
                               port => list_to_integer(Port)}),
    loop(Socket).

loop(Socket) ->
    {ok, {Peer, Data}} = socket:recvfrom(Socket),
    ok = socket:sendto(Socket, Data, Peer),
    loop(Socket).
