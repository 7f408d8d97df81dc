/* SPDX-License-Identifier: MIT
 * The textbook as compiled for this very machine, where the build could. */
#include "peers.h"

#ifdef HAVE_NATIVE
extern const struct kernels kernels_native;
static const struct kernels *const native = &kernels_native;
#else
static const struct kernels *const native = NULL;
#endif

const struct kernels *native_kernels(void)
{
    return native;
}
