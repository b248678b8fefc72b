<?php
// SPDX-License-Identifier: MIT
// The echo server of sockets.php, as a worker of PHP-FPM runs it.
parse_str($$_SERVER['QUERY_STRING'], $$query);
$$argv = [null, $$query['port'], $$query['mode']];
require '$lang/sockets.php';
