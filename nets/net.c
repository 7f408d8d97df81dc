/* SPDX-License-Identifier: MIT
 * Net strings: text to layers and back. A word's reader and writer stand in its kind's file (nets/layers); options may come in any order,
 * and net_print writes the one canonical order, so that a row's id does not depend on who typed it. */
#include "net.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "layers/layer.h"
#include "layers/words.h"

enum { TOKEN_SIZE = 96 }; /* a layer as text; longer words are refused */

const struct layer_row *layer_row(enum layer_kind kind)
{
#define LAYER_ROW(NAME, name) [LAYER_##NAME] = &layer_##name,
    static const struct layer_row *const rows[LAYER_KINDS] = { LAYER_LIST(LAYER_ROW) };
#undef LAYER_ROW
    assert(kind < LAYER_KINDS);
    return rows[kind];
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------------- */

static int read_layer(const char *token, int index, struct layer *l, struct why *why)
{
    assert(index >= 0);
    assert(index < NET_MAX_LAYERS);
    char known[160] = "";
    for (int kind = 0; kind < LAYER_KINDS; kind++)
        for (const struct word *word = layer_row((enum layer_kind)kind)->words; word->name; word++) {
            const size_t length = strlen(word->name);
            append(known, sizeof known, " %s", word->name);
            if (strncmp(token, word->name, length) != 0) continue;
            *l = (struct layer){ .kind = (enum layer_kind)kind };
            if (word->read(token + length, l, word->detail)) return 0;
            return why_fail(why, -EINVAL, "net: layer %d \"%s\" cannot be read; write %s", index, token, word->usage);
        }
    return why_fail(why, -EINVAL, "net: layer %d \"%s\" is unknown; layers are%s", index, token, known);
}

static int read_input(const char *token, struct shape *in, struct why *why)
{
    const char *at = token;
    bool ok = read_whole(&at, &in->c) && *at++ == 'x' && read_whole(&at, &in->h) && *at++ == 'x' && read_whole(&at, &in->w) && !*at;
    if (!ok) return why_fail(why, -EINVAL, "net: \"%s\" is no input; a net begins with channels x height x width, such as 1x28x28", token);
    return 0;
}

/* Copies the next word; its full length is returned, 0 at the end of the text. */
static size_t next_word(const char **text, char token[TOKEN_SIZE])
{
    *text += strspn(*text, " \t\r\n");
    size_t length = strcspn(*text, " \t\r\n");
    snprintf(token, TOKEN_SIZE, "%.*s", length < TOKEN_SIZE ? (int)length : TOKEN_SIZE - 1, *text);
    *text += length;
    return length;
}

int net_parse(const char *text, struct net *net, struct why *why)
{
    assert(text);
    assert(net);
    char token[TOKEN_SIZE];
    *net = (struct net){ 0 };
    if (next_word(&text, token) == 0)
        return why_fail(why, -EINVAL, "net: there is no net; write one such as \"1x28x28 conv8 relu max2 dense10\"");
    int code = read_input(token, &net->in, why);
    for (size_t length; code == 0 && (length = next_word(&text, token)) > 0;) {
        if (length >= TOKEN_SIZE)
            return why_fail(why, -EINVAL, "net: layer %d \"%.24s...\" is %zu characters long; no layer needs more than %d", net->count,
                            token, length, TOKEN_SIZE - 1);
        if (net->count == NET_MAX_LAYERS) return why_fail(why, -EINVAL, "net: more than %d layers; take fewer", NET_MAX_LAYERS);
        code = read_layer(token, net->count, &net->layers[net->count], why);
        net->count++;
    }
    return code ? code : net_check(net, why);
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

const char *layer_print(const struct layer *layer, char *text, size_t size)
{
    assert(layer);
    assert(size > 0);
    *text = 0;
    layer_row(layer->kind)->print(layer, text, size);
    return text;
}

const char *net_print(const struct net *net, char *text, size_t size)
{
    assert(net);
    assert(size > 0);
    *text = 0;
    append(text, size, "%dx%dx%d", net->in.c, net->in.h, net->in.w);
    for (int i = 0; i < net->count; i++) {
        append(text, size, " ");
        layer_row(net->layers[i].kind)->print(&net->layers[i], text, size);
    }
    return text;
}
