# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# engine.bash -- what Podman and Docker do alike, as their command lines are: helpers, and checks of a
# container's life; those of what `run` can be told are in options.bash. To be sourced after common.bash.
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

# shellcheck source=tests/managers/options.bash
. "$here/options.bash"
