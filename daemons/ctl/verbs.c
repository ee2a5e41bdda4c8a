/* What palisadectl can do. One row a verb. */
#include "ctl/ctl.h"

#define OPTIONS(...) ((const OptionId[]){ __VA_ARGS__, OPTION_NONE })

static const char watch_text[] =
        "On a terminal --watch redraws in place; Ctrl-C ends it.\n";

static const char failover_text[] =
        "For when there is no leader, or it cannot be reached: transactions that the\n"
        "candidate has not received are lost. With a healthy leader use switchover.\n";

static const char restart_text[] =
        "The leader restarts in place: it keeps the lock, and its virtual IP. If it does not\n"
        "come up again, another member leads. --timeout is for the start alone.\n";

static const char reinit_text[] =
        "What lies in a replica's data directory is removed and cloned anew. --force asks\n"
        "nothing and gives up what is under way there; a leader is never reinitialized.\n";

static const char demote_text[] =
        "The primary is stopped, and this cluster follows a remote one from then on, as a\n"
        "standby cluster: nobody here takes writes until promote-cluster.\n";

static const char edit_text[] =
        "Values are read as YAML: -s ttl=20, -s synchronous_mode=true, -p work_mem=8MB;\n"
        "null removes a key. The differences are shown, and nothing changes before a yes.\n";

static const char leave_text[] =
        "If this node leads, it hands over first, to a standby that has everything. Then\n"
        "PostgreSQL is stopped, and stays stopped until `palisadectl join`, or until its\n"
        "units are started again. Ends with 0 only when PostgreSQL is stopped and the lock\n"
        "is not ours.\n";

static const char pause_text[] =
        "Nothing is started, stopped or failed over until resume, and the primary has no\n"
        "deadline: it goes on without the DCS and without Palisade, and nothing fences it.\n"
        "A switchover or failover to a named member is still possible.\n";

static const char resume_text[] =
        "Waits until the deadlines of every primary are in force again; a member that does\n"
        "not say so is named, and the cluster stays paused. --force takes such members to\n"
        "be no primaries any more: make sure first, since nothing fences them.\n";

static const char explain_text[] =
        "The facts, the rule they lead to, what would happen if one of them changed, and\n"
        "the chain of deadlines under which this node may act as primary.\n";

static const char validate_text[] =
        "What --check-config of palisaded tells, and whether the programs, folders, ports, hosts\n"
        "and certificates are there that it names. 1: something is wrong.\n";

static const char generate_text[] =
        "From the server that runs here, or with --sample from none, to FILE or the screen. What\n"
        "is to be filled in says #FIXME. PATRONI_* variables go before.\n";

const Verb verbs[] = {
        { "list", "[CLUSTER]", "Show the members of the cluster", watch_text, 1,
          OPTIONS(OPTION_FORMAT, OPTION_EXTENDED, OPTION_TIMESTAMP, OPTION_WATCH, OPTION_EVERY),
          verb_list, false },
        { "topology", "[CLUSTER]", "Show who follows whom", watch_text, 1,
          OPTIONS(OPTION_WATCH, OPTION_EVERY), verb_topology, false },
        { "history", "[CLUSTER]", "Show when the primary changed", NULL, 1, OPTIONS(OPTION_FORMAT),
          verb_history, false },
        { "explain", "[FILE]", "Say why this node does what it does", explain_text, 1,
          OPTIONS(OPTION_FORMAT, OPTION_RECORD), verb_explain, false },
        { "switchover", "[CLUSTER]", "Let another member lead, without losing anything", NULL, 1,
          OPTIONS(OPTION_LEADER, OPTION_CANDIDATE, OPTION_SCHEDULED, OPTION_FORCE),
          verb_switchover, false },
        { "failover", "[CLUSTER]", "Make a member lead although no leader can hand over",
          failover_text, 1, OPTIONS(OPTION_CANDIDATE, OPTION_FORCE), verb_failover, false },
        { "restart", "[CLUSTER] [MEMBER]…", "Restart PostgreSQL on members, one by one",
          restart_text, CTL_WORDS_MAX,
          OPTIONS(OPTION_ROLE, OPTION_ANY, OPTION_PENDING, OPTION_PG_VERSION, OPTION_SCHEDULED,
                  OPTION_TIMEOUT, OPTION_FORCE),
          verb_restart, false },
        { "reinit", "[CLUSTER] [MEMBER]…", "Make replicas anew from the leader", reinit_text,
          CTL_WORDS_MAX, OPTIONS(OPTION_FORCE, OPTION_FROM_LEADER, OPTION_WAIT), verb_reinit, false },
        { "demote-cluster", "[CLUSTER]", "Let this cluster follow a remote one", demote_text, 1,
          OPTIONS(OPTION_HOST, OPTION_PORT, OPTION_RESTORE_COMMAND, OPTION_PRIMARY_SLOT_NAME,
                  OPTION_FORCE),
          verb_demote_cluster, false },
        { "promote-cluster", "[CLUSTER]", "Let a standby cluster have a primary", NULL, 1,
          OPTIONS(OPTION_FORCE), verb_promote_cluster, false },
        { "flush", "[CLUSTER] [MEMBER]… restart|switchover", "Drop what is scheduled", NULL,
          CTL_WORDS_MAX, OPTIONS(OPTION_ROLE, OPTION_FORCE), verb_flush, false },
        { "pause", "[CLUSTER]", "Leave PostgreSQL to people: no failover, no fence", pause_text, 1,
          OPTIONS(OPTION_WAIT), verb_pause, false },
        { "resume", "[CLUSTER]", "End a pause", resume_text, 1,
          OPTIONS(OPTION_WAIT, OPTION_FORCE), verb_resume, false },
        { "leave", NULL, "Hand over and stop this node", leave_text, 0, OPTIONS(OPTION_TIMEOUT),
          verb_leave, false },
        { "join", NULL, "Take part again after leave", NULL, 0,
          OPTIONS(OPTION_NO_WAIT, OPTION_TIMEOUT), verb_join, false },
        { "show-config", "[CLUSTER]", "Show the cluster's dynamic configuration", NULL, 1, NULL,
          verb_show_config, false },
        { "edit-config", "[CLUSTER]", "Change the cluster's dynamic configuration", edit_text, 1,
          OPTIONS(OPTION_SET, OPTION_PG, OPTION_APPLY, OPTION_REPLACE, OPTION_QUIET, OPTION_FORCE),
          verb_edit_config, false },
        { "reload", "[MEMBER]…", "Let members read their configuration files again", NULL,
          CTL_WORDS_MAX, OPTIONS(OPTION_ROLE, OPTION_FORCE), verb_reload, false },
        { "validate-config", "FILE", "Check a node's configuration file, and what it names", validate_text, 1,
          OPTIONS(OPTION_IGNORE_LISTEN_PORT, OPTION_PRINT), verb_validate_config, true },
        { "generate-config", "[FILE]", "Make a configuration file", generate_text, 1,
          OPTIONS(OPTION_SAMPLE, OPTION_DSN), verb_generate_config, true },
        { "version", NULL, "Show which version runs where", NULL, 0, NULL, verb_version, false },
};
const size_t n_verbs = ELEMENTSOF(verbs);
