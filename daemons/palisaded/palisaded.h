/*
 * Palisaded: the mind of one cluster's node.
 *
 * It gathers what its hands report into one Snapshot, reads Facts from it, lets decide() choose, and
 * carries out what actuate() says. It parses no foreign bytes and does nothing itself.
 *
 * Owns:      the connections, the last word of each hand, the epoch and permit of this node.
 * Invariant: PERMIT is sent only for a confirmed LEASE of our epoch, and only moves forward within
 *            it; RELEASE only after the fence is confirmed (DESIGN §2).
 * Threads:   none. Stores nothing: a restarted mind learns all of it from its hands.
 */
#pragma once

#include "decide/actuate.h"
#include "decide/failsafe.h"
#include "decide/permit.h"
#include "decide/rules.h"
#include "decide/snapshot.h"
#include "decide/words.h"
#include "io/config.h"
#include "io/loop.h"
#include "palisaded/hands.h"

/* What fenced and watchdogd shall do, from the configuration file. */
typedef struct NodeConfig {
        char name[NAME_SIZE];
        char scope[NAME_SIZE];
        char api_url[URL_SIZE];
        char conn_url[URL_SIZE];
        Tags tags;
        uint32_t n_vips;
        Vip vips[VIPS_MAX];
        FenceMode gate_mode;
        uint32_t n_also;
        Unit also[ALSO_MAX];
        WatchdogMode watchdog_mode;
        char watchdog_device[HOST_SIZE];
        uint32_t watchdog_reset_after;
        int64_t safety_margin; /* PERMIT_SAFETY_MARGIN_UNSET: left out */
        bool can_bootstrap;
        bool log_beats; /* log.deduplicate_heartbeat_logs is written, and off */
} NodeConfig;

/* authority.c */
typedef struct Authority {
        Epoch epoch;
        Epoch ended;       /* the last one that is over */
        MsgPermit permit;  /* the last one sent; deadline 0: none yet */
        MsgLease lease;    /* the last confirmed one of this epoch */
        uint64_t armed_asked; /* ARM or DISARM under way, by its seq; 0: none */
        bool armed_answered;
        Timing armed_for;  /* W was asked for these */
        bool disarmed;     /* for a pause: ARM is asked again before deadlines are in force */
        usec_t arm_again;  /* then not before: it has failed */
        bool retaken;      /* won for a primary that already ran: fenced's wish stays until the permit */
        bool unarmed;      /* the watchdog that is required cannot be armed */
        usec_t standby_until; /* the API answers as standby leader until then; 0: never told to */
        bool bidding, releasing;
        bool retaking;     /* the bid is of a primary that leads on */
        usec_t bid_again;  /* the last one was refused, by what this revision does not show */
        uint64_t refused_at;
        Holding holding;
        bool revoked;      /* REVOKE of this epoch has left */
        bool yielding;     /* and nothing was permitted under it */
        bool pgd_answered, fenced_answered;
        bool confirming;   /* fenced was asked once more after both had answered */
        Tri empty;         /* and its word on the leaf since */
        usec_t revoke_again;
        uint64_t revoke_from; /* the first REVOKE of this epoch: answers to older ones say nothing */
} Authority;

/* race.c */
typedef struct Race {
        RaceVerdict verdict;
        char reason[REASON_SIZE];
        usec_t unlocked;  /* when the leader key was seen to be gone */
        bool ready;       /* all answers are there; our own position may be older than that */
        usec_t judged;
        uint64_t asked[2]; /* seqs of ASK_PEERS under way: members there, members gone */
        size_t n_peers;
        Peer peers[CLUSTER_MEMBERS_MAX];
        char last_leader[NAME_SIZE];
        size_t n_gone; /* members of the last healthy view that have no key any more */
        PeerAddress gone[CLUSTER_MEMBERS_MAX];
        uint64_t seen_revision;
} Race;

