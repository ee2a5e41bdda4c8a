/*
 * msg-fence: what the mind and fenced say to each other.
 */
#pragma once

#include "wire/msg-base.h"

typedef struct Vip {
        char address[48];
        char interface[INTERFACE_SIZE]; /* empty: the one whose subnet matches */
        char name[VIP_NAME_SIZE]; /* a replica's, held under VIP_PERMIT; empty: the primary's */
} Vip;

typedef enum FenceMode {
        FENCE_AUTOMATIC = 0,
        FENCE_REQUIRED,
        FENCE_OFF,
        FENCE_MODE_MAX,
} FenceMode;
DECLARE_NAMES(fence_mode, FenceMode)

/* A systemd unit, a pooler's, that stands behind the same gate. */
typedef struct Unit {
        char name[UNIT_SIZE];
} Unit;

/* Everything fenced shall hold for this cluster. fds: with a new leaf, as in LEAF. */
typedef struct MsgWant {
        MsgHeader h;
        Epoch epoch;       /* under whose permit this node acts as primary; 0: it does not */
        uint64_t leaf;     /* 0: no postmaster */
        uint64_t cgroup;
        uint32_t gate_mode;
        uint32_t take; /* 1: hold the addresses; 0: with an epoch, only probe for duplicates */
        uint32_t n_vips;
        uint32_t n_also;
        Vip vips[VIPS_MAX];
        Unit also[ALSO_MAX];
        char leaf_path[URL_SIZE];
} MsgWant;

/* The right to hold a replica's address, answered by RESULT once the address follows it. */
typedef struct MsgVipPermit {
        MsgHeader h;
        Epoch epoch;     /* the create_revision of palisade/vip/<vip> */
        usec_t deadline; /* within an epoch it only moves forward; 0: no right of it is left */
        usec_t lease_end;
        char vip[VIP_NAME_SIZE];
} MsgVipPermit;

typedef struct VipState {
        Vip vip;
        bool present;
        bool wanted;
        usec_t until; /* when the kernel drops it by itself, at the latest */
        usec_t limit; /* not 0: it may be gone from then on, sooner than the permit ends */
        char reason[REASON_SIZE]; /* why it is not there though wanted; empty: no trouble */
} VipState;

typedef enum GateState {
        GATE_UNKNOWN = 0,
        GATE_ABSENT, /* none on this machine or in this build; reason says why */
        GATE_OPEN,
        GATE_SHUT,
        GATE_MAX,
} GateState;
DECLARE_NAMES(gate_state, GateState)

typedef struct UnitState {
        Unit unit;
        uint32_t gate; /* GateState; UNKNOWN: the unit does not run */
        char reason[REASON_SIZE]; /* why there is no gate, or why it stays shut */
} UnitState;

typedef struct MsgFenceState {
        MsgHeader h;
        Epoch epoch;
        usec_t deadline;
        uint64_t standing;
        Epoch revoked_epoch;
        uint64_t leaf;
        uint64_t cgroup;
        uint32_t populated; /* Tri */
        uint32_t gate;      /* GateState */
        usec_t empty_since; /* when `populated 0` of this leaf was seen; 0: not */
        usec_t killed;      /* when fenced killed the leaf; 0: never */
        usec_t stall;
        uint32_t n_vips;
        uint32_t n_also;
        VipState vips[VIPS_MAX];
        UnitState also[ALSO_MAX];
        char gate_reason[REASON_SIZE];
} MsgFenceState;
