#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154 # variables of helpers.bash and of bats
#
# process.apparmorProfile, process.selinuxLabel, linux.mountLabel: what the kernel can, and what
# happens where it cannot.

load helpers
load life

clean_up() {
	ocirt delete --force "$id" 2>/dev/null || :
	[[ -z ${profile-} ]] || echo -n "$profile" >/sys/kernel/security/apparmor/.remove || :
}

has_apparmor() {
	[[ -d /sys/kernel/security/apparmor/policy ]]
}

has_selinux() {
	[[ -e /sys/fs/selinux/enforce ]]
}

@test "a label that the kernel cannot take is an error, and never ignored" {
	bundle '.process.apparmorProfile = "no-such-profile-as-this"'
	expect_refused "process.apparmorProfile: cannot take the profile"
	change 'del(.process.apparmorProfile) | .process.selinuxLabel = "no:such:label:s0"'
	expect_refused "process.selinuxLabel: "
}

@test "without SELinux the label for mounts is left out, and that is said" {
	! has_selinux || skip "this kernel has SELinux"
	bundle "$(args exit 0)" '.linux.mountLabel = "system_u:object_r:x_t:s0"'
	run ocirt run "$id" </dev/null
	expect_status 0
	expect_line "warning: linux.mountLabel: this kernel runs without SELinux: files get no label"
}

# A profile of this test's own, in $profile: all but the password file.
own_profile() {
	has_apparmor || skip "this kernel runs without AppArmor, or securityfs is not mounted"
	command -v apparmor_parser >/dev/null || skip "apparmor_parser is not installed (apt install apparmor)"
	profile=ocirt-$id
	apparmor_parser --replace <<-END
		profile $profile flags=(attach_disconnected) {
			file,
			capability,
			network,
			signal,
			ptrace,
			deny /etc/passwd r,
		}
	END
}

# bats test_tags=vm
@test "AppArmor: the program runs under its profile, and so does what enters" {
	own_profile
	standing ".process.apparmorProfile = \"$profile\""
	[[ $(<"/proc/$(pid_of "$id")/attr/current") == "$profile (enforce)" ]]
	run ocirt exec "$id" /bin/demo cat /proc/self/attr/current
	[[ $output == "$profile (enforce)" ]]
	run ocirt exec "$id" /bin/demo cat /etc/passwd
	expect_status 1
	expect_line EACCES
	run ocirt exec --apparmor unconfined "$id" /bin/demo cat /proc/self/attr/current
	expect_line unconfined
}

@test "SELinux: the program runs with its label, and so do what enters and their keyring" {
	has_selinux || skip "this kernel runs without SELinux: tests/vm/selinux"
	local label=${SELINUX_LABEL-}
	[[ -n $label ]] || label=$(tr -d '\0' </proc/self/attr/current)
	standing ".process.selinuxLabel = \"$label\""
	[[ $(tr -d '\0' <"/proc/$(pid_of "$id")/attr/current") == "$label" ]]
	run ocirt exec "$id" /bin/demo cat /proc/self/attr/current
	expect_status 0
	expect_line "$label"
	# KEYCTL_GET_SECURITY of KEY_SPEC_SESSION_KEYRING: the length of its label, with the NUL.
	run ocirt exec "$id" /bin/demo syscall keyctl 17 -3 0 0
	expect_line "return: $((${#label} + 1))"
	run ocirt exec --process-label "${SELINUX_FILES:-$label}" "$id" /bin/demo cat /proc/self/attr/current
	[[ -z ${SELINUX_FILES-} ]] || expect_no_line "$label"
}

@test "SELinux: what is mounted has the label" {
	has_selinux || skip "this kernel runs without SELinux: tests/vm/selinux"
	local label=${SELINUX_FILES:-system_u:object_r:tmp_t:s0}
	bundle ".linux.mountLabel = \"$label\""
	demo mounts /dev
	expect_status 0
	expect_line "$label"
	demo mounts /dev/pts
	expect_line "$label"
	demo mounts /proc
	expect_status 0
	expect_no_line "$label"
}

# bats test_tags=vm
@test "AppArmor: a startContainer hook runs under the profile of the program" {
	own_profile
	bundle "$(args exit 0)" ".process.apparmorProfile = \"$profile\"" \
		'.hooks.startContainer = [{path: "/bin/demo", args: ["demo", "cat", "/etc/passwd"]}]'
	run ocirt run "$id" </dev/null
	expect_status 1
	expect_line "error running startContainer hook #0: /bin/demo: exit status 1"
	expect_line EACCES
	change '.hooks.startContainer[0].args = ["demo", "cat", "/proc/self/attr/current"]'
	run ocirt run "$id" </dev/null
	expect_status 0
	expect_line "$profile (enforce)"
}

# bats test_tags=vm
@test "AppArmor: an init that stays has the profile of the program" {
	local pid
	own_profile
	bundle "$(args signals)" ".process.apparmorProfile = \"$profile\""
	ocirt create --init "$id" >"$dir/out" 2>&1 </dev/null
	ocirt start "$id"
	await holds "$dir/out" ready
	pid=$(pid_of "$id")
	[[ $(<"/proc/$pid/attr/current") == "$profile (enforce)" ]]
	[[ $(<"/proc/$(tr -d ' ' <"/proc/$pid/task/$pid/children")/attr/current") == "$profile (enforce)" ]]
	ocirt kill "$id" TERM
	await has_status "$id" stopped
}
