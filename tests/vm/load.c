/*
 * load: what may trouble a petter.
 *
 *     load rt                a hog at SCHED_FIFO 99
 *     load cpu N             N processes that only compute
 *     load memory MB         touches that much, again and again
 *     load hold DEVICE       keeps a watchdog device open, and pets it
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
        return 2;
}
