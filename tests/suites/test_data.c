/* SPDX-License-Identifier: MIT
 * Data sets: what is read from good files, and what is said about bad ones. Files are made here, small, in a folder of their own; the
 * real sets are opened where they are at hand. The digits of `strokes` are held against a constant: the same bytes on every host. */
#include <criterion/criterion.h>
#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "../../nets/data/cifar.h"
#include "../../nets/data/dataset.h"
#include "../../nets/data/strokes.h"
#include "../../nets/sha256.h"

enum { H = 6, W = 5, TRAIN = 40, TEST = 20, ROOM = 4096 };
static const char STROKES_SHA256[] = "556ac712af14defc614f6a3998e5773520a7458a1807afbb736cef44a63f23ca";

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/convgauge-data-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c) */
}

TestSuite(files, .init = make_folder, .fini = remove_folder);

/* A file's bytes while they are being made. */
struct bytes {
    size_t size;
    uint8_t at[ROOM];
};

static void big_endian(struct bytes *b, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) b->at[b->size++] = (uint8_t)(value >> shift);
}

static struct bytes images(uint32_t count, uint32_t h, uint32_t w)
{
    struct bytes b = { 0 };
    big_endian(&b, 0x803);
    big_endian(&b, count);
    big_endian(&b, h);
    big_endian(&b, w);
    for (uint32_t i = 0; i < count * h * w && b.size < ROOM; i++) b.at[b.size++] = (uint8_t)(i * 7 + i / 256);
    return b;
}

static struct bytes labels(uint32_t count)
{
    struct bytes b = { 0 };
    big_endian(&b, 0x801);
    big_endian(&b, count);
    for (uint32_t i = 0; i < count && b.size < ROOM; i++) b.at[b.size++] = (uint8_t)(i % 10);
    return b;
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const void *data, size_t size)
{
    FILE *f = fopen(path_of(name), "wb");
    cr_assert(f != NULL);
    cr_assert_eq(fwrite(data, 1, size, f), size);
    cr_assert_eq(fclose(f), 0);
}

static struct bytes gz(struct bytes plain)
{
    struct bytes packed;
    z_stream z = { .next_in = plain.at, .avail_in = (uInt)plain.size, .next_out = packed.at, .avail_out = ROOM };
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed.size = z.total_out;
    deflateEnd(&z);
    return packed;
}

static struct bytes xz(struct bytes plain)
{
    struct bytes packed = { 0 };
    cr_assert_eq(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, plain.at, plain.size, packed.at, &packed.size, ROOM), LZMA_OK);
    return packed;
}

static void put_bytes(const char *name, struct bytes b) { put(name, b.at, b.size); }

static void put_good(void)
{
    put_bytes("train-images-idx3-ubyte", images(TRAIN, H, W));
    put_bytes("train-labels-idx1-ubyte", labels(TRAIN));
    put_bytes("t10k-images-idx3-ubyte", images(TEST, H, W));
    put_bytes("t10k-labels-idx1-ubyte", labels(TEST));
}

/* Opening the folder fails with `code` and one line that has all of `words` (ended by NULL). */
static void refused(int code, const char *const *words)
{
    struct dataset d;
    struct why why = { "" };
    cr_expect_eq(dataset_open_directory(folder, &d, &why), code, "%s", why.text);
    for (; *words; words++) cr_expect(strstr(why.text, *words) != NULL, "no '%s' in: %s", *words, why.text);
    cr_expect(strchr(why.text, '\n') == NULL);
    cr_expect(d.train.pixels == NULL && d.test.labels == NULL);
}
#define REFUSED(code, ...) refused(code, (const char *const[]){ __VA_ARGS__, NULL })

Test(files, idx_plain_and_packed_are_the_same)
{
    struct dataset plain, packed;
    struct why why = { "" };
    put_good();
    cr_assert_eq(dataset_open_directory(folder, &plain, &why), 0, "%s", why.text);
    cr_assert(plain.c == 1 && plain.h == H && plain.w == W && plain.classes == 10);
    cr_assert(plain.train.count == TRAIN && plain.test.count == TEST && !plain.synthetic);
    cr_assert_str_eq(plain.name, "custom");
    cr_assert_str_eq(plain.class_names[9], "9");
    cr_assert_eq(memcmp(plain.train.pixels, images(TRAIN, H, W).at + 16, TRAIN * H * W), 0);
    cr_assert_eq(memcmp(plain.test.labels, labels(TEST).at + 8, TEST), 0);
    put_bytes("train-images-idx3-ubyte.gz", gz(images(TRAIN, H, W)));
    put_bytes("train-labels-idx1-ubyte.xz", xz(labels(TRAIN)));
    put_bytes("t10k-images-idx3-ubyte.xz", xz(images(TEST, H, W)));
    put_bytes("t10k-labels-idx1-ubyte.gz", gz(labels(TEST)));
    unlink(path_of("train-images-idx3-ubyte"));
    unlink(path_of("train-labels-idx1-ubyte"));
    unlink(path_of("t10k-images-idx3-ubyte"));
    unlink(path_of("t10k-labels-idx1-ubyte"));
    cr_assert_eq(dataset_open_directory(folder, &packed, &why), 0, "%s", why.text);
    cr_assert_str_eq(packed.sha256, plain.sha256);
    dataset_close(&plain);
    dataset_close(&packed);
    cr_assert(packed.train.pixels == NULL && packed.name == NULL);
}

