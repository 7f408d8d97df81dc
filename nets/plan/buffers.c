/* SPDX-License-Identifier: MIT
 * Who writes where. Memory is most of what a training run costs beside time, so layers write in place where nobody misses what they
 * overwrite, and buffers that nobody will read again are used again.
 *
 * Values, training: what backward reads is kept, so the first saving is to write in place. Layer i may overwrite the output of layer i-1
 * unless a later add still reads it, or layer i-1's backward does. What backward reads: conv, dense and batch norm their input, activations
 * their output, max-pool and dropout a mask of their own. So
 *   - activation and add go in place over conv, dense, pool, batch norm, add and dropout, whose outputs no backward reads;
 *   - dropout goes over these and over ReLU and leaky ReLU: they ask only whether their output is above zero, which scaling keeps, and
 *     where an element was dropped the gradient that arrives is zero. It does not go over tanh, whose output itself is read;
 *   - batch norm reads its input again and never goes in place. Nothing else can overwrite that input: only batch norm follows it.
 * Values, inference: all four go in place, dropout is the identity and does nothing; the rest takes a free buffer: in a net without adds
 * that is two in turn.
 *
 * Gradients live from the layer above's backward to their own layer's. Activation, dropout and batch norm write dx over dy; add's da is dy.
 * An add's dy also goes to its source (+=) once the layer above the source has written the source's gradient: until then dy is held, and
 * what would overwrite it takes another buffer.
 *
 * What a value or gradient lives through is a span of entries (phases.c): from the one that writes it to the last that reads it. Two whose
 * spans meet need two buffers. What lives within one phase is local: every worker has a buffer of its own, for the few blocks that it has
 * under way.
 *
 * Hence three steps: layers that write in place of each other get one label; labels get spans of life; labels take buffers. */
#include "internal.h"

#include <assert.h>

static const struct layer_row *row_of(const struct net *net, int i) { return layer_row(net->layers[i].kind); }

/* Of a layer's value: a label, or a buffer. */
static int name_of(const int *names, int layer) { return layer < 0 ? INPUT_BUFFER : names[layer]; }

/* Will an add at or past layer i read the value of this name as the output of a layer before i? */
static bool value_held(const struct net *net, const int *names, int name, int i)
{
    for (int a = i; a < net->count; a++) {
        const int source = net_source(net, a);
        if (source != a && source < i && name_of(names, source) == name) return true;
    }
    return false;
}

/* From the entry that writes something to the last one that reads it; -1: there is none. */
struct life {
    int begin, end;
};

static void lives_at(struct life *life, int entry)
{
    if (entry < 0) return;
    if (life->begin < 0 || entry < life->begin) life->begin = entry;
    if (entry > life->end) life->end = entry;
}

static bool meet(const struct life *a, const struct life *b)
{
    return a->begin >= 0 && b->begin >= 0 && a->begin <= b->end && b->begin <= a->end;
}

/* ---- buffers ----------------------------------------------------------------------------------------------------------------------- */

/* What takes one: its lives in the training and the inference course, and in training once more where it is made anew for backward;
 * bytes per image, of a local one of all under way. */
enum { AGAIN = 2, LIVES };
static const int course_of[LIVES] = { TRAINING_PASS, INFERENCE_PASS, TRAINING_PASS };
struct label {
    struct life life[LIVES];
    bool local;
    size_t size;
    int buffer;
};
static const struct label no_label = { .life = { { -1, -1 }, { -1, -1 }, { -1, -1 } }, .local = true };

/* Once its lives are known: is it local, and how much does it take? What is not lives as long as its phases do: while a worker has a block
 * at one entry of a phase, others have theirs at any other. */
static void settle(const struct sharing *s, struct label *label)
{
    int blocks = 1;
    for (int i = 0; i < LIVES; i++) {
        const int course = course_of[i];
        const struct life life = label->life[i];
        if (life.begin < 0) continue;
        assert(life.begin <= life.end);
        if (s->phase[course][life.begin] != s->phase[course][life.end]) label->local = false;
        if (s->blocks[course][life.begin] > blocks) blocks = s->blocks[course][life.begin];
    }
    if (label->local) label->size *= (size_t)blocks;
    for (int i = 0; i < LIVES && !label->local; i++) {
        struct life *life = &label->life[i];
        if (life->begin >= 0) *life = (struct life){ s->phase[course_of[i]][life->begin], s->phase[course_of[i]][life->end] };
    }
}

static bool labels_meet(const struct label *a, const struct label *b)
{
    for (int i = 0; i < LIVES; i++)
        for (int j = 0; j < LIVES; j++)
            if (course_of[i] == course_of[j] && meet(&a->life[i], &b->life[j])) return true;
    return false;
}

struct list {
    int *count;
    size_t *size;
    bool *local;
};

