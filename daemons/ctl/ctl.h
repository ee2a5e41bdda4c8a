/*
 * ctl: what all verbs of palisadectl share: the options read, the node asked, the screen.
 */
#pragma once

#include <stdio.h>

#include "base/str.h"
#include "ctl/client.h"
#include "io/config.h"

/* Exit codes. */
#define CTL_DONE 0
#define CTL_FAILED 1
#define CTL_USAGE 2

#define CTL_WORDS_MAX 64

typedef enum OptionId {
        OPTION_NONE = 0,
        OPTION_URL,
        OPTION_CLUSTER,
        OPTION_USER,
        OPTION_INSECURE,
        OPTION_CACERT,
        OPTION_CERT,
        OPTION_KEY,
        OPTION_CONFIG,
        OPTION_HELP,
        OPTION_VERSION,
        OPTION_FORMAT,
        OPTION_EXTENDED,
        OPTION_TIMESTAMP,
        OPTION_WATCH, /* every two seconds, or =SECONDS */
        OPTION_EVERY,
        OPTION_LEADER,
        OPTION_CANDIDATE,
        OPTION_SCHEDULED,
        OPTION_FORCE,
        OPTION_SET,
        OPTION_PG,
        OPTION_APPLY,
        OPTION_REPLACE,
        OPTION_QUIET,
        OPTION_TIMEOUT,
        OPTION_NO_WAIT,
        OPTION_WAIT,
        OPTION_RECORD,
        OPTION_ROLE,
        OPTION_ANY,
        OPTION_PENDING,
        OPTION_PG_VERSION,
        OPTION_FROM_LEADER,
        OPTION_HOST,
        OPTION_PORT,
        OPTION_RESTORE_COMMAND,
        OPTION_PRIMARY_SLOT_NAME,
        OPTION_IGNORE_LISTEN_PORT,
        OPTION_PRINT,
        OPTION_SAMPLE,
        OPTION_DSN,
        OPTION_MAX,
} OptionId;

typedef struct Words {
        const char *list[CTL_WORDS_MAX];
        size_t n;
} Words;

typedef struct Ctl Ctl;

typedef struct Verb {
        const char *name;
        const char *arguments; /* for the usage line */
        const char *summary;
        const char *text;      /* for --help; may be NULL */
        size_t words_max;      /* arguments taken */
        const OptionId *options; /* its own, ending with OPTION_NONE */
        int (*run)(Ctl *c);
        bool offline;          /* needs no node */
} Verb;

extern const Verb verbs[];
extern const size_t n_verbs;

struct Ctl {
        const Verb *verb;
        const char *values[OPTION_MAX]; /* NULL: not given; "" for flags that were */
        Words words, sets, pgs;
        char socket[512];
        char user[512];
        Config *config; /* of the node, where this user may read it; NULL otherwise */
        Client *client;
        bool tty;       /* standard output is a terminal */
        bool paint;     /* and colours are welcome there */
        bool ask;       /* there is somebody to ask */
};

static inline bool ctl_has(const Ctl *c, OptionId id)
{
        return c->values[id] != NULL;
}

/* "Error: …" on standard error; answers CTL_FAILED, or CTL_USAGE. */
int ctl_fail(const char *format, ...) _printf_(1, 2);
int ctl_misuse(const Ctl *c, const char *format, ...) _printf_(2, 3);

/* The node's answer to GET path, told where it is none or not 200. NULL: told. */
Node *ctl_get(Ctl *c, const char *path);

/* Tells why a call was not answered, or what was answered; answers CTL_FAILED. */
int ctl_tell_reply(const Ctl *c, const char *what, const Reply *r);

/* GET /cluster and what goes with it; told where it fails. */
typedef struct Picture {
        Node *cluster;
        char scope[128];
        char sysid[32]; /* empty: not known */
        bool cached;    /* the DCS is silent: as it was known last */
} Picture;

int ctl_look(Ctl *c, Picture *ret);
void picture_done(Picture *p);

/* The member table, as list shows it. */
void ctl_print_members(const Ctl *c, const Picture *p, FILE *f, bool topology);

/* A yes or no from whoever is there: true for yes. */
bool ctl_confirm(const char *question);

/* One line, or the fallback for an empty one. False: end of input. */
bool ctl_prompt(const char *question, const char *fallback, char *ret, size_t size);

/* Tells that there was no answer; CTL_FAILED. */
int ctl_unanswered(void);

/*
 * When `what` shall take place, by --scheduled or by asking: an ISO 8601 time in ret, left as it is
 * for now. An exit code.
 */
int ctl_ask_when(const Ctl *c, const char *what, bool forced, bool paused, char ret[static USEC_ISO_MAX]);

/* "2026-11-22 21:46:23.50019", local time. */
const char *ctl_now(char *buf, size_t size);

/* The verbs. */
int verb_list(Ctl *c);
int verb_topology(Ctl *c);
int verb_history(Ctl *c);
int verb_show_config(Ctl *c);
int verb_edit_config(Ctl *c);
int verb_switchover(Ctl *c);
int verb_failover(Ctl *c);
int verb_restart(Ctl *c);
int verb_flush(Ctl *c);
int verb_reinit(Ctl *c);
int verb_demote_cluster(Ctl *c);
int verb_promote_cluster(Ctl *c);
int verb_pause(Ctl *c);
int verb_resume(Ctl *c);
int verb_leave(Ctl *c);
int verb_join(Ctl *c);
int verb_explain(Ctl *c);
int verb_reload(Ctl *c);
int verb_version(Ctl *c);
int verb_validate_config(Ctl *c);
int verb_generate_config(Ctl *c);
