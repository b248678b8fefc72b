/* SPDX-License-Identifier: MIT */
/* Asks a server at each address, as a client does, and says who answered. */
// NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread.
#include "command/ask_options.h"
#include "command/ask_words.h"
#include "command/command.h"
#include "command/endpoint.h"
#include "command/print.h"
#include "common/sockaddr.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct endpoint endpoints[MOST_ENDPOINTS];
static size_t count;

static struct ask_options options;

static struct payload payload;
static bool has_payload;

/* ::ffff:A.B.C.D is asked as A.B.C.D: a socket of IPv6 hears no refusal. */
static void unmap(struct sockaddr_in6 *name)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = name->sin6_port };

	if (name->sin6_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&name->sin6_addr))
		return;
	memcpy(&v4.sin_addr, &name->sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
	*name = (struct sockaddr_in6){ 0 };
	memcpy(name, &v4, sizeof(v4));
}

/* Why it cannot be asked; NULL: it can. */
static const char *why_not(const struct sockaddr_in6 *name)
{
	const struct sockaddr_in *v4 = (const void *)name;
	const in_addr_t address = ntohl(v4->sin_addr.s_addr);

	if (name->sin6_family == AF_INET6) {
		if (IN6_IS_ADDR_LINKLOCAL(&name->sin6_addr) &&
		    !name->sin6_scope_id)
			return "a link-local address needs its interface: "
			       "append %INTERFACE";
		return IN6_IS_ADDR_MULTICAST(&name->sin6_addr) ||
				       IN6_IS_ADDR_UNSPECIFIED(&name->sin6_addr)
			       ? "not the address of one host"
			       : NULL;
	}
	return IN_MULTICAST(address) || address == INADDR_ANY ||
			       address == INADDR_BROADCAST
		       ? "not the address of one host"
		       : NULL;
}

/* Refuses an address that -4, -6 or --bind rule out.  An exit status. */
static int check_family(const char *host, int family)
{
	const char *why = options.family == AF_INET ? "not an IPv4 address"
						    : "not an IPv6 address";

	if (options.family == AF_UNSPEC || family == options.family)
		return EXIT_SUCCESS;
	if (!options.bind)
		return command_fail(EXIT_USAGE, host, why);
	return command_fail_with(EXIT_USAGE, host,
				 "%s, as that of --bind=%s is", why,
				 options.bind);
}

static int add_endpoint(const char *host, const struct sockaddr_in6 *name,
			uint16_t port)
{
	struct endpoint *endpoint = &endpoints[count];

	endpoint->asked = *name;
	endpoint->asked.sin6_port = htons(port);
	endpoint->is_text =
		!payload_make(&endpoint->payload, has_payload ? &payload : NULL,
			      &endpoint->asked);
	if (!endpoint_open(endpoint, options.bind ? &options.source : NULL))
		return ask_fail_to_open(host, options.bind);
	count++;
	return EXIT_SUCCESS;
}

static int add_ports(const char *host, const struct sockaddr_in6 *name,
		     const struct ask_ports *ports)
{
	int status = EXIT_SUCCESS;

	if (count + ports->count > MOST_ENDPOINTS)
		return command_fail(EXIT_USAGE,
				    ports->count > 1 ? ports->text : host,
				    "too many: at most 256 pairs of address "
				    "and port are asked");
	for (uint32_t port = 1; port < PORTS_COUNT && !status; port++)
		if (ports_has(ports->set, (uint16_t)port))
			status = add_endpoint(host, name, (uint16_t)port);
	return status;
}

/* An address as it is written, or the addresses of a name. */
static int resolve(const char *host, struct addrinfo **list)
{
	const struct addrinfo numeric = { .ai_flags = AI_NUMERICHOST,
					  .ai_socktype = SOCK_DGRAM };
	const struct addrinfo hints = { .ai_flags = AI_ADDRCONFIG,
					.ai_family = options.family,
					.ai_socktype = SOCK_DGRAM };
	const char *interface = strchr(host, '%');
	/* A family that is not configured is no reason not to try. */
	int failed = getaddrinfo(host, NULL, &numeric, list);

	if (!failed)
		return EXIT_SUCCESS;
	if (interface && !if_nametoindex(interface + 1))
		return command_fail(EXIT_FAILURE, host,
				    "there is no such interface");
	failed = getaddrinfo(host, NULL, &hints, list);
	if (failed)
		return command_fail(EXIT_FAILURE, host, gai_strerror(failed));
	return EXIT_SUCCESS;
}

/* All addresses of a host, or the one that is written.  An exit status. */
static int add_endpoints(const char *host, const struct ask_ports *ports)
{
	struct addrinfo *list;
	int status = resolve(host, &list);

	if (status)
		return status;
	for (const struct addrinfo *a = list; a && !status; a = a->ai_next) {
		struct sockaddr_in6 name = { 0 };
		const char *why;

		memcpy(&name, a->ai_addr, a->ai_addrlen);
		unmap(&name);
		status = check_family(host, name.sin6_family);
		if (status)
			break;
		why = why_not(&name);
		status = why ? command_fail(EXIT_USAGE, host, why)
			     : add_ports(host, &name, ports);
	}
	freeaddrinfo(list);
	return status;
}

/* "10.1.2.3", or "10.1.2.3:53" where several ports are asked. */
static const char *text_of(const struct sockaddr_in6 *name)
{
	static char text[ENDPOINT_TEXT + 16];
	char host[ENDPOINT_TEXT];
	bool several = false;

	for (size_t i = 1; i < count; i++)
		several |= sockaddr_port(&endpoints[i].asked) !=
			   sockaddr_port(&endpoints[0].asked);
	endpoint_text(name, host);
	if (several)
		(void)snprintf(text, sizeof(text),
			       name->sin6_family == AF_INET6 ? "[%s]:%u"
							     : "%s:%u",
			       host, sockaddr_port(name));
	else
		(void)snprintf(text, sizeof(text), "%s", host);
	return text;
}

