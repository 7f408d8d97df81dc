/* SPDX-License-Identifier: MIT
 * What a compiler makes of the scalar reference by itself: conv.c once more, built with -O3 and vectorisation where "plain" has -O2
 * without. It gets the baseline instruction set of the architecture (SSE2, NEON), so that it runs wherever the program does. Lanes are
 * never mixed, so no sum changes its order, and its bits are those of "plain". */
#define scalar_conv_fwd autovec_conv_fwd
#define scalar_conv_bwd_data autovec_conv_bwd_data
#define scalar_conv_bwd_weights autovec_conv_bwd_weights
#include "conv.c"
