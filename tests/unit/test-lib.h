/* What cmocka asks for before its own header. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "base/str.h"

#define SEC(n) ((uint64_t)(n) * 1000000)
#define MSEC(n) ((uint64_t)(n) * 1000)
