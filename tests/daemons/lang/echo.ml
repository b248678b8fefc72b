(* SPDX-License-Identifier: MIT *)
(* echo PORT ADDRESS 4|6|d: an echo server on Unix. *)
let () =
  let port = int_of_string Sys.argv.(1)
  and address = Unix.inet_addr_of_string Sys.argv.(2)
  and mode = Sys.argv.(3) in
  let family = if mode = "4" then Unix.PF_INET else Unix.PF_INET6 in
  let socket = Unix.socket family Unix.SOCK_DGRAM 0 in
  if mode <> "4" then Unix.setsockopt socket Unix.IPV6_ONLY (mode = "6");
  Unix.bind socket (Unix.ADDR_INET (address, port));
  let data = Bytes.create 65535 in
  while true do
    let length, peer = Unix.recvfrom socket data 0 (Bytes.length data) [] in
    ignore (Unix.sendto socket data 0 length [] peer)
  done
