/*
 * environment: the PATRONI_* variables as a piece of configuration (PATRONI-SPEC §3.4).
 *
 * Pure: the strings of an environment in, a tree out. One table says which variable is which key. It is
 * patched over the file; a value in it counts as no line of any file.
 */
#pragma once

#include "config/tree.h"
#include "config/yaml.h"

/* PATRONI_CONFIGURATION: a whole configuration, where there is no file; NULL: not set. */
const char *environment_document(const char *const *env);

/*
 * The variables' keys and values: a map, empty where there are none. A list may be written as YAML or
 * with commas alone, a map with or without braces. 0, -EBADMSG (error names the variable), -ENOMEM.
 */
int environment_read(const char *const *env, Node **ret, char error[YAML_ERROR_SIZE]);
