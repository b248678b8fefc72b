/* SPDX-License-Identifier: MIT */
/*
 * What the peer table costs beside a bare HASH_FIND with the same hash and as
 * many buckets, in random order:
 *
 *     table PEERS
 *
 * Times are per call, and the lock is included.
 */
#include "state/peers_open.h"
#include "state/peers_table.h"

#include <stdio.h>
#include <stdlib.h>

enum { SOCK = 1, TTL_S = 3600, CALLS = 1000000, PASSES = 5 };

struct bare {
	struct peers_key key;
	struct local local;
	UT_hash_handle hh;
};

struct inputs {
	uint32_t peers;
	uint32_t calls; /* a multiple of peers: each is called as often */
	struct sockaddr_in *names;
	struct peers_key *keys;
};

static struct bare *bares;
/* So that no call can be left out. */
static volatile uint32_t sink;

static uint64_t clock_ns(clockid_t clock)
{
	const uint64_t ns_per_s = 1000000000;
	struct timespec now = { 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

/* What was written to: anonymous memory, in bytes. */
static long private_bytes(void)
{
	const long bytes_per_kib = 1024;
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Private_Dirty:", strlen("Private_Dirty:")))
			kib = strtol(line + strlen("Private_Dirty:"), NULL, 10);
	if (file)
		(void)fclose(file);
	return kib * bytes_per_kib;
}

/* Peer n, of those of `round`. */
static struct sockaddr_in name_of(uint32_t n, uint32_t round)
{
	const uint32_t first = 0x0a000000;

	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)(n | 1)),
		.sin_addr.s_addr = htonl((first | n) + (round << 24)),
	};
}

/* A shuffled order (Fisher and Yates) that is the same in each run. */
static struct inputs make_inputs(uint32_t peers)
{
	struct inputs in = {
		.peers = peers,
		.calls = peers < CALLS ? CALLS - CALLS % peers : peers,
		.names = need(calloc(peers, sizeof(*in.names))),
		.keys = need(calloc(peers, sizeof(*in.keys))),
	};

	srandom(1);
	for (uint32_t n = 0; n < peers; n++) {
		uint32_t other = (uint32_t)random() % (n + 1);

		in.names[n] = in.names[other];
		in.names[other] = name_of(n, 0);
	}
	for (uint32_t n = 0; n < peers; n++)
		peers_key_of(SOCK, (struct sockaddr *)&in.names[n],
			     sizeof(*in.names), &in.keys[n]);
	return in;
}

static void call_remember(const struct sockaddr_in *name)
{
	const struct local local = {
		.family = AF_INET,
		.v4.s_addr = htonl(INADDR_LOOPBACK),
	};

	peers_remember(SOCK, (const struct sockaddr *)name, sizeof(*name),
		       &local, false);
}

/* Fills the table anew; least_ns[n]: of insert n, of all passes so far. */
static void fill(const struct inputs *in, uint32_t *least_ns)
{
	for (uint32_t n = 0; n < in->peers; n++) {
		uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		uint32_t took;

		call_remember(&in->names[n]);
		took = (uint32_t)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before);
		if (took < least_ns[n])
			least_ns[n] = took;
	}
}

/*
 * The slowest insert, where each counts as in its best pass: other programs and
 * interrupts only add, and never at the same one.  *bytes: what all take.
 */
static uint32_t worst_insert(const struct inputs *in, long *bytes)
{
	uint32_t *least_ns = need(malloc(in->peers * sizeof(*least_ns)));
	uint32_t worst = 0;

	/* Now, lest its pages count as the table's. */
	memset(least_ns, 0xff, in->peers * sizeof(*least_ns));
	for (int i = 0; i < PASSES; i++) {
		long before;

		peers_reset(in->peers, TTL_S);
		before = private_bytes();
		peers_open();
		fill(in, least_ns);
		*bytes = private_bytes() - before;
	}
	for (uint32_t n = 0; n < in->peers; n++)
		worst = least_ns[n] > worst ? least_ns[n] : worst;
	free(least_ns);
	return worst;
}

static void fill_bare(const struct inputs *in)
{
	struct bare *all = need(calloc(in->peers, sizeof(*all)));

	for (uint32_t n = 0; n < in->peers; n++) {
		uint32_t hashv = peers_hash(&in->keys[n]).peer;

		all[n].key = in->keys[n];
		HASH_ADD_BYHASHVALUE(hh, bares, key, sizeof(all[n].key), hashv,
				     &all[n]);
	}
}

static double find_bare(const struct inputs *in)
{
	uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (uint32_t i = 0, n = 0; i < in->calls; i++) {
		const struct peers_key *key = &in->keys[n];
		uint32_t hashv = peers_hash(key).peer;
		struct bare *found;

		HASH_FIND_BYHASHVALUE(hh, bares, key, sizeof(*key), hashv,
				      found);
		if (!found)
			abort();
		sink += found->local.ifindex;
		n = n + 1 < in->peers ? n + 1 : 0;
	}
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) / in->calls;
}

static double recall(const struct inputs *in)
{
	uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	struct local local = { 0 };
	bool queued;

	for (uint32_t i = 0, n = 0; i < in->calls; i++) {
		if (!peers_recall(SOCK, (struct sockaddr *)&in->names[n],
				  sizeof(*in->names), &local, &queued))
			abort();
		sink += local.ifindex;
		n = n + 1 < in->peers ? n + 1 : 0;
	}
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) / in->calls;
}

static double update(const struct inputs *in)
{
	uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (uint32_t i = 0, n = 0; i < in->calls; i++) {
		call_remember(&in->names[n]);
		n = n + 1 < in->peers ? n + 1 : 0;
	}
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) / in->calls;
}

/* Each call is of a new peer, and the table is full. */
static double replace(const struct inputs *in)
{
	uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (uint32_t i = 0; i < in->calls; i++) {
		struct sockaddr_in name = name_of(i, 1);

		call_remember(&name);
	}
	return (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) / in->calls;
}

int main(int argc, char **argv)
{
	uint32_t peers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 0) : 0;
	struct inputs in;
	uint32_t worst;
	long bytes = 0;

	if (!peers) {
		(void)fputs("usage: table PEERS\n", stderr);
		return EXIT_FAILURE;
	}
	in = make_inputs(peers);
	worst = worst_insert(&in, &bytes);
	fill_bare(&in);
	find_bare(&in);
	recall(&in);
	printf("bare_ns %.2f ", find_bare(&in));
	printf("bare_again_ns %.2f ", find_bare(&in));
	printf("recall_ns %.2f ", recall(&in));
	printf("remember_ns %.2f ", update(&in));
	printf("replace_ns %.2f ", replace(&in));
	printf("worst_insert_ns %u ", worst);
	printf("bytes_per_peer %.1f\n", (double)bytes / peers);
	return 0;
}
