/*
 * The mouth answers by pgd's last look at its server, and asks for a new one first. One PROBE is under way at a time; who
 * comes meanwhile waits for the next, so that a crowd, or what piled up while the host stood still, costs two.
 */
#include <string.h>

#include "palisaded/palisaded.h"

#define ANSWER_WITHIN (3 * USEC_PER_SEC)

static void send_probe(Palisaded *p);

/* In time or not: what is known now is the answer. */
static void on_probed(const MsgResult *r _unused_, void *userdata)
{
        Palisaded *p = userdata;
        Probes *q = &p->probes;

        for (size_t i = 0; i < q->n_asked; i++)
                api_respond(p->api, q->waiting[i], 200, "");
        q->n_waiting -= q->n_asked;
        memmove(q->waiting, q->waiting + q->n_asked, q->n_waiting * sizeof *q->waiting);
        q->n_asked = 0;
        if (q->n_waiting > 0)
                send_probe(p);
}

static void send_probe(Palisaded *p)
{
        MsgProbe m = WIRE_INIT(MsgProbe, MSG_PROBE);

        p->probes.n_asked = p->probes.n_waiting;
        (void)hands_request(p->hands, HAND_PGD, &m.h, ANSWER_WITHIN, on_probed, p);
}

void probe_request(Palisaded *p, const MsgRequest *m)
{
        Probes *q = &p->probes;

        if (q->n_waiting == ELEMENTSOF(q->waiting)) {
                api_respond(p->api, m->h.seq, 200, ""); /* such a crowd hears what is known */
                return;
        }
        q->waiting[q->n_waiting++] = m->h.seq;
        if (q->n_asked == 0)
                send_probe(p);
}
