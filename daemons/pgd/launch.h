/*
 * Launch: pgd's line to its launcher, and the programs run through it.
 *
 * Owns:      the connection (made again whenever it breaks), the tools in flight.
 * Invariant: each request is answered once: by the launcher, by its deadline, or by the end of the
 *            connection.
 * Threads:   none.
 */
#pragma once

#include <systemd/sd-event.h>

#include "config/tree.h"
#include "io/link.h"

typedef struct Launch Launch;

int launch_new(Launch **ret, sd_event *e, const char *socket_path, const char *cluster);
Launch *launch_free(Launch *l);
DEFINE_CLEANUP(Launch *, launch_free)

bool launch_is_up(const Launch *l);

/* ---- leaves and the postmaster ---- */

/* r: 0 with the leaf (fds: taken with TAKE_FD if wanted, -1 where there are no cgroups), or errno. */
typedef void (*launch_leaf_t)(int r, const MsgLeaf *leaf, int fds[2], void *userdata);
int launch_make_leaf(Launch *l, uint64_t leaf, launch_leaf_t done, void *userdata);

/* r: 0: it is gone, and nothing can be born in it any more; -EBUSY: something lives in it; or not known. */
typedef void (*launch_dropped_t)(int r, void *userdata);
int launch_drop_leaf(Launch *l, uint64_t leaf, launch_dropped_t done, void *userdata);

/* r: 0 with the pid and a pidfd (take it), -EIO: it was not born; other errors: it may be, or still will. */
typedef void (*launch_born_t)(int r, pid_t pid, int *pidfd, void *userdata);

/* Starts argv in the leaf with the launcher's own output. Texts of both lists are copied. */
int launch_spawn(Launch *l, uint64_t leaf, const Node *argv, launch_born_t born, void *userdata);

/* ---- tools: programs that end ---- */

typedef struct Tool Tool;

typedef struct ToolResult {
        int r;          /* 0: it ended; -ETIMEDOUT, -ECANCELED, or why it could not be run */
        int status;     /* exit code, or minus the signal; meaningful when r is 0 */
        char *output;   /* stdout, terminated; taken with TAKE_PTR if wanted */
        size_t size;
        char error[REASON_SIZE]; /* the last line of stderr, or what went wrong */
} ToolResult;

typedef void (*tool_done_t)(ToolResult *result, void *userdata);
typedef void (*tool_line_t)(const char *line, void *userdata);

typedef struct ToolSpec {
        const Node *argv;      /* list of texts; the first is the program's path */
        const char *env[3];    /* up to so many more "K=V" */
        const char *cwd;
        const char *input;     /* stdin; NULL: /dev/null */
        usec_t timeout;        /* USEC_INFINITY: none (clones take as long as they take) */
        tool_line_t on_error_line; /* each line of stderr as it comes; may be NULL */
        tool_line_t on_line;   /* each line of stdout; NULL: it is gathered for the result */
        bool is_users;         /* a program of the user's: our locale is not forced upon it */
        bool own_output;       /* its output is the launcher's: it goes to the journal without us */
        tool_done_t done;
        void *userdata;
} ToolSpec;

/* Begins; done is called exactly once, later, unless the tool is freed first. */
int tool_start(Tool **ret, Launch *l, const ToolSpec *spec);

/* Ends it (its whole process group, by SIGKILL); done follows with -ECANCELED. */
void tool_cancel(Tool *t);

/* Tells it alone, not its group. */
void tool_signal(const Tool *t, int signal);

/* Forgets it: it goes on without us. */
Tool *tool_detach(Tool *t);

/* Ends it without a word. */
Tool *tool_free(Tool *t);
DEFINE_CLEANUP(Tool *, tool_free)

/* One line of "K=V" text, for logs: the argv with blanks between. */
void launch_describe(const Node *argv, char *buf, size_t size);
