# SPDX-License-Identifier: MIT
"""The servers that are tested, and how each is started.

In a command, in files of conf/ and in `how`, these are replaced:

    $port $next $previous   the port to bind, and its neighbours
    $host $literal          0.0.0.0 or ::, and the same with brackets
    $mode $how              which of `modes`, and what `how` has for it
    $dir $lang              a directory of its own, which has the files of `conf`
                            and is where it starts; and lang/
"""

from dataclasses import dataclass, field

import probes


@dataclass(frozen=True)
class Server:
    """One of the table."""

    name: str
    # "package:program ..."; the program is named like the package otherwise.
    needs: str
    # 4: 0.0.0.0, 6: ::, d: one socket on :: for both families, b: both sockets.
    modes: str
    probe: object
    # Stays in the foreground where it can.
    command: str
    how: dict = field(default_factory=dict)
    conf: str = ""
    # What is run before, and what goes on running beside it.
    first: str = ""
    beside: str = ""
    # When it cannot be told its port.
    port: int = 0
    # address: why it gives no answer there, with or without us.
    silent: dict = field(default_factory=dict)
    todo: str = ""
    needs_root: str = ""
    needs_device: str = ""
    # It serves one client only: a new one for each address.
    fresh: bool = False
    # What arrives while it turns to a client is lost: asked at one after the other.
    slow: bool = False
    # It may stop answering for ever, by a race of its own: where it falls silent, a
    # fresh one is asked once more, a few times.
    stalls: bool = False
    # It connects to its client: without us it does not hear what that says next,
    # when another address was asked.
    connects: bool = False
    # Also ask two addresses from one port: "turns", one after the other, and
    # "queue", before it can have answered the first.
    two: str = ""
    # For all answers together.
    seconds: float = 20

    def packages(self):
        """{package: the program that shows that it is there}."""
        pairs = (need.partition(":") for need in self.needs.split())
        return {package: program or package for package, _, program in pairs}


CERTIFICATE = ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
               "-keyout key.pem -out cert.pem -days 3 -subj /CN=test")
# Point to point: --mode server would need /dev/net/tun.
OPENVPN = ("openvpn --dev null --tls-server --ca cert.pem --cert cert.pem --key key.pem "
           "--dh none --keepalive 10 60 --float --lport $port --bind $how")
OPENVPN_HOW = {"4": "--proto udp4", "6": "ipv6only --proto udp6", "d": "--proto udp6"}
IP_VERSION = {"4": "-4", "6": "-6", "b": "", "d": ""}
TFTPD = {"4": "-4 -a 0.0.0.0:$port", "6": "-6 -a [::]:$port", "b": "-a :$port"}
SOCAT_LISTEN = {"4": "UDP4-LISTEN:$port", "6": "UDP6-LISTEN:$port,ipv6only=1",
                "d": "UDP6-LISTEN:$port,ipv6only=0"}
NETTY = ":".join(f"/usr/share/java/netty-{name}.jar"
                 for name in ("buffer", "common", "resolver", "transport"))
# wine would fill a C: drive with copies of these files, which takes it long.
WINE = ("wine64:/usr/lib/wine/wine64 libwine:/usr/lib/x86_64-linux-gnu/wine/x86_64-windows"
        " gcc-mingw-w64-x86-64-win32:x86_64-w64-mingw32-gcc")
WINE_FIRST = ("sh -c 'mkdir -p wine/drive_c/windows &&"
              " ln -s /usr/lib/x86_64-linux-gnu/wine/x86_64-windows"
              " wine/drive_c/windows/system32 && echo disable >wine/.update-timestamp &&"
              " x86_64-w64-mingw32-gcc -o winsock.exe $lang/winsock.c -lws2_32'")
WINE_RUN = ("env WINEPREFIX=$dir/wine WINEDEBUG=-all /usr/lib/wine/wine64 winsock.exe"
            " $port $mode")