Test(files, classes_are_counted_by_the_highest_label)
{
    struct dataset d;
    struct bytes high = labels(TEST);
    high.at[8 + 3] = 255;
    put_good();
    put_bytes("t10k-labels-idx1-ubyte", high);
    cr_assert_eq(dataset_open_directory(folder, &d, NULL), 0);
    cr_assert_eq(d.classes, 256);
    cr_assert_str_eq(d.class_names[255], "255");
    dataset_close(&d);
}

Test(files, bad_headers)
{
    struct bytes b = images(TRAIN, H, W);
    put_good();
    b.at[3] = 1;
    put_bytes("train-images-idx3-ubyte", b);
    REFUSED(-EINVAL, "train-images-idx3-ubyte: idx of unsigned bytes in 1 dimension; images are", "in 3 dimensions: put such a file there");
    b.at[0] = 'P';
    put_bytes("train-images-idx3-ubyte", b);
    REFUSED(-EINVAL, "train-images-idx3-ubyte", "0x50000801", "0x00000803", "fetch-data", "--data-dir");
    put("train-images-idx3-ubyte", "\0\0\10\3\0", 5);
    REFUSED(-EINVAL, "train-images-idx3-ubyte", "ends after 5 bytes", "fetch-data");
    put("train-images-idx3-ubyte", "", 0);
    REFUSED(-EINVAL, "train-images-idx3-ubyte", "ends after 0 bytes");
    put_bytes("train-images-idx3-ubyte", images(0, H, W));
    REFUSED(-EINVAL, "0 images of 6x5", "expected 1");
    put_bytes("train-images-idx3-ubyte", images(0xffffffff, 0xffffffff, 0xffffffff));
    REFUSED(-EINVAL, "4294967295 images", "expected 1");
    put_bytes("train-images-idx3-ubyte", images(90000000, 1000, 1000));
    REFUSED(-EINVAL, "at most 8192 MiB");
    put_good();
    put_bytes("t10k-labels-idx1-ubyte", labels(0));
    REFUSED(-EINVAL, "t10k-labels-idx1-ubyte", "0 labels", "expected 1");
}

Test(files, cut_or_too_long)
{
    struct bytes b = images(TRAIN, H, W);
    put_good();
    b.size -= 10;
    put_bytes("train-images-idx3-ubyte", b);
    REFUSED(-EINVAL, "train-images-idx3-ubyte", "ends after 1206 bytes", "expected 40 images of 6x5", "fetch-data");
    b.size += 11;
    put_bytes("train-images-idx3-ubyte", b);
    REFUSED(-EINVAL, "train-images-idx3-ubyte", "more bytes follow the 1216", "40 images of 6x5");
    put_good();
    put_bytes("t10k-labels-idx1-ubyte", labels(TEST - 1));
    REFUSED(-EINVAL, "t10k-labels-idx1-ubyte", "19 labels", "expected 20", "t10k-images-idx3-ubyte");
    put_good();
    put_bytes("t10k-images-idx3-ubyte", images(TEST, W, H));
    REFUSED(-EINVAL, "t10k-images-idx3-ubyte", "5x6", "expected 6x5", "train-images-idx3-ubyte");
}

