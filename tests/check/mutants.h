/* SPDX-License-Identifier: MIT
 * The judge is judged: wrong variants, known to the check program only, each of which every run must convict by name. Row 0 of each list is
 * right and must be acquitted. */
#ifndef TESTS_MUTANTS_H
#define TESTS_MUTANTS_H

#include "check.h"

const struct mutant *conv_mutants(int *count);
const struct mutant *pool_mutants(int *count);
const struct mutant *batchnorm_mutants(int *count);
const struct mutant *dense_mutants(int *count);
const struct mutant *activation_mutants(int *count);
const struct mutant *add_mutants(int *count);
const struct mutant *dropout_mutants(int *count);
const struct mutant *loss_mutants(int *count);
const struct mutant *optimizer_mutants(int *count);

#endif
