/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * caps -- process.capabilities as bit masks that the kernel will take.
 *
 * The specification wants what is unknown or cannot be granted to be warned of, not to fail. The
 * kernel however refuses a whole set for one bit too many, so the rules of capset(2), prctl(2) and
 * capabilities(7) are applied here.
 */
#include "process.h"

#include "../base/log.h"
#include "../base/names.h"

static uint64_t read_set(const char *set, const char *const *names, size_t n)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < n; i++) {
		int cap = capability_number(names[i]);

		if (cap < 0)
			log_warning("process.capabilities.%s[%zu]: unknown capability '%s' is "
				    "ignored",
				    set, i, names[i]);
		else
			mask |= 1ull << cap;
	}
	return mask;
}

/* Takes out of `set` what is not in `allowed`, with one warning for each. */
static void confine(uint64_t *set, uint64_t allowed, const char *before, const char *after)
{
	for (int cap = 0; cap < 64; cap++)
		if (*set & ~allowed & 1ull << cap)
			log_warning("process.capabilities%s %s: %s", before, capability_name(cap),
				    after);
	*set &= allowed;
}

void compile_caps(const struct oci_capabilities *c, uint64_t grantable, struct plan_process *out)
{
	struct plan_caps *p = &out->caps;
	uint64_t all;

	*p = (struct plan_caps){ 0 };
	out->has_caps = c != NULL;
	if (!c)
		return;
	p->bounding = read_set("bounding", c->bounding, c->n_bounding);
	p->effective = read_set("effective", c->effective, c->n_effective);
	p->inheritable = read_set("inheritable", c->inheritable, c->n_inheritable);
	p->permitted = read_set("permitted", c->permitted, c->n_permitted);
	p->ambient = read_set("ambient", c->ambient, c->n_ambient);

	/* Once for all five sets: it is one capability that is missing. */
	all = p->bounding | p->effective | p->inheritable | p->permitted | p->ambient;
	confine(&all, grantable, ": cannot grant",
		"the caller's own bounding set does not have it, it is left out");
	p->bounding &= all;
	p->effective &= all;
	p->inheritable &= all;
	p->permitted &= all;
	p->ambient &= all;

	confine(&p->effective, p->permitted, ".effective: cannot have",
		"it is not in the permitted set");
	confine(&p->inheritable, p->bounding, ".inheritable: cannot have",
		"it is not in the bounding set");
	/*
	 * Buildah lists all of them as ambient and none as inheritable, and shows our standard error to
	 * whoever builds: a line for every capability and step, about what no one has asked for.
	 */
	if (p->ambient && !p->inheritable) {
		log_debug("process.capabilities.ambient: can't raise any, as none is inheritable");
		p->ambient = 0;
	}
	confine(&p->ambient, p->permitted & p->inheritable,
		".ambient: can't raise ambient capability",
		"it is not in both the permitted and the inheritable set");
}
