/*
 * Route: which request is answered by what. One table; everything that is in none of its rows is a
 * health check, or not supported.
 *
 * Pure: a route answers from the View, or makes a Wish for the mind.
 */
#pragma once

#include "apid/answer.h"
#include "apid/query.h"
#include "apid/view.h"
#include "apid/wish.h"

typedef enum Guard {
        GUARD_OPEN = 0,
        GUARD_UNSAFE, /* access_check() */
        GUARD_OWN,    /* access_check_own() */
} Guard;

typedef struct Inquiry {
        const View *view;
        const char *path;
        const Query *query;
        const Node *body; /* BODY_WANTED: an object with something in it; OPTIONAL: an object, or NULL */
        unsigned connections;
} Inquiry;

typedef struct Route {
        const char *method;
        const char *component; /* the first of the path */
        Guard guard;
        enum { BODY_IGNORED = 0, BODY_WANTED, BODY_OPTIONAL } body;
        /* Status 0: ret is for the mind. */
        Answer (*begin)(const Inquiry *q, Wish *ret);
        /* When the mind has answered, or is not there, or was too slow; NULL: by its RESULT alone. */
        Answer (*end)(const Inquiry *q);
        usec_t within;    /* how long the mind has */
        unsigned late;    /* what is answered then, where there is no end() */
        const char *late_text;
} Route;

/* NULL: a health check (GET), or 501. */
const Route *route_find(const char *method, const char *path);

/* GET, HEAD, OPTIONS: what no route takes is a health check. */
bool route_is_check(const char *method);
