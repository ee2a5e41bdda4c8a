/*
 * reaper: process 1 of a container, if `palisade run` is that: it takes in what others leave behind,
 * and passes signals on (PATRONI-SPEC part 6).
 */
#pragma once

/*
 * Called first, before anything is opened. Returns at once where this is not process 1, and in the
 * child that does the work; 0, or negative errno. Process 1 itself does not return: it ends as the
 * child does, and with it the container.
 */
int reaper_begin(void);
