#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "dcsd/wish.h"
#include "wire/msg.h"

/* ---- the transaction ---- */

static void compare_leadership(const Wish *w, Txn *t)
{
        const char *leader = w->paths->leader;

        if (w->epoch == 0)
                return;
        txn_compare(t, (Compare){ COMPARE_CREATE, leader, (int64_t)w->epoch, NULL });
        txn_compare(t, (Compare){ COMPARE_VALUE, leader, 0, w->name });
        txn_compare(t, (Compare){ COMPARE_LEASE, leader, w->lease, NULL });
}

static void compare_revision(Txn *t, const char *key, uint64_t revision)
{
        txn_compare(t, (Compare){ COMPARE_MOD, key, (int64_t)revision, NULL });
}

static void bid_txn(const Wish *w, Txn *t)
{
        const Paths *p = w->paths;

        txn_compare(t, (Compare){ COMPARE_CREATE, p->leader, 0, NULL });
        compare_revision(t, p->sync, w->sync_revision);
        compare_revision(t, p->failover, w->failover_revision);
        compare_revision(t, p->config, w->config_revision);
        txn_then(t, (Op){ OP_PUT, p->leader, w->name, w->lease });
}

static void release_txn(const Wish *w, Txn *t)
{
        compare_leadership(w, t);
        if (w->value)
                txn_then(t, (Op){ OP_PUT, w->paths->status, w->value, 0 });
        txn_then(t, (Op){ OP_DELETE, w->paths->leader, NULL, 0 });
}

static void record_txn(const Wish *w, Txn *t)
{
        compare_leadership(w, t);
        if (w->revision == 0)
                txn_compare(t, (Compare){ COMPARE_CREATE, w->key, 0, NULL });
        else if (w->revision != RECORD_ANY_REVISION)
                compare_revision(t, w->key, w->revision);
        if (w->value)
                txn_then(t, (Op){ OP_PUT, w->key, w->value, 0 });
        else
                txn_then(t, (Op){ OP_DELETE, w->key, NULL, 0 });
}

/* The member key written in the same revision tells later whose claim it was. */
static void claim_txn(const Wish *w, Txn *t)
{
        txn_compare(t, (Compare){ COMPARE_CREATE, w->paths->initialize, 0, NULL });
        txn_then(t, (Op){ OP_PUT, w->paths->initialize, "", 0 });
        if (w->member_value)
                txn_then(t, (Op){ OP_PUT, w->paths->member, w->member_value, w->lease });
}

void wish_txn(const Wish *w, Txn *ret)
{
        Txn question;

        *ret = (Txn){ 0 };
        switch (w->kind) {
        case WISH_BID: bid_txn(w, ret); break;
        case WISH_RELEASE: release_txn(w, ret); break;
        case WISH_RECORD: record_txn(w, ret); break;
        case WISH_CLAIM: claim_txn(w, ret); break;
        }
        wish_question(w, &question);
        for (size_t i = 0; i < question.n_then; i++)
                txn_otherwise(ret, question.then[i]);
}

void wish_question(const Wish *w, Txn *ret)
{
        const Paths *p = w->paths;
        const char *keys[WISH_KEYS_MAX] = { 0 };
        size_t n = 0;

        switch (w->kind) {
        case WISH_BID:
                keys[n++] = p->leader;
                keys[n++] = p->sync;
                keys[n++] = p->failover;
                keys[n++] = p->config;
                break;
        case WISH_RELEASE: keys[n++] = p->leader; break;
        case WISH_RECORD:
                keys[n++] = p->leader;
                keys[n++] = w->key;
                break;
        case WISH_CLAIM:
                keys[n++] = p->initialize;
                keys[n++] = p->member;
                break;
        }
        *ret = (Txn){ 0 };
        for (size_t i = 0; i < n; i++)
                txn_then(ret, (Op){ OP_RANGE, keys[i], NULL, 0 });
}

/* ---- the answer ---- */

void wish_found_done(WishFound *f)
{
        while (f->n > 0)
                kv_done(&f->kvs[--f->n]);
}

int wish_read(const Node *doc, WishFound *ret)
{
        WishFound f = { 0 };

        for (size_t i = 0; i < WISH_KEYS_MAX; i++) {
                const Node *range = reply_txn_range(doc, i);
                int r = range ? reply_single(range, &f.kvs[f.n]) : 0;
                if (r < 0) {
                        wish_found_done(&f);
                        return r;
                }
                f.n += r > 0;
        }
        *ret = f;
        return 0;
}

