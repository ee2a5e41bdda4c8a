#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/cause.h"
#include "watchdogd/clock.h"
#include "watchdogd/device.h"
#include "watchdogd/factor.h"
#include "watchdogd/holder.h"
#include "watchdogd/scan.h"
#include "watchdogd/trial.h"

#define PETS 3U
#define TICK (50 * USEC_PER_MSEC)
#define FILE_NAME "test"

/* ---- --list ---- */

static void list_one(const Candidate *c, const Candidate *chosen)
{
        const char *note = c == chosen ? "would be chosen" : "";

        printf("%-15.15s %-14s %-32.32s %s\n", c->path, device_kind_to_string(c->kind),
               c->identity[0] ? c->identity : "?", note);
        if (c->why_not[0])
                printf("    not usable: %s\n", c->why_not);
        if (c->nowayout)
                puts("    nowayout: once armed it cannot be disarmed");
        if (factor_of(c->identity) != 1)
                printf("    resets at %u times its timeout\n", factor_of(c->identity));
        if (c->caused_boot)
                puts("    says that it caused the last reset of this host");
}

int trial_list(void)
{
        Candidate list[CANDIDATES_MAX];
        char text[REASON_SIZE];
        size_t n = scan_devices(list);
        const Candidate *chosen = choose_device(list, n, "", text, sizeof text);

        if (n > 0)
                printf("%-15s %-14s %s\n", "DEVICE", "KIND", "IDENTITY");
        for (size_t i = 0; i < n; i++)
                list_one(&list[i], chosen);
        if (!chosen)
                printf("nothing can be armed: %s\n", text);
        else if (chosen->kind == DEVICE_SOFTDOG)
                puts("Only softdog: it resets nothing when the kernel itself hangs.");
        trial_tell(text, sizeof text);
        if (text[0])
                printf("last test: %s\n", text);
        if (cause_text()[0])
                printf("why this host went down: %s\n", cause_text());
        return chosen ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- what is remembered ---- */

static size_t record_text(char *ret, size_t size, const DeviceRecord *d, usec_t expected,
                          usec_t elapsed)
{
        return (size_t)snprintf(ret, size,
                                "elapsed=%010llu\nboot=%s\ndevice=%s\nidentity=%s\ntimeout=%u\n"
                                "expected=%llu\n",
                                (unsigned long long)elapsed, cause_boot_id(), d->path, d->identity,
                                d->granted_sec, (unsigned long long)expected);
}

static uint64_t number_of(const char *key)
{
        char text[32];
        uint64_t v = 0;

        if (cause_read(FILE_NAME, key, text, sizeof text))
                (void)str_to_u64(text, &v); /* no number: as if it were not there */
        return v;
}

void trial_tell(char *ret, size_t size)
{
        char boot[64] = "", device[HOST_SIZE] = "?", identity[64] = "?";
        usec_t elapsed = number_of("elapsed"), timeout = number_of("timeout") * USEC_PER_SEC;
        usec_t expected = number_of("expected");

        ret[0] = 0;
        if (!cause_read(FILE_NAME, "boot", boot, sizeof boot) || timeout == 0 ||
            str_equal(boot, cause_boot_id()))
                return; /* of this boot: it has not reset anything */
        (void)cause_read(FILE_NAME, "device", device, sizeof device); /* "?", then */
        (void)cause_read(FILE_NAME, "identity", identity, sizeof identity);
        int n = snprintf(ret, size, "%.60s (%.40s), timeout %llu s, reset %.1f s after the last pet",
                         device, identity, (unsigned long long)(timeout / USEC_PER_SEC),
                         (double)elapsed / USEC_PER_SEC);
        if (n < 0 || (size_t)n >= size)
                return;
        if (elapsed > expected + USEC_PER_SEC)
                snprintf(ret + n, size - (size_t)n, ", expected %.1f: set watchdog.reset_after to %llu",
                         (double)expected / USEC_PER_SEC,
                         (unsigned long long)(elapsed / USEC_PER_SEC + 1));
        else
                snprintf(ret + n, size - (size_t)n, ", factor %.1f", (double)elapsed / (double)timeout);
}

/* ---- --test ---- */

static bool confirm(const Candidate *c)
{
        char line[128], host[64] = "";

        (void)gethostname(host, sizeof host - 1); /* empty, then: so is what to type */
        printf("This lets %s (%s) reset THIS MACHINE, without warning to anybody on it.\n"
               "Type the name of this host, %s, to go on: ", c->path, c->identity, host);
        (void)fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
                return false;
        line[strcspn(line, "\n")] = 0;
        return host[0] && str_equal(line, host);
}

static void sleep_until(usec_t end)
{
        usec_t now = clock_now();

        if (end > now)
                (void)usleep((useconds_t)(end - now)); /* a signal ends the program */
}

/* Writes how long it has been, again and again, until this machine is gone or it is hopeless. */
static int count_down(Device *d, usec_t expected)
{
        char text[1024], path[HOST_SIZE + 16];
        usec_t start = clock_now(), elapsed = 0, most = 2 * expected + 5 * USEC_PER_SEC;
        unsigned said = 0;
        size_t n = record_text(text, sizeof text, &d->record, expected, 0);

        int r = cause_replace(FILE_NAME, text);
        cause_path(path, sizeof path, FILE_NAME);
        int fd = r < 0 ? -1 : open(path, O_WRONLY | O_DSYNC | O_CLOEXEC);
        if (fd < 0)
                printf("(the result cannot be kept: %s: %s)\n", path, strerror(errno));
        if (device_pet(d, USEC_PER_SEC) < 0)
                puts("(the last pet failed)");
        else
                start = clock_now();
        printf("last pet; a reset is expected in %.1f s\n", (double)expected / USEC_PER_SEC);
        while (elapsed < most) {
                (void)fflush(stdout);
                sleep_until(start + elapsed + TICK);
                elapsed = clock_now() - start;
                n = record_text(text, sizeof text, &d->record, expected, elapsed);
                if (fd >= 0)
                        (void)!pwrite(fd, text, n, 0); /* the next one tries again */
                if (elapsed / USEC_PER_SEC > said)
                        printf("still here after %u s\n", said = (unsigned)(elapsed / USEC_PER_SEC));
        }
        if (fd >= 0)
                (void)close(fd); /* written through */
        return EXIT_FAILURE;
}

static int test_device(const Candidate *c, const TrialOptions *o)
{
        Device d;
        char why[REASON_SIZE] = "";
        int r = device_open(&d, c, o->power_cycle);

        if (r >= 0) {
                r = device_set_timeout(&d, o->timeout_sec);
                if (r < 0)
                        device_disarm(&d);
        }
        if (r < 0) {
                (void)STR_SET(why, strerror(-r)); /* it fits */
                if (r == -EBUSY)
                        holder_tell(c->path, why, sizeof why);
                fprintf(stderr, "%s: %s\n", c->path, why);
                return EXIT_FAILURE;
        }
        usec_t expected = factor_fires(d.record.identity, d.record.granted_sec, 0);
        printf("%s (%s): timeout %u s, factor %u\n", d.record.path, d.record.identity,
               d.record.granted_sec, factor_of(d.record.identity));
        sync();
        (void)mlockall(MCL_CURRENT | MCL_FUTURE); /* without it the figure is a little less sharp */
        for (unsigned i = 0; i < PETS; i++) {
                printf("pet %u of %u\n", i + 1, PETS);
                (void)fflush(stdout);
                sleep_until(clock_now() + d.record.granted_sec * USEC_PER_SEC / 4);
                if (device_pet(&d, USEC_PER_SEC) < 0)
                        puts("(that pet failed)");
        }
        r = count_down(&d, expected);
        device_disarm(&d);
        printf("%s did NOT reset this machine within %.0f s: do not rely on it\n", c->path,
               (double)(2 * expected + 5 * USEC_PER_SEC) / USEC_PER_SEC);
        return r;
}

int trial_run(const TrialOptions *o)
{
        Candidate list[CANDIDATES_MAX];
        char why[REASON_SIZE];
        size_t n = scan_devices(list);

        if (o->device && n < CANDIDATES_MAX && !choose_knows(list, n, o->device))
                n += scan_path(o->device, &list[n]);
        const Candidate *c = choose_device(list, n, o->device ? o->device : "", why, sizeof why);
        if (!c) {
                fprintf(stderr, "nothing to test: %s\n", why);
                return EXIT_FAILURE;
        }
        if (!o->yes && !confirm(c)) {
                puts("not confirmed: nothing was done");
                return EXIT_FAILURE;
        }
        return test_device(c, o);
}