/* handover.c */
typedef struct Handover {
        bool wanted;        /* the failover key asks it of us, and it is possible */
        bool demoting;      /* the cluster has become a standby cluster, and we are its primary still */
        usec_t since;       /* when it, or the leave, began */
        bool checking;
        uint64_t asked;     /* ASK_PEERS under way */
        usec_t asked_until; /* not answered by then, it never will be: dcsd was away */
        bool candidate_ready;
        usec_t await_until; /* for the candidate's word; 0: not asked yet */
        uint64_t handled_revision; /* of the failover key */
        uint64_t over_revision; /* the same, carried out or called off: cleared until it is gone */
} Handover;

/* vips.c: the right to a replica's address */
typedef struct VipRight {
        struct Palisaded *mind;
        char name[VIP_NAME_SIZE]; /* empty: none here */
        enum { VIP_NOT_HELD, VIP_BIDDING, VIP_HELD, VIP_DROPPING, VIP_DROPPED, VIP_RELEASING } state;
        Epoch epoch; /* of its key; 0: not ours */
        Epoch ended; /* the last one that is over */
        MsgVipPermit permit; /* the last one sent; deadline 0: none yet */
        usec_t poor_since, free_since, again;
} VipRight;
/* failsafe.c */
typedef struct Failsafe {
        char path[URL_SIZE]; /* of the stored promise */
        char length_path[URL_SIZE];
        usec_t length; /* no promise that may hold is longer; 0: none holds. Survives a boot */
        Promise kept;
        bool known;          /* what an earlier run has promised */
        usec_t started;
        bool asking;
        char told[REASON_SIZE];
} Failsafe;

/* pause.c */
typedef struct Pause {
        bool writing;          /* our StandingKey */
        bool ending;           /* it counts for nothing any more, and is deleted once nothing rests on it */
        usec_t resuming_since; /* the ResumeKey was first seen */
        Timer look;
        /* One at a time. ENDING: written, and somebody stands who was not seen before. */
        enum { RESUME_FREE, RESUME_ASKING, RESUME_WRITING, RESUME_ENDING } resume;
        MsgRequest *request; /* of the resume: owned, with the new document */
        usec_t deadline;     /* of the resume */
} Pause;

/* twin.c */
typedef struct Twin {
        bool settled; /* there is none, or none is looked for */
        bool there;
        uint64_t asked; /* ASK_PEERS under way */
        usec_t again;
} Twin;

/* probe.c */
typedef struct Probes {
        uint64_t waiting[256]; /* REQUESTs, by their seq, in order */
        size_t n_waiting;
        size_t n_asked;        /* the first ones, for whom a PROBE is under way */
} Probes;

/* restart.c */
typedef struct Restart {
        usec_t since;      /* one is under way; 0: none */
        int32_t outgoing;  /* the postmaster that goes; 0: none ran */
        Epoch epoch;       /* it leads, or is to; 0: a standby */
        usec_t until;      /* of the start, once the old one is gone; 0: it is not */
        uint64_t asked;    /* the REQUEST to answer; 0: it was scheduled */
        RestartAsk ask;
        ScheduledRestart scheduled; /* its schedule 0: none */
        Timer timer;
} Restart;

/* reinit.c */
typedef struct Reinit {
        usec_t since;     /* one is under way: the number of its order; 0: none */
        bool from_leader;
} Reinit;

/* duties.c */
typedef struct Duties {
        /* One record of a key at a time: the next is made from what this one leads to. */
        bool under_way[RECORD_MAX];
        uint64_t recorded_at[RECORD_MAX]; /* the snapshot's revision when the last one was answered */
        usec_t again[RECORD_MAX];         /* without a newer one not before then */
        Epoch failsafe_epoch;   /* under which /failsafe was last written */
        bool sync_open;         /* a write of /sync may still take effect: no word of how it ended */
        uint64_t sync_compared; /* while the key has this revision */
        bool status_stands; /* what was recorded last in /status was not refused */
        StatusKey status;   /* and what that was */
} Duties;

