#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=ocirt
#
# The systemd cgroup driver. Most of it takes a machine with systemd and cgroup v2:
#     tests/vm/run --init systemd [--user] -- bats tests/integration/systemd.bats
# What systemd may do wrong is shown by a bus of our own, here.

load helpers
load life
load cgroups

prepare() {
	driver=(--cgroup-manager systemd)
	if [[ $(id -u) == 0 ]]; then
		manager=() slice=system.slice above=/system.slice
	else
		manager=(--user) slice=user.slice
		above=$(sed -n 's/^0::\(.*user@[0-9]*\.service\).*/\1/p' /proc/self/cgroup)/user.slice
	fi
	unit=bats-$id.scope
}

clean_up() {
	local left
	[[ -z ${bus_pid-} ]] || kill "$bus_pid"
	for left in "$root"/*; do
		[[ ! -e $left ]] || ocirt delete --force "${left##*/}"
	done
	if [[ -n ${unit_may_be_there-} ]]; then
		left=$(control list-units --all --plain --no-legend "*$id*")
		[[ -z $left ]] || complain "units are left: $left"
	fi
}

control() {
	systemctl "${manager[@]}" "$@"
}

# systemd and nothing but cgroup v2, and we may ask it.
here() {
	[[ -d /run/systemd/system && $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]] &&
		control show --property=Version >/dev/null 2>&1
}

need_systemd() {
	here || skip "no systemd with cgroup v2 here: tests/vm/run --init systemd"
	grep -q '"systemd": *true' <<<"$(ocirt features)" || skip "built without the systemd driver"
	unit_may_be_there=1
}

# What systemd says of the unit, in one call.
expect_properties() { # NAME=VALUE...
	local expected output names=("${@%%=*}")
	output=$(control show "${names[@]/#/--property=}" "$unit")
	for expected; do
		grep -qxF -- "$expected" <<<"$output" || complain "not there: $expected"
	done
}

expect_file() { # NAME VALUE [DIRECTORY]
	local value
	value=$(<"/sys/fs/cgroup$above/$unit/${3-container}/$1")
	[[ $value == "$2" ]] || complain "$1 is '$value' instead of '$2'"
}

# A container in a unit of its own that stands still.
in_unit() { # FILTER...
	bundle "$(args sleep)" ".linux.cgroupsPath = \"$slice:bats:$id\"" "$@"
	[[ $(id -u) == 0 ]] || change '.linux.namespaces += [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": '"$(id -u)"', "size": 1}]
		| .linux.gidMappings = [{"containerID": 0, "hostID": '"$(id -g)"', "size": 1}]'
	ocirt "${driver[@]}" create "$id" >"$dir/out" 2>&1 </dev/null || complain "$(<"$dir/out")"
}

