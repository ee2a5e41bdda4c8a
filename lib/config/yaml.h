/*
 * yaml: a patroni.yml as a Node tree, by libyaml.
 *
 * Plain scalars resolve as PyYAML's safe loader does (YAML 1.1): on, yes and true are booleans, 0x
 * and 0 prefixes are numbers, ~ and nothing are null. Every node carries its line.
 */
#pragma once

#include <stddef.h>

#include "config/tree.h"

#define YAML_ERROR_SIZE 256

/*
 * The first document of the text; anchors and aliases are followed, depth and size are bounded as
 * for JSON. An empty text is a null node. 0, -EBADMSG (error says what, with the line), -E2BIG,
 * -ENOMEM.
 */
int yaml_parse(const char *text, size_t size, Node **ret, char error[YAML_ERROR_SIZE]);
