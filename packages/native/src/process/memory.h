/*
 * Address space of the process: reservations, the image's pages, the native stack, faults.
 *
 * In: the image file. Out: noos_memory_commit, noos_pages_place, noos_fault, noos_panic. May include: unikernel.h, fail.h.
 */
#ifndef NOOS_MEMORY_H
#define NOOS_MEMORY_H

/* Reserves both linear memories (nothing accessible yet) and remembers the file that pages come from. */
void memory_reserve(int image_fd);

/* Turns SIGSEGV and its kin into a panic text that says which memory or stack. */
void memory_watch_faults(void);

/* Calls `body` on the unikernel's own stack with a guard page below; `body` does not return. */
_Noreturn void memory_run_on_stack(void (*body)(void));

#endif