Test(files, damaged_packing)
{
    struct bytes g = gz(images(TRAIN, H, W)), x = xz(images(TRAIN, H, W)), b;
    put_good();
    unlink(path_of("train-images-idx3-ubyte"));
    put("train-images-idx3-ubyte.gz", g.at, g.size / 2);
    REFUSED(-EINVAL, "train-images-idx3-ubyte.gz", "cut short", "expected 40 images of 6x5", "fetch-data");
    put("train-images-idx3-ubyte.gz", g.at, g.size - 6);
    REFUSED(-EINVAL, "train-images-idx3-ubyte.gz", "cut short");
    b = g;
    b.at[b.size - 6] ^= 1;
    put_bytes("train-images-idx3-ubyte.gz", b);
    REFUSED(-EINVAL, "train-images-idx3-ubyte.gz", "checksum does not hold");
    put_bytes("train-images-idx3-ubyte.gz", images(TRAIN, H, W));
    REFUSED(-EINVAL, "train-images-idx3-ubyte.gz", "not gzip");
    unlink(path_of("train-images-idx3-ubyte.gz"));
    put("train-images-idx3-ubyte.xz", x.at, x.size / 2);
    REFUSED(-EINVAL, "train-images-idx3-ubyte.xz", "cut short");
    put("train-images-idx3-ubyte.xz", x.at, x.size - 4);
    REFUSED(-EINVAL, "train-images-idx3-ubyte.xz", "cut short");
    b = x;
    b.at[b.size / 2] ^= 1;
    put_bytes("train-images-idx3-ubyte.xz", b);
    REFUSED(-EINVAL, "train-images-idx3-ubyte.xz", "damaged");
    put_bytes("train-images-idx3-ubyte.xz", images(TRAIN, H, W));
    REFUSED(-EINVAL, "train-images-idx3-ubyte.xz", "not xz");
    b = x;
    b.size += 3;
    put_bytes("train-images-idx3-ubyte.xz", b);
    REFUSED(-EINVAL, "train-images-idx3-ubyte.xz", "follows");
}

Test(files, absent)
{
    REFUSED(-ENOENT, folder, "train-images-idx3-ubyte", "data_batch_1.bin", "--data");
    put_good();
    unlink(path_of("t10k-labels-idx1-ubyte"));
    REFUSED(-ENOENT, "t10k-labels-idx1-ubyte is missing");
    cr_assert_eq(mkdir(path_of("t10k-labels-idx1-ubyte"), 0755), 0);
    REFUSED(-EISDIR, "cannot read", "t10k-labels-idx1-ubyte", "directory");
}

/* Opening a published set in the folder fails like refused(). */
static void published_refused(const char *name, int code, const char *words)
{
    struct dataset d;
    struct why why = { "" };
    cr_expect_eq(dataset_open(name, folder, NULL, NULL, &d, &why), code, "%s", why.text);
    cr_expect(strstr(why.text, words) != NULL, "no '%s' in: %s", words, why.text);
    cr_expect(d.train.pixels == NULL);
}

/* `count` zero images or labels under their header: a hole in the file, not bytes on the disk. */
static void put_hollow(const char *name, struct bytes header, off_t size)
{
    put_bytes(name, header);
    cr_assert_eq(truncate(path_of(name), (off_t)header.size + size), 0);
}

Test(files, a_name_is_what_was_published)
{
    struct bytes b;
    published_refused("mnist", -ENOENT, "tools/fetch-data mnist");
    published_refused("mnist", -ENOENT, folder);
    published_refused("emnist", -EINVAL, "choose mnist, fashion-mnist, cifar-10 or strokes");
    put_good();
    published_refused("mnist", -EINVAL, "40 images of 6x5, expected 28x28");
    cr_assert_eq(mkdir(path_of("mnist"), 0755), 0);
    put_bytes("mnist/train-images-idx3-ubyte", images(3, 28, 28));
    published_refused("mnist", -ENOENT, "train-labels-idx1-ubyte is missing");
    b = labels(3);
    b.at[8 + 1] = 10;
    put_bytes("mnist/train-labels-idx1-ubyte", b);
    put_bytes("mnist/t10k-images-idx3-ubyte", images(2, 28, 28));
    put_bytes("mnist/t10k-labels-idx1-ubyte", labels(2));
    published_refused("mnist", -EINVAL, "mnist/train-labels-idx1-ubyte: image 1 has label 10, expected 0 … 9");
    put_bytes("mnist/train-labels-idx1-ubyte", labels(3));
    published_refused("mnist", -EINVAL, "3 + 2 images, expected 60000 + 10000");
    b = images(60000, 28, 28), b.size = 16;
    put_hollow("mnist/train-images-idx3-ubyte", b, 60000 * 784);
    b = labels(60000), b.size = 8;
    put_hollow("mnist/train-labels-idx1-ubyte", b, 60000);
    b = images(10000, 28, 28), b.size = 16;
    put_hollow("mnist/t10k-images-idx3-ubyte", b, 10000 * 784);
    b = labels(10000), b.size = 8;
    put_hollow("mnist/t10k-labels-idx1-ubyte", b, 10000);
    published_refused("mnist", -EINVAL, "not the published mnist (sha256 ");
}