/* Of the buffers of that sort that are free while the label lives the smallest that fits, else the largest, enlarged; a new one when none
 * is free. `labels` of them have theirs; keep: what they hold is never overwritten, but where it is local. */
static void take_buffer(const struct list *list, const struct label *label, int labels, bool keep, struct label *taker)
{
    assert(labels <= NET_MAX_LAYERS);
    size_t *size = list->size;
    bool busy[NET_MAX_LAYERS] = { false };
    for (int i = 0; i < labels; i++)
        if ((keep && !label[i].local) || labels_meet(&label[i], taker)) busy[label[i].buffer] = true;
    int best = -1;
    for (int i = 0; i < *list->count; i++) {
        if (busy[i] || list->local[i] != taker->local) continue;
        bool fits = size[i] >= taker->size, best_fits = best >= 0 && size[best] >= taker->size;
        if (best < 0 || (fits && (!best_fits || size[i] < size[best])) || (!fits && !best_fits && size[i] > size[best])) best = i;
    }
    if (best < 0) {
        assert(*list->count < NET_MAX_LAYERS);
        best = (*list->count)++;
        size[best] = 0;
        list->local[best] = taker->local;
    }
    if (size[best] < taker->size) size[best] = taker->size;
    taker->buffer = best;
}

/* ---- values ------------------------------------------------------------------------------------------------------------------------ */

/* Gives their number. */
int buffers_value_names(const struct net *net, bool training, int *label)
{
    enum need needs[NET_MAX_LAYERS] = { NEED_NOTHING };
    int labels = 0;
    for (int i = 0; i < net->count; i++) {
        const struct layer_row *row = row_of(net, i);
        const int below = name_of(label, i - 1);
        const bool free_to_write = below != INPUT_BUFFER && !value_held(net, label, below, i);
        if (!training && row->passes_at_inference) label[i] = below;
        else if (free_to_write && (training ? row->in_place && needs[below] <= row->over : row->elementwise)) label[i] = below;
        else label[i] = labels++;
        if (row->needs_output && label[i] != INPUT_BUFFER) needs[label[i]] = row->needs_output(&net->layers[i]);
    }
    return labels;
}

/* What forward passes of that course do with the layer's output. */
static void value_lives(const struct net *net, const struct sharing *s, int course, int layer, struct life *life)
{
    const int *made = s->value[course];
    lives_at(life, made[layer]);
    for (int a = layer + 1; a < net->count; a++)
        if (s->from[a] == layer || net_source(net, a) == layer) lives_at(life, made[a]);
}

static void value_lives_backward(const struct net *net, const struct sharing *s, int layer, struct life *life)
{
    const int next = layer + 1;
    lives_at(life, s->again[layer]);
    if (next < net->count) lives_at(life, s->again[next]);
    if (row_of(net, layer)->needs_output) lives_at(life, s->gradient[layer]);
    for (int a = next; a < net->count; a++) {
        if (s->from[a] != layer || !row_of(net, a)->reads_input || s->lines[TRAINING_PASS][a] >= 0) continue; /* it keeps x as lines */
        lives_at(life, s->weights[a]);
        lives_at(life, s->sums[a]);
        lives_at(life, s->gradient[a]);
    }
}

/* The last layer's output is for whoever asks. Dropout counts vectors from the beginning of the batch, so what it reads and writes in
 * training has a place there. */
static bool value_is_whole(const struct net *net, bool training, int layer)
{
    if (layer == net->count - 1) return true;
    return training && (row_of(net, layer)->whole_output || row_of(net, layer + 1)->whole_output);
}

static void assign_values(const struct net *net, bool training, const struct sharing *s, struct buffers *b)
{
    int names[NET_MAX_LAYERS];
    struct label label[NET_MAX_LAYERS];
    const struct list list = { &b->values, b->value_size, b->value_local };
    const int labels = buffers_value_names(net, training, names);
    assert(labels <= net->count);
    for (int l = 0; l < labels; l++) label[l] = no_label;
    for (int i = 0; i < net->count; i++) {
        if (names[i] == INPUT_BUFFER) continue;
        struct label *l = &label[names[i]];
        for (int course = 0; course < 2; course++) value_lives(net, s, course, i, &l->life[course]);
        if (training) value_lives_backward(net, s, i, &l->life[s->again[i] < 0 ? TRAINING_PASS : AGAIN]);
        if (value_is_whole(net, training, i)) l->local = false;
        if (s->value_bytes[i] > l->size) l->size = s->value_bytes[i];
    }
    for (int l = 0; l < labels; l++) {
        bool lives = false;
        for (int i = 0; i < LIVES; i++) lives |= label[l].life[i].begin >= 0;
        if (!lives) label[l].size = 0; /* it is read through */
        settle(s, &label[l]);
        take_buffer(&list, label, l, training, &label[l]);
    }
    for (int i = 0; i < net->count; i++) b->value[i] = names[i] == INPUT_BUFFER ? INPUT_BUFFER : label[names[i]].buffer;
}

