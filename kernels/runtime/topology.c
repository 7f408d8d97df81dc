/* SPDX-License-Identifier: MIT
 * hwloc knows sockets, caches, cores and what taskset or a cgroup left of them. Two views are kept: all usable PUs, and one PU per core.
 * hwloc_distrib weighs by PUs, so on a machine whose cores differ (hybrid, or taskset through a core) it would put two workers on one
 * core of the full view while another idles; on the second view each core weighs the same. */
#include "topology.h"

#include <assert.h>
#include <errno.h>
#include <hwloc.h>
#include <hwloc/helper.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "claims.h"
#include "internal.h"

struct topology {
    hwloc_topology_t pus, cores; /* the second is the first restricted to one PU per core */
    hwloc_topology_t whole;      /* for binding: the first view, also where that has lost the cores of others */
    bool claimed;                /* all cores that are left */
};

struct binding {
    hwloc_cpuset_t set;
};

static int count(hwloc_topology_t view)
{
    int pus = hwloc_get_nbobjs_by_type(view, HWLOC_OBJ_PU);
    assert(pus > 0);
    return pus;
}

static int load_pus(hwloc_topology_t *view)
{
    if (hwloc_topology_init(view) != 0) return -1;
    if (hwloc_topology_set_flags(*view, HWLOC_TOPOLOGY_FLAG_RESTRICT_TO_CPUBINDING | HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM) != 0 ||
        hwloc_topology_load(*view) != 0) {
        hwloc_topology_destroy(*view);
        return -1;
    }
    return 0;
}

static int load_cores(hwloc_topology_t *view, hwloc_topology_t pus)
{
    hwloc_bitmap_t firsts = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(pus));
    if (!firsts) return -1;
    int code = hwloc_bitmap_singlify_per_core(pus, firsts, 0);
    if (code == 0) code = hwloc_topology_dup(view, pus);
    if (code == 0 && (code = hwloc_topology_restrict(*view, firsts, 0)) != 0) hwloc_topology_destroy(*view);
    hwloc_bitmap_free(firsts);
    return code;
}

int topology_open(struct topology **t, struct why *why)
{
    assert(t);
    *t = calloc(1, sizeof **t);
    if (!*t) return why_fail(why, -ENOMEM, "no memory for the machine's topology");
    errno = 0;
    if (load_pus(&(*t)->pus) == 0) {
        (*t)->whole = (*t)->pus;
        if (load_cores(&(*t)->cores, (*t)->pus) == 0) return 0;
        hwloc_topology_destroy((*t)->pus);
    }
    int code = errno ? -errno : -EIO;
    free(*t);
    *t = NULL;
    return why_fail(why, code, "hwloc cannot read the machine's topology: %s; does lstopo work here?", strerror(-code));
}

/* ---- claims: by the system's numbers of package and core, which taskset and cgroups do not change */

struct place {
    int package, core;
};

/* Where the machine tells no cores, as some virtual ones, a PU is one. */
static struct place place_of(hwloc_obj_t pu)
{
    hwloc_obj_t core = pu, package = pu;
    while (core && core->type != HWLOC_OBJ_CORE) core = core->parent;
    while (package && package->type != HWLOC_OBJ_PACKAGE) package = package->parent;
    const bool known = core && core->os_index != HWLOC_UNKNOWN_INDEX;
    return (struct place){ known && package ? (int)package->os_index : 0, known ? (int)core->os_index : (int)pu->os_index };
}

/* The one PU of a core that the second view has. */
static hwloc_obj_t core_at(const struct topology *t, int i) { return hwloc_get_obj_by_type(t->cores, HWLOC_OBJ_PU, (unsigned)i); }

/* Restricts both views to the cores of these PUs. 0 or -1: they are as before, or of no use any more. */
static int keep(struct topology *t, hwloc_bitmap_t firsts)
{
    assert(firsts);
    hwloc_bitmap_t all = hwloc_bitmap_alloc();
    if (!all) return -1;
    for (hwloc_obj_t pu = NULL; (pu = hwloc_get_next_obj_by_type(t->pus, HWLOC_OBJ_PU, pu));)
        for (int i = 0; i < topology_cores(t); i++) {
            const struct place a = place_of(pu), b = place_of(core_at(t, i));
            if (hwloc_bitmap_isset(firsts, core_at(t, i)->os_index) && a.package == b.package && a.core == b.core)
                hwloc_bitmap_set(all, pu->os_index);
        }
    int code = t->pus == t->whole ? hwloc_topology_dup(&t->pus, t->whole) : 0;
    if (code == 0) code = hwloc_topology_restrict(t->pus, all, 0);
    hwloc_bitmap_free(all);
    return code == 0 ? hwloc_topology_restrict(t->cores, firsts, 0) : code;
}

/* Claims all that are free; their PUs in `firsts`. */
static int claim_free(const struct topology *t, hwloc_bitmap_t firsts)
{
    assert(firsts);
    int free = 0;
    for (int i = 0; i < topology_cores(t); i++) {
        const struct place at = place_of(core_at(t, i));
        if (!claims_take(at.package, at.core)) continue;
        hwloc_bitmap_set(firsts, core_at(t, i)->os_index);
        free++;
    }
    return free;
}

/* Gives back the cores of `firsts` where no worker will be; `firsts` has the others then. */
static void release_idle(const struct topology *t, hwloc_bitmap_t firsts, hwloc_bitmap_t used)
{
    assert(used);
    for (int i = 0; i < topology_cores(t); i++) {
        const unsigned pu = core_at(t, i)->os_index;
        const struct place at = place_of(core_at(t, i));
        if (!hwloc_bitmap_isset(firsts, pu) || hwloc_bitmap_isset(used, pu)) continue;
        claims_release(at.package, at.core);
        hwloc_bitmap_clr(firsts, pu);
    }
}

