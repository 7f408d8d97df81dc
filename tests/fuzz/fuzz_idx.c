/* SPDX-License-Identifier: MIT
 * Plain idx files. */
#include "fuzz_idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_idx(fuzz_file(".idx", data, size));
    return 0;
}
