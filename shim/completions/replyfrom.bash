# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completes `replyfrom` in bash, with the help of the package bash-completion.

# --help lists the subcommands as "replyfrom SUBCOMMAND ...", and options as
# "  -o, --option VALUE  text"; help SUBCOMMAND lists that one's options.

_replyfrom_subcommands() {
	"$1" --help 2>/dev/null | sed -n 's/^replyfrom \([a-z]*\) .*/\1/p'
}

# _replyfrom_options REPLYFROM [SUBCOMMAND]
_replyfrom_options() {
	"$1" help ${2+"$2"} 2>/dev/null | sed -n '/^  -/{s/^  / /;s/  .*//;p;}' |
		grep -o -- ' -[-a-zA-Z0-9]*' | tr -d ' '
}

# PIDs, and units; each of the two starts COMPREPLY anew.
_replyfrom_processes() {
	local units
	_services
	units=("${COMPREPLY[@]}")
	_pids
	COMPREPLY+=("${units[@]}")
}

_replyfrom() {
	# shellcheck disable=SC2034 # _init_completion sets prev, too
	local cur prev words cword first=1 all=
	_init_completion || return
	while [[ $first -lt $cword && ${words[first]} == -* ]]; do
		[ "${words[first++]}" = -- ] && break
	done
	if [[ $first -eq $cword && $cur == -* ]]; then
		all=$(_replyfrom_options "$1")
	elif [[ $first -eq $cword ]]; then
		all=$(_replyfrom_subcommands "$1")
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	elif [[ $cur == -* ]] &&
		_replyfrom_subcommands "$1" | grep -qx -- "${words[first]}"; then
		all=$(_replyfrom_options "$1" "${words[first]}")
	else
		case ${words[first]} in
		ask)
			all="echo dns ntp snmp stun tftp memcached sip radius openvpn ike ike-nat coap a2s mdns netbios l2tp"
			[[ ${words[cword - 1]} == +([0-9]) ]] || {
				all=
				_known_hosts_real -- "$cur"
			}
			;;
		help) all=$(_replyfrom_subcommands "$1") ;;
		check)
			_replyfrom_processes
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$cur")
			;;
		doctor | status) _replyfrom_processes ;;
		systemd | attach | detach) _services ;;
		*) _command_offset "$first" ;;
		esac
	fi
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$all" -- "$cur")
} && complete -F _replyfrom replyfrom
