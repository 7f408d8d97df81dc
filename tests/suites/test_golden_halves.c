/* SPDX-License-Identifier: MIT
 * The golden bits once more, from the AVX-512 sources on a CPU that has AVX2 alone: see avx512_by_halves.h, which CMake puts
 * in front of them. */
#define GOLDEN_BY_HALVES
#include "test_golden.c"
