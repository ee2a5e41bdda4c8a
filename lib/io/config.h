/*
 * Config: this node's configuration file, checked, with only the sections its program needs.
 *
 * Owns:      the tree; texts handed out live as long as the Config.
 * Invariant: a Config that exists passed schema_check_local(): a text where a text must be, numbers
 *            within range, required keys there.
 */
#pragma once

#include <stddef.h>

#include "config/hostport.h"
#include "config/schema.h"
#include "config/tree.h"
#include "model/limits.h"

typedef struct Config Config;

/*
 * Reads and checks path: a file, or a folder whose *.yml and *.yaml are read in the order of their names,
 * each over those before it. PATRONI_* variables are put over that; without a file they are all there is
 * (PATRONI-SPEC §3.1). Each problem is told to `tell` as "file:line: text" (NULL: to the
 * log, which then follows the section `log`).
 * sections: the top-level keys to keep beside scope, name and namespace, NULL-terminated; the rest
 * is wiped. NULL keeps all. 0, -EINVAL (told), or another negative errno (told).
 */
typedef void (*config_tell_t)(Severity severity, const char *line, void *userdata);
int config_load(Config **ret, const char *path, const char *const *sections, config_tell_t tell,
                void *userdata);

/* A `tell` for a hand: errors to the log; of warnings the mind tells, which reads the same file. */
void config_tell_errors(Severity severity, const char *line, void *userdata);

Config *config_free(Config *c);
DEFINE_CLEANUP(Config *, config_free)

/* "FILE:LINE" of a node's line, for messages: the file within a folder, no line where there is none. */
#define CONFIG_PLACE_SIZE (URL_SIZE + 288)
const char *config_place(const Config *c, unsigned line, char buf[static CONFIG_PLACE_SIZE]);

const char *config_scope(const Config *c);
const char *config_name(const Config *c);

/* "/service/main/": where this cluster's keys are. */
const char *config_dcs_path(const Config *c);

const Node *config_root(const Config *c);

/* By dotted path; the fallback where the key is not there. */
const char *config_text(const Config *c, const char *dotted, const char *fallback);
bool config_bool(const Config *c, const char *dotted, bool fallback);
int64_t config_int(const Config *c, const char *dotted, int64_t fallback);
HostPort config_hostport(const Config *c, const char *dotted, uint16_t default_port);

/* What is published as api_url and conn_url (PATRONI-SPEC §1.2), made from listen where
 * connect_address is left out. */
void config_api_url(const Config *c, char *buf, size_t size);
