/* SPDX-License-Identifier: MIT */
/* Who gets a lock, and who is sent away. */
#include "base/lock.h"

#include "base/sandbox.h"
#include "child.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { THREADS = 4, ROUNDS = 20000 };

static struct lock lock;
static struct lock other_lock;

/* Waiting takes no time here, unless a test says so. */
static bool is_time_real;
static unsigned int naps;

int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	if (is_time_real)
		return __real_nanosleep(time, left);
	naps++;
	errno = EINTR;
	return -1;
}

static time_t later_s;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	now->tv_sec += later_s;
	return result;
}

/* Blocks all signals, or none. */
static void set_mask(int how)
{
	sigset_t all;

	sigfillset(&all);
	assert_int_equal(pthread_sigmask(how, &all, NULL), 0);
}

BEFORE_EACH(free_locks)
{
	lock = (struct lock){ 0 };
	other_lock = (struct lock){ 0 };
	lock_inside = LOCK_OUTSIDE;
	set_mask(SIG_UNBLOCK);
	is_time_real = false;
	naps = 0;
}

static bool is_blocked(int number)
{
	sigset_t mask;

	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	return sigismember(&mask, number);
}

/* First, for it holds for the process. */
TEST(no_signal_is_blocked_before_any_interrupts)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);

	bool blocked = is_blocked(SIGTERM);

	assert_false(blocked);
	lock_release(&lock);
}

/* It may have jumped, or come back.  Second, for the same reason. */
TEST(the_first_that_was_interrupted_is_gone_after_seconds)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);
	assert_int_equal(lock_take(&lock), LOCK_REFUSED);
	later_s = LOCK_OVERDUE_S;
	assert_int_equal(lock_take(&lock), LOCK_REFUSED);
	later_s++;

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_INHERITED);
	assert_true(is_blocked(SIGTERM));
	lock_release(&lock);
	assert_false(is_blocked(SIGTERM));
}

TEST(a_free_lock_is_held)
{
	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_HELD);
	lock_release(&lock);
}

TEST(a_released_lock_is_held_again)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);
	lock_release(&lock);

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_HELD);
	lock_release(&lock);
}

TEST(a_holder_is_refused_its_own_lock)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_REFUSED);
	lock_release(&lock);
}

TEST(a_holder_is_refused_any_other_lock)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);

	enum lock_result result = lock_take(&other_lock);

	assert_int_equal(result, LOCK_REFUSED);
	lock_release(&lock);
}

/*
 * A handler of a signal that cannot be blocked jumps, and siglongjmp(3) sets
 * the mask that was before: nobody will let go.
 */
static void take_and_jump_out(void)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);
	set_mask(SIG_UNBLOCK);
}

TEST(a_lock_that_a_handler_jumped_out_of_is_had_again)
{
	take_and_jump_out();

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_INHERITED);
	lock_release(&lock);
	assert_int_equal(lock_take(&lock), LOCK_HELD);
	lock_release(&lock);
}

TEST(each_refusal_is_counted)
{
	const unsigned long before = lock_refusals;

	assert_int_equal(lock_take(&lock), LOCK_HELD);
	(void)lock_take(&lock);
	(void)lock_take(&other_lock);
	lock_release(&lock);

	assert_int_equal(lock_refusals, before + 2);
}

TEST(being_refused_does_not_release_what_is_held)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);
	(void)lock_take(&lock);

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_REFUSED);
	lock_release(&lock);
}

static volatile sig_atomic_t handler_s_result;

static void take_in_handler(int signal_number)
{
	enum lock_result result = lock_take(&lock);

	(void)signal_number;
	handler_s_result = (sig_atomic_t)result;
	if (result != LOCK_REFUSED)
		lock_release(&lock);
}

static void interrupt_by(int number)
{
	const struct sigaction action = { .sa_handler = take_in_handler };

	assert_int_equal(sigaction(number, &action, NULL), 0);
	handler_s_result = -1;
	assert_int_equal(raise(number), 0);
}

TEST(a_handler_comes_when_the_lock_is_released)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);

	interrupt_by(SIGUSR1);

	assert_int_equal(handler_s_result, -1);
	lock_release(&lock);
	assert_int_equal(handler_s_result, LOCK_HELD);
}

