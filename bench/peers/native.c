/* SPDX-License-Identifier: MIT
 * The scalar reference as compiled for the machine that built it, where the build could. NATIVE_NEEDS: the ISAs that its instructions come
 * from. */
#include <stddef.h>
#include "peers.h"

const struct kernels *native_kernels(void)
{
#ifdef NATIVE_NEEDS
    extern const struct kernels kernels_native;
    const unsigned needs = NATIVE_NEEDS;
    return (needs & ~cpu_detect()) ? NULL : &kernels_native;
#else
    return NULL;
#endif
}
