/* SPDX-License-Identifier: MIT
 * Problem strings of the small ops, which the kernels' own headers do not read: "relu:v37" "add:n17c3h4w5bh6bw7" "drop:t13107v37"
 * "loss:n64k10" "sgd:v37m900n1f0d5" "adam:v37t3d0k1". Each gives NULL, or what such a string reads; `vectors` are of 16 floats. */
#ifndef TESTS_PROBLEMS_H
#define TESTS_PROBLEMS_H

#include "../../kernels/kernels.h"

const char *activation_problem(const char *text, struct activation *p, int *vectors);
const char *add_problem(const char *text, struct add *p);
const char *dropout_problem(const char *text, struct dropout *p, int *vectors);
const char *loss_problem(const char *text, struct loss *p);
const char *optimizer_problem(const char *text, struct optimizer *p, int *vectors);

#endif
