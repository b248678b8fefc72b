/* SPDX-License-Identifier: MIT */
/*
 * Asks a server as fast as it can, or so many times a second:
 *
 *     load INTERFACE MAC PORT PEERS IDLE PORTS PER-SECOND ADDRESS...
 *
 * Writes frames of 64-byte datagrams to the interface, to this MAC, each
 * from the next of PEERS peers (0: each from a new one), which are PORTS to an
 * address, and each peer always to the same one of the ADDRESSes.  Before that
 * IDLE others ask once, so slowly that none of them is lost.  The peers
 * are forged: what is sent to them is dropped before it reaches a socket.
 * Ended by SIGTERM, it says how many it sent, and the CPU time of that.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BYTES = 64, BATCH = 64, MOST_ADDRESSES = 16, FIRST_PORT = 10000 };
enum { IDLE_PER_SECOND = 64000 };

/* 100.64.0.0/10, which is nobody's.  RFC 6598. */
#define FIRST_PEER 0x64400000U
#define PEER_MASK 0x003fffffU

struct frame {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	char data[BYTES];
} __attribute__((packed));

struct load {
	uint32_t addresses_be[MOST_ADDRESSES];
	uint32_t address_count;
	uint64_t peers;
	uint64_t idle;
	uint32_t ports;
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	ended = signal;
}

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE); // NOLINT(concurrency-mt-unsafe): there is one
}

static uint32_t halves(uint32_t word)
{
	return (word >> 16) + (word & UINT16_MAX);
}

/* RFC 1071; the header consists of 32-bit words. */
static uint16_t ip_checksum(const struct iphdr *ip)
{
	uint32_t words[sizeof(*ip) / sizeof(uint32_t)], sum = 0;

	memcpy(words, ip, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		sum += halves(words[i]);
	return (uint16_t)~halves(halves(sum));
}

/* All that is the same in each. */
static void begin_frame(struct frame *frame, const struct ether_addr *to,
			uint16_t port)
{
	struct udphdr udp = {
		.dest = htons(port),
		.len = htons(sizeof(udp) + BYTES), /* no checksum: RFC 768 */
	};

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->ether.ether_dhost, to, sizeof(*to));
	frame->ether.ether_type = htons(ETHERTYPE_IP);
	frame->udp = udp;
}

/* The number of the peer whose datagram frame n is. */
static uint64_t sender(const struct load *load, uint64_t n)
{
	if (n < load->idle)
		return load->peers + n;
	return load->peers ? n % load->peers : n;
}

static void fill_frame(struct frame *frame, const struct load *load, uint64_t n)
{
	const uint64_t peer = sender(load, n);
	const uint32_t host = (uint32_t)(peer / load->ports) & PEER_MASK;
	struct iphdr ip = {
		.version = IPVERSION,
		.ihl = sizeof(ip) / sizeof(uint32_t),
		.tot_len = htons(sizeof(ip) + sizeof(frame->udp) + BYTES),
		.ttl = IPDEFTTL,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(FIRST_PEER + host),
		.daddr = load->addresses_be[peer % load->address_count],
	};

	ip.check = ip_checksum(&ip);
	frame->ip = ip;
	frame->udp.source = htons((uint16_t)(FIRST_PORT + peer % load->ports));
}

static int open_interface(const char *name)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(name),
	};
	const int on = 1;
	/* Protocol 0: it receives nothing. */
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		die(name);
	return fd;
}

/* So that there are so many batches a second. */
static void wait_for_next(uint64_t per_second)
{
	const uint64_t ns_per_s = 1000000000;
	const struct timespec pause = {
		.tv_nsec = (long)(ns_per_s * BATCH / per_second),
	};

	nanosleep(&pause, NULL);
}

static uint64_t send_all(int fd, const struct load *load, struct frame *frames,
			 uint64_t per_second)
{
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec iovs[BATCH];
	uint64_t n = 0;

	for (int i = 0; i < BATCH; i++) {
		iovs[i].iov_base = &frames[i];
		iovs[i].iov_len = sizeof(frames[i]);
		messages[i].msg_hdr.msg_iov = &iovs[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (!ended) {
		for (uint64_t i = 0; i < BATCH; i++)
			fill_frame(&frames[i], load, n + i);
		if (sendmmsg(fd, messages, BATCH, 0) < 0 && !ended)
			die("sendmmsg");
		n += BATCH;
		if (n < load->idle)
			wait_for_next(IDLE_PER_SECOND);
		else if (per_second)
			wait_for_next(per_second);
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct frame frames[BATCH];
	const int fixed = 8;
	struct load load = { 0 };
	struct sigaction on_end = { .sa_handler = end };
	struct ether_addr to;
	struct timespec cpu;
	uint64_t sent;
	int fd;

	if (argc <= fixed || argc > fixed + MOST_ADDRESSES ||
	    !ether_aton_r(argv[2], &to)) {
		(void)fputs("usage: see the top of load.c\n", stderr);
		return EXIT_FAILURE;
	}
	for (int i = fixed; i < argc; i++)
		load.addresses_be[load.address_count++] = inet_addr(argv[i]);
	load.peers = strtoull(argv[4], NULL, 0);
	load.idle = strtoull(argv[5], NULL, 0);
	load.ports = (uint32_t)strtoul(argv[6], NULL, 0);
	if (!load.ports)
		die("PORTS");
	for (int i = 0; i < BATCH; i++)
		begin_frame(&frames[i], &to,
			    (uint16_t)strtoul(argv[3], NULL, 0));
	fd = open_interface(argv[1]);
	sigaction(SIGTERM, &on_end, NULL);
	sent = send_all(fd, &load, frames, strtoull(argv[7], NULL, 0));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("sent %ju cpu_ns %ju%09ld\n", (uintmax_t)sent,
	       (uintmax_t)cpu.tv_sec, cpu.tv_nsec);
	return 0;
}
