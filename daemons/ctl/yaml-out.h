/*
 * yaml-out: a Node as PyYAML's safe_dump writes it: keys sorted, block style, lists not indented
 * within maps, quotes only where a plain scalar would read as something else. Lines are not folded.
 *
 * Pure, but for the stream it prints to.
 */
#pragma once

#include <stdio.h>

#include "config/tree.h"

/* Ends with a line end. */
void yaml_write(FILE *f, const Node *n);

/* On one line, without a line end: {mytag: blue}. */
void yaml_write_flow(FILE *f, const Node *n);
