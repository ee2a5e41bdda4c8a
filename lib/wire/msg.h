/*
 * msg: every message of the suite. This page is its map; msg-*.h have the structs.
 *
 * AF_UNIX SOCK_SEQPACKET, one packet one message: a header, then the struct of its type; where a
 * struct ends in [] or says "then", so many bytes more. Byte order and layout are the host's: both
 * ends come from one package, and HELLO compares WIRE_VERSION. Instants are CLOCK_BOOTTIME in
 * microseconds. Strings are terminated within their array. The receiver checks all of this before
 * a handler sees the message (wire.h).
 *
 *                      HOLD BID RELEASE PUBLISH RECORD ASK_PEERS RELOAD
 *             ┌───────────────────────────────────────────────────▶ dcsd
 *             │        LEASE CLUSTER PEERS LINK RESULT
 *             │        PERMIT REVOKE ORDER CANCEL CLUSTER GATE PROBE
 *             ├───────────────────────────────────────────────────▶ pgd ◀──▶ launcher
 *    mind ────┤        PG_STATE HISTORY LEAF RESULT                      MAKE_LEAF SPAWN DROP_LEAF
 *             │        PERMIT REVOKE WANT VIP_PERMIT                     LEAF SPAWNED EXITED
 *             ├───────────────────────────────────────────────────▶ fenced
 *             │        FENCE_STATE RESULT
 *             │        ARM PERMIT REVOKE DISARM RESET
 *             ├───────────────────────────────────────────────────▶ watchdogd
 *             │        WATCHDOG_STATE RESULT
 *             │        STATUS CLUSTER PG_STATE HISTORY PERMIT REVOKE ROW RESULT
 *             └───────────────────────────────────────────────────▶ apid
 *                      REQUEST
 *
 * The mind connects and says HELLO; the hand checks its uid and answers with its state. `seq` of a
 * RESULT, ROW or progress names the message it answers.
 */
#pragma once

#include "wire/msg-api.h"
#include "wire/msg-base.h"
#include "wire/msg-dcs.h"
#include "wire/msg-fence.h"
#include "wire/msg-pg.h"
#include "wire/msg-watchdog.h"
