/* SPDX-License-Identifier: MIT
 * CIFAR-10's binary files: 10,000 records of a label byte and 32x32 pixels as three planes (red, green, blue). */
#ifndef NETS_CIFAR_H
#define NETS_CIFAR_H

#include "dataset.h"

enum { CIFAR_RECORDS = 10000, CIFAR_SIDE = 32, CIFAR_CHANNELS = 3, CIFAR_PIXELS = CIFAR_SIDE * CIFAR_SIDE * CIFAR_CHANNELS };

/* Reads one file (.bin or .bin.xz) into pixels [CIFAR_RECORDS][H][W][C] and labels [CIFAR_RECORDS], the caller's memory.
 * 0; -EINVAL names the file, what was found and what was expected. */
int cifar_read(const char *path, uint8_t *pixels, uint8_t *labels, struct why *why);

#endif
