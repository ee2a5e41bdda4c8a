/*
 * shim: in a program of one name, the n-th allocation, or the n-th call that makes a descriptor, fails
 * once. Preloaded by tests/exhaust/run.
 *
 *     EXHAUST_PROGRAM   whose calls are counted
 *     EXHAUST_WHAT      memory or files
 *     EXHAUST_AT        the n-th; 0: none, all are counted
 *     EXHAUST_COUNT     a file that gets the number of calls at a regular end
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static bool memory, files;
static unsigned long at;
static atomic_ulong n_calls;
static _Thread_local bool spared;

__attribute__((constructor)) static void begin(void)
{
        const char *program = getenv("EXHAUST_PROGRAM"), *what = getenv("EXHAUST_WHAT");
        const char *n = getenv("EXHAUST_AT");

        if (!program || !what || strcmp(program, program_invocation_short_name) != 0)
                return;
        at = n ? strtoul(n, NULL, 10) : 0;
        memory = strcmp(what, "memory") == 0;
        files = !memory;
}

__attribute__((destructor)) static void end(void)
{
        const char *path = getenv("EXHAUST_COUNT");
        char text[32];
        int size;

        if (!(memory || files) || !path)
                return;
        memory = files = false;
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        size = snprintf(text, sizeof text, "%lu\n", atomic_load(&n_calls));
        if (fd >= 0 && write(fd, text, (size_t)size) != size)
                abort();
}

static bool fails(bool counted, int error)
{
        if (!counted || spared || atomic_fetch_add(&n_calls, 1) + 1 != at)
                return false;
        errno = error;
        return true;
}

/* ---- memory ---- */

void *malloc(size_t size)
{
        return fails(memory, ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
        return fails(memory, ENOMEM) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
        return fails(memory, ENOMEM) ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
        size_t total;

        if (__builtin_mul_overflow(n, size, &total)) {
                errno = ENOMEM;
                return NULL;
        }
        return realloc(p, total);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
        void *p = fails(memory, ENOMEM) ? NULL : __libc_memalign(alignment, size);

        if (!p)
                return ENOMEM;
        *ret = p;
        return 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/*
 * glibc 2.36 itself crashes where the first lookup of a user finds no memory for nsswitch.conf: nss_database.c
 * takes NULL for its state, or fails an assertion. It is spared; its descriptors are not.
 */
struct passwd *getpwnam(const char *name)
{
        spared = memory;
        struct passwd *found = NEXT(getpwnam)(name);
        spared = false;
        return found;
}

/* ---- descriptors ---- */

#define FAILS fails(files, EMFILE)

static bool has_mode(int flags)
{
        return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

#define OPEN(name)                                                                                 \
        int name(const char *path, int flags, ...)                                                 \
        {                                                                                          \
                mode_t mode = 0;                                                                   \
                va_list ap;                                                                        \
                va_start(ap, flags);                                                               \
                if (has_mode(flags))                                                               \
                        mode = va_arg(ap, mode_t);                                                 \
                va_end(ap);                                                                        \
                return FAILS ? -1 : NEXT(name)(path, flags, mode);                                 \
        }
#define OPENAT(name)                                                                               \
        int name(int dir, const char *path, int flags, ...)                                        \
        {                                                                                          \
                mode_t mode = 0;                                                                   \
                va_list ap;                                                                        \
                va_start(ap, flags);                                                               \
                if (has_mode(flags))                                                               \
                        mode = va_arg(ap, mode_t);                                                 \
                va_end(ap);                                                                        \
                return FAILS ? -1 : NEXT(name)(dir, path, flags, mode);                            \
        }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

FILE *fopen(const char *path, const char *mode)
{
        return FAILS ? NULL : NEXT(fopen)(path, mode);
}

int socket(int domain, int type, int protocol)
{
        return FAILS ? -1 : NEXT(socket)(domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
        return FAILS ? -1 : NEXT(socketpair)(domain, type, protocol, fds);
}

int accept(int fd, struct sockaddr *a, socklen_t *len)
{
        return FAILS ? -1 : NEXT(accept)(fd, a, len);
}

int accept4(int fd, struct sockaddr *a, socklen_t *len, int flags)
{
        return FAILS ? -1 : NEXT(accept4)(fd, a, len, flags);
}

int dup(int fd)
{
        return FAILS ? -1 : NEXT(dup)(fd);
}

#define FCNTL(name)                                                                                \
        int name(int fd, int command, ...)                                                         \
        {                                                                                          \
                va_list ap;                                                                        \
                                                                                                   \
                va_start(ap, command);                                                             \
                void *argument = va_arg(ap, void *);                                               \
                va_end(ap);                                                                        \
                if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && FAILS)                   \
                        return -1;                                                                 \
                return NEXT(name)(fd, command, argument);                                          \
        }
FCNTL(fcntl)
FCNTL(fcntl64)

int epoll_create1(int flags)
{
        return FAILS ? -1 : NEXT(epoll_create1)(flags);
}

int timerfd_create(int clock, int flags)
{
        return FAILS ? -1 : NEXT(timerfd_create)(clock, flags);
}

int eventfd(unsigned count, int flags)
{
        return FAILS ? -1 : NEXT(eventfd)(count, flags);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
        return FAILS ? -1 : NEXT(signalfd)(fd, mask, flags);
}

int inotify_init1(int flags)
{
        return FAILS ? -1 : NEXT(inotify_init1)(flags);
}

int memfd_create(const char *name, unsigned flags)
{
        return FAILS ? -1 : NEXT(memfd_create)(name, flags);
}

int pipe2(int fds[2], int flags)
{
        return FAILS ? -1 : NEXT(pipe2)(fds, flags);
}