/* The text that is printed after an endpoint's address. */
static void describe_endpoint(const struct endpoint *endpoint, char *text,
			      size_t room)
{
	char from[ENDPOINT_TEXT], port[32] = "";

	switch (endpoint->verdict) {
	case ENDPOINT_SILENT:
		(void)snprintf(text, room, "no answer in %g second%s",
			       options.tries * options.seconds,
			       options.tries * options.seconds == 1 ? "" : "s");
		break;
	case ENDPOINT_REFUSED:
		(void)snprintf(text, room,
			       "refused: nothing listens on port %u there",
			       sockaddr_port(&endpoint->asked));
		break;
	case ENDPOINT_FAILED:
		(void)snprintf(text, room, "cannot be asked: %s",
			       strerror(endpoint->error));
		break;
	case ENDPOINT_RIGHT:
	case ENDPOINT_WRONG:
		endpoint_text(&endpoint->from, from);
		if (sockaddr_port(&endpoint->from) !=
		    sockaddr_port(&endpoint->asked))
			(void)snprintf(port, sizeof(port), " port %u",
				       sockaddr_port(&endpoint->from));
		(void)snprintf(text, room, "answered from %s%s: %s", from, port,
			       endpoint->verdict == ENDPOINT_RIGHT ? "right"
								   : "WRONG");
		break;
	}
}

static const char *payload_name(const struct endpoint *endpoint)
{
	if (endpoint->payload.protocol)
		return endpoint->payload.protocol->name;
	return endpoint->is_text ? "text" : "bytes";
}

static void print_endpoint_object(const struct endpoint *endpoint,
				  const char *message)
{
	static const char *const verdicts[] = { "silent", "right", "wrong",
						"refused", "failed" };
	char host[ENDPOINT_TEXT];

	endpoint_text(&endpoint->asked, host);
	print("{\"address\": ");
	print_json(host);
	print(", \"port\": %u, \"payload\": \"%s\", \"verdict\": \"%s\"",
	      sockaddr_port(&endpoint->asked), payload_name(endpoint),
	      verdicts[endpoint->verdict]);
	if (endpoint->from.sin6_family) {
		endpoint_text(&endpoint->from, host);
		print(", \"from\": ");
		print_json(host);
		print(", \"from_port\": %u", sockaddr_port(&endpoint->from));
	}
	print(", \"message\": ");
	print_json(message);
	print_line("}");
}

static void print_message(const struct endpoint *endpoint, const char *message)
{
	static const enum print_color colors[ENDPOINT_FAILED + 1] = {
		[ENDPOINT_RIGHT] = PRINT_GREEN, [ENDPOINT_WRONG] = PRINT_RED
	};

	print("%s: ", text_of(&endpoint->asked));
	print_in(colors[endpoint->verdict], message);
	print_line("%s", "");
}

/* A server may well not answer what it does not understand. */
static void hint_at_payloads(void)
{
	for (size_t i = 0; i < count; i++) {
		if (endpoints[i].verdict != ENDPOINT_SILENT ||
		    !endpoints[i].is_text)
			continue;
		print_failure(
			"port %u was sent a line of text, which its "
			"server may not answer; payloads are %s, bytes in "
			"hex, and @FILE",
			sockaddr_port(&endpoints[i].asked), payload_names());
		return;
	}
}

static int report(void)
{
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < count; i++) {
		const struct endpoint *endpoint = &endpoints[i];
		char message[ENDPOINT_TEXT + 128];

		if (endpoint->verdict != ENDPOINT_RIGHT)
			status = EXIT_FAILURE;
		describe_endpoint(endpoint, message, sizeof(message));
		if (options.json)
			print_endpoint_object(endpoint, message);
		else if (!options.quiet)
			print_message(endpoint, message);
	}
	if (!options.quiet)
		hint_at_payloads();
	return command_finish(status);
}

static int fail_on_payload(const char *text, const char *why)
{
	char what[48], more[384];

	(void)snprintf(what, sizeof(what), "%.32s%s", text,
		       strlen(text) > 32 ? "..." : "");
	(void)snprintf(more, sizeof(more),
		       strcmp(why, "unknown payload") != 0
			       ? "%s"
			       : "%s (choose %s, bytes in hex, @FILE, or - for "
				 "standard input)",
		       why, payload_names());
	return command_fail(EXIT_USAGE, what, more);
}

/* Adds each host with its own ports, or those behind the hosts. */
static int add_hosts(const struct ask_words *words)
{
	static struct ask_ports ports;
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < words->host_count && !status; i++) {
		struct host_port split;

		host_port_split(words->hosts[i], &split);
		if (!ask_ports_read(*split.port ? split.port : words->ports,
				    &ports))
			return command_fail(
				EXIT_USAGE, ports.text,
				"not a port from 1 to 65535, a range of them, "
				"or a UDP service");
		status = add_endpoints(split.host, &ports);
	}
	return status;
}

int ask_main(int argc, char **argv)
{
	struct ask_words words;
	int status = ask_options_read(argc, argv, &options);

	if (status != GO_ON)
		return status;
	status = ask_words_read(argv + optind, &words);
	if (status)
		return status;
	if (words.payload) {
		const char *why = payload_choose(words.payload, &payload);

		if (why)
			return fail_on_payload(words.payload, why);
		has_payload = true;
	}
	status = add_hosts(&words);
	for (int i = 0; i < options.tries && !status; i++)
		endpoints_ask(endpoints, count, (int)(options.seconds * 1000));
	return status ? status : report();
}
// NOLINTEND(concurrency-mt-unsafe)
