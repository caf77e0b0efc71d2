# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# engine.bash -- what Podman and Docker do alike, as their command lines are: helpers and checks; to be
# sourced after common.bash.
#
# The script has the command in the array `engine`, and gone() that removes containers at once; it makes
# the image `img` and the container `cc`.

# shellcheck disable=SC2154 # of common.bash and the script

engine() {
	timeout --kill-after=5 "$patience" "${engine[@]}" "$@"
}

# `run` with what nearly every check wants.
once() { # OPTION... IMAGE ARGUMENT...
	engine run --rm --network none "$@"
}

# A container in the background, named after the check.
standing() { # NAME OPTION...
	engine run -d --network none --name "$@" img sleep 1000
}

# The same with a program for the shell.
background() { # NAME OPTION... PROGRAM
	engine run -d --network none --name "${@:1:$#-1}" img sh -c "${*: -1}"
}

field() { # NAME FIELD
	engine inspect --format "{{$2}}" "$1"
}

has() { # NAME FIELD VALUE
	[[ $(field "$1" "$2") == "$3" ]] || complain "$2 is $(field "$1" "$2"), not $3"
}

logs_are() { # NAME TEXT
	[[ $(engine logs "$1" 2>&1) == "$2" ]]
}

# A line of /proc/self/status inside.
status_says() { # TEXT FIELD OPTION...
	local text=$1 field=$2
	shift 2
	says "$text" once "$@" img sed -n "s/$field:.//p" /proc/self/status
}

cgroup_says() { # V1-FILE TEXT V2-FILE TEXT OPTION...
	limit "${@:1:4}"
	says "$text" once "${@:5}" img cat "$file"
}

# A link below /proc/self/ns inside.
namespace_is() { # LINK NAME OPTION...
	local link=$1 name=$2
	shift 2
	says "$link" engine run --rm "$@" img readlink "/proc/self/ns/$name"
}

# The default capabilities, and those with CAP_NET_ADMIN.
capabilities=00000000a80425fb net_admin=00000000a80435fb

# --- a container's life -----------------------------------------------------------------------