# A bus of our own, with something behind it that behaves like this, and only cgroup v2 to be seen.
bus() { # HOW
	! here || skip "systemd is here"
	((${#dir} < 100)) || skip "the path of a socket in TMPDIR would be too long"
	see_only_v2
	python3 "$BATS_TEST_DIRNAME/bus" "$1" "$dir/bus" "$(v2_top)" >"$dir/asked" 2>"$dir/bus.err" 3>&- &
	bus_pid=$!
	await test -S "$dir/bus"
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/bus
	bundle "$(args sleep)" ".linux.cgroupsPath = \"system.slice:bats:$id\""
	grep -q '"systemd": *true' <<<"$(ocirt features)" || skip "built without the systemd driver"
}

ocirt() {
	"${alone[@]}" "$OCIRT" --root "$root" "$@"
}

# A create that fails for this reason and leaves nothing.
create_fails() { # TEXT...
	local text
	run ocirt "${driver[@]}" create "$id"
	expect_status 1
	for text; do
		expect_line "$text"
	done
	[[ ! -e $root/$id ]]
	expect_no_container "$id"
}

asked() { # JQ-FILTER
	jq -c "$1" "$dir/asked"
}

begin_to_create() {
	ocirt "${driver[@]}" create "$id" >"$dir/out" 2>&1 </dev/null 3>&- &
	creator=$!
}

given_up() {
	local status=0 output
	wait "$creator" || status=$?
	output=$(<"$dir/out")
	expect_status 1
	expect_line "systemd does not answer: no reply from the bus"
	[[ ! -e $root/$id ]]
	run pgrep -f "^ocirt-systemd system [a-z]* $unit"
	expect_status 1
}

# The clock of ocirt-systemd has run out, without anybody having to wait for it.
time_is_up() {
	waits() { pgrep -f "^ocirt-systemd system start $unit" >"$dir/waits"; }
	await waits
	kill -ALRM "$(<"$dir/waits")"
}

@test "systemd: a bus that says nothing is not waited for forever" {
	bus silent
	begin_to_create
	time_is_up
	given_up
}

@test "systemd: a systemd that stands still is not waited for forever" {
	bus stopped
	begin_to_create
	await holds "$dir/asked" StartTransientUnit
	time_is_up
	given_up
}

@test "systemd: a unit that is refused is an error with systemd's words" {
	bus refuses
	create_fails "start $unit: systemd refuses: not this one"
}

@test "systemd: a job that fails is an error, and the unit is stopped" {
	bus fails
	create_fails "start $unit: systemd's job ends with 'failed'" "hint: systemctl status $unit"
	await holds "$dir/asked" '"StopUnit"'
	[[ $(asked 'select(.call == "StopUnit") | .unit') == "\"$unit\"" ]]
}

@test "systemd: the container is below its unit, which has what was asked for" {
	bus works
	change '.annotations = {"org.systemd.property.TimeoutStopSec": "uint64 7"}'
	ocirt "${driver[@]}" create "$id" >"$dir/out" 2>&1 </dev/null || complain "$(cat "$dir/out" "$dir/bus.err")"
	grep -qx "0::/$unit/container" "/proc/$(pid_of "$id")/cgroup"
	[[ $(asked 'select(.call == "StartTransientUnit") | [.unit, .properties.Slice, .properties.Delegate]') == "[\"$unit\",\"system.slice\",1]" ]]
	[[ $(asked 'select(.call == "StartTransientUnit") | .properties.TimeoutStopUSec') == 7000000 ]]
	ocirt delete --force "$id"
	[[ $(asked .call | tail -n 1) == '"ResetFailedUnit"' ]]
}

@test "systemd: a slice takes no process, but the cgroup below it does" {
	bus works
	change ".linux.cgroupsPath = \"system.slice:bats:bats_${id//-/_}.slice\""
	unit=bats_${id//-/_}.slice
	ocirt "${driver[@]}" create "$id" >"$dir/out" 2>&1 </dev/null || complain "$(cat "$dir/out" "$dir/bus.err")"
	grep -qx "0::/$unit/container" "/proc/$(pid_of "$id")/cgroup"
	[[ $(asked 'select(.call == "StartTransientUnit") | .properties | has("PIDs", "Delegate")') == $'false\nfalse' ]]
	[[ $(asked 'select(.call == "Get") | .property') == '"ControlGroup"' ]]
	ocirt delete --force "$id"
}

# Managers that are services have XDG_RUNTIME_DIR without a value.
@test "systemd: the bus of a user is where it is when XDG_RUNTIME_DIR is empty" {
	[[ $(id -u) == 0 ]] || skip "takes root, to be another user"
	bus refuses
	chmod 666 "$dir/bus"
	# shellcheck disable=SC2016
	run "${alone[@]}" bash -ec 'mount -t tmpfs -o mode=755 tmpfs /run
		install -d -o 54321 /run/user/54321
		: >/run/user/54321/bus
		mount --bind "$1" /run/user/54321/bus
		cp -r "$2" /run/bundle
		install "$3" /run/ocirt
		exec setpriv --reuid 54321 --regid 54321 --clear-groups env -u DBUS_SESSION_BUS_ADDRESS \
			XDG_RUNTIME_DIR= /run/ocirt "${@:4}"' bash "$dir/bus" "$bundle" "$OCIRT" \
		"${driver[@]}" create --bundle /run/bundle "$id"
	expect_status 1
	expect_line "systemd refuses: "
}

@test "systemd: a host without it, or without cgroup v2, is told so" {
	! here || skip "systemd is here"
	bundle '.linux.cgroupsPath = "system.slice:bats:web"'
	run ocirt "${driver[@]}" run "$id"
	expect_status 1
	if [[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]]; then
		expect_line "the systemd cgroup driver needs a host with cgroup v2 alone"
	else
		expect_line "cannot connect to the"
		expect_line "bus of systemd: No such file or directory"
		expect_line "hint: "
	fi
	expect_no_container "$id"
}

# bats test_tags=vm
@test "systemd: the container is in a scope of the slice, and the scope goes with it" {
	need_systemd
	in_unit
	expect_properties ActiveState=active "ControlGroup=$above/$unit" "Slice=$slice" \
		Delegate=yes
	expect_properties {CPU,IO,Memory,Tasks}Accounting=yes
	ocirt start "$id"
	run cat "/proc/$(pid_of "$id")/cgroup"
	expect_line "0::$above/$unit/container"
	run ocirt exec "$id" /bin/demo status
	expect_status 0
	ocirt delete --force "$id"
	expect_properties LoadState=not-found
	[[ ! -e /sys/fs/cgroup$above/$unit ]] || complain "the cgroup is left"
}

# bats test_tags=vm
@test "systemd: limits are properties of the unit, and exact in the container's own cgroup" {
	need_systemd
	in_unit '.linux.resources = {"memory": {"limit": 67108864, "reservation": 33554432},
		"cpu": {"shares": 512, "quota": 33333, "period": 50000, "cpus": "0", "mems": "0"},
		"pids": {"limit": 20}, "unified": {"memory.high": "50331648"}}'
	expect_properties MemoryMax=67108864 MemoryLow=33554432 MemoryHigh=50331648 CPUWeight=59 \
		CPUQuotaPerSecUSec=670ms CPUQuotaPeriodUSec=50ms AllowedCPUs=0 AllowedMemoryNodes=0 \
		TasksMax=20
	expect_file memory.max 67108864
	expect_file memory.low 33554432
	expect_file memory.high 50331648
	expect_file cpu.weight 59
	expect_file cpu.max "33333 50000"
	expect_file cpuset.cpus 0
	expect_file pids.max 20
	expect_file memory.max 67108864 .
}

# bats test_tags=vm
@test "systemd: update changes the unit and the files, and survives a daemon-reload" {
	need_systemd
	in_unit '.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 20}}'
	ocirt update --memory 134217728 --cpu-quota 30000 --pids-limit 30 "$id"
	expect_properties MemoryMax=134217728 CPUQuotaPerSecUSec=300ms TasksMax=30
	expect_file memory.max 134217728
	expect_file cpu.max "30000 100000"
	expect_file pids.max 30
	control daemon-reload
	expect_file memory.max 134217728 .
	expect_file memory.max 134217728
	expect_file pids.max 30
}

@test "systemd: an update that the kernel refuses changes nothing" {
	need_systemd
	in_unit '.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 20}}'
	run ocirt update --pids-limit 30 --cpuset-cpus 4000 "$id"
	expect_status 1
	expect_properties TasksMax=20
	expect_file pids.max 20
}

# bats test_tags=vm
@test "systemd: device rules hold, after a daemon-reload as well" {
	need_systemd
	[[ $(id -u) == 0 ]] || skip "device rules take root"
	in_unit '.linux.resources.devices = [{"allow": false, "access": "rwm"}]' \
		'.process.capabilities.bounding += ["CAP_MKNOD"]' \
		'.process.capabilities.effective += ["CAP_MKNOD"]' \
		'.process.capabilities.permitted += ["CAP_MKNOD"]'
	ocirt start "$id"
	control daemon-reload
	# mknodat(AT_FDCWD, "/dev/kmsg", S_IFCHR | 0600, makedev(1, 11))
	run ocirt exec "$id" /bin/demo syscall 259 -100 /dev/kmsg 8576 267
	run ocirt exec "$id" /bin/demo cat /dev/kmsg
	expect_line EPERM
	run ocirt exec "$id" /bin/demo cat /dev/null
	expect_status 0
}

@test "systemd: pause, resume, ps and kill work as with cgroupfs" {
	need_systemd
	in_unit
	ocirt start "$id"
	ocirt pause "$id"
	[[ $(status_of "$id") == paused ]]
	run ocirt ps --format json "$id"
	expect_line "$(pid_of "$id")"
	ocirt resume "$id"
	[[ $(status_of "$id") == running ]]
	ocirt kill "$id" KILL
	stopped() { [[ $(status_of "$id") == stopped ]]; }
	await stopped
	ocirt delete "$id"
	expect_properties LoadState=not-found
}

@test "systemd: run leaves no unit" {
	need_systemd
	in_unit
	ocirt delete --force "$id"
	change "$(args ids)"
	run ocirt "${driver[@]}" run "$id"
	expect_status 0
	expect_properties LoadState=not-found
}

@test "systemd: without a cgroupsPath the unit has a name of its own" {
	need_systemd
	in_unit
	ocirt delete --force "$id"
	change 'del(.linux.cgroupsPath)'
	unit=ocirt-$id.scope
	ocirt "${driver[@]}" create "$id" >"$dir/out" 2>&1 </dev/null
	expect_properties "Slice=$slice" ActiveState=active
}

@test "systemd: dashes make slices inside of slices, and a lone one is the top" {
	need_systemd
	slice=bats$BATS_TEST_NUMBER-$$.slice
	above=${above%/*.slice}/bats$BATS_TEST_NUMBER.slice/$slice
	in_unit
	expect_properties "ControlGroup=$above/$unit"
	ocirt delete --force "$id"
	control stop "bats$BATS_TEST_NUMBER.slice"
	change ".linux.cgroupsPath = \"-.slice:bats:$id\""
	ocirt "${driver[@]}" create "$id" >"$dir/out" 2>&1 </dev/null
	expect_properties Slice=-.slice
}

# bats test_tags=vm
@test "systemd: a unit that is a slice" {
	need_systemd
	unit=bats${id//-/_}.slice above=${above%/*.slice}
	in_unit ".linux.cgroupsPath = \"$slice:bats:$unit\"" '.linux.resources.pids.limit = 20'
	expect_properties ActiveState=active TasksMax=20
	run cat "/proc/$(pid_of "$id")/cgroup"
	expect_line "/$unit/container"
	expect_file pids.max 20
	ocirt delete --force "$id"
	gone() { [[ $(control show --property=ActiveState "$unit") == ActiveState=inactive ]]; }
	await gone
}

# bats test_tags=vm
@test "systemd: a program may divide its cgroup, but not change its limits" {
	need_systemd
	[[ $(id -u) == 0 ]] || skip "takes ids of others"
	in_unit '.linux.namespaces |= (map(select(.type != "cgroup" and .type != "user")) + [{type: "cgroup"}, {type: "user"}])' \
		'.mounts |= (map(select(.type != "cgroup")) + [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup"}])' \
		'.linux.uidMappings = [{containerID: 0, hostID: 200000, size: 1000}] | .linux.gidMappings = .linux.uidMappings' \
		'.linux.resources.pids.limit = 20'
	ocirt start "$id"
	run ocirt exec "$id" /bin/demo mkdir /sys/fs/cgroup/inner
	expect_line "mkdir: ok"
	run ocirt exec "$id" /bin/demo write /sys/fs/cgroup/inner/cgroup.procs 1
	expect_line "write: ok"
	run ocirt exec "$id" /bin/demo write /sys/fs/cgroup/pids.max 30
	expect_status 1
	ocirt delete --force "$id"
	[[ ! -e /sys/fs/cgroup$above/$unit ]] || complain "the cgroup is left"
}

@test "systemd: annotations set any property, and a wrong one is named" {
	need_systemd
	in_unit '.annotations = {"org.systemd.property.TimeoutStopSec": "uint64 7",
		"org.systemd.property.Description": "'"'some words'"'",
		"org.systemd.property.Documentation": "[\"man:ocirt(8)\"]",
		"org.systemd.property.RuntimeMaxUSec": "uint64 3600000000",
		"org.systemd.property.MemoryHigh": "@t 41943040"}'
	expect_properties TimeoutStopUSec=7s "Description=some words" \
		'Documentation="man:ocirt(8)"' RuntimeMaxUSec=1h MemoryHigh=41943040
	ocirt delete --force "$id"

	change '.annotations = {"org.systemd.property.MemoryHigh": "much"}'
	run ocirt "${driver[@]}" create "$id"
	expect_status 1
	expect_line "org.systemd.property.MemoryHigh: 'much' is no value in GVariant's text format"

	change '.annotations = {"org.systemd.property.NoSuchThing": "true"}'
	run ocirt "${driver[@]}" create "$id"
	expect_status 1
	expect_line "start $unit: systemd refuses: "
	expect_line "NoSuchThing"
	[[ ! -e $root/$id ]]
}

@test "systemd: an annotation names the sub-cgroup, or does without it" {
	need_systemd
	in_unit '.annotations = {"run.oci.systemd.subgroup": "inside"}'
	run cat "/proc/$(pid_of "$id")/cgroup"
	expect_line "0::$above/$unit/inside"
	ocirt delete --force "$id"
	change '.annotations = {"run.oci.systemd.subgroup": ""} | .linux.resources.pids.limit = 20'
	ocirt "${driver[@]}" create "$id" >"$dir/out" 2>&1 </dev/null || complain "$(<"$dir/out")"
	run cat "/proc/$(pid_of "$id")/cgroup"
	[[ ${lines[-1]} == "0::$above/$unit" ]]
	expect_file pids.max 20 .
}

@test "systemd: a unit that is there already is not touched" {
	need_systemd
	in_unit
	run ocirt "${driver[@]}" create "$id-2"
	expect_status 1
	expect_line "start $unit: systemd refuses: "
	expect_line "hint: another container or service has that unit"
	[[ ! -e $root/$id-2 ]]
	expect_properties ActiveState=active
	[[ $(status_of "$id") == created ]]
}

@test "systemd: a scope that failed does not pile up" {
	need_systemd
	in_unit '.linux.resources.memory.limit = 16777216'
	ocirt delete --force "$id"
	change "$(args hog 100M)"
	run ocirt "${driver[@]}" run --keep "$id"
	ocirt delete "$id"
	expect_properties LoadState=not-found
}

@test "systemd: a cgroupsPath that is not for it is refused" {
	need_systemd
	bundle '.linux.cgroupsPath = "/some/path"'
	run ocirt "${driver[@]}" create "$id"
	expect_status 1
	expect_line "linux.cgroupsPath: '/some/path' is not for systemd"
	expect_line "hint: the systemd driver wants 'slice:prefix:name'"
	local wrong
	for wrong in a/b.slice:bats:x a--b.slice:bats:x system:bats:x system.slice:bats: \
		system.slice:bats:x/y; do
		change ".linux.cgroupsPath = \"$wrong\""
		run ocirt "${driver[@]}" create "$id"
		expect_status 1
		expect_line "linux.cgroupsPath: '$wrong' "
	done
}

@test "systemd: without a bus, and without systemd behind it, create fails and leaves nothing" {
	need_systemd
	in_unit
	ocirt delete --force "$id"
	if [[ $(id -u) == 0 ]]; then
		run unshare --mount sh -c 'mount -t tmpfs tmpfs /run/dbus; mount -t tmpfs tmpfs /run/systemd
			exec "$@"' sh "$OCIRT" --root "$root" "${driver[@]}" create "$id"
		expect_line "cannot connect to the system bus of systemd: No such file or directory"
	else
		run env -u DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR="$dir" \
			"$OCIRT" --root "$root" "${driver[@]}" create "$id"
		expect_line "cannot connect to the user bus of systemd: No such file or directory"
	fi
	expect_status 1
	expect_line "hint: "
	[[ ! -e $root/$id ]]
}
