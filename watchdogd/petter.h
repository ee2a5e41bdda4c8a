/*
 * Petter: the device, the table, and the one place where a pet or a reset happens.
 *
 * Owns:      the open device, its duplicate in the fd store, the table.
 * Invariant: no pet begins unless policy_now() has just said so; after each, the clock is read
 *            and policy_after_pet() judges. No allocation and no log line lie between.
 * Threads:   none.
 */
#pragma once

#include <stdbool.h>

#include "base/stall.h"
#include "watchdogd/table.h"

typedef struct Petter {
        Table *table;
        Device device;
        bool power_cycle;    /* what a BMC shall do */
        bool restarted;      /* the table was there: a process before us has run in this boot */
        bool orphaned;       /* a device came without its table: it is never petted again */
        bool reset_failed;
        bool stop_told;      /* that petting has stopped */
        int pet_error;       /* of the last pet, told once it is off the petting path */
        usec_t again;        /* a failed pet is tried again from then on */
        usec_t due;          /* when petter_run() is to be called next */
        Stall stall;
        char remark[REASON_SIZE]; /* what is wrong with the armed device */
} Petter;

/* Takes up the table and a device from the fd store; pets at once if that is allowed. */
int petter_init(Petter *p);

/*
 * Arms the device for a cluster, opening one if none is. 0; or negative errno, and *ret_why one
 * line for a person.
 */
int petter_arm(Petter *p, const char *cluster, const MsgArm *m, char *ret_why, size_t size);

/* One cluster less. The last one closes the device. False: this epoch is older than its row's. */
bool petter_disarm(Petter *p, const char *cluster, const MsgDisarm *m);

/*
 * Pets, stops or resets as the policy says. Returns when to call it again. drain(userdata) takes in
 * the permits that wait in the sockets: nobody is reset for one that has arrived.
 */
usec_t petter_run(Petter *p, void (*drain)(void *), void *userdata);

/* Resets the host now. Returns only if that is impossible. */
void petter_reset(Petter *p, const char *reason);

/* Why nothing could be armed now; empty: something can. */
void petter_prospect(const Petter *p, char *ret, size_t size);
