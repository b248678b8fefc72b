/* SPDX-License-Identifier: MIT */
/* Tells hosts, ports and payload apart in `replyfrom ask`'s arguments. */
#include "command/ask_words.h"

#include "command/command.h"
#include "command/payload.h"
#include "command/print.h"
#include "command/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ask_ports_read(const char *text, struct ask_ports *ports)
{
	*ports = (struct ask_ports){ .text = text };
	if (!port_list_read(text, syscall, ports->set))
		return false;
	for (uint32_t port = 1; port < PORTS_COUNT; port++)
		ports->count += ports_has(ports->set, (uint16_t)port);
	return true;
}

/* Where the port begins, behind its colon; NULL: an address alone. */
static const char *find_port(const char *word)
{
	const char *colon = strrchr(word, ':');

	if (*word == '[')
		return colon && colon > word && colon[-1] == ']' ? colon + 1
								 : NULL;
	/* An IPv6 address has two colons or more. */
	return colon && colon == strchr(word, ':') && colon > word ? colon + 1
								   : NULL;
}

void host_port_split(const char *word, struct host_port *split)
{
	const char *port = find_port(word);
	size_t length = port ? (size_t)(port - word) - 1 : strlen(word);

	split->port = port ? port : "";
	if (*word == '[' && length > 1 && word[length - 1] == ']') {
		word++;
		length -= 2;
	}
	(void)snprintf(split->host, sizeof(split->host), "%.*s", (int)length,
		       word);
}

/* "53", "5000-5010" or "53,123", and what was meant as such. */
static bool is_number_list(const char *word)
{
	return *word && strspn(word, "0123456789,-") == strlen(word) &&
	       *word != '-' && *word != ',';
}

static bool is_port_list(const char *word)
{
	static struct ask_ports ports;

	return ask_ports_read(word, &ports);
}

/* Whether a later word is a list of numbers, so that this one need not be. */
static bool has_number_list(char **words)
{
	for (; *words; words++)
		if (is_number_list(*words))
			return true;
	return false;
}

static bool is_payload(const char *word)
{
	return payload_is_protocol(word) || *word == '@' || !strcmp(word, "-");
}

static bool lacks_port(const struct ask_words *result)
{
	for (size_t i = 0; i < result->host_count; i++) {
		const char *port = find_port(result->hosts[i]);

		if (!port || !*port)
			return true;
	}
	return false;
}

static bool is_ports(char **words, const struct ask_words *result)
{
	return is_number_list(*words) ||
	       (lacks_port(result) && is_port_list(*words) &&
		!has_number_list(words + 1));
}

static int take_host(const char *word, struct ask_words *result)
{
	if (result->host_count == ASK_MOST_HOSTS)
		return command_fail(EXIT_USAGE, word,
				    "more than 256 addresses");
	result->hosts[result->host_count++] = word;
	return 0;
}

static int fail_on_extra(const char *word, const struct ask_words *result)
{
	return command_fail(EXIT_USAGE, word,
			    result->payload && is_number_list(result->payload)
				    ? "unexpected argument (write several "
				      "ports as 53,123)"
				    : "unexpected argument after the payload");
}

/* A mistyped port is taken for an address. */
static int fail_on_last(const char *word, size_t hosts)
{
	struct in6_addr address;
	const bool is_address =
		inet_pton(AF_INET, word, &address) == 1 || strchr(word, ':');

	return command_fail(EXIT_USAGE, word,
			    hosts == 1 || is_address
				    ? "missing PORT after the address"
				    : "not a port or UDP service, or PORT is "
				      "missing after this address");
}

static int check_complete(const struct ask_words *result)
{
	if (!result->host_count)
		return result->ports
			       ? command_fail(EXIT_USAGE, result->ports,
					      "missing ADDRESS before the port")
			       : command_fail(EXIT_USAGE, "ask",
					      "missing ADDRESS and PORT");
	if (!result->ports && lacks_port(result))
		return fail_on_last(result->hosts[result->host_count - 1],
				    result->host_count);
	return 0;
}

int ask_words_read(char **words, struct ask_words *result)
{
	int status = 0;

	*result = (struct ask_words){ 0 };
	for (; *words && !status; words++) {
		const bool complete = result->ports || (result->host_count &&
							!lacks_port(result));

		if (result->payload)
			return fail_on_extra(*words, result);
		if (result->ports || (complete && (is_payload(*words) ||
						   is_number_list(*words))))
			result->payload = *words;
		else if (is_ports(words, result))
			result->ports = *words;
		else
			status = take_host(*words, result);
	}
	return status ? status : check_complete(result);
}

int ask_fail_to_open(const char *host, const char *bind)
{
	if (!bind || (errno != EADDRNOTAVAIL && errno != EINVAL))
		return command_fail_errno(EXIT_FAILURE, host);
	print_failure("--bind=%s: %s", bind,
		      errno == EADDRNOTAVAIL
			      ? "no interface here has that address"
			      : "a link-local address needs its interface: "
				"append %INTERFACE");
	return EXIT_FAILURE;
}