TEST(a_handler_that_cannot_be_blocked_is_refused)
{
	assert_int_equal(lock_take(&lock), LOCK_HELD);

	interrupt_by(SIGTRAP);

	assert_int_equal(handler_s_result, LOCK_REFUSED);
	lock_release(&lock);
}

/* The application's, whatever they are. */
TEST(a_lock_leaves_the_signals_that_are_blocked)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);

	(void)lock_take(&lock);
	(void)lock_take(&lock);
	lock_release(&lock);

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	for (int number = 1; number < SIGSYS; number++)
		assert_int_equal(sigismember(&mask, number), number == SIGUSR2);
}

/* Its own mask tells nothing: plain replies, and never two at a time. */
TEST(where_all_is_blocked_who_was_inside_stays_there)
{
	set_mask(SIG_BLOCK);
	assert_int_equal(lock_take(&lock), LOCK_HELD);

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_REFUSED);
	lock_release(&lock);
}

TEST(a_handler_that_interrupts_nobody_is_served)
{
	interrupt_by(SIGUSR1);

	assert_int_equal(handler_s_result, LOCK_HELD);
}

static void *take_in_thread(void *context)
{
	enum lock_result *result = context;

	*result = lock_take(&lock);
	if (*result != LOCK_REFUSED)
		lock_release(&lock);
	return NULL;
}

TEST(a_lock_that_is_not_let_go_is_refused)
{
	enum lock_result result;

	assert_int_equal(lock_take(&lock), LOCK_HELD);

	in_thread(take_in_thread, &result);

	assert_int_equal(result, LOCK_REFUSED);
	assert_int_not_equal(naps, 0);
	lock_release(&lock);
}

/* A handler jumps before the thread's first call has a lock: inside, no more.
 */
static void *take_after_jump(void *context)
{
	enum lock_result *result = context;

	set_mask(SIG_UNBLOCK);
	lock_inside = LOCK_INSIDE;
	*result = lock_take(&lock);
	assert_int_equal(*result, LOCK_REFUSED);
	later_s += LOCK_OVERDUE_S + 1;
	return take_in_thread(result);
}

TEST(a_thread_whose_first_call_was_jumped_out_of_is_served_later)
{
	enum lock_result result;

	in_thread(take_after_jump, &result);

	assert_int_equal(result, LOCK_HELD);
}

/* So far apart that the thread pointers have the same lower 35 bits. */
#define APART ((size_t)1 << 35)
#define STACK_BYTES ((size_t)1 << 20)

static void in_thread_on(void *stack, void *(*function)(void *), void *context)
{
	pthread_attr_t attributes;
	pthread_t thread;

	assert_int_equal(mprotect(stack, STACK_BYTES, PROT_READ | PROT_WRITE),
			 0);
	assert_int_equal(pthread_attr_init(&attributes), 0);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES),
			 0);
	assert_int_equal(
		pthread_create(&thread, &attributes, function, context), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attributes), 0);
}

static void *take_beside_holder(void *other_stack)
{
	enum lock_result result;

	assert_int_equal(lock_take(&lock), LOCK_HELD);
	in_thread_on(other_stack, take_in_thread, &result);
	assert_int_equal(result, LOCK_REFUSED);
	lock_release(&lock);
	return NULL;
}

TEST(no_two_threads_are_taken_for_one)
{
	char *stacks;

	if (sizeof(size_t) < sizeof(uint64_t))
		skip();
	stacks = mmap(NULL, APART + STACK_BYTES, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stacks == MAP_FAILED)
		skip();

	in_thread_on(stacks, take_beside_holder, stacks + APART);

	/* It waited: it is not the thread that holds the lock. */
	assert_int_not_equal(naps, 0);
	assert_int_equal(munmap(stacks, APART + STACK_BYTES), 0);
}

static void *take_twice_in_thread(void *context)
{
	enum lock_result *result = context;

	(void)lock_take(&lock);
	*result = lock_take(&other_lock);
	if (*result != LOCK_REFUSED)
		lock_release(&other_lock);
	return NULL;
}