enum claimed topology_claim(struct topology *t, enum bind bind, int workers, int *free)
{
    assert(t);
    assert(!t->claimed);
    assert(workers >= 1);
    const int wanted = workers < topology_cores(t) ? workers : topology_cores(t);
    hwloc_bitmap_t firsts = hwloc_bitmap_alloc(), used = hwloc_bitmap_alloc();
    enum claimed got = CLAIMS_OFF;
    if (bind != BIND_NONE && firsts && used && claims_begun() && hwloc_topology_is_thissystem(t->pus) && claims_choose()) {
        const int there = claim_free(t, firsts);
        got = there >= wanted ? CLAIMED : CLAIMED_NONE;
        if (free) *free = there;
        if (got == CLAIMED && there < topology_cores(t) && keep(t, firsts)) got = CLAIMED_NONE;
        for (int i = 0; i < wanted && got == CLAIMED; i++) hwloc_bitmap_set(used, (unsigned)topology_pu(t, BIND_CORE, i, wanted));
        release_idle(t, firsts, used);
        if (got == CLAIMED && keep(t, firsts)) got = CLAIMED_NONE;
        t->claimed = got == CLAIMED;
        claims_chosen();
    }
    hwloc_bitmap_free(firsts);
    hwloc_bitmap_free(used);
    return got;
}

int topology_taken(const struct topology *t)
{
    assert(t);
    int taken = 0;
    if (!claims_begun() || !hwloc_topology_is_thissystem(t->pus) || !claims_choose()) return 0;
    for (int i = 0; i < topology_cores(t); i++) {
        const struct place at = place_of(core_at(t, i));
        taken += claims_taken(at.package, at.core);
    }
    claims_chosen();
    return taken;
}

void topology_close(struct topology *t)
{
    if (!t) return;
    for (int i = 0; t->claimed && i < topology_cores(t); i++) {
        const struct place at = place_of(core_at(t, i));
        claims_release(at.package, at.core);
    }
    hwloc_topology_destroy(t->cores);
    if (t->pus != t->whole) hwloc_topology_destroy(t->pus);
    hwloc_topology_destroy(t->whole);
    free(t);
}

int topology_cores(const struct topology *t) { return count(t->cores); }

int topology_pus(const struct topology *t) { return count(t->pus); }

int topology_pu(const struct topology *t, enum bind bind, int i, int n)
{
    assert(t);
    assert(i >= 0);
    assert(i < n);
    if (bind == BIND_NONE) return -1;
    hwloc_topology_t view = bind == BIND_CORE ? t->cores : t->pus;
    int places = n < count(view) ? n : count(view), pu = -1;
    hwloc_cpuset_t *sets = calloc((size_t)places, sizeof *sets);
    hwloc_obj_t root = hwloc_get_root_obj(view);
    if (sets && hwloc_distrib(view, &root, 1, sets, (unsigned)places, INT_MAX, 0) == 0) {
        hwloc_bitmap_singlify(sets[i % places]);
        pu = hwloc_bitmap_first(sets[i % places]);
        for (int k = 0; k < places; k++) hwloc_bitmap_free(sets[k]);
    }
    free(sets);
    return pu;
}

/* hwloc says ENOSYS where the system cannot bind and EXDEV where it will not. On a machine that it was only told about (HWLOC_XMLFILE or
 * HWLOC_SYNTHETIC without HWLOC_THISSYSTEM) it pretends to bind: that is a refusal, too. */
static int bind_to(const struct topology *t, hwloc_const_cpuset_t set)
{
    if (!hwloc_topology_is_thissystem(t->pus)) return -ENOSYS;
    errno = 0;
    if (hwloc_set_cpubind(t->whole, set, HWLOC_CPUBIND_THREAD) == 0) return 0;
    return errno ? -errno : -EIO;
}

int topology_bind_self(const struct topology *t, int pu)
{
    assert(t);
    assert(pu >= 0);
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set) return -ENOMEM;
    int code = hwloc_bitmap_only(set, (unsigned)pu) == 0 ? bind_to(t, set) : -ENOMEM;
    hwloc_bitmap_free(set);
    return code;
}

struct binding *topology_binding_of_self(const struct topology *t)
{
    assert(t);
    struct binding *binding = calloc(1, sizeof *binding);
    if (!binding) return NULL;
    binding->set = hwloc_bitmap_alloc();
    if (binding->set && hwloc_get_cpubind(t->whole, binding->set, HWLOC_CPUBIND_THREAD) == 0) return binding;
    hwloc_bitmap_free(binding->set);
    free(binding);
    return NULL;
}

void topology_give_back(const struct topology *t, struct binding *binding)
{
    assert(t);
    if (!binding) return;
    (void)bind_to(t, binding->set);
    hwloc_bitmap_free(binding->set);
    free(binding);
}

int topology_where_am_i(const struct topology *t)
{
    assert(t);
    if (!hwloc_topology_is_thissystem(t->pus)) return -1;
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    int pu = -1;
    if (set && hwloc_get_last_cpu_location(t->whole, set, HWLOC_CPUBIND_THREAD) == 0) pu = hwloc_bitmap_first(set);
    hwloc_bitmap_free(set);
    return pu;
}

static const char *const bind_names[] = { "core", "pu", "none" };

const char *bind_name(enum bind bind)
{
    assert((unsigned)bind <= BIND_NONE);
    return bind_names[bind];
}

int bind_parse(const char *name)
{
    assert(name);
    for (int bind = BIND_CORE; bind <= BIND_NONE; bind++)
        if (strcmp(name, bind_names[bind]) == 0) return bind;
    return -1;
}
