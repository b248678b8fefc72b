/* SPDX-License-Identifier: MIT */
/*
 * Whether an application can tell that the shim is there: draws sequences of
 * calls, makes each in a process without the shim and in one with it, and
 * compares what the calls did.
 *
 *     differ PRELOAD FIRST COUNT
 *
 * Compares the COUNT sequences from seed FIRST on, in a network namespace of
 * its own.  Of the first difference it prints the calls that are needed for it,
 * and both transcripts.  Exit status: 0 without a difference, 1 with one, 77
 * where there can be no namespace.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): there are no threads.
#include "call.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_NAMESPACES 77
/* So often a difference has to show. */
#define TIMES 3
/* How long the kernel may take to note when datagrams come. */
#define TRY_US 1000
#define MOST_TRIES 1000

#define REQUESTS_FD OWN_FDS
#define REPLIES_FD (OWN_FDS + 1)
#define TRANSCRIPT_FD (OWN_FDS + 2)

struct request {
	uint64_t seed;
	bool dropped[MOST_CALLS];
};

/* A process that makes calls, without the shim or with it. */
struct performer {
	pid_t pid;
	int requests;
	int replies;
	struct transcript *transcript;
};

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(2);
}

/* As a performer: makes each sequence in a child, which has all fds free. */
static int serve(void)
{
	static struct sequence sequence;
	struct request request;
	struct transcript *transcript =
		mmap(NULL, sizeof(*transcript), PROT_READ | PROT_WRITE,
		     MAP_SHARED, TRANSCRIPT_FD, 0);
	int status;

	if (transcript == MAP_FAILED)
		fail("mmap");
	(void)signal(SIGPIPE, SIG_IGN);
	while (read(REQUESTS_FD, &request, sizeof(request)) ==
	       sizeof(request)) {
		pid_t child;

		draw(request.seed, &sequence);
		child = fork();
		if (child < 0)
			fail("fork");
		if (!child) {
			dup2(STDOUT_FILENO, STDERR_FILENO);
			alarm(SEQUENCE_SECONDS);
			perform(&sequence, request.dropped, transcript);
			_exit(0);
		}
		if (waitpid(child, &status, 0) != child ||
		    write(REPLIES_FD, &status, sizeof(status)) !=
			    sizeof(status))
			fail("waitpid");
	}
	return 0;
}

static struct performer start(const char *preload)
{
	struct performer performer;
	int memory = memfd_create("transcript", 0);
	int requests[2], replies[2];

	if (memory < 0 || ftruncate(memory, sizeof(struct transcript)) ||
	    pipe(requests) || pipe(replies))
		fail("pipe");
	performer.transcript = mmap(NULL, sizeof(struct transcript), PROT_READ,
				    MAP_SHARED, memory, 0);
	performer.pid = fork();
	if (!performer.pid) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(requests[0], REQUESTS_FD);
		dup2(replies[1], REPLIES_FD);
		dup2(memory, TRANSCRIPT_FD);
		for (int fd = 0; fd < OWN_FDS; fd++) {
			if (fd < 2)
				dup2(null, fd);
			else if (fd > 2)
				close(fd);
		}
		if (*preload)
			setenv("LD_PRELOAD", preload, 1);
		else
			unsetenv("LD_PRELOAD");
		execl("/proc/self/exe", "differ", "--perform", NULL);
		_exit(127);
	}
	close(requests[0]);
	close(replies[1]);
	close(memory);
	performer.requests = requests[1];
	performer.replies = replies[0];
	return performer;
}

/* The transcript as a string; how the process ended is its last line. */
static char *ask(const struct performer *performer,
		 const struct request *request)
{
	int status;
	char *text;

	if (write(performer->requests, request, sizeof(*request)) !=
		    sizeof(*request) ||
	    read(performer->replies, &status, sizeof(status)) != sizeof(status))
		fail("a performer ended");
	if (asprintf(&text, "%.*sstatus %x\n", (int)performer->transcript->used,
		     performer->transcript->text, (unsigned int)status) < 0)
		fail("asprintf");
	return text;
}

enum outcome { SAME, DIFFERENT, UNSTEADY };

/* Whether it differs every time, and is the same twice without the shim. */
static enum outcome compare(const struct performer both[2],
			    const struct request *request)
{
	enum outcome outcome = SAME;

	for (int i = 0; i < TIMES; i++) {
		char *bare = ask(&both[0], request);
		char *shimmed = ask(&both[1], request);
		char *again = NULL;
		bool differs = strcmp(bare, shimmed) != 0;

		if (differs) {
			again = ask(&both[0], request);
			outcome = strcmp(bare, again) ? UNSTEADY : DIFFERENT;
		} else if (i) {
			outcome = UNSTEADY;
		}
		free(bare);
		free(shimmed);
		free(again);
		if (outcome != DIFFERENT)
			break;
	}
	return outcome;
}

