/*
 * screen: a text shown again and again in one place, without flicker, and ended by Ctrl-C; and one
 * line that says what is waited for.
 */
#pragma once

#include <stdbool.h>

#include "base/usec.h"

/* tty false: each text is printed below the last one. */
void screen_begin(bool tty);
void screen_draw(const char *text);

/* False: the user has had enough; the terminal is as it was. */
bool screen_wait(usec_t amount);

/* "switching over… 1.2 s", erased at the end. Shown only where somebody watches. */
typedef struct Progress {
        bool shown;
        usec_t began;
        char text[256];
} Progress;

Progress progress_begin(const char *text, bool tty);
void progress_say(Progress *p, const char *text);
void progress_tick(void *p); /* about ten times a second: a Call's tick */
void progress_end(Progress *p);
