# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completes `replyfrom` in bash, with the help of the package bash-completion.

# What there is, --help says: "  --option  text" are its own options, "replyfrom
# SUBCOMMAND [--option]" the rest.

_replyfrom_subcommands() {
	"$1" --help 2>/dev/null | sed -n 's/^replyfrom \([a-z]*\) .*/\1/p'
}

# _replyfrom_options REPLYFROM [SUBCOMMAND]
_replyfrom_options() {
	local own='^  -' others=NONE
	[ -z "${2-}" ] || own=NONE others="^replyfrom $2 "
	"$1" --help 2>/dev/null | sed -n "/$own/s/^  \([^ ]*\).*/\1/p; /$others/p" |
		grep -o -- '\(^\|[[ ]\)-[-a-z]*' | tr -d '[ '
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
	elif [[ $cur == -* && ${words[first]} =~ ^(ask|check|status|systemd)$ ]]; then
		all=$(_replyfrom_options "$1" "${words[first]}")
	else
		case ${words[first]} in
		ask)
			all="dns ntp snmp stun tftp echo"
			[[ ${words[cword - 1]} == +([0-9]) ]] || {
				all=
				_known_hosts_real -- "$cur"
			}
			;;
		check)
			_pids
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$cur")
			;;
		status) _pids ;;
		systemd | attach | detach) _services ;;
		*) _command_offset "$first" ;;
		esac
	fi
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$all" -- "$cur")
} && complete -F _replyfrom replyfrom
