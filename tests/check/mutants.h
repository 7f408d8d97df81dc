/* SPDX-License-Identifier: MIT
 * The checker is checked: wrong variants, known to the check program only, each of which every run must convict by name. Row 0 of each list
 * is right and must be acquitted. */
#ifndef TESTS_MUTANTS_H
#define TESTS_MUTANTS_H

#include "check.h"

#define OP_MUTANTS(NAME, name) const struct mutant *name##_mutants(int *count);
OPS(OP_MUTANTS)
#undef OP_MUTANTS

#endif