SCOPE_LOST = {"fe80::2": "it drops the scope of a link-local peer"}

BROKEN = [
    Server("memcached", "memcached", "4 6", probes.memcached,
           "memcached -u root -p 0 -U $port -l $host -t 4", two="turns"),
    Server("unbound", "unbound", "4 6", probes.dns, "unbound -d -c unbound.conf",
           conf="unbound.conf", how={"4": "no", "6": "no"}, two="turns queue"),
    Server("nsd", "nsd", "4 6", probes.dns, "nsd -d -c $dir/nsd.conf",
           conf="nsd.conf example.zone", two="turns queue"),
    Server("tftpd-hpa", "tftpd-hpa:in.tftpd", "4 6 b", probes.tftp,
           "in.tftpd -L -u nobody $how -s $dir", how=TFTPD, conf="hello.txt", fresh=True,
           needs_root="it becomes nobody"),
    Server("tftpd-hpa with whole files", "tftpd-hpa:in.tftpd tftp-hpa:tftp", "4 6 b",
           probes.tftp_files, "in.tftpd -L -c -u nobody $how -s $dir/files", how=TFTPD,
           first="mkdir -m 777 files", fresh=True, needs_root="it becomes nobody"),
    Server("tftpd-hpa from inetd",
           "tftpd-hpa:in.tftpd tftp-hpa:tftp openbsd-inetd:inetd", "b",
           probes.tftp_files, "inetd -E -i tftp.inetd", conf="tftp.inetd",
           first="mkdir -m 777 files", fresh=True, needs_root="it becomes nobody"),
    Server("openbsd-inetd's echo", "openbsd-inetd:inetd", "b", probes.echo,
           "inetd -i echo.inetd", conf="echo.inetd", port=7,
           silent={"127.0.0.2": "it ignores 127.0.0.0/8"}),
    Server("talkd from inetd", "openbsd-inetd:inetd talkd:in.ntalkd", "4", probes.talk,
           # Without -E it takes LD_PRELOAD away.
           "inetd -E -i talk.inetd", conf="talk.inetd", port=518),
    Server("snmpd", "snmpd", "6", probes.snmp,
           "snmpd -f -Lo -C -c snmpd.conf -p $dir/pid -I -smux udp6:$port",
           conf="snmpd.conf"),
    Server("radsecproxy", "radsecproxy", "4", probes.radius_status,
           "radsecproxy -f -c radsecproxy.conf", conf="radsecproxy.conf"),
    Server("openvpn", "openvpn openssl", "4 6 d", probes.openvpn,
           OPENVPN, how=OPENVPN_HOW, first=CERTIFICATE, fresh=True),
    Server("coturn", "coturn:turnserver", "b", probes.stun,
           "turnserver -n --listening-ip 0.0.0.0 --listening-ip :: --listening-port $port "
           "--no-tcp --no-tls --no-dtls --no-cli --log-file stdout --pidfile $dir/pid "
           "--userdb $dir/db --realm test --lt-cred-mech --user a:b"),
    Server("kamailio", "kamailio", "4 6", probes.sip,
           "kamailio -DD -E -f kamailio.cfg -Y $dir -P $dir/pid", conf="kamailio.cfg",
           silent=SCOPE_LOST),
    # With or without us it sleeps for ever when a child's signals come just before it
    # waits for them: one question after the other makes that ten times as rare.
    Server("socat UDP-RECVFROM", "socat", "4 6 d", probes.echo,
           "socat $how,fork EXEC:'head -n 1'", slow=True, stalls=True, seconds=6,
           how={"4": "UDP4-RECVFROM:$port", "6": "UDP6-RECVFROM:$port,ipv6only=1",
                "d": "UDP6-RECVFROM:$port,ipv6only=0"}),
    Server("socat UDP-LISTEN", "socat", "4 6 d", probes.numbered_echo,
           "socat $how,fork EXEC:'cat -n'", how=SOCAT_LISTEN, slow=True),
    Server("socat UDP-LISTEN without fork", "socat", "4 6 d", probes.echo,
           "socat $how PIPE", how=SOCAT_LISTEN, fresh=True, connects=True),
    Server("ncat", "ncat", "4 6 b", probes.numbered_echo,
           "ncat -u -l $how -k -e '/bin/cat -n' $port", how=IP_VERSION, slow=True),
    Server("ncat --sh-exec", "ncat", "4 6 b", probes.numbered_echo,
           "ncat -u -l $how -k --sh-exec 'exec cat -n' $port", how=IP_VERSION, slow=True),
    Server("netcat-openbsd", "netcat-openbsd:nc.openbsd", "4 6", probes.echo,
           "sh -c 'mkfifo back; nc.openbsd -u -l -$mode $port <back | cat >back'",
           fresh=True, connects=True),
    Server("netcat-traditional", "netcat-traditional:nc.traditional", "4", probes.echo,
           "nc.traditional -u -l -p $port -e /bin/cat", fresh=True, connects=True),
    Server("gawk", "gawk", "4", probes.echo, "gawk -v port=$port -f $lang/echo.gawk",
           slow=True),
    Server("gawk with one client", "gawk", "4", probes.echo,
           "gawk -v port=$port -v stays=1 -f $lang/echo.gawk", fresh=True, connects=True),
    Server("iperf3", "iperf3", "4 6 d", probes.iperf3, "iperf3 -s -1 $how -p $port",
           how=IP_VERSION, fresh=True),
    Server("iperf", "iperf", "4 d", probes.iperf2, "iperf -s -u $how -p $port",
           how={"4": "", "d": "-V"}, silent=SCOPE_LOST, fresh=True),
    Server("openssl s_server", "openssl", "4 6 d", probes.dtls_openssl,
           "sh -c 'mkfifo back; openssl s_server -dtls -listen -accept $port $how "
           "-cert cert.pem -key key.pem -quiet <back | cat -n >back'",
           first=CERTIFICATE, how=IP_VERSION, fresh=True),
    Server("pen", "pen socat", "4", probes.numbered_echo,
           "pen -f -U -r $port 127.0.0.1:$next", slow=True,
           beside="socat UDP4-LISTEN:$next,bind=127.0.0.1,fork EXEC:'cat -n'"),
    Server("llmnrd", "llmnrd", "4", probes.llmnr, "llmnrd -H test", port=5355),
    Server("n2n's supernode", "n2n:supernode", "4", probes.n2n, "supernode -l $port -f -v"),
    Server("gnutls-serv", "gnutls-bin:gnutls-serv openssl", "b", probes.dtls,
           "gnutls-serv -u -p $port --x509certfile cert.pem --x509keyfile key.pem",
           first=CERTIFICATE),
    Server("gnutls-serv with its client", "gnutls-bin:gnutls-cli openssl", "b",
           probes.dtls_gnutls, "gnutls-serv -u --echo -p $port --x509certfile cert.pem "
           "--x509keyfile key.pem", first=CERTIFICATE, fresh=True,
           silent={"fe80::2": "its client cannot be told a scope"}),
    Server("minetest", "minetest-server:minetestserver", "4", probes.minetest,
           "minetestserver --port $port --world $dir/world --gameid minetest "
           "--logfile $dir/log",
           seconds=30),
    Server("cube2", "cube2-server", "4", probes.cube2,
           "cube2-server -j$previous -i0.0.0.0 -m"),
    # Not an echo server behind it: it says something empty first.
    Server("rinetd", "rinetd memcached", "4", probes.memcached, "rinetd -f -c rinetd.conf",
           conf="rinetd.conf", beside="memcached -u root -p 0 -U $next -l 127.0.0.1"),
    Server("systemd-socket-activate", "systemd:systemd-socket-activate", "4 d",
           probes.echo, "systemd-socket-activate -E LD_PRELOAD -E REPLYFROM_DISABLE "
           "-d -l $literal:$port "
           "/usr/bin/python3 $lang/inherited_echo.py"),
    Server("Python's UDPServer", "python3", "4 6 d", probes.echo,
           "/usr/bin/python3 $lang/udp_echo.py plain $port $mode", two="turns queue"),
    Server("Python's ThreadingUDPServer", "python3", "4 6 d", probes.echo,
           "/usr/bin/python3 $lang/udp_echo.py threading $port $mode"),
    Server("Python's ForkingUDPServer", "python3", "4 6 d", probes.echo,
           "/usr/bin/python3 $lang/udp_echo.py forking $port $mode"),
    Server("Python's asyncio", "python3", "4 6 d", probes.echo,
           "/usr/bin/python3 $lang/asyncio_echo.py $port $mode", two="turns queue"),
    Server("Perl's IO::Socket", "perl", "4 6 d", probes.echo,
           "perl $lang/echo.pl $port $mode"),
    Server("Node's dgram", "nodejs:node", "4 6 d", probes.echo,
           "node $lang/echo.js $port $mode", two="turns queue"),
    Server("Java's DatagramSocket", "openjdk-17-jdk-headless:javac", "4 d", probes.echo,
           "java -Xmx256m -XX:-UsePerfData -cp $dir Echo $port $host",
           first="javac -J-XX:-UsePerfData -d $dir $lang/Echo.java"),
    Server("Erlang's gen_udp", "erlang-base:escript", "4 6 d", probes.echo,
           "escript $lang/echo.erl $port $mode", silent=SCOPE_LOST),
    Server("OCaml's Unix", "ocaml:ocamlopt", "4 6 d", probes.echo,
           "$dir/echo $port $host $mode", silent=SCOPE_LOST,
           first="sh -c 'cp $lang/echo.ml . &&"
                 " ocamlopt -I +unix unix.cmxa echo.ml -o echo'"),
    Server("PHP's streams", "php-cli:php", "4 6 d", probes.echo,
           "php $lang/echo.php $literal:$port $mode", silent=SCOPE_LOST),
    Server("PHP's sockets", "php-cli:php", "4 6 d", probes.echo,
           "php $lang/sockets.php $port $mode", silent=SCOPE_LOST),
    Server("GLib's GSocket",
           "gcc pkgconf:pkg-config libglib2.0-dev:/usr/include/glib-2.0/gio/gio.h",
           "4 d", probes.echo, "$dir/echo $port $mode",
           first="sh -c 'gcc -o echo $lang/echo.c $$(pkg-config --cflags --libs gio-2.0)'"),
    Server("Qt's QUdpSocket", "python3-pyqt5:/usr/lib/python3/dist-packages/PyQt5", "4 d",
           probes.echo, "/usr/bin/python3 $lang/qt_echo.py $port $mode"),
]

