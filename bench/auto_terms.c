/* SPDX-License-Identifier: MIT
 * What auto.c counts of the problems on stdin, for bench/tools/choose, which fits the counts' costs: a line of JSON per problem, direction
 * and algorithm. */
#include <stdio.h>
#include <string.h>
#include "../kernels/auto.h"
#include "../kernels/kernels.h"

static const char *const directions[CONV_DIRECTIONS] = { "fwd", "bwd_data", "bwd_weights" };

int main(void)
{
    char text[256];
    while (fgets(text, sizeof text, stdin)) {
        struct conv p;
        struct auto_cost costs[AUTO_CANDIDATES];
        text[strcspn(text, "\n")] = 0;
        const char *wrong = conv_parse(text, &p);
        if (wrong) {
            fprintf(stderr, "auto-terms: %s: %s\n", text, wrong);
            return 1;
        }
        for (int d = 0; d < CONV_DIRECTIONS; d++) {
            const int filled = auto_costs(&p, (enum conv_direction)d, costs);
            for (int i = 0; i < filled; i++) {
                printf("{\"problem\": \"%s\", \"direction\": \"%s\", \"algo\": \"%s\", \"model\": \"%s\", \"ns\": %.17g, \"terms\": [",
                       text, directions[d], costs[i].algo, costs[i].model, costs[i].ns);
                for (int t = 0; t < AUTO_TERMS; t++) printf("%s%.17g", t ? ", " : "", costs[i].terms[t]);
                puts("]}");
            }
        }
    }
    return 0;
}
