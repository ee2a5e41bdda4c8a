/* Paths: where the keys of one cluster are, as seen by one node. A plain value. */
#pragma once

#include "model/limits.h"

#define PATH_SIZE (NAME_SIZE * 5)

typedef struct Paths {
        char prefix[PATH_SIZE]; /* "/service/main/" */
        char leader[PATH_SIZE];
        char initialize[PATH_SIZE];
        char config[PATH_SIZE];
        char status[PATH_SIZE];
        char history[PATH_SIZE];
        char sync[PATH_SIZE];
        char failover[PATH_SIZE];
        char failsafe[PATH_SIZE];
        char standing[PATH_SIZE]; /* "…/palisade/standing/": a member's name follows */
        char resume[PATH_SIZE];
        char member[PATH_SIZE]; /* our own */
} Paths;

void paths_init(Paths *p, const char *prefix, const char *name);
