/* SPDX-License-Identifier: MIT */
/* Parts of a test that happen in a forked child, or in another thread. */
#ifndef CHILD_H
#define CHILD_H

/*
 * Forks, and answers what `body` answered in the child, 0 to 255; -1 when the
 * child was killed.  `body` must not assert: it would go on with cmocka's next
 * test.
 */
int in_child(int (*body)(void *context), void *context);

/* The same after vfork(2): what `body` changes, its parent has as well. */
int in_vfork_child(int (*body)(void *context), void *context);

/* Runs `body` in a thread of its own until it ends. */
void in_thread(void *(*body)(void *context), void *context);

#endif
