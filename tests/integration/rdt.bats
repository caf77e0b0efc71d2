#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# linux.intelRdt: classes of service and monitoring groups of resctrl. Hardly any machine for tests has
# the hardware; `resctrl` beside this file is a file system that behaves as the kernel's does.

load helpers

prepare() {
	local said
	mkfifo "$dir/ready"
	"$BATS_TEST_DIRNAME/resctrl" "$dir/ready" >"$dir/server" 2>&1 3>&- &
	server=$!
	read -r said <"$dir/ready"
	[[ $said == ready ]] || skip "resctrl's stand-in $said"
}

clean_up() {
	local left
	for left in "$root"/*; do
		[[ ! -e $left ]] || ocirt delete --force "${left##*/}"
	done
	left=$(rdt ls | grep -vxE 'cpus|info|mon_data|mon_groups|schemata|tasks|prepared') || :
	kill "$server"
	wait "$server" || :
	server=''
	[[ -z $left ]] || complain "classes are left: $left"
}

# With that file system, and in the present directory.
there() {
	if [[ -n $server ]]; then
		nsenter --mount="/proc/$server/ns/mnt" env -C "$PWD" "$@"
	else
		"$@"
	fi
}

ocirt() {
	there "$OCIRT" --root "$root" "$@"
}

# A command in /sys/fs/resctrl.
rdt() {
	nsenter --mount="/proc/$server/ns/mnt" env -C /sys/fs/resctrl "$@"
}

# The kernel's way of writing, in one go.
share() { # CLASS TEXT
	rdt sh -c 'mkdir -p "$1" && printf "%s\n" "$2" >"$1/schemata"' sh "$1" "$2"
}

classes() {
	rdt ls | grep -vxE 'cpus|info|mon_data|mon_groups|schemata|tasks' | xargs
}

