/* SPDX-License-Identifier: MIT */
/* Peers that were chosen to collide do not, under seeds that nobody knows. */
#include "state/peers_open.h"
#include "state/peers_table.h"

#include "settings.h"
#include "unit.h"

#include <stdio.h>

enum { SOCK = 1, BOUND = 1024, CHOSEN = 512, SEEDS = 20, MOST_TRIES = 4000000 };

/* What getrandom(2) gives. */
static uint64_t drawn;

ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned int flags);

static uint8_t next_byte(void)
{
	drawn = drawn * 6364136223846793005U + 1442695040888963407U;
	return (uint8_t)(drawn >> 56);
}

ssize_t __wrap_getrandom(void *buf, size_t bytes, unsigned int flags)
{
	(void)flags;
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)buf)[i] = next_byte();
	return (ssize_t)bytes;
}

static void open_with_seed(uint64_t seed)
{
	settings_reset();
	peers_reset(BOUND, 120);
	drawn = seed;
	peers_open();
}

static struct sockaddr_in nth_address(uint32_t n)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x0a000000U + n / 256),
		.sin_port = htons((in_port_t)(1024 + n % 256)),
	};
}

static uint32_t bucket_of(const struct sockaddr_in *peer)
{
	struct peers_key key = { 0 };

	assert_true(peers_key_of(SOCK, (const struct sockaddr *)peer,
				 sizeof(*peer), &key));
	return peers_hash(&key).peer & peers_table.bucket_mask;
}

static void hear(struct sockaddr_in peer)
{
	const struct local local = { .family = AF_INET };

	peers_remember(SOCK, (const struct sockaddr *)&peer, sizeof(peer),
		       &local, false);
}

static struct sockaddr_in chosen[CHOSEN];

/* Those that all are in one chain, for who knows the seed. */
static void choose(uint64_t seed)
{
	size_t count = 0;

	open_with_seed(seed);
	for (uint32_t n = 0; count < CHOSEN && n < MOST_TRIES; n++) {
		chosen[count] = nth_address(n);
		count += bucket_of(&chosen[count]) == 0;
	}
	assert_int_equal(count, CHOSEN);
}

static unsigned int longest_chain(void)
{
	unsigned int longest = 0;

	for (uint32_t n = 0; n <= peers_table.bucket_mask; n++)
		if (peers_table.buckets[n].count > longest)
			longest = peers_table.buckets[n].count;
	return longest;
}

static unsigned int longest_of_chosen(uint64_t seed)
{
	open_with_seed(seed);
	for (size_t i = 0; i < CHOSEN; i++)
		hear(chosen[i]);
	return longest_chain();
}

static unsigned int longest_of_random(uint64_t seed)
{
	open_with_seed(seed);
	for (size_t i = 0; i < CHOSEN; i++) {
		uint32_t n = next_byte();

		n = n << 8 | next_byte();
		hear(nth_address(n << 8 | next_byte()));
	}
	return longest_chain();
}

TEST(who_knows_the_seed_makes_one_long_chain)
{
	choose(1);

	unsigned int longest = longest_of_chosen(1);

	assert_int_equal(longest, CHOSEN);
}

TEST(under_another_seed_chains_are_as_those_of_any_peers)
{
	unsigned int attacked = 0, usual = 0;

	choose(1);
	for (uint64_t seed = 2; seed < 2 + SEEDS; seed++) {
		unsigned int of_chosen = longest_of_chosen(seed);
		unsigned int of_random = longest_of_random(seed);

		attacked = of_chosen > attacked ? of_chosen : attacked;
		usual = of_random > usual ? of_random : usual;
	}

	print_message("# longest chain of %d peers in %d buckets: %u chosen, "
		      "%u random\n",
		      CHOSEN, BOUND, attacked, usual);
	assert_in_range(attacked, 1, usual * 2);
}

/* Each table of a process has seeds of its own. */
TEST(a_table_is_seeded_anew)
{
	uint64_t before;

	open_with_seed(1);
	before = peers_table.seeds[0];

	open_with_seed(2);

	assert_true(peers_table.seeds[0] != before);
}