prints() { says hello once img echo hello; }
both_outputs() {
	once img sh -c 'echo out; echo err >&2' >"$work/out" 2>"$work/err"
	[[ $(<"$work/out") == out && $(<"$work/err") == err ]]
}
exit_status() {
	run once img sh -c 'exit 42'
	expect_status 42
}
standard_input() {
	output=$(head -c 300000 /dev/zero | once -i img wc -c)
	[[ $output == 300000 ]]
}
much_output() {
	once img head -c 3000000 /dev/zero >"$work/out"
	[[ $(stat -c %s "$work/out") == 3000000 ]]
}
terminal() {
	mentions "33 77" with_terminal "${engine[@]}" run --rm --network none -it img sh -c "tty; $patient"
	expect /dev/pts/0
}
not_found() {
	run once img nonsense
	expect_status 127
	expect nonsense
	run once img /no/such/program
	expect_status 127
}
no_permission() {
	run once img /etc/passwd
	expect_status 126
	run once img /etc
	expect_status 126
}
runtime_error() {
	run once --sysctl net.nonsense=1 img true
	((status >= 125 && status <= 127))
	expect nonsense
}
detached() {
	background detached 'echo one; echo two >&2; sleep 1000'
	has detached .State.Status running
	await eval '[[ $(engine logs detached 2>&1 | sort) == $'\''one\ntwo'\'' ]]'
	mentions "sleep 1000" engine top detached
	gone detached
}
logs() {
	background logs 'echo one; echo two; echo three'
	says 0 engine wait logs
	says $'one\ntwo\nthree' engine logs logs
	says three engine logs --tail 1 logs
	run engine logs -t logs
	[[ $output =~ ^20[0-9T:.+-]*Z?\ one ]]
	gone logs
	background logs 'echo one; until [ -e /go ]; do usleep 20000; done'
	engine logs -f logs >"$work/followed" &
	await grep -qx one "$work/followed"
	engine exec logs touch /go
	wait $! # the end of the container is that of its log
	gone logs
}
created_started() {
	engine create --network none --name cs img sh -c 'echo started; exit 3'
	has cs .State.Status created
	run engine start -a cs
	expect started
	expect_status 3
	has cs .State.Status exited
	run engine start -a cs
	expect_status 3
	gone cs
}
stop_gently() {
	background stop 'trap "echo bye; exit 5" TERM; echo ready; while :; do usleep 20000; done'
	await logs_are stop ready
	engine stop -t 20 stop
	says $'ready\nbye' engine logs stop
	has stop .State.ExitCode 5
	gone stop
}
killed() {
	standing killed
	engine stop -t 0 killed
	has killed .State.ExitCode 137
	engine start killed
	engine kill killed
	says 137 engine wait killed
	gone killed
}
kill_signal() {
	background kill 'trap "echo usr1; exit 0" USR1; echo ready; while :; do usleep 20000; done'
	await logs_are kill ready
	engine kill -s USR1 kill
	says 0 engine wait kill
	says $'ready\nusr1' engine logs kill
	gone kill
}
pause() {
	background pause 'while :; do echo; usleep 20000; done'
	engine pause pause
	has pause .State.Status paused
	run engine exec pause true
	((status != 0))
	local lines
	lines=$(engine logs pause | wc -l)
	[[ $(engine logs pause | wc -l) == "$lines" ]]
	engine unpause pause
	has pause .State.Status running
	await eval "(( \$(engine logs pause | wc -l) > $lines ))"
	engine pause pause
	gone pause
}
restart() {
	background again 'echo up; sleep 1000'
	await logs_are again up
	engine restart -t 0 again
	await logs_are again $'up\nup'
	engine stop -t 0 again
	engine start again
	await logs_are again $'up\nup\nup'
	gone again
}
restart_policy() {
	background policy --restart on-failure:2 'echo up; exit 1'
	await logs_are policy $'up\nup\nup'
	await has policy .State.Status exited
	has policy .RestartCount 2
	gone policy
}
restart_always() {
	local policy
	for policy in always unless-stopped; do
		background "$policy" --restart "$policy" 'echo up; sleep 1000'
		await logs_are "$policy" up
		kill -KILL "$(field "$policy" .State.Pid)"
		await logs_are "$policy" $'up\nup'
		engine stop -t 0 "$policy"
		has "$policy" .State.Status exited
		gone "$policy"
	done
}
stats() {
	standing stats --memory 64m
	run engine stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' stats
	[[ $output =~ stats\ [0-9.]+.?i?B\ /\ (64MiB|67.11MB)\ 1 ]]
	gone stats
}
updated() { # V1-FILE TEXT V2-FILE TEXT
	limit "$@"
	says "$text" engine exec update cat "$file"
}
update() {
	standing update --memory 64m --memory-swap 128m
	engine update --memory 96m --memory-swap 192m --cpu-quota 30000 --cpu-shares 300 update
	updated memory/memory.limit_in_bytes 100663296 memory.max 100663296
	updated cpu/cpu.cfs_quota_us 30000 cpu.max "30000 100000"
	updated cpu/cpu.shares 300 cpu.weight 39 || [[ $output == 12 ]]
	engine update --memory 48m --memory-swap 64m update
	updated memory/memory.limit_in_bytes 50331648 memory.max 50331648
	gone update
}
copy() {
	standing copy
	echo text >"$work/file"
	engine cp "$work/file" copy:/tmp/file
	says text engine exec copy cat /tmp/file
	engine exec copy sh -c 'echo back >/tmp/back'
	[[ $(engine cp copy:/tmp/back - | tar -xO) == back ]]
	mentions "A /tmp/back" engine diff copy
	engine commit copy committed
	says back once committed cat /tmp/back
	gone copy
}
one_of_many() { says "$1" once img echo "$1"; }
many() { at_once 10 one_of_many; }
attach_later() {
	background attach -i 'read x; echo "got $x"'
	echo it | engine attach attach
	await logs_are attach "got it"
	gone attach
}
limit_reached() {
	background oom --memory 16m --memory-swap 16m 'head -c 100000000 /dev/zero | tail'
	says 137 engine wait oom
	gone oom
}

