#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# CVE-2019-5736: a process in the container gets hold of the runtime through /proc/PID/exe.

load sec

all_caps='.process.capabilities |= with_entries(.value = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH", "CAP_CHOWN", "CAP_FOWNER"])'

prepare() {
	sum=$(sha256sum "$OCIRT")
}

clean_up() {
	[[ $(sha256sum "$OCIRT") == "$sum" ]]
}

@test "an image whose program is a script with #!/proc/self/exe runs nothing of the host" {
	attacked '.process.args = ["/bin/evil"]'
	printf '#!/proc/self/exe\n' >rootfs/bin/evil
	chmod +x rootfs/bin/evil
	run ocirt run "$id"
	[[ $status -ne 0 ]]
	expect_no_line usage
	change '.process.args = ["/proc/self/exe", "--version"]'
	run ocirt run "$id"
	[[ $status -ne 0 ]]
	expect_no_line "$("$OCIRT" --version | head -n 1)"
}

@test "nor does exec" {
	attacked "$(args sleep)"
	printf '#!/proc/self/exe\n' >rootfs/bin/evil
	chmod +x rootfs/bin/evil
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	ocirt start "$id"
	run ocirt exec "$id" /bin/evil
	[[ $status -ne 0 ]]
	expect_no_line usage
	run ocirt exec "$id" /proc/self/exe --version
	[[ $status -ne 0 ]]
	expect_no_line "$("$OCIRT" --version | head -n 1)"
}

@test "what waits for its start is not the host's file, and cannot be written" {
	local pid
	bundle "$(args sleep)"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	pid=$(pid_of "$id")
	[[ $(stat -Lc %d:%i "/proc/$pid/exe") != "$(stat -Lc %d:%i "$OCIRT")" ]]
	# Not even by the host's root.
	run ! sh -c ": >>/proc/$pid/exe"
	run ! sh -c ": >/proc/$pid/exe"
}

@test "with CAP_SYS_ADMIN and CAP_SYS_PTRACE there is nothing to write to, either" {
	local pid
	bundle "$(args sleep)" "$all_caps"
	ocirt create "$id" </dev/null >"$dir/out" 2>&1
	run ocirt exec "$id" /bin/demo lock-rw /proc/1/exe
	expect_no_line "rw: yes"
	run ocirt exec "$id" /bin/demo write /proc/1/exe text
	[[ $status -ne 0 ]]
}

@test "at no moment is a process of the container's pid namespace the runtime's file" {
	need_stopper
	standing
	cat >"$dir/look" <<-EOF
		[ "\$(readlink /proc/\$STOP_PID/ns/pid)" = "\$(readlink /proc/$(pid_of "$id")/ns/pid)" ] || exit
		stat -Lc %d:%i /proc/\$STOP_PID/exe >>"$dir/seen"
	EOF
	stopped -n all -s "sh $dir/look" -e setns,prctl,capset,setsid,execve,execveat,getcwd -- exec "$id" /bin/demo exit 0
	expect_status 0
	[[ -s $dir/seen ]]
	run ! grep -xF "$(stat -Lc %d:%i "$OCIRT")" "$dir/seen"
}
