/* What the two files of the modelled PostgreSQL share: a server's life (postgres.c) and its WAL (wal.c). */
#pragma once

#include "tests/sim/sim.h"

/* postgres.c */
bool server_is_over(const Event *e); /* of an earlier life */
void server_later(Host *h, uint64_t after, event_t fire, const void *what);
bool server_is_frozen(const Host *h);
uint64_t server_thawed(const Host *h); /* when it goes on */
bool server_gate_is_open(const Host *h);

/* wal.c */
int branch_new(int parent, Lsn from, uint32_t timeline, int owner);
bool server_reaches(const Host *from, const Host *to);
void wal_acknowledge(Host *h); /* as far as its commits need not wait */
void wal_take(Host *h, const Host *up, Lsn lsn);
void wal_ship(Host *up);
void wal_connect_within(Host *h, uint64_t least, uint64_t most);
