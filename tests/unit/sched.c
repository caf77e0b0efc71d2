/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scheduler, I/O priority, CPUs, personality and memory policy: numbers, and what is refused.
 */
#include "check.h"

#include "base/util.h"
#include "compile/process.h"
#include "configured.h"

#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>

static struct plan_process out;

static bool process(const char *member)
{
	char text[1024];

	snprintf(text, sizeof(text), "{'process': {'cwd': '/', %s}}", member);
	return configure(text);
}

static const char *scheduler(const char *object)
{
	char text[512];

	snprintf(text, sizeof(text), "'scheduler': %s", object);
	if (!process(text))
		return error.text;
	return compile_scheduler(config->process->scheduler, &out, &error) < 0 ? error.text
									       : "no error";
}

static const char *io_priority(const char *object)
{
	char text[512];

	snprintf(text, sizeof(text), "'ioPriority': %s", object);
	if (!process(text))
		return error.text;
	return compile_io_priority(config->process->ioPriority, &out, &error) < 0 ? error.text
										  : "no error";
}

static const char *affinity(const char *final)
{
	struct oci_exec_cpu_affinity x = { .final = final };

	if (!configure("{}"))
		return error.text;
	return compile_affinity(&arena, &x, &out, &error) < 0 ? error.text : "no error";
}

static const char *personality_of(const char *object)
{
	char text[512];

	snprintf(text, sizeof(text), "{'linux': {'personality': %s}}", object);
	if (!configure(text))
		return error.text;
	return compile_personality(config->linux->personality, &out, &error) < 0 ? error.text
										 : "no error";
}

static const char *memory_policy(const char *object)
{
	char text[512];

	snprintf(text, sizeof(text), "{'linux': {'memoryPolicy': %s}}", object);
	if (!configure(text))
		return error.text;
	return compile_memory_policy(&arena, config->linux->memoryPolicy, &out, &error) < 0
		       ? error.text
		       : "no error";
}

/* ---- scheduler ------------------------------------------------------------------------------- */

static void every_policy_has_its_number(void)
{
	static const struct {
		const char *text;
		uint32_t policy;
	} rows[] = {
		{ "{'policy': 'SCHED_OTHER', 'nice': -20}", SCHED_NORMAL },
		{ "{'policy': 'SCHED_BATCH', 'nice': 19}", SCHED_BATCH },
		{ "{'policy': 'SCHED_IDLE'}", SCHED_IDLE },
		{ "{'policy': 'SCHED_ISO'}", 4 },
		{ "{'policy': 'SCHED_FIFO', 'priority': 1}", SCHED_FIFO },
		{ "{'policy': 'SCHED_RR', 'priority': 99}", SCHED_RR },
		{ "{'policy': 'SCHED_DEADLINE', 'runtime': 1024, 'deadline': 2048}",
		  SCHED_DEADLINE },
	};

	for (size_t i = 0; i < array_len(rows); i++) {
		check_str(scheduler(rows[i].text), "no error");
		check(out.has_sched);
		check_int(out.sched.policy, rows[i].policy);
		check_int(out.sched.size, 56);
	}
}

static void parameters_and_flags_are_taken(void)
{
	check_str(scheduler("{'policy': 'SCHED_DEADLINE', 'runtime': 10000000, "
			    "'deadline': 20000000, 'period': 30000000, "
			    "'flags': ['SCHED_FLAG_RECLAIM', 'SCHED_FLAG_DL_OVERRUN']}"),
		  "no error");
	check_int(out.sched.runtime, 10000000);
	check_int(out.sched.deadline, 20000000);
	check_int(out.sched.period, 30000000);
	check_int(out.sched.flags, 6);
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'nice': 7, 'flags': "
			    "['SCHED_FLAG_RESET_ON_FORK', 'SCHED_FLAG_KEEP_POLICY', "
			    "'SCHED_FLAG_KEEP_PARAMS', 'SCHED_FLAG_UTIL_CLAMP_MIN']}"),
		  "no error");
	check_int(out.sched.flags, 0x39);
	check_int(out.sched.nice, 7);
	check_int(out.sched.util_min, UINT32_MAX);
	check_int(out.sched.util_max, 0);
}

