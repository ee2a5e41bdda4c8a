#include "decide/actuate.h"

static const Actions actions[INTENT_MAX] = {
        [INTENT_WAIT] = { .hold = HOLD_AS_BEFORE, .permit = true },
        [INTENT_REFUSE] = { .goal = GOAL_STOP, .hold = HOLD_MEMBER },
        [INTENT_LEAD] = { .hold = HOLD_LOCK, .serve = true, .permit = true },
        [INTENT_LEAD_STANDBY] = { .goal = GOAL_FOLLOW, .hold = HOLD_LOCK, .serve = true },
        [INTENT_CLING] = { .hold = HOLD_LOCK, .serve = true, .permit = true },
        [INTENT_PROMOTE] = { .goal = GOAL_PROMOTE, .hold = HOLD_LOCK, .permit = true },
        [INTENT_START] = { .goal = GOAL_START, .hold = HOLD_LOCK, .permit = true, .stay = true },
        [INTENT_BECOME] = { .hold = HOLD_LOCK, .permit = true, .stay = true },
        [INTENT_CHECKPOINT] = { .goal = GOAL_CHECKPOINT, .hold = HOLD_LOCK, .serve = true,
                                .permit = true },
        [INTENT_RESTART] = { .goal = GOAL_RESTART, .hold = HOLD_LOCK, .permit = true, .stay = true },
        [INTENT_STEP_DOWN] = { .goal = GOAL_STOP, .hold = HOLD_LOCK, .permit = true },
        [INTENT_AWAIT] = { .hold = HOLD_LOCK, .act = ACT_ASK_CANDIDATE, .permit = true },
        [INTENT_REVOKE] = { .hold = HOLD_NOTHING, .act = ACT_REVOKE },
        [INTENT_CLEAR] = { .goal = GOAL_STOP, .hold = HOLD_NOTHING, .act = ACT_REVOKE },
        [INTENT_RELEASE] = { .hold = HOLD_NOTHING, .act = ACT_RELEASE },
        [INTENT_FORGET] = { .hold = HOLD_MEMBER, .act = ACT_FORGET },
        [INTENT_FOLLOW] = { .goal = GOAL_FOLLOW, .hold = HOLD_MEMBER },
        [INTENT_KEEP] = { .hold = HOLD_MEMBER },
        [INTENT_ASK] = { .hold = HOLD_MEMBER, .act = ACT_ASK },
        [INTENT_BID] = { .hold = HOLD_MEMBER, .act = ACT_BID },
        [INTENT_RETAKE] = { .hold = HOLD_MEMBER, .act = ACT_RETAKE, .serve = true, .permit = true },
        [INTENT_STOP] = { .goal = GOAL_STOP, .hold = HOLD_MEMBER },
        [INTENT_STAY_OUT] = { .hold = HOLD_MEMBER },
        [INTENT_CLAIM] = { .hold = HOLD_MEMBER, .act = ACT_CLAIM },
        [INTENT_BOOTSTRAP] = { .goal = GOAL_BOOTSTRAP, .hold = HOLD_MEMBER },
        [INTENT_RECORD] = { .hold = HOLD_MEMBER, .act = ACT_RECORD_SYSID },
        [INTENT_CONFIGURE] = { .hold = HOLD_MEMBER, .act = ACT_WRITE_CONFIG },
};

Actions actuate(Intent intent)
{
        return actions[intent];
}