static const Kv *found(const WishFound *f, const char *path)
{
        for (size_t i = 0; i < f->n; i++)
                if (str_equal(f->kvs[i].key, path))
                        return &f->kvs[i];
        return NULL;
}

static uint64_t revision_of(const WishFound *f, const char *path)
{
        const Kv *kv = found(f, path);

        return kv ? kv->mod_revision : 0;
}

static _printf_(2, 3) WishVerdict refuse(char *text, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, REASON_SIZE, format, ap);
        va_end(ap);
        return WISH_REFUSED;
}

static bool is_ours(const Wish *w, const Kv *leader)
{
        return leader && str_equal(leader->value, w->name) && leader->lease == w->lease;
}

static WishVerdict judge_bid(const Wish *w, const WishFound *f, bool tried, Epoch *ret_epoch,
                             char *text)
{
        const Paths *p = w->paths;
        const Kv *leader = found(f, p->leader);
        const struct {
                const char *name, *path;
                uint64_t revision;
        } decided_on[] = {
                { "sync", p->sync, w->sync_revision },
                { "failover", p->failover, w->failover_revision },
                { "config", p->config, w->config_revision },
        };

        if (tried && is_ours(w, leader)) {
                *ret_epoch = leader->create_revision;
                return WISH_DONE;
        }
        if (leader)
                return refuse(text, "%.120s holds the leader key", leader->value);
        for (size_t i = 0; i < ELEMENTSOF(decided_on); i++)
                if (revision_of(f, decided_on[i].path) != decided_on[i].revision)
                        return refuse(text, "/%s has changed meanwhile", decided_on[i].name);
        return WISH_OPEN;
}

static WishVerdict judge_release(const Wish *w, const WishFound *f, bool tried, char *text)
{
        const Kv *leader = found(f, w->paths->leader);

        if (leader && is_ours(w, leader) && leader->create_revision == w->epoch)
                return WISH_OPEN;
        if (tried && (!leader || leader->create_revision != w->epoch))
                return WISH_DONE;
        if (!leader)
                return refuse(text, "there is no leader key");
        return refuse(text, "the leader key is %.100s's, of epoch %" PRIu64, leader->value,
                      leader->create_revision);
}

static WishVerdict judge_record(const Wish *w, const WishFound *f, char *text)
{
        const Kv *leader = found(f, w->paths->leader), *kv = found(f, w->key);

        if (w->epoch != 0 && (!is_ours(w, leader) || leader->create_revision != w->epoch))
                return refuse(text, "this node does not lead under epoch %" PRIu64, w->epoch);
        if (!w->value && !kv)
                return WISH_DONE;
        if (w->revision == (kv ? kv->mod_revision : 0))
                return WISH_OPEN; /* though it may read so: it was to have a new revision */
        if (kv && w->value && str_equal(kv->value, w->value))
                return WISH_DONE; /* it reads as it shall, whoever wrote it */
        if (w->revision == RECORD_ANY_REVISION)
                return WISH_OPEN;
        return refuse(text, "it has changed meanwhile: revision %" PRIu64 " instead of %" PRIu64,
                      kv ? kv->mod_revision : 0, w->revision);
}

static WishVerdict judge_claim(const Wish *w, const WishFound *f, bool tried, char *text)
{
        const Kv *claim = found(f, w->paths->initialize), *member = found(f, w->paths->member);

        if (!claim)
                return WISH_OPEN;
        if (tried && w->member_value && member && member->lease == w->lease &&
            member->mod_revision == claim->mod_revision)
                return WISH_DONE;
        return refuse(text, "%s", claim->value_size == 0 ? "another node is making the cluster"
                                                         : "the cluster has been made");
}

WishVerdict wish_judge(const Wish *w, const WishFound *f, bool tried, Epoch *ret_epoch,
                       char text[static REASON_SIZE])
{
        text[0] = 0;
        *ret_epoch = 0;
        switch (w->kind) {
        case WISH_BID: return judge_bid(w, f, tried, ret_epoch, text);
        case WISH_RELEASE: return judge_release(w, f, tried, text);
        case WISH_RECORD: return judge_record(w, f, text);
        case WISH_CLAIM: return judge_claim(w, f, tried, text);
        }
        return WISH_OPEN;
}
