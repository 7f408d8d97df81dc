/* SPDX-License-Identifier: MIT
 * What can be typed for --net and --recipe, from the same tables that read it: nets/layers and nets/train/recipe_keys.c. */
#include <assert.h>
#include "driver.h"

#include "../../nets/layers/layer.h"
#include "../../nets/train/recipe_keys.h"

void grammar_net(FILE *out)
{
    assert(out);
    fprintf(out, "A net is its input as CxHxW, then its layers, with spaces between them. [Options] may be left out, and may be given in "
                 "any order:\n\n");
    for (int kind = 0; kind < LAYER_KINDS; kind++)
        for (const struct word *word = layer_row((enum layer_kind)kind)->words; word->name; word++)
            fprintf(out, "  %-48s %s\n", word->usage, word->means);
    fprintf(out, "\nThe last layer's outputs are the logits; softmax and cross-entropy are added automatically.\n\n"
                 "Examples:\n"
                 "  1x28x28 dense10\n"
                 "  1x28x28 conv8same relu bn max2 drop0.2 conv16 relu gap dense10\n"
                 "  3x32x32 conv16same relu conv16same relu add3 max2 dense10\n");
}

void grammar_recipe(FILE *out)
{
    assert(out);
    char usual[VALUE_SIZE];
    const struct recipe defaults = recipe_default();
    fprintf(out, "A training recipe is key=value words, with spaces between them; later words win:\n\n");
    for (const struct key *key = recipe_keys; key->name; key++) {
        key_write(key, &defaults, usual);
        fprintf(out, "  %-11s %s (%s)\n              %s\n", key->name, key->means, usual, key->takes);
    }
    fprintf(out, "\nIn parentheses: the default. --epochs N is the same as epochs=N.\n\n"
                 "Examples:\n"
                 "  opt=sgd lr=0.1 momentum=0.9 batch=128 epochs=10 schedule=cosine\n"
                 "  opt=adam lr=0.001 batch=64 epochs=3 norm=0.1307,0.3081\n"
                 "  opt=adamw lr=0.003 wd=0.01 epochs=5 augment=rotate:15,shift:2 select=split:55000\n");
}
