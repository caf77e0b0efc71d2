/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* make_class -- linux.intelRdt: the class of service of a container, as its create sees it. */
#include "host/making.h"

int find_class(struct making *m, struct error *e)
{
	const struct oci_linux *l = m->config->linux;

	if (!l || !l->intelRdt)
		return 0;
	m->resctrl_root = resctrl_open(e);
	return m->resctrl_root < 0
		       ? m->resctrl_root
		       : resctrl_plan(m->resctrl_root, l->intelRdt, m->o->id, &m->class, e);
}

int make_class(struct making *m, struct error *e)
{
	return m->class.class ? resctrl_make(m->resctrl_root, m->config->linux->intelRdt, &m->class,
					     &m->made_class, e)
			      : 0;
}

int join_class(struct making *m, struct error *e)
{
	return m->class.class ? resctrl_join(m->resctrl_root, &m->class, m->child.pid, e) : 0;
}

int remove_class(struct making *m, struct error *e)
{
	return m->made_class.class ? resctrl_remove(m->resctrl_root, &m->made_class, e) : 0;
}

int leave_class(struct making *m, struct error *e)
{
	m->made_class.made &= !m->class.stays;
	return remove_class(m, e);
}
