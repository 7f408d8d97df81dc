/* SPDX-License-Identifier: MIT
 * Formats. Numbers that are not finite are null in JSON and a dash in tables. */
#include "report.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../kernels/runtime/clock.h"
#include "../kernels/runtime/team.h"
#include "../nets/whole_file.h"
#include "record/environment.h"
#include "record/row_text.h"

json_t *report_environment(double fma_peak)
{
    json_t *environment = environment_record();
    assert(environment);
    json_object_set_new(environment, "fma_peak_gflops", real_or_null(fma_peak));
    return environment;
}

int report_listed(const struct options *o, int cases, double max_time)
{
    assert(cases >= 0);
    if (o->thread_count) cases *= o->thread_count;
    const double seconds = cases * max_time * 1.5; /* warming up, and the FMA loop beside them */
    if (o->dry_run)
        printf("%d cases, %g s each at most: some %.*f %s, and the checks before them\n", cases, max_time, seconds < 100 ? 0 : 1,
               seconds < 100 ? seconds : seconds / 60, seconds < 100 ? "s" : "min");
    return finished(EXIT_OK);
}

int report_workers(const struct options *o, int threads)
{
    static bool said;
    struct topology *t;
    struct why why;
    if (topology_open(&t, &why)) quit(EXIT_FAIL, "%s", why.text);
    const int places = o->bind == BIND_PU ? topology_pus(t) : topology_cores(t);
    assert(places >= 1);
    topology_close(t);
    if (threads > places && !said)
        warn("--threads %d: there are %d %s here, which they share", threads, places, o->bind == BIND_PU ? "hardware threads" : "cores");
    said = said || threads > places;
    return threads == THREADS_ALL ? places : threads;
}

void report_team(const struct options *o, const struct team *team)
{
    if (team_crowded(team))
        warn("other runs of ours use the cores here: workers are not pinned, and timings are of threads that share cores and migrate");
    else if (o->bind != BIND_NONE && !team_pinned(team)) warn("binding was refused here: timings are of threads that may migrate");
}

/* Cores that other runs have claimed, now or when it was asked last: a row may have met either. */
static int beside(void)
{
    static struct topology *all;
    static int before = -1;
    if (!all && topology_open(&all, NULL)) return 0;
    const int now = topology_taken(all), most = now > before ? now : before;
    if (before < 0 && now)
        warn("another run of ours uses %d of the cores here: it disturbs the timings, and rows say so (\"beside\")", now);
    before = now;
    return most;
}

/* Beside its place until complete, so that a file under its name has all cases; O_EXCL, so that what another bench, running or stopped, has
 * measured is never written over. */
static FILE *open_beside(struct report *r)
{
    assert(r->path);
    assert(!r->beside);
    if (access(r->path, F_OK) == 0) quit(EXIT_FAIL, "--output %s: exists; remove it, or give another file", r->path);
    if (asprintf(&r->beside, "%s.part", r->path) < 0) quit(EXIT_FAIL, "out of memory");
    const int fd = open(r->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0 && errno == EEXIST)
        quit(EXIT_FAIL, "--output %s: a bench is writing it or was stopped there; rename or remove %s, or give another file", r->path,
             r->beside);
    if (fd < 0) return NULL;
    stop_says("", r->beside);
    return fdopen(fd, "w");
}

void report_open(struct report *r, const struct options *options, const struct column *columns, bool gbench)
{
    assert(r);
    assert(options);
    assert(columns);
    struct stat s;
    if (!clock_moves()) quit(EXIT_FAIL, CLOCK_BROKEN);
    json_t *environment = report_environment(NAN);
    const char *key;
    json_t *value;
    json_object_foreach(environment, key, value) if (json_is_string(value)) gbench_context(key, json_string_value(value));
    json_decref(environment);
    if (!options->list) beside();
    *r = (struct report){
        .columns = columns, .format = options->format, .path = options->list ? NULL : options->output, .out = stdout, .gbench = gbench
    };
    if (!r->path) return;
    const bool regular = stat(r->path, &s) != 0 || S_ISREG(s.st_mode); /* a pipe or a device is written directly */
    r->out = regular ? open_beside(r) : fopen(r->path, "w");
    if (!r->out) quit(EXIT_FAIL, "--output %s: %s; give another place", r->path, strerror(errno));
}

void report_drop(struct report *r)
{
    if (r->beside) unlink(r->beside);
}

/* ---- cells ---- */

static const char *cell(const json_t *row, const struct column *c, char *text, size_t size)
{
    assert(size > 0);
    const json_t *value = json_object_get(row, c->key);
    if (json_is_string(value)) snprintf(text, size, "%s", json_string_value(value));
    else if (json_is_integer(value)) snprintf(text, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value) && c->digits < 0) snprintf(text, size, "%.6g", json_real_value(value));
    else if (json_is_real(value)) snprintf(text, size, "%.*f", c->digits, json_real_value(value));
    else if (json_is_boolean(value)) snprintf(text, size, "%s", json_is_true(value) ? "yes" : "no");
    else snprintf(text, size, "-");
    return text;
}

static void head(struct report *r)
{
    assert(r->columns);
    const char *between = "";
    if (r->started || r->format > FORMAT_CSV) return;
    if (r->format == FORMAT_MD) fputc('\n', r->out);
    for (const struct column *c = r->columns; c->key; c++) {
        if (r->format == FORMAT_CSV) fprintf(r->out, "%s%s", between, c->key);
        else if (c->width) fprintf(r->out, "| %*s ", c->width, c->heading);
        between = ",";
    }
    fputs(r->format == FORMAT_CSV ? "\n" : "|\n", r->out);
    for (const struct column *c = r->columns; c->key && r->format == FORMAT_MD; c++)
        if (c->width) fprintf(r->out, "|%.*s%s", abs(c->width) + 1, "------------------------------------------", c->width > 0 ? ":" : "-");
    if (r->format == FORMAT_MD) fputs("|\n", r->out);
}

