/* SPDX-License-Identifier: MIT
 * CIFAR-10's files, plain and as .bin.xz: the first byte of the input says which, the rest is the file. */
#include "../../nets/data/cifar.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t pixels[(size_t)CIFAR_RECORDS * CIFAR_PIXELS], labels[CIFAR_RECORDS];
    if (size == 0) return 0;
    struct why why = { "" };
    int code = cifar_read(fuzz_file(data[0] % 2 ? ".bin.xz" : ".bin", data + 1, size - 1), pixels, labels, &why);
    if (code) fuzz_refused(code, &why);
    return 0;
}
