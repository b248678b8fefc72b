#!/usr/bin/escript
%% SPDX-License-Identifier: MIT
%% echo.erl PORT 4|6|d: an echo server on gen_udp.

main([Port, Mode]) ->
    Family = case Mode of
        "4" -> [inet];
        "6" -> [inet6, {ipv6_v6only, true}];
        "d" -> [inet6, {ipv6_v6only, false}]
    end,
    {ok, Socket} = gen_udp:open(list_to_integer(Port), [binary, {active, true} | Family]),
    loop(Socket).

loop(Socket) ->
    receive
        {udp, Socket, Address, Port, Data} ->
            ok = gen_udp:send(Socket, Address, Port, Data),
            loop(Socket)
    end.