TEST(whoever_was_refused_may_take_another)
{
	enum lock_result result;

	assert_int_equal(lock_take(&lock), LOCK_HELD);

	in_thread(take_twice_in_thread, &result);

	assert_int_equal(result, LOCK_HELD);
	lock_release(&lock);
}

TEST(taking_and_releasing_keep_errno)
{
	errno = ENOTTY;

	(void)lock_take(&lock);
	(void)lock_take(&lock);
	lock_release(&lock);

	assert_int_equal(errno, ENOTTY);
}

static void *wait_in_thread(void *context)
{
	errno = ENOTTY;
	(void)lock_take(&lock);
	*(int *)context = errno;
	return NULL;
}

TEST(waiting_keeps_errno)
{
	int after;

	assert_int_equal(lock_take(&lock), LOCK_HELD);

	in_thread(wait_in_thread, &after);

	assert_int_equal(after, ENOTTY);
	lock_release(&lock);
}

/* Neither atomic nor volatile: only the lock keeps the sum right. */
static unsigned long sum;

static void *add(void *context)
{
	enum lock_result *worst = context;

	for (int i = 0; i < ROUNDS; i++) {
		enum lock_result result = lock_take(&lock);

		if (result != LOCK_HELD)
			*worst = result;
		sum++;
		/* Give the others a chance to see the lock taken. */
		if (i % 64 == 0)
			(void)sched_yield();
		lock_release(&lock);
	}
	return NULL;
}

TEST(threads_that_contend_count_right)
{
	pthread_t threads[THREADS];
	enum lock_result worst = LOCK_HELD;

	is_time_real = true;
	sum = 0;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, &worst),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	assert_int_equal(worst, LOCK_HELD);
	assert_int_equal(sum, (unsigned long)THREADS * ROUNDS);
}

static pthread_barrier_t held;
static pthread_barrier_t seen;

static void *hold(void *context)
{
	(void)context;
	(void)lock_take(&lock);
	pthread_barrier_wait(&held);
	pthread_barrier_wait(&seen);
	lock_release(&lock);
	return NULL;
}

/* Forks while another thread holds the lock. */
static int in_child_of_a_holder(int (*body)(void *))
{
	pthread_t thread;
	int result;

	assert_int_equal(pthread_barrier_init(&held, NULL, 2), 0);
	assert_int_equal(pthread_barrier_init(&seen, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, hold, NULL), 0);
	pthread_barrier_wait(&held);
	result = in_child(body, NULL);
	pthread_barrier_wait(&seen);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return result;
}

static int take(void *context)
{
	(void)context;
	return (int)lock_take(&lock);
}

TEST(a_child_inherits_what_another_thread_held)
{
	int result = in_child_of_a_holder(take);

	assert_int_equal(result, LOCK_INHERITED);
}

static int take_release_take(void *context)
{
	(void)context;
	(void)lock_take(&lock);
	lock_release(&lock);
	return (int)lock_take(&lock);
}

TEST(what_a_child_inherits_it_inherits_once)
{
	int result = in_child_of_a_holder(take_release_take);

	assert_int_equal(result, LOCK_HELD);
}

static int take_in_grandchild(void *context)
{
	return in_child(take, context);
}

TEST(a_grandchild_inherits_it_too)
{
	int result = in_child_of_a_holder(take_in_grandchild);

	assert_int_equal(result, LOCK_INHERITED);
}

static int take_and_hold_in_grandchild(void *context)
{
	(void)lock_take(&lock);
	lock_release(&lock);
	return in_child(take, context);
}

TEST(what_a_child_took_over_its_child_finds_free)
{
	int result = in_child_of_a_holder(take_and_hold_in_grandchild);

	assert_int_equal(result, LOCK_HELD);
}

TEST(a_child_finds_a_free_lock_free)
{
	int result = in_child(take, NULL);

	assert_int_equal(result, LOCK_HELD);
}

TEST(a_generation_is_never_zero)
{
	uint32_t generation = lock_generation();

	assert_int_not_equal(generation, 0);
}

TEST(a_process_keeps_its_generation)
{
	uint32_t before = lock_generation();

	uint32_t after = lock_generation();

	assert_int_equal(after, before);
}