Test(files, cifar_planes_become_pixels)
{
    static uint8_t file[CIFAR_RECORDS * (1 + CIFAR_PIXELS) + 1], pixels[CIFAR_RECORDS * CIFAR_PIXELS], found[CIFAR_RECORDS];
    struct dataset d;
    struct why why = { "" };
    for (int i = 0; i < CIFAR_RECORDS; i++)
        for (int k = 0; k <= CIFAR_PIXELS; k++) file[i * (1 + CIFAR_PIXELS) + k] = (uint8_t)(k == 0 ? i % 10 : i * 31 + k * 7 + k / 1024);
    put("data_batch_1.bin", file, sizeof file - 1);
    cr_assert_eq(cifar_read(path_of("data_batch_1.bin"), pixels, found, &why), 0, "%s", why.text);
    for (int i = 0; i < CIFAR_RECORDS; i += 999) {
        cr_assert_eq(found[i], i % 10);
        for (int k = 0; k < CIFAR_PIXELS; k++)
            cr_assert_eq(pixels[i * CIFAR_PIXELS + k % 1024 * 3 + k / 1024], file[i * (1 + CIFAR_PIXELS) + 1 + k]);
    }
    char first[256];
    strcpy(first, path_of("data_batch_1.bin"));
    static const char *const others[] = { "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
                                          "test_batch.bin" };
    for (int i = 0; i < 5; i++) cr_assert_eq(link(first, path_of(others[i])), 0);
    cr_assert_eq(dataset_open_directory(folder, &d, &why), 0, "%s", why.text);
    cr_assert(d.c == 3 && d.h == 32 && d.w == 32 && d.train.count == 50000 && d.test.count == 10000 && d.classes == 10);
    cr_assert_eq(memcmp(d.train.pixels + 40000 * CIFAR_PIXELS, pixels, sizeof pixels), 0);
    dataset_close(&d);
    put("data_batch_1.bin", file, sizeof file);
    REFUSED(-EINVAL, "data_batch_1.bin", "more bytes follow", "10000 records of 3073 bytes");
    put("data_batch_1.bin", file, 5000);
    REFUSED(-EINVAL, "data_batch_1.bin", "ends after 5000 bytes", "10000 records of 3073 bytes");
}

/* What is at hand is what was published; the shared folder is where the programs look too. */
Test(real, sets_at_hand_open_by_name)
{
    int opened = 0;
    for (int i = 0; i < 2; i++) {
        struct dataset d;
        struct why why = { "" };
        int counts[10] = { 0 }, error = dataset_open(dataset_names[i], NULL, getenv("CONVGAUGE_DATA_DIR"), NULL, &d, &why);
        if (error == -ENOENT) continue;
        cr_assert_eq(error, 0, "%s", why.text);
        opened++;
        for (int k = 0; k < d.train.count; k++) counts[d.train.labels[k]]++;
        cr_assert(d.h == 28 && d.w == 28 && d.c == 1 && d.train.count == 60000 && d.test.count == 10000);
        cr_assert_eq(counts[5], i == 0 ? 5421 : 6000);
        dataset_close(&d);
    }
    if (opened == 0) cr_skip("neither MNIST nor Fashion-MNIST is at hand; tools/fetch-data gets them");
}

Test(strokes, the_70000_images_are_the_same_everywhere)
{
    struct dataset d;
    struct team *team;
    int counts[10] = { 0 };
    cr_assert_eq(team_open(&team, 2, BIND_NONE, NULL), 0);
    cr_assert_eq(dataset_open("strokes", NULL, NULL, team, &d, NULL), 0);
    team_close(team);
    cr_assert_str_eq(d.sha256, STROKES_SHA256);
    cr_assert(d.synthetic && d.classes == 10 && d.c == 1 && d.h == 28 && d.w == 28);
    cr_assert(d.train.count == 60000 && d.test.count == 10000);
    for (int i = 0; i < d.test.count; i++) counts[d.test.labels[i]]++;
    for (int i = 0; i < 10; i++) cr_assert_eq(counts[i], 1000);
    dataset_close(&d);
}

Test(strokes, an_image_depends_on_its_number_alone)
{
    enum { COUNT = 100 };
    static uint8_t together[COUNT * STROKES_PIXELS], alone[STROKES_PIXELS], other[STROKES_PIXELS], digits[COUNT];
    struct team *team;
    cr_assert_eq(team_open(&team, 3, BIND_NONE, NULL), 0);
    strokes_make(team, 1000, COUNT, together, digits);
    team_close(team);
    for (int i = COUNT - 1; i >= 0; i--) {
        cr_assert_eq(strokes_draw(1000 + (uint64_t)i, alone), digits[i]);
        cr_assert_eq(memcmp(alone, together + i * STROKES_PIXELS, STROKES_PIXELS), 0);
    }
    strokes_draw(STROKES_FIRST_TEST + 1000, other);
    cr_assert_neq(memcmp(alone, other, STROKES_PIXELS), 0);
}

Test(sha256, known_answers)
{
    char hex[65];
    sha256_hex(NULL, 0, hex);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex((struct sha256_part[]){ { "a", 1 }, { NULL, 0 }, { "bc", 2 } }, 3, hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