/* ---- gradients --------------------------------------------------------------------------------------------------------------------- */

bool net_is_source(const struct net *net, int layer)
{
    for (int a = layer + 1; a < net->count; a++)
        if (net_source(net, a) == layer) return true;
    return false;
}

/* At layer i's backward: is this the dy of an add (i or past it) whose source, before i, has not received it yet? */
static bool gradient_held(const struct net *net, const int *names, int name, int lowest, int i)
{
    for (int a = i; a < net->count; a++) {
        const int source = net_source(net, a);
        if (source != a && source >= lowest && source < i && names[a] == name) return true;
    }
    return false;
}

/* May layer i's backward leave dx where dy is? An add only lends its dy, so it may although dy is held, unless the layer before it is a
 * source, into whose gradient something will be added. */
static bool shares_gradient(const struct net *net, const int *names, int lowest, int i)
{
    const struct layer_row *row = row_of(net, i);
    const bool held = gradient_held(net, names, names[i], lowest, i);
    return row->elementwise && (!held || (row->source && !net_is_source(net, i - 1)));
}

/* dy of layer i: made by the layer above, or by the loss; read by its own stages, and by what it hands on to the source of an add. */
static void gradient_lives(const struct net *net, const struct sharing *s, int lowest, int i, struct life *life)
{
    const int source = net_source(net, i);
    lives_at(life, i + 1 < net->count ? s->gradient[i + 1] : s->loss);
    lives_at(life, s->weights[i]);
    lives_at(life, s->sums[i]);
    lives_at(life, s->gradient[i]);
    lives_at(life, s->skips[i]);
    if (source != i && source >= lowest) lives_at(life, s->skips[source]);
}

int buffers_gradient_names(const struct net *net, int lowest, int *names)
{
    int labels = 0;
    for (int i = net->count - 1; i >= lowest; i--) {
        const bool shares = i + 1 < net->count && shares_gradient(net, names, lowest, i + 1);
        names[i] = shares ? names[i + 1] : labels++;
    }
    return labels;
}

static void assign_gradients(const struct net *net, const struct sharing *s, struct buffers *b)
{
    int names[NET_MAX_LAYERS];
    struct label label[NET_MAX_LAYERS];
    const struct list list = { &b->gradients, b->gradient_size, b->gradient_local };
    const int labels = buffers_gradient_names(net, b->lowest, names);
    for (int l = 0; l < labels; l++) label[l] = no_label;
    for (int i = net->count - 1; i >= b->lowest; i--) {
        struct label *l = &label[names[i]];
        gradient_lives(net, s, b->lowest, i, &l->life[TRAINING_PASS]);
        if (s->gradient_bytes[i] > l->size) l->size = s->gradient_bytes[i];
        if (i == net->count - 1 || row_of(net, i)->work[WORK_SUMS].rows) l->local = false;
    }
    for (int l = 0; l < labels; l++) {
        settle(s, &label[l]);
        take_buffer(&list, label, l, false, &label[l]);
    }
    for (int i = b->lowest; i < net->count; i++) b->gradient[i] = label[names[i]].buffer;
}

/* Every layer by itself. */
static void nothing_shared(const struct net *net, struct sharing *s)
{
    const int n = net->count;
    *s = (struct sharing){ .loss = n };
    for (int i = 0; i < n; i++) {
        s->value[TRAINING_PASS][i] = s->value[INFERENCE_PASS][i] = i;
        s->weights[i] = s->sums[i] = 2 * n - i;
        s->gradient[i] = s->skips[i] = 2 * n - i;
        s->value_bytes[i] = s->gradient_bytes[i] = shape_values(net->layers[i].out) * sizeof(real);
        s->from[i] = i - 1;
        s->again[i] = s->lines[TRAINING_PASS][i] = s->lines[INFERENCE_PASS][i] = s->dlines[i] = -1;
    }
    for (int entry = 0; entry <= 2 * n; entry++) s->phase[TRAINING_PASS][entry] = s->phase[INFERENCE_PASS][entry] = entry;
}

void buffers_assign(const struct net *net, bool training, const struct sharing *sharing, struct buffers *b)
{
    assert(net);
    assert(net->count > 0);
    assert(b);
    struct sharing apart;
    if (!sharing) {
        nothing_shared(net, &apart);
        sharing = &apart;
    }
    *b = (struct buffers){ .lowest = net_lowest(net) };
    for (int i = 0; i < net->count; i++) b->gradient[i] = NO_BUFFER;
    assign_values(net, training, sharing, b);
    if (training) assign_gradients(net, sharing, b);
}

int net_lowest(const struct net *net)
{
    int lowest = 0;
    while (lowest < net->count && net_layer_facts(net, lowest).parameters == 0) lowest++;
    return lowest;
}