has_line() { # FILE LINE (blanks apart)
	local text
	text=$(rdt cat "$1")
	[[ ${text// /} == *"$2"* ]] || complain "$1 has no $2: $text"
}

is_in() { # TASKS
	local pid
	pid=$(pid_of "$id")
	rdt grep -qx "$pid" "$1" || complain "$pid is not in $1"
}

refused() { # FILTER MESSAGE
	change ".linux.intelRdt = $1"
	run ocirt create "$id"
	expect_status 1
	expect_line "$2"
	expect_no_container "$id"
}

@test "a container has a class of its name, and its process is in it" {
	standing '.linux.intelRdt = {l3CacheSchema: "L3:0=f;1=f0", memBwSchema: "MB:0=50;1=20"}'
	is_in "$id/tasks"
	has_line "$id/schemata" "L3:0=0f;1=f0"
	has_line "$id/schemata" "MB:0=50;1=20"
	ocirt delete --force "$id"
	[[ -z $(classes) ]]
}

@test "intelRdt without anything in it is a class with all that there is" {
	standing '.linux.intelRdt = {}'
	is_in "$id/tasks"
	has_line "$id/schemata" "L3:0=ff;1=ff"
}

@test "without intelRdt nothing is touched" {
	standing
	[[ -z $(classes) ]]
	[[ -z $(rdt cat tasks) ]]
	[[ -z $(rdt ls mon_groups) ]]
}

@test "schemata are written after the two others" {
	standing '.linux.intelRdt = {l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=50", schemata: ["L3:0=3;1=c", "MB:1=30"]}'
	has_line "$id/schemata" "L3:0=03;1=0c"
	has_line "$id/schemata" "MB:0=50;1=30"
}

@test "memBwSchema has the say over a line MB: in l3CacheSchema" {
	standing '.linux.intelRdt = {l3CacheSchema: "MB:0=90\nL3:0=f\n", memBwSchema: "MB:1=20"}'
	has_line "$id/schemata" "L3:0=0f;1=ff"
	has_line "$id/schemata" "MB:0=100;1=20"
}

@test "a class named by closID is made when it is missing, and stays" {
	standing '.linux.intelRdt = {closID: "gold", l3CacheSchema: "L3:0=f"}'
	is_in gold/tasks
	[[ $(classes) == gold ]]
	ocirt kill "$id" KILL
	await stopped
	ocirt delete "$id"
	[[ $(classes) == gold ]]
	change "$(args exit 5)"
	change '.linux.intelRdt.closID = "silver"'
	run ocirt run "$id"
	expect_status 5
	[[ $(classes) == "gold silver" ]]
	rdt rmdir gold silver
}

stopped() {
	[[ $(status_of "$id") == stopped ]]
}

@test "a class that is there is joined when it says the same, however it is written" {
	share prepared $'L3:0=0f;1=f0\nMB:0=45;1=100'
	standing '.linux.intelRdt = {closID: "prepared", l3CacheSchema: "L3:1=0xF0;0=00f", memBwSchema: "MB:0=45"}'
	is_in prepared/tasks
	ocirt delete --force "$id"
	[[ $(classes) == prepared ]]
}

@test "a class that is there and says something else is refused" {
	share prepared $'L3:0=0f;1=f0\nMB:0=50;1=100'
	bundle
	refused '{closID: "prepared", l3CacheSchema: "L3:0=f;1=f"}' "the class 'prepared' is there, but its L3 of 1 is 'f0' and not 'f'"
	refused '{closID: "prepared", memBwSchema: "MB:0=60"}' "its MB of 0 is '50' and not '60'"
	refused '{closID: "prepared", schemata: ["L3:0=1"]}' "its L3 of 0 is 'f' and not '1'"
	refused '{closID: "prepared", schemata: ["L3:7=1"]}' "its L3 of 7 is '' and not '1'"
	[[ $(classes) == prepared ]]
}

@test "a class without schemata must be there" {
	bundle
	refused '{closID: "prepared"}' "linux.intelRdt.closID: there is no class 'prepared'"
	share prepared "L3:0=1"
	standing2 '.linux.intelRdt = {closID: "prepared"}'
	is_in prepared/tasks
	has_line prepared/schemata "L3:0=01;1=ff"
}

standing2() { # FILTER
	change "$1 | $(args sleep)"
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
}

@test "the root's own class is /" {
	standing '.linux.intelRdt = {closID: "/"}'
	is_in tasks
	[[ -z $(classes) ]]
	ocirt delete --force "$id"
	rdt ls schemata
}

@test "a class that another container is in stays" {
	local other=$id-b
	standing '.linux.intelRdt = {closID: "prepared", l3CacheSchema: "L3:0=f"}'
	ocirt run --detach "$other" >"$dir/out" 2>&1 </dev/null
	ocirt delete --force "$id"
	[[ $(classes) == prepared ]]
	rdt grep -qx "$(pid_of "$other")" prepared/tasks
	ocirt delete --force "$other"
	[[ $(classes) == prepared ]]
}

@test "a monitoring group is made, counts, and is removed" {
	standing '.linux.intelRdt = {enableMonitoring: true, l3CacheSchema: "L3:0=f"}'
	is_in "$id/mon_groups/$id/tasks"
	is_in "$id/tasks"
	ocirt delete --force "$id"
	[[ -z $(classes) ]]

	change '.linux.intelRdt = {closID: "/", enableMonitoring: true}'
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	is_in "mon_groups/$id/tasks"
	ocirt delete --force "$id"
	[[ -z $(rdt ls mon_groups) ]]
}

@test "what is run in a container later is in its class and its group" {
	standing '.linux.intelRdt = {enableMonitoring: true}'
	ocirt exec --detach --pid-file "$dir/pid" "$id" /bin/demo sleep >"$dir/out" 2>&1 </dev/null
	rdt grep -qx "$(<"$dir/pid")" "$id/tasks"
	rdt grep -qx "$(<"$dir/pid")" "$id/mon_groups/$id/tasks"
}

@test "run removes its class when the program ends" {
	bundle '.linux.intelRdt = {enableMonitoring: true}'
	demo ids
	expect_status 0
	[[ -z $(classes) ]]
}

@test "a create that fails leaves no class and no group" {
	share prepared "L3:0=f"
	bundle '.hooks.createRuntime = [{path: "/bin/false"}]'
	refused '{enableMonitoring: true, l3CacheSchema: "L3:0=f"}' "createRuntime hook #0"
	refused '{closID: "prepared", enableMonitoring: true}' "createRuntime hook #0"
	[[ $(classes) == prepared ]]
	[[ -z $(rdt ls prepared/mon_groups) ]]
}

@test "shares that the kernel does not take are refused with its own words" {
	bundle
	refused '{l3CacheSchema: "L3:0=5"}' "linux.intelRdt: the kernel does not take these schemata: Invalid argument"
	expect_line "hint: the kernel says: The mask 5 has non-consecutive 1-bits"
	[[ -z $(classes) ]]
}

@test "more classes than the machine has are refused" {
	local class
	bundle
	for class in one two three; do
		rdt mkdir "$class"
	done
	refused '{}' "linux.intelRdt: cannot make the class '$id': No space left on device"
	expect_line "hint: the kernel says: Out of CLOSIDs"
	rdt rmdir one two three
}

@test "what is wrong is found before anything is made" {
	bundle
	refused '{closID: "a/b"}' "linux.intelRdt.closID: 'a/b' cannot be the name of a class"
	refused '{closID: ".."}' "linux.intelRdt.closID: '..' cannot be the name of a class"
	refused '{closID: "."}' "linux.intelRdt.closID: '.' cannot be the name of a class"
	refused '{closID: ""}' "linux.intelRdt.closID: '' cannot be the name of a class"
	refused '{closID: "info"}' "linux.intelRdt.closID: 'info' cannot be the name of a class"
	refused '{closID: "mon_groups"}' "linux.intelRdt.closID: 'mon_groups' cannot be the name of a class"
	refused '{memBwSchema: "L3:0=f"}' "linux.intelRdt.memBwSchema: 'L3:0=f' is not one line 'MB:...'"
	refused '{memBwSchema: "MB:0=50\nL3:0=f"}' "linux.intelRdt.memBwSchema: "
	refused '{l3CacheSchema: "L2:0=f"}' "linux.intelRdt.l3CacheSchema: 'L2:0=f' does not begin with 'L3:'"
	refused '{l3CacheSchema: ""}' "linux.intelRdt.l3CacheSchema: is given and says nothing"
	refused '{schemata: ["L3:0=f", "L3:0=f\nMB:0=50"]}' "linux.intelRdt.schemata[1]: "
	refused '{schemata: ["L3"]}' "linux.intelRdt.schemata[0]: 'L3' is not one line"
	refused '{schemata: ["L2:0=f"]}' "linux.intelRdt: this machine has no shares of 'L2'"
	rdt mkdir "$id"
	refused '{}' "linux.intelRdt: cannot make the class '$id': File exists"
	rdt rmdir "$id"
}

@test "without resctrl intelRdt is refused" {
	grep -q resctrl /proc/self/mounts && skip "this machine has resctrl"
	bundle '.linux.intelRdt = {}'
	run "$OCIRT" --root "$root" create "$id"
	expect_status 1
	expect_line "linux.intelRdt: no resctrl file system is mounted"
	expect_no_container "$id"
}

@test "events and stats tell of it" {
	standing '.linux.intelRdt = {enableMonitoring: true, l3CacheSchema: "L3:0=f", memBwSchema: "MB:1=50"}'
	ocirt events --stats "$id" | jq -e '.data.intel_rdt | (.l3_cache_info == {cbm_mask: "ff", min_cbm_bits: 1, num_closids: 4})
		and .l3_cache_schema_root == "L3:0=ff;1=ff" and .l3_cache_schema == "L3:0=0f;1=ff"
		and .mem_bw_info == {bandwidth_gran: 10, delay_linear: 1, min_bandwidth: 10, num_closids: 4}
		and (.mem_bw_schema | gsub(" "; "")) == "MB:0=100;1=50" and has("mem_bw_schema_root")
		and .mbm_stats == [{mbm_total_bytes: 1000, mbm_local_bytes: 500}, {mbm_total_bytes: 2000}]
		and .cmt_stats == [{llc_occupancy: 4096}, {llc_occupancy: 8192}]'
	ocirt stats --format json "$id" | jq -e '.containers[0].intelRdt | .l3CacheSchema == "L3:0=0f;1=ff"
		and .caches == [{occupancy: 4096, totalBytes: 1000, localBytes: 500}, {occupancy: 8192, totalBytes: 2000}]'
}

@test "update changes the shares of a class that was made for the container" {
	standing '.linux.intelRdt = {l3CacheSchema: "L3:0=f", memBwSchema: "MB:1=50"}'
	ocirt update --l3-cache-schema "L3:1=3" --mem-bw-schema "MB:0=20" "$id"
	has_line "$id/schemata" "L3:0=0f;1=03"
	has_line "$id/schemata" "MB:0=20;1=50"
	[[ $(jq -r '.linux.intelRdt.memBwSchema' "$root/$id/config.json") == "MB:0=20" ]]

	run ocirt update --l3-cache-schema "L3:0=5" "$id"
	expect_status 1
	expect_line "the kernel says: The mask 5"
	has_line "$id/schemata" "L3:0=0f;1=03"
	run ocirt update --mem-bw-schema "50" "$id"
	expect_status 1
	expect_line "linux.intelRdt.memBwSchema: '50' is not one line"
	run ocirt update --mem-bw-schema "MB:0=90" --pids-limit 99999999999999 "$id"
	expect_status 1
	has_line "$id/schemata" "MB:0=20;1=50"
}

@test "update leaves alone what was not made for the container" {
	share prepared "L3:0=f"
	standing '.linux.intelRdt = {closID: "prepared"}'
	run ocirt update --l3-cache-schema "L3:0=3" "$id"
	expect_status 1
	expect_line "linux.intelRdt: the class 'prepared' was not made for this container"
	has_line prepared/schemata "L3:0=0f"
	ocirt delete --force "$id"

	change 'del(.linux.intelRdt)'
	ocirt create "$id" >"$dir/out" 2>&1 </dev/null
	run ocirt update --l3-cache-schema "L3:0=3" "$id"
	expect_status 1
	expect_line "linux.intelRdt: the container was made without it"
}