static void words_of_the_scheduler_are_checked(void)
{
	check_str(scheduler("{'policy': 'SCHED_FIF0', 'priority': 1}"),
		  "process.scheduler.policy: unknown policy 'SCHED_FIF0'");
	check_str(error.hint, "did you mean 'SCHED_FIFO'?");
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'flags': ['SCHED_FLAG_X']}"),
		  "process.scheduler.flags[0]: unknown flag 'SCHED_FLAG_X'");
}

static void nice_and_priority_have_ranges(void)
{
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'nice': 20}"),
		  "process.scheduler.nice: 20 is not between -20 and 19");
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'nice': -21}"),
		  "process.scheduler.nice: -21 is not between -20 and 19");
	check_str(
		scheduler("{'policy': 'SCHED_FIFO', 'priority': 100}"),
		"process.scheduler.priority: 100 is not between 1 and 99, as SCHED_FIFO needs it");
	check_str(scheduler("{'policy': 'SCHED_RR'}"),
		  "process.scheduler.priority: 0 is not between 1 and 99, as SCHED_RR needs it");
	check_str(scheduler("{'policy': 'SCHED_BATCH', 'priority': 5}"),
		  "process.scheduler.priority: 5 is given, but SCHED_BATCH has no priority");
	check_str(error.hint, "SCHED_FIFO and SCHED_RR have one; for others there is 'nice'");
}

static void times_are_for_deadline_alone(void)
{
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'runtime': 5}"),
		  "process.scheduler.runtime: is given, but the policy is SCHED_OTHER");
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'deadline': 5}"),
		  "process.scheduler.deadline: is given, but the policy is SCHED_OTHER");
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'period': 5}"),
		  "process.scheduler.period: is given, but the policy is SCHED_OTHER");
	check_str(error.hint, "runtime, deadline and period are for SCHED_DEADLINE");
	check_str(scheduler("{'policy': 'SCHED_OTHER', 'period': 0}"), "no error");
}

static void times_fit_into_each_other(void)
{
	check_str(scheduler("{'policy': 'SCHED_DEADLINE', 'runtime': 1023, 'deadline': 2048}"),
		  "process.scheduler.runtime: 1023 ns is less than 1024, the shortest that "
		  "SCHED_DEADLINE takes");
	check_str(scheduler("{'policy': 'SCHED_DEADLINE', 'runtime': 4000, 'deadline': 3000}"),
		  "process.scheduler.deadline: 3000 ns is shorter than the runtime of 4000 ns");
	check_str(scheduler("{'policy': 'SCHED_DEADLINE', 'runtime': 4000, 'deadline': 5000, "
			    "'period': 4500}"),
		  "process.scheduler.period: 4500 ns is shorter than the deadline of 5000 ns");
	check_str(scheduler("{'policy': 'SCHED_DEADLINE', 'runtime': 4000, "
			    "'deadline': 9223372036854775808}"),
		  "process.scheduler.deadline: 9223372036854775808 ns is more than 2^63");
}

static void the_kernel_takes_our_numbers(void)
{
	check_str(scheduler("{'policy': 'SCHED_BATCH', 'nice': 1}"), "no error");
	check_int(syscall(SYS_sched_setattr, 0, &out.sched, 0), 0);
}

/* ---- I/O priority ---------------------------------------------------------------------------- */

static void classes_and_levels_are_taken(void)
{
	check_str(io_priority("{'class': 'IOPRIO_CLASS_RT', 'priority': 7}"), "no error");
	check_int(out.ioprio, 1 << 13 | 7);
	check_str(io_priority("{'class': 'IOPRIO_CLASS_BE'}"), "no error");
	check_int(out.ioprio, 2 << 13);
	check_str(io_priority("{'class': 'IOPRIO_CLASS_IDLE', 'priority': 0}"), "no error");
	check_int(out.ioprio, 3 << 13);
}

