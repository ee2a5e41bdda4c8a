/* What pgd's next step is made from: a standby that streams, changed by each test as it needs. */
#pragma once

#include "pgd/plan.h"
#include "test-lib.h"
#include "wire/wire.h"

#define EPOCH 100

typedef struct World {
        MsgOrder order;
        PgState pg;
        Control control;
        PlanInput in;
} World;

static World w;

/* A standby that streams from node1 on timeline 3, ordered to do so. */
static inline int setup(void **state _unused_)
{
        w = (World){ .order = WIRE_INIT(MsgOrder, MSG_ORDER) };
        w.order.what = ORDER_FOLLOW;
        (void)STR_SET(w.order.leader.name, "node1");
        w.order.leader.timeline = 3;
        w.order.may_remake = true;
        w.pg = (PgState){ .run = RUN_RUNNING, .role = ROLE_REPLICA, .in_recovery = TRI_YES,
                          .datadir = DATADIR_VALID, .accepts = true, .receiver_alive = true,
                          .timeline = 3 };
        w.control = (Control){ .state = CONTROL_SHUT_DOWN_IN_RECOVERY, .timeline = 3 };
        w.in = (PlanInput){ .now = SEC(1000), .stop_from = USEC_INFINITY, .order = &w.order, .pg = &w.pg,
                            .control = &w.control, .version = 150020, .conf_current = true,
                            .may_rewind = true, .archived = true };
        return 0;
}

static inline void expect(Step step)
{
        Plan p = plan_next(&w.in);

        if (p.step != step)
                print_error("%s: %s\n", step_to_string(p.step), p.why);
        assert_int_equal(p.step, step);
        assert_true(p.why && p.why[0]);
}

static inline void stopped(ControlState state, uint32_t timeline)
{
        w.pg.run = RUN_STOPPED;
        w.pg.in_recovery = TRI_UNKNOWN;
        w.pg.accepts = w.pg.receiver_alive = false;
        w.control.state = state;
        w.control.timeline = timeline;
}

static inline void primary(void)
{
        w.pg.role = ROLE_PRIMARY;
        w.pg.in_recovery = TRI_NO;
}

static inline void permit(Epoch epoch, usec_t deadline)
{
        w.order.epoch = EPOCH;
        w.pg.permit_epoch = epoch;
        w.pg.permit_deadline = deadline;
}

#define TEST(f) cmocka_unit_test_setup(f, setup)