check_life() {
	check fast "the program's output is the manager's" prints
	check full "standard output and standard error stay apart" both_outputs
	check fast "the program's exit status is the manager's" exit_status
	check fast "standard input reaches the program" standard_input
	check full "three megabytes of output arrive" much_output
	check fast "-it gives a terminal of the caller's size" terminal
	check fast "a program that is not there is exit status 127" not_found
	check fast "a file that is no program is exit status 126" no_permission
	check full "a refused sysctl is named" runtime_error
	check fast "a container runs in the background, with logs and top" detached
	check full "logs: the last, with times, and followed to the end" logs
	check full "create, start and start again" created_started
	check fast "stop lets the program end" stop_gently
	check full "stop kills when it must, and kill without a signal" killed
	check full "kill sends the signal" kill_signal
	check full "restart" restart
	check full "the policy on-failure" restart_policy
	check full "the policies always and unless-stopped" restart_always
	check full "cp, diff and commit" copy
	check full "ten at once" many
	check full "attach later" attach_later
}

# --- exec -------------------------------------------------------------------------------------

exec_basics() {
	says one engine exec cc echo one
	run engine exec cc sh -c 'exit 9'
	expect_status 9
	output=$(echo words | engine exec -i cc cat)
	[[ $output == words ]]
}
exec_options() {
	says $'1000:2000\n/home/bob\nB' engine exec -u bob:crew -w /home/bob -e A=B cc \
		sh -c 'echo $(id -u):$(id -g); pwd; echo $A'
	says "1000 2000" engine exec -u bob cc id -G
}
exec_terminal() {
	mentions "33 77" with_terminal "${engine[@]}" exec -it cc sh -c "tty; $patient"
	expect /dev/pts/
}
exec_errors() {
	run engine exec cc nonsense
	((status == 126 || status == 127)) # Docker 20 does not tell them apart here
	expect nonsense
	run engine exec cc /etc/passwd
	expect_status 126
	run engine exec -w /no/such/place cc true
	((status == 126 || status == 127))
	run engine exec cc sh -c 'kill -9 $$'
	expect_status 137
	says ok engine exec cc echo ok
}
exec_detached() {
	engine exec -d cc sh -c 'echo there >/tmp/detached'
	await engine exec cc test -s /tmp/detached
}
exec_rights() {
	says "$capabilities" engine exec cc sed -n 's/CapEff:.//p' /proc/self/status
	run engine exec --privileged cc sed -n 's/CapEff:.//p' /proc/self/status
	expect_status 0
	expect_not "$capabilities"
	says 0000000000000000 engine exec -u bob cc sed -n 's/CapEff:.//p' /proc/self/status
}
exec_cgroup() { says "$(engine exec cc cat /proc/1/cgroup)" engine exec cc cat /proc/self/cgroup; }
one_exec() { says "$1" engine exec cc echo "$1"; }
exec_many() { at_once 10 one_exec; }

check_exec() {
	check fast "exec: output, exit status, standard input" exec_basics
	check full "exec: user, directory, environment" exec_options
	check fast "exec: a terminal of the caller's size" exec_terminal
	check fast "exec: exit status of failures and of signals" exec_errors
	check full "exec: in the background" exec_detached
	check full "exec: capabilities" exec_rights
	check full "exec: in the container's cgroup" exec_cgroup
	check full "exec: ten at once" exec_many
}

# --- limits and rights ------------------------------------------------------------------------

