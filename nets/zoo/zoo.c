/* SPDX-License-Identifier: MIT
 * All studies. CMake lists the files of this folder in ZOO: X(compact_net) X(kernel_size) … */
#include "zoo.h"

#include <stddef.h>

/* clang-format off */
#define X(study) extern const struct zoo_study study;
ZOO
#undef X

#define X(study) &study,
const struct zoo_study *const zoo_studies[] = { ZOO NULL };
#undef X
/* clang-format on */
