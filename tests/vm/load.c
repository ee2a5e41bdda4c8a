/*
 * load: what may trouble a petter.
 *
 *     load rt                a hog at SCHED_FIFO 99
 *     load cpu N             N processes that only compute
 *     load memory MB         touches that much, again and again
 *     load hold DEVICE       keeps a watchdog device open, and pets it
 *     load clock MS          for so long, how late the machine itself wakes its most urgent process
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void spin(void)
{
        for (volatile unsigned long i = 0;; i++)
                ;
}

static void touch(size_t size)
{
        char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                return;
        for (unsigned char v = 0;; v++)
                for (size_t i = 0; i < size; i += 4096)
                        p[i] = (char)v;
}

static void hold(const char *device)
{
        int fd = open(device, O_WRONLY);

        if (fd < 0) {
                perror(device);
                exit(1);
        }
        for (;; (void)sleep(1))
                if (write(fd, "", 1) != 1)
                        perror(device);
}

/* Every 10 ms at SCHED_FIFO 99: what it misses, the emulator's host has taken. */
static int watch_clock(long ms)
{
        struct sched_param rt = { .sched_priority = 99 };
        struct timespec due, now;
        double worst = 0;

        if (sched_setscheduler(0, SCHED_FIFO, &rt) < 0 || mlockall(MCL_CURRENT) < 0)
                return 1;
        (void)clock_gettime(CLOCK_MONOTONIC, &due);
        for (long i = 0; i < ms / 10; i++) {
                due.tv_nsec += 10000000;
                if (due.tv_nsec >= 1000000000) {
                        due.tv_sec++;
                        due.tv_nsec -= 1000000000;
                }
                (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                double late = (double)(now.tv_sec - due.tv_sec) +
                              (double)(now.tv_nsec - due.tv_nsec) / 1e9;
                if (late > worst)
                        worst = late;
        }
        printf("CLOCK worst=%.4f\n", worst);
        return 0;
}

int main(int argc, char **argv)
{
        struct sched_param rt = { .sched_priority = 99 };

        if (argc == 2 && strcmp(argv[1], "rt") == 0 && sched_setscheduler(0, SCHED_FIFO, &rt) == 0)
                spin();
        if (argc != 3)
                return 2;
        if (strcmp(argv[1], "cpu") == 0) {
                for (int n = atoi(argv[2]); n > 1; n--)
                        if (fork() == 0)
                                spin();
                spin();
        }
        if (strcmp(argv[1], "memory") == 0)
                touch((size_t)atoi(argv[2]) << 20);
        if (strcmp(argv[1], "hold") == 0)
                hold(argv[2]);
        if (strcmp(argv[1], "clock") == 0)
                return watch_clock(atol(argv[2]));
        return 2;
}
