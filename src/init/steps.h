/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* steps -- every step of the two tables in main.c, by the file that has it. */
#pragma once

#include "stage.h"

/* namespaces.c */
int hide(const struct plan *p, struct stage *s);
int join_cgroups(const struct plan *p, struct stage *s);
int ask_for_id_maps(const struct plan *p, struct stage *s);
int join_namespaces(const struct plan *p, struct stage *s);
int enter_time_namespace(const struct plan *p, struct stage *s);
int bring_up_loopback(const struct plan *p, struct stage *s);
int set_names(const struct plan *p, struct stage *s);
int new_keyring(const struct plan *p, struct stage *s);
int tell_namespaces(const struct plan *p, struct stage *s);
int enter_cgroup_namespace(const struct plan *p, struct stage *s);
int become_root(const struct plan *p, struct stage *s);

/* proc.c */
int open_proc_handle(const struct plan *p, struct stage *s);
int let_go_of_proc(const struct plan *p, struct stage *s);

/* rootfs.c */
int attach_root(const struct plan *p, struct stage *s);
int use_present_root(const struct plan *p, struct stage *s);
int enter_root(const struct plan *p, struct stage *s);
int finish_root(const struct plan *p, struct stage *s);
int propagate_root(const struct plan *p, struct stage *s);

/* overlay.c */
int mount_overlay(const struct plan *p, struct stage *s);

/* devices.c */
int make_devices(const struct plan *p, struct stage *s);

/* console.c */
int make_console(const struct plan *p, struct stage *s);
int own_stdio(const struct plan *p, struct stage *s);

/* protect.c */
int take_null(const struct plan *p, struct stage *s);
int protect_paths(const struct plan *p, struct stage *s);
int write_sysctls(const struct plan *p, struct stage *s);

/* hooks.c */
int create_container_hooks(const struct plan *p, struct stage *s);
int start_container_hooks(const struct plan *p, struct stage *s);

/* process.c: what the program is started with, but for its rights. */
int set_limits(const struct plan *p, struct stage *s);
int set_scheduling(const struct plan *p, struct stage *s);
int set_memory_policy(const struct plan *p, struct stage *s);
int enter_cwd(const struct plan *p, struct stage *s);
int enter_cwd_as_user(const struct plan *p, struct stage *s);

/* privileges.c */
int drop_bounding_set(const struct plan *p, struct stage *s);
int take_user(const struct plan *p, struct stage *s);
int take_rights_early(const struct plan *p, struct stage *s);
int confine(const struct plan *p, struct stage *s);

/* birth.c */
int be_born(const struct plan *p, struct stage *s);

/* stay.c */
int stay_as_init(const struct plan *p, struct stage *s);

/* program.c */
int find_program(const struct plan *p, struct stage *s);
int tell_ready(const struct plan *p, struct stage *s);
int wait_for_start(const struct plan *p, struct stage *s);
int execute(const struct plan *p, struct stage *s);