typedef struct Api Api;

typedef struct Palisaded {
        sd_event *event;
        const char *cluster_name; /* the instance */
        char config_path[URL_SIZE];
        NodeConfig node;
        Hands *hands;
        bool known[HAND_COUNT]; /* has told its state */

        /* the last word of each hand */
        MsgCluster *snapshot;   /* as it came; NULL: none yet */
        size_t snapshot_size;
        const Cluster *cluster; /* in there */
        MsgLink link;
        MsgPgState pg;
        MsgFenceState fence;
        MsgWatchdogState watchdog;
        MsgHistory history;
        bool history_known;

        Authority authority;
        Race race;
        Handover handover;
        VipRight vip_rights[VIPS_MAX]; /* of the same index in node.vips */
        Failsafe failsafe;
        Pause pause;
        Twin twin;
        usec_t unsync_until; /* so long a stop waits until /sync does not list us; 0: it does not wait */
        usec_t unsync_out;   /* since when it does not */
        Restart restart;
        Reinit reinit;
        Duties duties;
        bool stopped_by_order; /* Postgres: we stopped it to hand over, no person did */
        bool leaving;
        bool joined;         /* this mind was told to join: that pgd still holds the server stopped is old */
        bool noting_leave;   /* pgd was told, and not to join again since */
        uint64_t noting_join; /* pgd was told to join, and not to leave since: by this order; 0: not */
        usec_t unfit_until;  /* its W was too long for what is configured */
        usec_t disarm_again; /* DISARM has left; again from then on, unless it is answered */
        usec_t claim_again; /* the right to make the cluster is left to others until then */
        uint64_t claimed; /* `initialize` is ours, as snapshots from this revision on show; 0: not */
        unsigned start_failures;
        usec_t start_since;

        Facts facts;
        Decision decision;
        const Rule *told; /* the rule of the last line in the journal */
        usec_t rule_since;

        /* what was last ordered, so that nothing is said twice */
        MsgOrder order;
        uint64_t order_asked; /* the request that it was, or a dropped one's */
        bool order_open;   /* sent, no RESULT yet */
        Outcome order_outcome;
        usec_t order_again; /* a refused order is given again from then on */
        usec_t checkpoint_for; /* the handover or restart that the last CHECKPOINT was for, by its beginning */
        MsgWant want;
        uint32_t vips_refused; /* bits of node.vips: a member's own address */
        enum { WANT_UNSENT, WANT_ASKED, WANT_GRANTED, WANT_FAILED } want_state;
        int leaf_fds[2];
        MsgLeaf leaf;
        bool gate_owed;    /* pgd waits for the gate of `leaf` */
        bool serving;
        MsgPublish published;
        usec_t published_at;

        Api *api;
        Probes probes;
        Stall stall;
        Timer think_timer, hold_timer, beat_timer, handover_timer, vips_timer;
        usec_t beat;
        int (*on_left)(struct Palisaded *p); /* palisade run: Postgres is stopped, end */
} Palisaded;

int palisaded_new(Palisaded **ret, sd_event *e, const char *cluster, const char *runtime,
                  const char *config);
Palisaded *palisaded_free(Palisaded *p);
DEFINE_CLEANUP(Palisaded *, palisaded_free)

/* Something changed: decide again, once for all that changes in this turn of the loop. */
void palisaded_think(Palisaded *p);
Snapshot palisaded_snapshot(const Palisaded *p, usec_t now);
int palisaded_reload(Palisaded *p);
void palisaded_leave(Palisaded *p);

/* ---- node.c: the configuration file ---- */
int node_config_load(NodeConfig *ret, const char *path, config_tell_t tell, void *userdata);

/* ---- member.c ---- */
void node_member(const Palisaded *p, Member *ret);

