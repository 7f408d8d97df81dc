/* SPDX-License-Identifier: MIT
 * What auto chooses, on shapes whose times are kept in tests/golden/auto.txt (bench/tools/choose): near the best on nearly all of them, far
 * from it on none, on every instruction set that was measured. Nothing is timed here. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../kernels/kernels.h"

static int direction_parse(const char *name)
{
    static const char *const names[CONV_DIRECTIONS] = { "fwd", "bwd_data", "bwd_weights" };
    for (int d = 0; d < CONV_DIRECTIONS; d++) {
        if (strcmp(name, names[d]) == 0) return d;
    }
    return -1;
}

/* How much longer the chosen algorithm takes than the best of the line; 0 where it is not among them. */
static double ratio_of(char *algos, const char *chosen)
{
    double least = INFINITY, own = 0;
    for (char *word = strtok(algos, " \n"); word; word = strtok(NULL, " \n")) {
        char *equals = strchr(word, '=');
        cr_assert_not_null(equals, "%s", word);
        *equals = 0;
        const double us = strtod(equals + 1, NULL);
        if (us < least) least = us;
        if (strcmp(word, chosen) == 0) own = us;
    }
    return own / least;
}

Test(choice, is_near_the_best_on_measured_shapes)
{
    char line[1024], problem[64], direction[16], isa[16];
    int lines = 0, near = 0, at = 0;
    FILE *file = fopen("tests/golden/auto.txt", "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#') continue;
        struct conv p;
        cr_assert_eq(sscanf(line, "%63s %15s %15s %n", problem, direction, isa, &at), 3, "%s", line);
        cr_assert_null(conv_parse(problem, &p), "%s", problem);
        const int d = direction_parse(direction);
        cr_assert_geq(d, 0, "%s", direction);
        const char *chosen = conv_auto(&p, (enum conv_direction)d, 0);
        cr_assert_not_null(chosen, "%s", problem);
        const double ratio = ratio_of(line + at, chosen);
        cr_assert_gt(ratio, 0, "%s %s %s: %s was not measured", problem, direction, isa, chosen);
        cr_expect_leq(ratio, 1.5, "%s %s %s: %s takes %.2f times the best", problem, direction, isa, chosen, ratio);
        lines++;
        near += ratio <= 1.15;
    }
    fclose(file);
    cr_assert_geq(lines, 1000, "%d lines", lines);
    cr_assert_geq(near, 0.95 * lines, "%d of %d within 15 %% of the best", near, lines);
}

/* The choice hangs on the shape alone, and what is not square, or steps, is direct's. */
Test(choice, does_not_look_at_images)
{
    struct conv a, b;
    cr_assert_null(conv_parse("n1c13h17k11r3pad1", &a));
    cr_assert_null(conv_parse("n1000c13h17k11r3pad1", &b));
    for (int d = 0; d < CONV_DIRECTIONS; d++) {
        for (int rank = 0;; rank++) {
            const char *one = conv_auto(&a, (enum conv_direction)d, rank), *other = conv_auto(&b, (enum conv_direction)d, rank);
            cr_assert_eq(one, other, "direction %d, rank %d", d, rank);
            if (!one) break;
            for (int earlier = 0; earlier < rank; earlier++) cr_assert_neq(one, conv_auto(&a, (enum conv_direction)d, earlier), "twice");
        }
    }
    cr_assert_null(conv_parse("n64c16h28k10r3step2pad0", &a));
    cr_assert_null(conv_auto(&a, CONV_FWD, 0));
}
