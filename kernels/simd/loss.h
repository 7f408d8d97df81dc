/* SPDX-License-Identifier: MIT
 * Softmax with cross-entropy on vectors: classes run down, images across, so nothing crosses lanes. */
#ifndef SIMD_LOSS_H
#define SIMD_LOSS_H

#include "../kernels.h"
#include "math.h"

static void softmax_xent(const struct loss *p, struct span blocks, const float *z, const uint8_t *label, float *value, uint8_t *predicted,
                         float *dz)
{
    const vf share = v_set((float)p->n);
    for (int b = blocks.begin; b < blocks.end; b++) {
        for (int part = 0; part < PARTS; part++) {
            int lane = b * LANES + part * V, live = p->n - lane;
            const vm alive = v_mask(live >= V ? (1u << V) - 1 : live > 0 ? (1u << live) - 1 : 0);
            const vf wanted = v_load_u8(label + lane);
            const float *from = z + (ptrdiff_t)b * p->k * LANES + part * V;
            float *to = dz ? dz + (ptrdiff_t)b * p->k * LANES + part * V : NULL;
            vf top = v_load(from), index = v_zero(), target = v_zero(), sum = v_zero();
            for (int k = 0; k < p->k; k++) {
                vf a = v_load(from + k * LANES), number = v_set((float)k);
                vm more = v_gt(a, top);
                top = v_select(more, a, top);
                index = v_select(more, number, index);
                target = v_select(v_eq(number, wanted), a, target);
            }
            for (int k = 0; k < p->k; k++) sum = v_add(sum, v_exp(v_sub(v_load(from + k * LANES), top)));
            v_store(value + lane, v_keep(alive, v_add(v_log(sum), v_sub(top, target))));
            v_store_u8(predicted + lane, index);
            if (!to) continue;
            for (int k = 0; k < p->k; k++) {
                vf chance = v_div(v_exp(v_sub(v_load(from + k * LANES), top)), sum);
                vf hot = v_keep(v_eq(v_set((float)k), wanted), v_set(1.0f));
                v_store(to + k * LANES, v_keep(alive, v_div(v_sub(chance, hot), share)));
            }
        }
    }
}

#endif