/* ---- authority.c ---- */
PermitInput authority_input(const Palisaded *p);
/* Under the epoch that we lead under. The deadline of that permit may be over. */
static inline bool authority_is_permitted(const Authority *a)
{
        return a->epoch != 0 && a->permit.epoch == a->epoch && a->permit.deadline != 0;
}
bool authority_is_standby(const Palisaded *p); /* the lock is ours, and gives no permit */
void authority_give_permit(Palisaded *p);
void authority_lease(Palisaded *p, const MsgLease *m);
void authority_hold(Palisaded *p, Holding holding);
void authority_on_hold_timer(Palisaded *p, usec_t now);
bool authority_waits_to_bid(Palisaded *p); /* it thinks again when that is over */
void authority_bid(Palisaded *p, bool leads_on);
void authority_revoke(Palisaded *p);
void authority_release(Palisaded *p);
void authority_adopt(Palisaded *p);
void authority_lost(Palisaded *p);
void authority_fence_state(Palisaded *p);
void authority_pg_state(Palisaded *p);
void authority_stand(Palisaded *p); /* the permit's standing flag, as pause wants it */
void authority_resend(Palisaded *p, HandId id); /* what a hand that came back must hear again */

/* ---- watchdog.c ---- */
void watchdog_arm(Palisaded *p);
void watchdog_stand(Palisaded *p); /* for a pause: disarmed, though its primary leads on */
void watchdog_follow_timing(Palisaded *p); /* asks again for a W that fits what is configured now */
void watchdog_settle(Palisaded *p, usec_t now); /* DISARM, once nothing of the epoch is left */

/* ---- bar.c ---- */
const char *palisaded_bar(const Palisaded *p); /* why this node may not bid; NULL: it may */
bool palisaded_lacks_watchdog(const Palisaded *p); /* it is required, and there is none */

/* ---- race.c ---- */
void race_on_cluster(Palisaded *p);
void race_ask(Palisaded *p);
void race_on_pg(Palisaded *p);
void race_on_peers(Palisaded *p, const MsgPeers *m);
void race_reset(Palisaded *p);
void race_expire(Palisaded *p, usec_t now);
uint64_t race_send_ask(Palisaded *p, const PeerAddress *peers, uint32_t n, usec_t within);

/* ---- timing.c ---- */
bool timing_fits(const Palisaded *p, Timing t, char *ret_why, size_t size);
void timing_settle(const Palisaded *p, Settings *s, const Settings *before);

/* ---- failsafe.c ---- */
void failsafe_load(Palisaded *p, const char *runtime);
void failsafe_on_cluster(Palisaded *p);
void failsafe_request(Palisaded *p, const MsgRequest *m);
void failsafe_tick(Palisaded *p, usec_t now);
const char *failsafe_barred(const Palisaded *p, usec_t now); /* NULL: it may bid */
bool failsafe_leads(const Palisaded *p, usec_t now); /* by promise, not by key */
bool failsafe_is_active(const Palisaded *p, usec_t now);

/* ---- pause.c ---- */
bool pause_stands(const Palisaded *p); /* our permit has no end just now */
const char *pause_who_stands(const Palisaded *p, char *buf, size_t size);
void pause_run(Palisaded *p);
void pause_on_cluster(Palisaded *p);
void pause_on_look(Palisaded *p, usec_t now);
void pause_resume(Palisaded *p, const MsgRequest *m);

/* ---- probe.c ---- */
void probe_request(Palisaded *p, const MsgRequest *m);

/* ---- handover.c ---- */
void handover_look(Palisaded *p);     /* at the failover key */
void handover_over(Palisaded *p);     /* what it asks is carried out, or called off */
void handover_end(Palisaded *p);      /* the epoch that it was asked of is over */
void handover_begin_leave(Palisaded *p);
void handover_lost_dcsd(Palisaded *p); /* what it was asked, nobody answers */
void handover_ask_candidate(Palisaded *p);
bool handover_on_peers(Palisaded *p, const MsgPeers *m);

/* ---- unsync.c: out of the synchronous set, before a stop ---- */
bool unsync_is_wanted(const Palisaded *p);
bool unsync_waits(Palisaded *p); /* not yet */

