/* SPDX-License-Identifier: MIT
 * All studies, in the order they were taken up. */
#include "zoo.h"

#include <stddef.h>

const struct zoo_study *const zoo[] = { &vanishing_canvas, &mnist_architectures, &scratch_cnn, &kernel_size, &compact_net, NULL };
