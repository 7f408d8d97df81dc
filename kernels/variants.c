/* SPDX-License-Identifier: MIT
 * The one list of tables, and every way to look a variant up. */
#include <assert.h>
#include <string.h>
#include "kernels.h"

#define ISA_TABLE(NAME, name, on) extern const struct kernels kernels_##name;
ISAS(ISA_TABLE)
#undef ISA_TABLE

static const struct kernels *const tables[ISA_COUNT] = {
#ifdef REAL_DOUBLE
    [ISA_SCALAR] = &kernels_scalar,
#else
#define ISA_TABLE(NAME, name, on) on([ISA_##NAME] = &kernels_##name, )
    ISAS(ISA_TABLE)
#undef ISA_TABLE
#endif
};

const struct kernels *kernels_of(enum isa isa)
{
    assert((int)isa >= 0);
    assert(isa < ISA_COUNT);
    return tables[isa];
}

unsigned kernels_built(void)
{
    unsigned built = 0;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (tables[isa]) built |= 1u << isa;
    }
    return built;
}

/* An ISA of bf16 alone has no tables for floats. */
static bool has_floats(int isa) { return tables[isa] && tables[isa]->conv; }

/* Rows of different ops differ in size, but all begin with the common head. */
#define OP_SIZE(NAME, name) sizeof(struct name##_variant),
static const size_t row_sizes[OP_COUNT] = { OPS(OP_SIZE) };
#undef OP_SIZE

const struct variant *kernels_row(const struct kernels *k, enum op op, int i)
{
    assert(k);
    assert(i >= 0);
    assert(op < OP_COUNT);
#define OP_FIRST(NAME, name) k->name ? &k->name->head : NULL,
    const struct variant *const first[OP_COUNT] = { OPS(OP_FIRST) };
#undef OP_FIRST
    if (!first[op]) return NULL;
    const struct variant *head = (const void *)((const char *)first[op] + (size_t)i * row_sizes[op]);
    return head->algo ? head : NULL;
}

const struct variant *variant_at(enum op op, enum isa isa, int i)
{
    assert(op < OP_COUNT);
    assert(i >= 0);
    const struct kernels *k = kernels_of(isa);
    if (!k) { return NULL; }
    for (int at = 0; at < i; at++) {
        if (!kernels_row(k, op, at)) { return NULL; }
    }
    return kernels_row(k, op, i);
}

#define OP_NAME(NAME, name) #name,
static const char *const op_names[OP_COUNT] = { OPS(OP_NAME) };
#undef OP_NAME

const char *op_name(enum op op)
{
    assert(op < OP_COUNT);
    return op_names[op];
}

int op_parse(const char *name)
{
    assert(name != NULL);
    for (int op = 0; op < OP_COUNT; op++) {
        if (strcmp(name, op_names[op]) == 0) { return op; }
    }
    return -1;
}

/* The row of one table by name (NULL: the first) that supports the problem. */
static const struct conv_variant *conv_row(const struct conv_variant *v, const struct conv *p, const char *algo)
{
    for (; v->head.algo; v++) {
        if ((!algo || strcmp(algo, v->head.algo) == 0) && v->supports(p)) { return v; }
    }
    return NULL;
}

static const struct conv_variant *conv_best(const struct conv_variant *table, const struct conv *p, enum conv_direction direction)
{
    assert(table);
    const char *algo;
    for (int rank = 0; (algo = conv_auto(p, direction, rank)); rank++) {
        const struct conv_variant *v = conv_row(table, p, algo);
        if (v) return v;
    }
    return conv_row(table, p, NULL);
}

const struct conv_variant *conv_pick(const struct conv *p, enum conv_direction direction, unsigned isas, const char *algo)
{
    assert(p != NULL);
    assert(p->p > 0);
    assert(p->q > 0); /* conv_complete() has passed */
    const bool any = !algo || strcmp(algo, "auto") == 0;
    const struct conv_variant *v = NULL;
    for (int isa = ISA_COUNT - 1; isa >= 0 && !v; isa--) {
        if (!(isas >> isa & 1) || !has_floats(isa)) continue;
        v = any ? conv_best(tables[isa]->conv, p, direction) : conv_row(tables[isa]->conv, p, algo);
    }
    return v;
}

bool conv_algo_known(unsigned isas, const char *algo)
{
    assert(algo != NULL);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        for (const struct conv_variant *v = isas >> isa & 1 && has_floats(isa) ? tables[isa]->conv : NULL; v && v->head.algo; v++) {
            if (strcmp(v->head.algo, algo) == 0) { return true; }
        }
    }
    return false;
}

int isa_best(unsigned isas)
{
    for (int isa = ISA_COUNT - 1; isa >= 0; isa--) {
        if (isas >> isa & 1 && has_floats(isa)) { return isa; }
    }
    return -1;
}

int isa_bf16(unsigned isas)
{
    for (int isa = ISA_COUNT - 1; isa >= 0; isa--) {
        if (isas >> isa & 1 && variant_at(OP_CONV_BF16, (enum isa)isa, 0)) { return isa; }
    }
    return -1;
}
