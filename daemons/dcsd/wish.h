/*
 * wish: one change of the DCS that must happen once, under conditions, or not at all: as a
 * transaction, and as the question whether it has happened.
 *
 * Pure. A transaction whose answer is lost is settled by reading the same keys linearizably; a
 * transaction that was refused reads them in its failure branch. Both are judged by wish_judge().
 */
#pragma once

#include "dcsd/body.h"
#include "dcsd/paths.h"
#include "dcsd/reply.h"
#include "model/cluster.h"

typedef enum WishKind {
        WISH_BID,     /* create the leader key */
        WISH_RELEASE, /* delete it, with a last status */
        WISH_RECORD,  /* put or delete one key */
        WISH_CLAIM,   /* create `initialize`, empty: the right to make the cluster */
} WishKind;

/* Texts are the caller's. */
typedef struct Wish {
        WishKind kind;
        const Paths *paths;
        const char *name;  /* ours */
        int64_t lease;     /* ours */
        Epoch epoch;       /* not 0: only while the leader key is of this epoch, ours, on our lease */
        const char *key;   /* RECORD: the path */
        const char *value; /* RECORD: NULL deletes. RELEASE: of /status; NULL: leave it */
        const char *member_value; /* CLAIM: our member key as it is, written along; NULL: not known */
        uint64_t revision; /* RECORD: 0 absent, RECORD_ANY_REVISION */
        uint64_t sync_revision, failover_revision, config_revision; /* BID */
} Wish;

/* The keys a wish depends on, as found. Absent ones have no key. */
#define WISH_KEYS_MAX 4
typedef struct WishFound {
        Kv kvs[WISH_KEYS_MAX];
        size_t n;
} WishFound;

typedef enum WishVerdict {
        WISH_OPEN = 0, /* has not happened, and may still: ask again */
        WISH_DONE,
        WISH_REFUSED,
} WishVerdict;

void wish_txn(const Wish *w, Txn *ret);

/* Only the reads, which are then the `then` branch of a transaction without conditions. */
void wish_question(const Wish *w, Txn *ret);

/* The ranges of an answer to either. 0, -EBADMSG or -ENOMEM. */
int wish_read(const Node *doc, WishFound *ret);
void wish_found_done(WishFound *f);

/*
 * Has it happened? For WISH_DONE of a bid *ret_epoch is the key's create_revision; for WISH_REFUSED
 * text says why. tried: a transaction of ours may have been carried out.
 */
WishVerdict wish_judge(const Wish *w, const WishFound *f, bool tried, Epoch *ret_epoch,
                       char text[static REASON_SIZE]);