# With the same bug, though nobody had them in mind when the shim was written.
UNLISTED = [
    Server("rbldnsd", "rbldnsd", "4 6", probes.dns,
           "rbldnsd -n -u nobody -w $dir -b $host/$port test.example:generic:blocked",
           conf="blocked", needs_root="it becomes nobody"),
    Server("ldns-testns", "ldnsutils:ldns-testns", "4 6", probes.dns,
           "ldns-testns $how -p $port testns", how={"4": "", "6": "-6"}, conf="testns"),
    Server("iodined", "iodine:iodined", "4", probes.dns_ns,
           "iodined -f -p $port -P secret 10.99.0.1/24 test.example",
           needs_root="it makes a tunnel",
           needs_device="/dev/net/tun"),
    Server("teeworlds", "teeworlds-server", "4", probes.teeworlds,
           "teeworlds-server 'sv_port $port'"),
    Server("sipp", "sip-tester:sipp", "4", probes.sip,
           "sipp -sf options.xml -i 0.0.0.0 -p $port -nostdin", conf="options.xml"),
    Server("gensiot", "gensio-bin:gensiot", "4 6", probes.echo,
           "gensiot -i echo --server -a udp,$how,$port", how={"4": "ipv4", "6": "ipv6"}),
    Server("Ruby's UDPSocket", "ruby", "4 6", probes.echo,
           "ruby $lang/echo.rb $port $host"),
    Server("LuaSocket", "lua5.4 lua-socket:/usr/share/lua/5.4/socket.lua", "4 6",
           probes.echo, "lua5.4 $lang/echo.lua $port $host"),
    # libuv receives with recvmmsg() and sends with sendmmsg(); that of Debian 12 calls
    # both through libc's syscall().
    Server("luv", "lua5.4 lua-luv:/usr/share/doc/lua-luv", "4 6", probes.echo,
           "lua5.4 $lang/luv.lua $port $host", silent=SCOPE_LOST, two="turns queue"),
    Server("tcl-udp", "tcl:tclsh tcl-udp:/usr/share/doc/tcl-udp", "4", probes.echo,
           "tclsh $lang/echo.tcl $port"),
    Server("Jim Tcl", "jimsh", "4", probes.echo, "jimsh $lang/echo.jim $port"),
    Server("Guile's sockets", "guile-3.0:guile", "4 6", probes.echo,
           "guile --no-auto-compile $lang/echo.scm $port $mode"),
    Server("Perl's Net::DNS::Nameserver",
           "perl libnet-dns-perl:/usr/share/perl5/Net/DNS/Nameserver.pm", "4", probes.dns,
           "perl $lang/nameserver.pl $port"),
    Server("Perl's Net::Server",
           "perl libnet-server-perl:/usr/share/perl5/Net/Server.pm", "4", probes.echo,
           "perl $lang/net_server.pl $port"),
    Server("Java's DatagramChannel", "openjdk-17-jdk-headless:javac", "4 d", probes.echo,
           "java -Xmx256m -XX:-UsePerfData -cp $dir Channel $port $host",
           first="javac -J-XX:-UsePerfData -d $dir $lang/Channel.java"),
    Server("Netty", "openjdk-17-jdk-headless:javac libnetty-java:/usr/share/java/netty-transport.jar",
           "4", probes.echo, f"java -Xmx256m -XX:-UsePerfData -cp $dir:{NETTY} Netty $port "
           "$host", first=f"javac -J-XX:-UsePerfData -cp {NETTY} -d $dir $lang/Netty.java"),
    Server("Erlang's socket", "erlang-base:escript", "4 6 d", probes.echo,
           "escript $lang/socket.erl $port $mode"),
    Server("Mono's Socket", "mono-runtime:mono mono-mcs:mcs", "4", probes.echo,
           "mono Echo.exe $port $host", first="mcs -out:Echo.exe $lang/Echo.cs"),
    Server("Node's cluster", "nodejs:node", "4 6 d", probes.echo,
           "node $lang/cluster.js $port $mode", two="turns"),
    Server("Ruby's fibers", "ruby", "4 6", probes.echo,
           "ruby $lang/fibers.rb $port $host", two="turns queue"),
    Server("Python's multiprocessing, forked", "python3", "4 6 d", probes.echo,
           "/usr/bin/python3 $lang/processes.py fork $port $mode", two="turns"),
    Server("Python's multiprocessing, spawned", "python3", "4 6 d", probes.echo,
           "/usr/bin/python3 $lang/processes.py spawn $port $mode", two="turns"),
    Server("PHP-FPM", "php8.2-fpm:php-fpm8.2 php-cli:php", "4", probes.echo,
           "sh -c 'php-fpm8.2 -F -R -y fpm.conf & "
           "exec python3 $lang/fpm.py fpm $dir/fpm.php \"port=$port&mode=$mode\"'",
           conf="fpm.conf fpm.php", silent=SCOPE_LOST),
    Server("tor", "tor", "4", probes.dns, "tor -f torrc --defaults-torrc /dev/null",
           conf="torrc", how={"4": "0"}),
    Server("tor with its sandbox", "tor", "4", probes.dns,
           "tor -f torrc --defaults-torrc /dev/null", conf="torrc", how={"4": "1"}),
    Server("a Windows server in wine", WINE, "4 6 d", probes.echo, WINE_RUN,
           first=WINE_FIRST, two="turns"),
    Server("a Windows server in wine, overlapped", WINE, "4", probes.echo,
           WINE_RUN + " overlapped", first=WINE_FIRST),
    Server("Rust's UdpSocket", "rustc", "4 d", probes.echo, "$dir/echo $port $literal",
           first="rustc -o echo $lang/echo.rs"),
    # Compiled once, for all that are started.
    Server("Rust's Tokio", "cargo librust-tokio-dev:/usr/share/cargo/registry", "4 d",
           probes.echo, "$dir/../tokio/debug/tokio-echo $port $literal",
           first="cargo build -q --offline --config sources.toml --target-dir ../tokio",
           conf="Cargo.toml sources.toml"),
    Server("C in a Go program", "golang-go:go gcc", "4", probes.echo, "$dir/echo $port",
           first="env GOCACHE=$dir/go GO111MODULE=off go build -o echo $lang/cgo.go"),
    Server("snmptrapd", "snmptrapd", "6", probes.snmp_inform,
           "snmptrapd -f -Lo -C -c snmptrapd.conf -p $dir/pid udp6:$port",
           conf="snmptrapd.conf"),
]

