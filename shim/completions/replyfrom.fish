# SPDX-License-Identifier: MIT
# Completes `replyfrom` in fish.

# --help lists the subcommands as "replyfrom SUBCOMMAND ..." with a line of text
# below, and options as "  -o, --option VALUE  text"; help SUBCOMMAND lists that
# one's options.

function __replyfrom_subcommands
    set -l name
    replyfrom --help 2>/dev/null | while read -l line
        set -l found (string match -r '^replyfrom ([a-z]+) ' -- $line)
        if set -q found[2]
            set name $found[2]
        else if set -q name[1]
            printf '%s\t%s\n' $name (string trim -- $line)
            set name
        end
    end
end

# __replyfrom_options [SUBCOMMAND]
function __replyfrom_options
    replyfrom help $argv 2>/dev/null | while read -l line
        set -l parts (string match -r '^ *(-.*?)  +(.*)$' -- $line)
        for option in (string split ', ' -- $parts[2])
            printf '%s\t%s\n' (string match -r '^-[-A-Za-z0-9]+' -- $option) $parts[3]
        end
    end
end

function __replyfrom_units
    systemctl list-unit-files --no-legend --type=service 2>/dev/null |
        string replace -r ' .*' ''
end

# __replyfrom_arguments SUBCOMMAND PREVIOUS-WORD
function __replyfrom_arguments
    switch $argv[1]
        case ask
            if string match -qr '^[0-9]+$' -- $argv[2]
                string split ' ' 'echo dns ntp snmp stun tftp memcached sip radius openvpn ike ike-nat coap a2s mdns netbios l2tp'
            else
                __fish_print_hostnames
            end
        case help
            __replyfrom_subcommands
        case check
            __fish_complete_pids
            __replyfrom_units
            complete -C (commandline -ct)
        case doctor status
            __fish_complete_pids
            __replyfrom_units
        case systemd attach detach
            __replyfrom_units
    end
end

function __replyfrom_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -e words[1]
    while string match -q -- '-*' $words[1]
        set -l word $words[1]
        set -e words[1]
        test "$word" = --
        and break
    end
    set -l names (__replyfrom_subcommands | string replace -r '\t.*' '')
    if not set -q words[1]
        if string match -q -- '-*' $current
            __replyfrom_options
        else
            __replyfrom_subcommands
            complete -C "$current"
        end
    else if not contains -- $words[1] $names
        complete -C (string join ' ' -- (string escape -- $words) $current)
    else if string match -q -- '-*' $current
        __replyfrom_options $words[1]
    else
        __replyfrom_arguments $words[1] $words[-1]
    end
end

complete -c replyfrom -f -a '(__replyfrom_complete)'
