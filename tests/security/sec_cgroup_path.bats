#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runc PR 5403, crun 1.28 and 1.29: a cgroup that is named by text leads out of where it should be.

load sec

made() { # directories of this test, anywhere
	find_cgroups -depth -path "*$id*"
}

clean_up() {
	local d
	for d in $(made); do
		rmdir "$d" 2>/dev/null || :
	done
}

@test "a cgroupsPath with .. in it is refused" {
	local path
	attacked
	for path in "/../$id" "/a/../$id" "../$id" "/$id/.." "/$id/../../escape" .. /..; do
		change ".linux.cgroupsPath = \"$path\""
		run ocirt run "$id"
		expect_refused
		[[ -z $(made) ]]
	done
	# Dots alone are names.
	change ".linux.cgroupsPath = \"/$id/...\""
	run ocirt run "$id"
	expect_status 0
}

@test "exec --cgroup stays below the container's own" {
	local sub top file
	attacked "$(args sleep)" ".linux.cgroupsPath = \"/ocirt-$id/a\""
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	for top in /sys/fs/cgroup/"ocirt-$id" /sys/fs/cgroup/*/"ocirt-$id"; do
		[[ -d $top ]] || continue
		mkdir "$top/a-sibling" "$top/a/inner"
		[[ ! -e $top/a/cpuset.cpus ]] || for file in cpuset.cpus cpuset.mems; do
			cat "$top/a/$file" >"$top/a/inner/$file" || :
		done
	done
	for sub in ../a-sibling /../a-sibling -sibling .. ../.. /inner/../../a-sibling "../../ocirt-$id/a"; do
		run ocirt exec --cgroup "$sub" "$id" /bin/demo cat /ran
		[[ $status -ne 0 ]] || complain "--cgroup $sub"
		expect_no_line "the program ran"
	done
	run ocirt exec --cgroup inner "$id" /bin/demo cgroup
	expect_status 0
	expect_line "/ocirt-$id/a/inner"
	ocirt delete --force "$id"
	clean_up
}

@test "cgroups that are nested deeper than there are descriptors go with the container" {
	local d
	standing
	for d in $(find_cgroups -name "ocirt-$id" -writable); do
		mkdir -p "$d/$(printf 'd/%.0s' {1..100})" "$d/e/f"
	done
	(ulimit -n 64 && ocirt delete --force "$id")
	expect_no_container "$id"
}

@test "ids are names of one directory and no path" {
	local bad
	attacked
	for bad in .. . ../x a/b /x '' 'a b' $'a\nb' -- 'é'; do
		run ocirt run "$bad"
		[[ $status -ne 0 ]]
		expect_no_line "the program ran"
		run ocirt delete --force "$bad"
	done
	expect_decoy
	[[ -z $(ls -A "$root" 2>/dev/null) ]]
}