# They give each answer its source themselves.
NO_HARM = [
    Server("unbound with interface-automatic", "unbound", "4 6", probes.dns,
           "unbound -d -c unbound.conf", conf="unbound.conf",
           how={"4": "yes", "6": "yes"}),
    Server("dnsmasq", "dnsmasq-base:dnsmasq", "b", probes.dns,
           "dnsmasq -d -p $port -C /dev/null -R -h "
           "--address=/example/192.0.2.1 --pid-file=$dir/pid"),
    Server("rpcbind", "rpcbind", "b", probes.rpc, "rpcbind -f -w", port=111,
           needs_root="it sets its groups"),
    Server("freeradius", "freeradius", "4 6", probes.radius_access,
           "freeradius -f -l stdout -d $dir -n radiusd", conf="radiusd.conf",
           how={"4": "ipaddr = *", "6": "ipv6addr = ::"}, silent=SCOPE_LOST),
    Server("chronyd", "chrony:chronyd", "b", probes.ntp,
           "chronyd -x -d -F 0 -u root -f $dir/chrony.conf", conf="chrony.conf"),
    Server("chronyd with its system call filter", "chrony:chronyd", "b", probes.ntp,
           "chronyd -x -d -F 1 -u root -f $dir/chrony.conf", conf="chrony.conf"),
    Server("openvpn --multihome", "openvpn openssl", "4 6 d", probes.openvpn,
           OPENVPN + " --multihome", how=OPENVPN_HOW, first=CERTIFICATE,
           fresh=True),
    Server("coap-server", "libcoap3-bin:coap-server-notls", "4 6", probes.coap,
           "coap-server-notls -A $host -p $port"),
    # The master process binds a SO_REUSEPORT socket for each worker process.
    Server("nginx", "nginx-light:nginx python3 "
           "libnginx-mod-stream:/usr/lib/nginx/modules/ngx_stream_module.so",
           "4 6 d", probes.echo, "nginx -p $dir -c nginx.conf -e stderr",
           conf="nginx.conf", needs_root="it sets its groups",
           how={"4": "0.0.0.0:$port", "6": "[::]:$port",
                "d": "[::]:$port ipv6only=off"},
           beside="/usr/bin/python3 $lang/udp_echo.py plain $next 4"),
    Server("knotd", "knot:knotd", "4 6", probes.dns, "knotd -c knot.conf",
           conf="knot.conf example.zone"),
]