static void *generation_in_thread(void *context)
{
	*(uint32_t *)context = lock_generation();
	return NULL;
}

TEST(threads_are_of_one_generation)
{
	uint32_t generation;

	in_thread(generation_in_thread, &generation);

	assert_int_equal(generation, lock_generation());
}

static int is_of_another_generation(void *context)
{
	return lock_generation() != *(uint32_t *)context;
}

TEST(a_child_is_of_another_generation)
{
	uint32_t generation = lock_generation();

	int differs = in_child(is_of_another_generation, &generation);

	assert_int_equal(differs, true);
}

static int is_child_of_another_generation(void *context)
{
	uint32_t generation = lock_generation();

	(void)context;
	return in_child(is_of_another_generation, &generation);
}

TEST(a_grandchild_is_of_yet_another_generation)
{
	int differs = in_child(is_child_of_another_generation, NULL);

	assert_int_equal(differs, true);
}

/* Past pthread_atfork(3), as some runtimes fork. */
TEST(a_child_of_clone_is_of_another_generation)
{
	uint32_t generation = lock_generation();
	int status;

	pid_t child =
		(pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (!child)
		_exit(is_of_another_generation(&generation));
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), true);
}

static int is_borrowed(void *context)
{
	(void)context;
	return lock_is_borrowed();
}

TEST(a_vfork_child_is_borrowed)
{
	(void)lock_generation();

	int borrowed = in_vfork_child(is_borrowed, NULL);

	assert_int_equal(borrowed, true);
}

TEST(other_processes_are_not_borrowed)
{
	int child = in_child(is_borrowed, NULL);

	assert_int_equal(child, false);
	assert_int_equal(lock_is_borrowed(), false);
}

static int is_vfork_child_borrowed(void *context)
{
	(void)context;
	return in_vfork_child(is_borrowed, NULL);
}

TEST(a_vfork_child_is_borrowed_though_it_is_first_to_ask)
{
	lock_watch();

	int borrowed = in_child(is_vfork_child_borrowed, NULL);

	assert_int_equal(borrowed, true);
}

static int take_when_borrowed(void *context)
{
	(void)context;
	return lock_is_borrowed() ? (int)lock_take(&lock) : -1;
}

TEST(a_vfork_child_is_refused_and_its_parent_is_not)
{
	int result = in_vfork_child(take_when_borrowed, NULL);

	assert_int_equal(result, LOCK_REFUSED);
	assert_int_equal(lock_take(&lock), LOCK_HELD);
	lock_release(&lock);
}

static int die_inside(void *context)
{
	(void)context;
	(void)lock_take(&lock);
	return (int)raise(SIGKILL);
}

TEST(what_a_killed_vfork_child_held_is_inherited)
{
	assert_int_equal(in_vfork_child(die_inside, NULL), -1);

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_INHERITED);
	lock_release(&lock);
}

static void *end_inside(void *context)
{
	(void)context;
	(void)lock_take(&lock);
	pthread_exit(NULL);
}

TEST(what_a_thread_held_that_ended_inside_is_inherited)
{
	lock_watch();
	in_thread(end_inside, NULL);

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_INHERITED);
	assert_int_equal(naps, 0);
	lock_release(&lock);
}

/* glibc allocates memory for a value of any key but the first 32. */
TEST(a_key_that_would_take_memory_is_not_used)
{
	pthread_key_t keys[32];

	for (size_t i = 0; i < COUNT(keys); i++)
		assert_int_equal(pthread_key_create(&keys[i], NULL), 0);
	lock_watch();
	in_thread(end_inside, NULL);

	enum lock_result result = lock_take(&lock);

	assert_int_equal(result, LOCK_REFUSED);
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_int_equal(pthread_key_delete(keys[i]), 0);
}

/* Last, for a lock that was given up once is refused at once. */
TEST(where_calls_are_forbidden_no_one_naps)
{
	enum lock_result result;

	atomic_store(&sandbox_given_up, SANDBOX_WAITS);
	assert_int_equal(lock_take(&lock), LOCK_HELD);

	in_thread(take_in_thread, &result);

	assert_int_equal(result, LOCK_REFUSED);
	assert_int_equal(naps, 0);
	lock_release(&lock);
}