limit_memory() {
	cgroup_says memory/memory.limit_in_bytes 67108864 memory.max 67108864 --memory 64m
	cgroup_says memory/memory.memsw.limit_in_bytes 100663296 memory.swap.max 33554432 \
		--memory 64m --memory-swap 96m
	cgroup_says memory/memory.soft_limit_in_bytes 33554432 memory.low 33554432 \
		--memory 64m --memory-reservation 32m
	[[ -n $v2 ]] || says 30 once --memory-swappiness 30 img cat /sys/fs/cgroup/memory/memory.swappiness
}
limit_cpus() {
	cgroup_says cpu/cpu.cfs_quota_us 50000 cpu.max "50000 100000" --cpus 0.5
	cgroup_says cpu/cpu.cfs_period_us 20000 cpu.max "10000 20000" --cpu-period 20000 --cpu-quota 10000
	# There are two formulas for the weight; the second is that of older runtimes.
	cgroup_says cpu/cpu.shares 512 cpu.weight 59 --cpu-shares 512 || [[ $output == 20 ]]
	cgroup_says cpuset/cpuset.cpus 0 cpuset.cpus 0 --cpuset-cpus 0
	cgroup_says cpuset/cpuset.mems 0 cpuset.mems 0 --cpuset-mems 0
}
limit_pids() {
	cgroup_says pids/pids.max 33 pids.max 33 --pids-limit 33
	cgroup_says pids/pids.max max pids.max max --pids-limit -1
	cgroup_says pids/pids.max max pids.max max --pids-limit 0
	run once --pids-limit 5 img sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
	expect "can't fork"
}
limit_blkio() {
	local disk files=blkio/blkio.throttle.read_bps_device,blkio/blkio.throttle.write_iops_device
	if [[ -n $v2 ]]; then
		files=io.max
	else
		[[ -e /sys/fs/cgroup/${files%,*} ]] || skip "this kernel has no throttling"
	fi
	disk=$(lsblk -dnpo NAME 2>/dev/null | head -n 1)
	[[ -n $disk ]] || skip "there is no disk"
	run once --device-read-bps "$disk:1mb" --device-write-iops "$disk:77" img \
		sh -c "cd /sys/fs/cgroup; cat ${files/,/ }"
	expect_status 0
	expect 1048576
	expect 77
}
limit_ulimit() {
	# Podman asks for all processes that there can be, unless it is told how many.
	says "100 200" once --ulimit nofile=100:200 --ulimit nproc=1024:1024 img sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
	says 500 once --oom-score-adj 500 img cat /proc/self/oom_score_adj
}
device_rules() {
	says ok once --device /dev/null:/dev/mine:rw img sh -c 'echo x >/dev/mine; echo ok'
	run once --device-cgroup-rule 'c 10:* rwm' --cap-add MKNOD img \
		sh -c 'mknod /tmp/d c 10 229 && echo made'
	expect made
	run once img sh -c 'mknod /tmp/d b 7 0 && cat /tmp/d'
	((status != 0))
}
cgroup_paths() {
	local hierarchy=:memory:
	[[ -z $v2 ]] || hierarchy=^0::
	local deep=$parent/deep/er
	[[ -z $systemd ]] || deep=$parent # which is a unit, not a path
	mentions "/${deep#/}/" once --cgroupns host --cgroup-parent "$deep" img grep "$hierarchy" /proc/self/cgroup
	run once --cgroupns private img grep "$hierarchy" /proc/self/cgroup
	[[ $output == *:/ ]]
}
capability_options() {
	status_says "$capabilities" CapEff
	status_says "$net_admin" CapEff --cap-add NET_ADMIN
	status_says 0000000000000000 CapEff --cap-drop ALL
	status_says 0000000000001000 CapEff --cap-drop ALL --cap-add NET_ADMIN
	status_says 0000000000000000 CapEff -u bob
}
privileged() {
	says ok once --privileged img \
		sh -c 'mount -t tmpfs x /tmp && test -e /dev/mem -o -e /dev/kmsg && echo ok'
}
no_new_privileges() { status_says 1 NoNewPrivs --security-opt no-new-privileges; }
seccomp() {
	status_says 2 Seccomp
	run once img unshare -n true
	((status != 0))
	status_says 0 Seccomp --security-opt seccomp=unconfined
	cat >"$work/seccomp.json" <<-EOF
		{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		  {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
	EOF
	run once --security-opt "seccomp=$work/seccomp.json" img mkdir /tmp/x
	expect "Operation not supported"
}
masks() {
	says 0 once img sh -c 'wc -c </proc/keys'
	run once img sh -c 'echo x >/proc/sys/kernel/core_pattern'
	expect "Read-only file system"
	run once --security-opt "$unmasked" img sh -c 'wc -c </proc/keys'
	[[ $output != 0 ]]
}
users() {
	says "1000 1000 2000" once -u bob img sh -c 'echo $(id -u) $(id -G)'
	says "5 6 7" once -u 5:6 --group-add 7 img sh -c 'echo $(id -u) $(id -G)'
}

check_limits() { # what takes a cgroup
	check fast "pause stops everything, unpause continues, rm removes what is paused" pause
	check fast "stats has numbers" stats
	check fast "update changes limits" update
	check fast "limits of memory" limit_memory
	check full "the memory limit kills" limit_reached
	check full "limits of CPUs" limit_cpus
	check fast "limits of processes" limit_pids
	check full "limits of disks" limit_blkio
	check full "--ulimit and --oom-score-adj" limit_ulimit
	check full "--cgroup-parent and --cgroupns" cgroup_paths
	check full "--device and --device-cgroup-rule" device_rules
}

check_rights() {
	check fast "--cap-add and --cap-drop" capability_options
	check full "--privileged" privileged
	check full "no-new-privileges" no_new_privileges
	check fast "seccomp profiles" seccomp
	check full "masked and read-only paths" masks
	check full "--user and --group-add" users
}

# --- files ------------------------------------------------------------------------------------

read_only() {
	run once --read-only img touch /x
	expect "Read-only file system"
	says ok once --read-only --tmpfs /tmp img sh -c 'touch /tmp/x && echo ok'
}
volumes() {
	mkdir -p "$work/v"
	echo text >"$work/v/file"
	says text once -v "$work/v:/v" img cat /v/file
	run once -v "$work/v:/v:ro" img touch /v/x
	expect "Read-only file system"
	says text once -v "$work/v/file:/etc/motd:ro" img cat /etc/motd
	engine volume create vol
	says 1 once -v vol:/v img sh -c 'echo 1 >/v/n; cat /v/n'
	says 1 once --mount type=volume,src=vol,dst=/v img cat /v/n
	# What the image has there is copied into a new one.
	says bob once -v new:/home img ls /home
	engine volume rm vol new
	standing owner -v "$work/v:/v" -v /anonymous
	says text once --volumes-from owner img cat /v/file
	gone -v owner
}
propagation() {
	local how
	mkdir -p "$work/p"
	mount -t tmpfs x "$work/p"
	mount --make-shared "$work/p"
	for how in private shared slave rprivate rshared rslave; do
		mkdir "$work/p/$how"
		standing "$how" -v "$work/p:/p:$how"
		mount -t tmpfs x "$work/p/$how"
		touch "$work/p/$how/file"
		if [[ $how == *private ]]; then
			says '' engine exec "$how" ls "/p/$how"
		else
			says file engine exec "$how" ls "/p/$how"
		fi
		umount "$work/p/$how"
		gone "$how"
	done
	umount "$work/p"
}
tmpfs_options() {
	says "tmpfs 1700" once --tmpfs /t:size=1m,mode=1700 img \
		sh -c 'echo $(stat -f -c %T /t) $(stat -c %a /t)'
	says tmpfs once --mount type=tmpfs,dst=/t,tmpfs-size=1000000,tmpfs-mode=700 img stat -f -c %T /t
	says 8192 once --shm-size 8m img sh -c "df -k /dev/shm | awk 'END { print \$2 }'"
}
init_option() {
	[[ -n $init ]] || skip "no program for --init is installed"
	mentions "-init -- sh" once --init img sh -c 'tr "\0" " " </proc/1/cmdline'
	run once --init img sh -c 'exit 4'
	expect_status 4
}

check_files() {
	check fast "--read-only" read_only
	check fast "volumes" volumes
	check full "mounts that come later, by propagation" propagation
	check full "--tmpfs and --shm-size" tmpfs_options
	check full "--init" init_option
}

# --- namespaces, and what programs are handed -------------------------------------------------

names() {
	says web once --hostname web img hostname
	says "$(hostname)" once --uts host img hostname
	says 7 once --sysctl net.ipv4.ip_default_ttl=7 img cat /proc/sys/net/ipv4/ip_default_ttl
	says 70000 once --sysctl kernel.msgmax=70000 img cat /proc/sys/kernel/msgmax
}
of_the_host() {
	namespace_is "$(readlink /proc/self/ns/pid)" pid --network none --pid host
	namespace_is "$(readlink /proc/self/ns/ipc)" ipc --network none --ipc host
	namespace_is "$(readlink /proc/self/ns/net)" net --network host
}
of_another() {
	standing other --ipc shareable
	local name
	for name in pid ipc; do
		namespace_is "$(engine exec other readlink "/proc/self/ns/$name")" "$name" --network none \
			"--$name" container:other
	done
	namespace_is "$(engine exec other readlink /proc/self/ns/net)" net --network container:other
	gone other
}
network_none() {
	says lo once img ls /sys/class/net
	says ok once img sh -c 'ping -c 1 127.0.0.1 >/dev/null && echo ok'
}
# Serves a page at the container's port 80.
page='echo page >/tmp/index.html; httpd -f -h /tmp -p 80'
network_bridge() {
	{ busybox ip link add probe type bridge && busybox ip link del probe; } ||
		skip "this kernel has no bridges"
	engine run -d --name web -p 127.0.0.1:8080:80 -p 80 img sh -c "$page"
	local address at
	address=$(field web .NetworkSettings.IPAddress)
	await busybox wget -qO- "http://$address/index.html"
	for at in "$address" 127.0.0.1:8080 "127.0.0.1:$(engine port web | sed -n 's/.*0\.0\.0\.0://p')"; do
		says page busybox wget -qO- "http://$at/index.html"
	done
	gone web
}
descriptors() { says "0 1 2 3" once img sh -c 'echo $(ls /proc/self/fd)'; }
environment() {
	run once -e A=B img env
	expect A=B
	local word
	for word in NOTIFY _OCI_ CONTAINERS_CONF DOCKER; do
		expect_not "$word"
	done
}
large() {
	seq -f 'VARIABLE%.0f=x' 10000 >"$work/variables"
	says 10000 once --env-file "$work/variables" img sh -c 'env | grep -c VARIABLE'
	says 100000 once img sh -c 'echo ${#1}' sh "$(printf '%0100000d' 0)"
}

check_surroundings() {
	check full "--hostname, --uts and --sysctl" names
	check full "namespaces of the host" of_the_host
	check full "namespaces of another container" of_another
	check fast "--network none" network_none
	check fast "a bridge, with published ports" network_bridge
	check fast "no descriptors but standard ones" descriptors
	check full "nothing of the manager in the environment" environment
	check full "ten thousand variables, and a large argument" large
}

# --- building ---------------------------------------------------------------------------------

# Builds what standard input says.
build_from() { # OPTION...
	mkdir -p "$work/build"
	cat >"$work/build/Dockerfile"
	engine build --network none "$@" "$work/build"
}
build() {
	build_from -t built <<-EOF
		FROM img
		RUN echo built >/made && echo carol:x:7:7::/home:/bin/sh >>/etc/passwd && chown bob /made
		USER carol
		RUN test "\$(id -un)" = carol
		WORKDIR /somewhere/else
		CMD cat /made
	EOF
	says built once built
	says "carol 1000" once built sh -c 'echo $(id -un) $(stat -c %u /made)'
	says /somewhere/else once built pwd
	run build_from <<<$'FROM img\nRUN exit 7'
	((status != 0))
	expect 7
	run build_from <<<$'FROM img\nRUN nonsense'
	expect_status 127
}