/* Drops each call that the difference does not need. */
static void shrink(const struct performer both[2], struct request *request,
		   int count)
{
	bool dropped_one = true;

	while (dropped_one) {
		dropped_one = false;
		for (int i = count - 1; i >= 0; i--) {
			if (request->dropped[i])
				continue;
			request->dropped[i] = true;
			if (compare(both, request) == DIFFERENT)
				dropped_one = true;
			else
				request->dropped[i] = false;
		}
	}
}

/* The lines that only one of both has, as diff(1) would show them. */
static void print_differences(char *bare, char *shimmed)
{
	char *rest[2] = { bare, shimmed };
	char *line[2];

	for (;;) {
		line[0] = strsep(&rest[0], "\n");
		line[1] = strsep(&rest[1], "\n");
		if (!line[0] && !line[1])
			return;
		if (line[0] && line[1] && !strcmp(line[0], line[1]))
			continue;
		printf("- %s\n+ %s\n", line[0] ? line[0] : "",
		       line[1] ? line[1] : "");
	}
}

static void report(const struct performer both[2], struct request *request)
{
	static struct sequence sequence;
	char *bare, *shimmed;

	draw(request->seed, &sequence);
	shrink(both, request, sequence.count);
	printf("seed %llu differs:\n", (unsigned long long)request->seed);
	for (int i = 0; i < sequence.count; i++)
		if (!request->dropped[i])
			show(stdout, i, &sequence.calls[i]);
	printf("without the shim (-) and with it (+):\n");
	bare = ask(&both[0], request);
	shimmed = ask(&both[1], request);
	print_differences(bare, shimmed);
	free(bare);
	free(shimmed);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	/* Not every kernel has each of them. */
	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* A host with nothing but a loopback of two addresses each. */
static void enter_namespace(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct in6_ifreq second = { .ifr6_prefixlen = 128, .ifr6_ifindex = 1 };
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);
	int fd;

	if (unshare(flags)) {
		perror("unshare");
		exit(NO_NAMESPACES);
	}
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	inet_pton(AF_INET6, "fd00::2", &second.ifr6_addr);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &up) ||
	    ioctl(fd, SIOCSIFADDR, &second))
		fail("lo");
	close(fd);
	/* Each ICMP error is sent, not some in a second. */
	write_to("/proc/sys/net/ipv4/icmp_ratelimit", "0");
	write_to("/proc/sys/net/ipv6/icmp/ratelimit", "0");
	write_to("/proc/sys/net/ipv4/icmp_msgs_per_sec", "1000000000");
	write_to("/proc/sys/net/ipv4/icmp_msgs_burst", "1000000000");
}

/*
 * The kernel notes when a datagram came from a moment after the first socket
 * wants to know until a moment after the last one: one wants it all the time.
 */
static void want_times(void)
{
	const int wanted =
		SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	struct sockaddr_in name = { .sin_family = AF_INET };
	socklen_t len = sizeof(name);
	char control[256];
	struct msghdr msg = { .msg_control = control };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&name, len) ||
	    getsockname(fd, (struct sockaddr *)&name, &len) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &wanted,
		       sizeof(wanted)))
		fail("SO_TIMESTAMPING");
	for (int i = 0; i < MOST_TRIES; i++) {
		msg.msg_controllen = sizeof(control);
		if (sendto(fd, "", 0, 0, (struct sockaddr *)&name, len) ||
		    recvmsg(fd, &msg, 0))
			fail("loopback");
		if (msg.msg_controllen)
			return;
		usleep(TRY_US);
	}
	(void)fprintf(stderr, "differ: this kernel tells no times\n");
}

int main(int argc, char **argv)
{
	struct performer both[2];
	unsigned long long first, count, unsteady = 0;
	if (argc == 2 && !strcmp(argv[1], "--perform"))
		return serve();
	if (argc != 4) {
		(void)fprintf(stderr, "differ PRELOAD FIRST COUNT\n");
		return 2;
	}
	first = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10);
	enter_namespace();
	want_times();
	both[0] = start("");
	both[1] = start(argv[1]);
	for (unsigned long long i = 0; i < count; i++) {
		struct request request = { .seed = first + i };
		enum outcome outcome = compare(both, &request);

		unsteady += outcome == UNSTEADY;
		if (outcome == DIFFERENT) {
			report(both, &request);
			return 1;
		}
	}
	printf("%llu sequences from seed %llu on: no difference"
	       " (%llu differed from run to run)\n",
	       count, first, unsteady);
	return 0;
}
// NOLINTEND(concurrency-mt-unsafe)