static void write_csv(struct report *r, const json_t *row)
{
    char text[512];
    for (const struct column *c = r->columns; c->key; c++) {
        const bool empty = !json_object_get(row, c->key) || json_is_null(json_object_get(row, c->key));
        cell(row, c, text, sizeof text);
        const bool quoted = strpbrk(text, ",\"\n") != NULL;
        fprintf(r->out, "%s%s", c == r->columns ? "" : ",", quoted ? "\"" : "");
        for (const char *t = empty ? "" : text; *t; t++) fprintf(r->out, *t == '"' ? "\"\"" : "%c", *t);
        if (quoted) fputc('"', r->out);
    }
    fputc('\n', r->out);
}

static void flush(struct report *r)
{
    errno = 0;
    if ((fflush(r->out) || ferror(r->out)) && !r->error) r->error = errno ? errno : EIO;
}

void report_row(struct report *r, json_t *row)
{
    assert(json_is_object(row));
    char text[512];
    const int others = beside();
    if (others > 0) json_object_set_new(row, "beside", json_integer(others));
    if (r->gbench || r->format == FORMAT_JSON) return;
    if (!r->started && r->beside) {
        snprintf(text, sizeof text, "what was measured so far is in %s", r->beside);
        stop_says(text, NULL);
    }
    head(r);
    r->started = true;
    if (r->format == FORMAT_JSONL) {
        size_t length;
        char *line = row_line(row, &length);
        if (!line) quit(EXIT_FAIL, "out of memory");
        fwrite(line, 1, length, r->out);
        free(line);
    } else if (r->format == FORMAT_CSV) {
        write_csv(r, row);
    } else {
        for (const struct column *c = r->columns; c->key; c++)
            if (c->width) fprintf(r->out, "| %*s ", c->width, cell(row, c, text, sizeof text));
        fputs("|\n", r->out);
    }
    flush(r);
}

void report_remark(struct report *r, const char *format, ...)
{
    assert(format);
    va_list arguments;
    if (r->gbench || r->format != FORMAT_MD) return;
    va_start(arguments, format);
    vfprintf(r->out, format, arguments);
    va_end(arguments);
    fputc('\n', r->out);
}

void report_close(struct report *r)
{
    assert(r->out);
    if (r->gbench) {
        if (!gbench_run()) quit(EXIT_USAGE, "--benchmark_filter matches nothing; --list shows what there is");
    } else if (r->format == FORMAT_JSON) {
        char *json = gbench_json();
        if (!json) quit(EXIT_FAIL, "Google Benchmark reported nothing");
        fputs(json, r->out);
        free(json);
    }
    flush(r);
    if (!r->error && r->beside && fsync(fileno(r->out)) && errno != EINVAL) r->error = errno;
    if (r->path && fclose(r->out) && !r->error) r->error = errno;
    if (!r->error && r->beside && link(r->beside, r->path) == 0) unlink(r->beside); /* unlike rename(), never over another file */
    else if (!r->error && r->beside && (errno == EEXIST || rename(r->beside, r->path))) r->error = errno;
    if (r->error && r->beside)
        quit(EXIT_FAIL, "cannot write %s: %s; what was measured before is in %s", r->path, strerror(r->error), r->beside);
    if (r->error) quit(EXIT_FAIL, "cannot write %s: %s; give another --output", r->path ? r->path : "stdout", strerror(r->error));
    if (r->beside) sync_folder(r->path);
    free(r->beside);
    r->beside = NULL;
}

void report_moved(json_t *row, double moved)
{
    assert(json_is_object(row));
    const char *note = json_string_value(json_object_get(row, "note"));
    json_object_set_new(row, "reference_moved", real_or_null(moved));
    if (!(moved > REFERENCE_MOST)) return;
    json_object_set_new(
        row, "note",
        json_sprintf("disturbed: the FMA loop beside it moved by %.0f %%%s%s", 100 * moved, note && *note ? "; " : "", note ? note : ""));
}

void report_timing(json_t *row, const struct bench_case *c)
{
    assert(json_is_object(row));
    assert(c->samples > 0);
    const struct bench_stats s = bench_stats_of(c->sample, c->samples);
    json_t *samples = json_array();
    for (int i = 0; i < c->samples; i++) json_array_append_new(samples, json_real(c->sample[i] * 1e6));
    json_object_set_new(row, "us", json_real(s.median * 1e6));
    json_object_set_new(row, "us_ci_low", real_or_null(s.low * 1e6));
    json_object_set_new(row, "us_ci_high", real_or_null(s.high * 1e6));
    json_object_set_new(row, "us_min", json_real(s.min * 1e6));
    json_object_set_new(row, "us_p95", json_real(s.p95 * 1e6));
    json_object_set_new(row, "ci_percent", real_or_null((s.high - s.low) / s.median * 50)); /* half the width: +- */
    json_object_set_new(row, "calls_per_sample", json_integer(c->calls));
    json_object_set_new(row, "cycles", real_or_null(c->counts.cycles));
    json_object_set_new(row, "ipc", real_or_null(c->counts.instructions / c->counts.cycles));
    json_object_set_new(row, "cache_misses", real_or_null(c->counts.cache_misses));
    json_object_set_new(row, "us_samples", samples);
}