static void classes_and_levels_are_checked(void)
{
	check_str(io_priority("{'class': 'IOPRIO_CLASS_NONE', 'priority': 1}"),
		  "process.ioPriority.class: unknown class 'IOPRIO_CLASS_NONE'");
	check_str(io_priority("{'class': 'IOPRIO_CLASS_BE', 'priority': 8}"),
		  "process.ioPriority.priority: 8 is not between 0 and 7");
	check_str(io_priority("{'class': 'IOPRIO_CLASS_BE', 'priority': -1}"),
		  "process.ioPriority.priority: -1 is not between 0 and 7");
	compile_io_priority(NULL, &out, &error);
	check_int(out.ioprio, -1);
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

static void lists_of_cpus_become_bits(void)
{
	check_str(affinity("0-3,5"), "no error");
	check_int(out.affinity[0], 0x2f);
	check_int(out.affinity_size, sizeof(unsigned long));
	check_str(affinity("64"), "no error");
	check_int(out.affinity_size, 2 * 64 / sizeof(unsigned long));
	check_str(affinity(" 1, ,2 ,\n"), "no error");
	check_int(out.affinity[0], 6);
	check_str(affinity("0-8191"), "no error");
	check_int(out.affinity_size, 1024);
	check(out.affinity[1024 / sizeof(unsigned long) - 1] == ~0ul);
	check_str(affinity(""), "no error");
	check(!out.affinity);
}

static void the_host_has_its_own_list(void)
{
	struct oci_exec_cpu_affinity x = { .initial = "0", .final = "1" };

	must(configure("{}"));
	check_int(compile_affinity(&arena, &x, &out, &error), 0);
	check_int(out.initial_affinity[0], 1);
	check_int(out.initial_affinity_size, sizeof(unsigned long));
	check_int(out.affinity[0], 2);
	x.initial = "9-";
	check(compile_affinity(&arena, &x, &out, &error) < 0);
	check_str(error.text, "process.execCPUAffinity.initial: '9-' is not a list of numbers");
	check_str(error.hint, "it looks like '0-3,5': numbers and ranges with commas in between");
}

static void lists_of_cpus_are_checked(void)
{
	check_str(affinity("3-1"),
		  "process.execCPUAffinity.final: '3-1' is a range that runs backwards");
	check_str(affinity("0,8192"), "process.execCPUAffinity.final: '8192' is beyond 8191, the "
				      "largest number possible");
	check_str(affinity("1-99999999999999999999"),
		  "process.execCPUAffinity.final: '1-99999999999999999999' is beyond 8191, the "
		  "largest number possible");
	check_str(affinity("-1"), "process.execCPUAffinity.final: '-1' is not a list of numbers");
	check_str(affinity("0-1-2"),
		  "process.execCPUAffinity.final: '0-1-2' is not a list of numbers");
	check_str(affinity("0x1"), "process.execCPUAffinity.final: '0x1' is not a list of numbers");
	check_str(affinity(" , "), "process.execCPUAffinity.final: ' , ' has no number");
}

/* ---- personality ----------------------------------------------------------------------------- */

static void personalities_are_two(void)
{
	check_str(personality_of("{'domain': 'LINUX'}"), "no error");
	check_int(out.personality, PER_LINUX);
	check_str(personality_of("{'domain': 'LINUX32', 'flags': []}"), "no error");
	check_int(out.personality, PER_LINUX32);
	check_str(personality_of("{'domain': 'BSD'}"),
		  "linux.personality.domain: unknown domain 'BSD'");
	check_str(error.hint, "known are: LINUX LINUX32");
	check_str(personality_of("{}"), "linux.personality.domain: is missing");
	check_str(personality_of("{'domain': 'LINUX', 'flags': ['X']}"),
		  "linux.personality.flags[0]: unknown flag 'X'");
	check_str(error.hint, "the specification has none so far");
}

/* ---- memory policy --------------------------------------------------------------------------- */

static void every_mode_has_its_number(void)
{
	static const struct {
		const char *text;
		int mode;
	} rows[] = {
		{ "{'mode': 'MPOL_DEFAULT'}", 0 },
		{ "{'mode': 'MPOL_PREFERRED'}", 1 },
		{ "{'mode': 'MPOL_PREFERRED', 'nodes': '1'}", 1 },
		{ "{'mode': 'MPOL_BIND', 'nodes': '0-1'}", 2 },
		{ "{'mode': 'MPOL_INTERLEAVE', 'nodes': '0'}", 3 },
		{ "{'mode': 'MPOL_LOCAL', 'nodes': ''}", 4 },
		{ "{'mode': 'MPOL_PREFERRED_MANY', 'nodes': '0'}", 5 },
		{ "{'mode': 'MPOL_WEIGHTED_INTERLEAVE', 'nodes': '0'}", 6 },
		{ "{'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['MPOL_F_NUMA_BALANCING', "
		  "'MPOL_F_STATIC_NODES']}",
		  2 | MPOL_F_NUMA_BALANCING | MPOL_F_STATIC_NODES },
		{ "{'mode': 'MPOL_INTERLEAVE', 'nodes': '0', 'flags': "
		  "['MPOL_F_RELATIVE_NODES']}",
		  3 | MPOL_F_RELATIVE_NODES },
	};

	for (size_t i = 0; i < array_len(rows); i++) {
		check_str(memory_policy(rows[i].text), "no error");
		check(out.has_mempolicy);
		check_int(out.mempolicy_mode, rows[i].mode);
	}
}

static void nodes_become_bits(void)
{
	check_str(memory_policy("{'mode': 'MPOL_BIND', 'nodes': '0,2-3'}"), "no error");
	check_int(out.mempolicy_nodes[0], 0xd);
	check_int(out.mempolicy_maxnode, 5);
	check_str(memory_policy("{'mode': 'MPOL_BIND', 'nodes': '2000'}"), "no error");
	check_int(out.mempolicy_maxnode, 2002);
	check_str(memory_policy("{'mode': 'MPOL_BIND', 'nodes': '0'}"), "no error");
	if (syscall(SYS_set_mempolicy, out.mempolicy_mode, out.mempolicy_nodes,
		    out.mempolicy_maxnode) < 0)
		check(errno == ENOSYS || errno == EPERM);
}

static void the_memory_policy_is_checked(void)
{
	check_str(memory_policy("{}"), "linux.memoryPolicy.mode: is missing");
	check_str(memory_policy("{'mode': 'MPOL_BINT', 'nodes': '0'}"),
		  "linux.memoryPolicy.mode: unknown mode 'MPOL_BINT'");
	check_str(error.hint, "did you mean 'MPOL_BIND'?");
	check_str(memory_policy("{'mode': 'MPOL_BIND'}"),
		  "linux.memoryPolicy.nodes: is empty, but MPOL_BIND needs nodes");
	check_str(error.hint, "give the node numbers as a list, such as '0-1'");
	check_str(memory_policy("{'mode': 'MPOL_LOCAL', 'nodes': '0'}"),
		  "linux.memoryPolicy.nodes: '0' is given, but MPOL_LOCAL takes no nodes");
	check_str(memory_policy("{'mode': 'MPOL_BIND', 'nodes': '0-x'}"),
		  "linux.memoryPolicy.nodes: '0-x' is not a list of numbers");
	check_str(memory_policy("{'mode': 'MPOL_BIND', 'nodes': '40000'}"),
		  "linux.memoryPolicy.nodes: '40000' is beyond 32766, the largest number possible");
	check_str(memory_policy("{'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['MPOL_F_X']}"),
		  "linux.memoryPolicy.flags[0]: unknown flag 'MPOL_F_X'");
	check_str(memory_policy("{'mode': 'MPOL_INTERLEAVE', 'nodes': '0', "
				"'flags': ['MPOL_F_NUMA_BALANCING']}"),
		  "linux.memoryPolicy.flags[0]: MPOL_F_NUMA_BALANCING is for MPOL_BIND, the mode "
		  "is MPOL_INTERLEAVE");
	check_str(memory_policy("{'mode': 'MPOL_BIND', 'nodes': '0', 'flags': "
				"['MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES']}"),
		  "linux.memoryPolicy.flags[1]: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES "
		  "exclude each other");
	check_str(memory_policy("{'mode': 'MPOL_PREFERRED', 'flags': ['MPOL_F_STATIC_NODES']}"),
		  "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES is about nodes, but none are "
		  "given");
	arena_close(&arena);
}

static const struct test tests[] = {
	TEST(every_policy_has_its_number),
	TEST(parameters_and_flags_are_taken),
	TEST(words_of_the_scheduler_are_checked),
	TEST(nice_and_priority_have_ranges),
	TEST(times_are_for_deadline_alone),
	TEST(times_fit_into_each_other),
	TEST(the_kernel_takes_our_numbers),
	TEST(classes_and_levels_are_taken),
	TEST(classes_and_levels_are_checked),
	TEST(lists_of_cpus_become_bits),
	TEST(the_host_has_its_own_list),
	TEST(lists_of_cpus_are_checked),
	TEST(personalities_are_two),
	TEST(every_mode_has_its_number),
	TEST(nodes_become_bits),
	TEST(the_memory_policy_is_checked),
};

TEST_MAIN(tests)