/* ---- twin.c: another node of our name ---- */
void twin_look(Palisaded *p, usec_t now);
bool twin_on_peers(Palisaded *p, const MsgPeers *m);

/* ---- restart.c: of Postgres, in place ---- */
void restart_request(Palisaded *p, const MsgRequest *m);
void restart_cancel(Palisaded *p, const MsgRequest *m);
void restart_look(Palisaded *p, usec_t now);
bool restart_stops(const Palisaded *p);             /* the old server is not gone yet */

/* What is under way here, in the API's words; NULL: nothing. */
const char *restart_busy_with(const Palisaded *p);

/* ---- reinit.c: this replica's data, made anew ---- */
void reinit_request(Palisaded *p, const MsgRequest *m);
void reinit_look(Palisaded *p);

/* ---- duties.c: what a leader, and every member, writes ---- */
typedef struct RecordOrder {
        RecordKey key;
        Epoch epoch;       /* not 0: only while the leader key is this epoch's and ours */
        uint64_t revision; /* compared; RECORD_ANY_REVISION */
        const void *value; /* the struct of `key`; NULL where it has none */
        usec_t within;
} RecordOrder;

/* One key, whoever asked; answered a second after `within` at the latest. */
void duties_record(Palisaded *p, const RecordOrder *o, hands_answer_t answer, void *userdata);

void duties_run(Palisaded *p);   /* at each change, while leading */
void duties_status(const Palisaded *p, StatusKey *ret); /* what /status is to say */
void duties_beat(Palisaded *p);  /* at each beat, while leading */
void duties_sync_in_doubt(Palisaded *p); /* somebody may have written /sync under our epoch */
/* synchronous_standby_names for a start as primary. False: not known now. */
bool duties_names_at_start(Palisaded *p, char *buf, size_t size);
bool duties_before_promotion(Palisaded *p); /* of a standby that runs. True: nothing is in the way */
bool duties_before_start(Palisaded *p);     /* as primary */
void duties_publish(Palisaded *p, bool beat);
void duties_claim(Palisaded *p);
void duties_unclaim(Palisaded *p);
void duties_record_sysid(Palisaded *p);
void duties_write_config(Palisaded *p);
void duties_clear_failover(Palisaded *p, uint64_t revision);

/* ---- orders.c: goals -> orders ---- */
/* What a LEASE is about: true if it was about an address. */
bool vips_lease(Palisaded *p, const MsgLease *m);
void vips_think(Palisaded *p, usec_t now);
void vips_on_timer(Palisaded *p, usec_t now);
void vips_again(Palisaded *p, HandId id);

void orders_apply(Palisaded *p, const Actions *a);
void orders_leaf(Palisaded *p, const MsgLeaf *m, int *fds, size_t n_fds);
void orders_send(Palisaded *p, MsgOrder *m);
void orders_on_pg(Palisaded *p);
void orders_again(Palisaded *p, HandId id);
/* The member by whose own address this virtual IP reads; NULL: nobody's. */
const Member *orders_vip_owner(const Palisaded *p, const Vip *vip);

/* ---- api.c: the mouth ---- */
int api_new(Api **ret, Palisaded *p);
Api *api_free(Api *a);
void api_request(Api *a, const MsgRequest *m);
void api_respond(Api *a, uint64_t seq, unsigned http, const char *text);
MsgRecord *api_config_record(const MsgRequest *m); /* the document to be written; the caller frees */
void api_status(Api *a, bool everything); /* STATUS; everything: CLUSTER, PG_STATE, HISTORY too */
void api_on_cluster(Api *a);
void api_on_pg(Api *a);
void api_on_peers(Api *a, const MsgPeers *m);
bool api_has_left(const Palisaded *p);
void api_note_left(Palisaded *p);
void api_note_joined(Palisaded *p);

/* ---- explain.c ---- */
void explain_rows(const Palisaded *p, uint64_t seq);
