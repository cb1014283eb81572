/* base/signals.h — a request to stop that arrives as a signal, and is honoured at a good point. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

/* From now on SIGINT, SIGTERM and SIGUSR1 only set a flag; a second SIGINT ends the process at once. */
void signals_watch(void);

/* The first signal that came, or 0. */
int signals_received(void);

#endif
