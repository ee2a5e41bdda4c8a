#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "ctl/screen.h"
#include "io/fdutil.h"

static volatile sig_atomic_t ended;
static bool on_terminal;

static void on_signal(int sig)
{
        (void)sig;
        ended = 1;
}

void screen_begin(bool tty)
{
        const struct sigaction act = { .sa_handler = on_signal }; /* no SA_RESTART: waits end */

        on_terminal = tty;
        sigaction(SIGINT, &act, NULL);
        sigaction(SIGTERM, &act, NULL);
        if (tty)
                fputs("\033[?25l\033[2J", stdout); /* no cursor, nothing there */
}

/* Every line is overwritten where it stands; what is left of longer ones is erased behind it. */
void screen_draw(const char *text)
{
        if (!on_terminal) {
                fputs(text, stdout);
                fputc('\n', stdout);
                fflush(stdout);
                return;
        }
        fputs("\033[?2026h\033[H", stdout); /* where the terminal knows how: all at once */
        while (*text) {
                size_t n = strcspn(text, "\n");
                printf("%.*s\033[K\n", (int)n, text);
                text += n + (text[n] == '\n');
        }
        fputs("\033[J\033[?2026l", stdout);
        fflush(stdout);
}

bool screen_wait(usec_t amount)
{
        const struct timespec t = { .tv_sec = (time_t)(amount / USEC_PER_SEC),
                                    .tv_nsec = (long)(amount % USEC_PER_SEC) * 1000 };

        if (!ended)
                (void)nanosleep(&t, NULL); /* cut short by Ctrl-C */
        if (ended && on_terminal) {
                fputs("\033[?25h", stdout);
                fflush(stdout);
        }
        return !ended;
}

/* ---- one line ---- */

#define LINE_WIDTH 66 /* the time and its blanks follow, within 80 columns */

Progress progress_begin(const char *text, bool tty)
{
        Progress p = { .shown = tty, .began = now_boottime() };

        (void)STR_SET(p.text, text); /* our own */
        return p;
}

void progress_say(Progress *p, const char *text)
{
        (void)STR_SET(p->text, text); /* cut on the screen anyway */
        progress_tick(p);
}

void progress_tick(void *userdata)
{
        const Progress *p = userdata;
        usec_t passed = usec_sub(now_boottime(), p->began);
        size_t n = strlen(p->text);
        bool cut = n > LINE_WIDTH;

        if (!p->shown || passed < 300 * USEC_PER_MSEC) /* too short to be told */
                return;
        if (cut)
                for (n = LINE_WIDTH; n > 0 && ((unsigned char)p->text[n] & 0xc0) == 0x80;)
                        n--;
        printf("\r\033[K%.*s… %.1f s", (int)n, p->text, (double)passed / (double)USEC_PER_SEC);
        fflush(stdout);
}

void progress_end(Progress *p)
{
        if (!p->shown)
                return;
        p->shown = false;
        fputs("\r\033[K", stdout);
        fflush(stdout);
}
