/* The turn loop: waits for frames, completions, signals and deadlines. In: an installed net device. Out: turns. */
#ifndef NOOS_LOOP_H
#define NOOS_LOOP_H

/* Makes SIGINT and SIGTERM a stop event (the second of them ends the process at once); returns the wake-up descriptor. */
int loop_watch_signals(void);

/* Starts the restored unikernel and drives it until it exits; ends the process with its exit code. */
_Noreturn void loop_run(void);

#endif
