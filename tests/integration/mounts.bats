#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# mounts[]: the types, every option word by what the kernel shows for it, propagation, where
# mounts go, and the root file system itself.

load helpers

prepare() {
	# Mounts of the tests themselves: a tmpfs in which nothing is shared with the host.
	host=$dir/host
	mkdir "$host"
	mount -t tmpfs -o size=1m tmpfs "$host"
	mount --make-private "$host"
	mounts_before=$(wc -l </proc/self/mountinfo)
}

clean_up() {
	ocirt delete --force "$id" 2>/dev/null || :
	umount -R "$host"
	rmdir "$host"
	mounts_before=$((mounts_before - 1))
}

# One more mount: bind DESTINATION SOURCE OPTION...
bind() {
	new bind "$1" "$2" "${@:3}"
}

new() { # TYPE DESTINATION SOURCE OPTION...
	local type="\"type\": \"$1\", " options
	[[ $1 != bind ]] || type=
	printf -v options ', "%s"' "${@:4}"
	(($# > 3)) || options=
	printf '.mounts += [{%s"destination": "%s", "source": "%s", "options": [%s]}]' \
		"$type" "$2" "$3" "${options#, }"
}

# What the kernel says of the mount: ro,nosuid,...
options_of() { # POINT
	sed -n "s|^$1: options=\([^ ]*\) .*|\1|p" <<<"$output" | tail -n1
}

propagation_of() { # POINT
	sed -n "s|^$1: .* propagation=\([^ ]*\) .*|\1|p" <<<"$output" | tail -n1
}

super_of() { # POINT
	sed -n "s|^$1: .* super=\([^ ]*\) .*|\1|p" <<<"$output" | tail -n1
}

expect_options() { # POINT OPTIONS
	[[ $(options_of "$1") == "$2" ]] || complain "$1 has '$(options_of "$1")' instead of '$2'"
}

# A tree with two mounts below it: $host/tree, tree/a, tree/a/b.
tree() { # [OPTIONS]
	local at
	for at in tree tree/a tree/a/b; do
		mkdir "$host/$at"
		mount -t tmpfs -o size=16k tmpfs "$host/$at"
		mount --make-private "$host/$at"
	done
	[[ -z ${1-} ]] || for at in tree tree/a tree/a/b; do
		mount -o "remount,bind,$1" "$host/$at"
	done
}

# --- types -----------------------------------------------------------------------------------

@test "proc, sysfs, tmpfs, devpts, mqueue and cgroup are mounted as the demo asks" {
	bundle
	demo mounts
	local point type cgroups='/sys/fs/cgroup cgroup2'
	[[ -e /sys/fs/cgroup/cgroup.controllers ]] || cgroups='/sys/fs/cgroup/pids cgroup'
	while read -r point type; do
		expect_line "$point: options="
		[[ $(sed -n "s|^$point: .* type=\([^ ]*\) .*|\1|p" <<<"$output") == "$type" ]] ||
			complain "$point is not $type"
	done <<-END
		/proc proc
		/dev tmpfs
		/dev/pts devpts
		/dev/shm tmpfs
		/dev/mqueue mqueue
		/sys sysfs
		$cgroups
	END
	expect_options /dev/pts rw,nosuid,noexec,relatime
	[[ $(super_of /dev/pts) == rw,gid=5,mode=620,ptmxmode=666 ]]
	[[ $(super_of /dev/shm) == rw,size=65536k ]]
	expect_options /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime
}

# A systemd inside would take the v2 of a host with both for its own. Managers hand it name=systemd of v1.
@test "a mount of type cgroup is v1's where the host has both" {
	[[ -e /sys/fs/cgroup/unified ]] || skip "the host has one kind of cgroups"
	bundle
	demo mounts
	[[ $output == *"/sys/fs/cgroup/pids: "* && $output != *"/sys/fs/cgroup/unified: "* ]]
}

@test "an overlay is mounted from its layers" {
	mkdir "$host"/{lower,upper,work}
	echo below >"$host/lower/file"
	bundle "$(new overlay /data overlay "lowerdir=$host/lower" "upperdir=$host/upper" "workdir=$host/work")"
	demo cat /data/file
	[[ $output == below ]]
	demo write /data/new text
	expect_status 0
	[[ $(<"$host/upper/new") == text* ]]
	[[ ! -e $host/lower/new ]]
}

@test "an overlay of many layers, more than one option value may hold" {
	local layers='' i # 256 bytes are the most of one, 4096 of all
	for i in {1..12}; do
		mkdir "$host/layer-$i"
		layers+=${layers:+:}$host/layer-$i
	done
	echo deep >"$host/layer-12/file"
	bundle "$(new overlay /data overlay "lowerdir=$layers" sync nosuid)"
	demo cat /data/file
	[[ $output == deep ]]
	demo mounts /data
	expect_options /data rw,nosuid,relatime
	[[ ,$(super_of /data), == *,sync,* ]] || complain "sync is lost"
}

@test "a data string goes to the file system" {
	bundle "$(new tmpfs /data tmpfs size=32k mode=1711 nr_inodes=99)"
	demo mounts /data
	[[ $(super_of /data) == *size=32k* && $(super_of /data) == *nr_inodes=99* ]]
	demo stat /data
	expect_fact mode 1711
}

@test "an option that the file system does not know is an error that names it" {
	bundle "$(new tmpfs /data tmpfs sizee=32k)"
	demo mounts
	expect_status 1
	expect_line "mounts[7].options"
	expect_line "sizee=32k"
	expect_no_container "$id"
}

@test "a tmpfs without mode= looks like the directory that it covers" {
	bundle "$(new tmpfs /covered tmpfs)"
	mkdir -m 1750 rootfs/covered
	demo stat /covered
	expect_fact mode 1750
}

# --- option words ----------------------------------------------------------------------------

@test "option words on a new mount set the flags that they name" {
	local filters=() point words expected table n=0
	table='
		defaults			rw,relatime
		ro				ro,relatime
		ro,rw				rw,relatime
		rw,ro				ro,relatime
		nosuid				rw,nosuid,relatime
		nosuid,suid			rw,relatime
		nodev				rw,nodev,relatime
		nodev,dev			rw,relatime
		noexec				rw,noexec,relatime
		noexec,exec			rw,relatime
		noatime				rw,noatime
		noatime,atime			rw,relatime
		nodiratime			rw,nodiratime,relatime
		nodiratime,diratime		rw,relatime
		relatime			rw,relatime
		noatime,relatime		rw,relatime
		norelatime			rw,relatime
		strictatime			rw
		strictatime,nostrictatime	rw,relatime
		strictatime,noatime		rw,noatime
		nosymfollow			rw,relatime,nosymfollow
		nosymfollow,symfollow		rw,relatime
		mand				rw,relatime
		nomand				rw,relatime
		loud				rw,relatime
		silent				rw,relatime
		iversion			rw,relatime
		noiversion			rw,relatime
		async				rw,relatime
		nolazytime			rw,relatime
		private				rw,relatime
		ro,nosuid,nodev,noexec,noatime	ro,nosuid,nodev,noexec,noatime'
	while read -r words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		# shellcheck disable=SC2086 # the words of one mount
		filters+=("$(new tmpfs "/m/$n" tmpfs size=4k ${words//,/ })")
	done <<<"$table"
	bundle "${filters[@]}"
	mkdir rootfs/m
	demo mounts
	expect_status 0
	n=0
	while read -r words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		point=/m/$n
		[[ $(options_of $point) == "$expected" ]] ||
			complain "'$words' gives '$(options_of $point)' instead of '$expected'"
	done <<<"$table"
}

@test "option words on a bind mount change its flags, both ways" {
	local filters=() words expected table n=0
	mkdir "$host"/{plain,strict}
	mount -t tmpfs -o size=4k tmpfs "$host/plain"
	mount -t tmpfs -o size=4k,ro,nosuid,nodev,noexec,noatime,nodiratime tmpfs "$host/strict"
	table='
		plain	bind				rw,relatime
		plain	bind,ro				ro,relatime
		plain	bind,ro,rw			rw,relatime
		plain	bind,nosuid,nodev,noexec	rw,nosuid,nodev,noexec,relatime
		plain	bind,noatime			rw,noatime
		plain	bind,strictatime		rw
		plain	bind,nodiratime			rw,nodiratime,relatime
		plain	bind,nosymfollow		rw,relatime,nosymfollow
		strict	bind				ro,nosuid,nodev,noexec,noatime,nodiratime
		strict	bind,suid			ro,nodev,noexec,noatime,nodiratime
		strict	bind,dev			ro,nosuid,noexec,noatime,nodiratime
		strict	bind,exec			ro,nosuid,nodev,noatime,nodiratime
		strict	bind,atime			ro,nosuid,nodev,noexec,nodiratime,relatime
		strict	bind,diratime			ro,nosuid,nodev,noexec,noatime
		strict	bind,norelatime			ro,nosuid,nodev,noexec,nodiratime,relatime
		strict	bind,rw,suid,dev,exec,relatime	rw,nodiratime,relatime'
	while read -r source words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		# shellcheck disable=SC2086 # the words of one mount
		filters+=("$(bind "/m/$n" "$host/$source" ${words//,/ })")
	done <<<"$table"
	bundle "${filters[@]}"
	mkdir rootfs/m
	demo mounts
	expect_status 0
	n=0
	while read -r source words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		[[ $(options_of "/m/$n") == "$expected" ]] ||
			complain "$source '$words' gives '$(options_of "/m/$n")' instead of '$expected'"
	done <<<"$table"
	# The host's own mounts are as they were.
	[[ $(findmnt -no VFS-OPTIONS "$host/plain") == rw,relatime ]]
}

@test "sync, dirsync and lazytime are those of the file system" {
	bundle "$(new tmpfs /sync tmpfs sync dirsync size=4k)" \
		"$(new tmpfs /async tmpfs sync async lazytime size=4k)"
	mkdir rootfs/{sync,async}
	demo mounts
	expect_status 0
	[[ $(super_of /sync) == *sync*dirsync* ]]
	[[ ,$(super_of /async), != *,sync,* && $(super_of /async) == *lazytime* ]]
}

@test "recursive words hold for every mount of the tree" {
	local filters=() words expected table n=0
	tree
	table='
		rro			ro,relatime
		rro,rrw			rw,relatime
		rnosuid			rw,nosuid,relatime
		rnodev			rw,nodev,relatime
		rnoexec			rw,noexec,relatime
		rnoatime		rw,noatime
		rnodiratime		rw,nodiratime,relatime
		rstrictatime		rw
		rrelatime		rw,relatime
		rnosymfollow		rw,relatime,nosymfollow
		rro,rnosuid,rnodev,rnoexec,rnoatime	ro,nosuid,nodev,noexec,noatime'
	while read -r words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		# shellcheck disable=SC2086 # the words of one mount
		filters+=("$(bind "/m/$n" "$host/tree" rbind ${words//,/ })")
	done <<<"$table"
	bundle "${filters[@]}"
	mkdir rootfs/m
	demo mounts
	expect_status 0
	n=0
	while read -r words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		expect_options "/m/$n" "$expected"
		expect_options "/m/$n/a" "$expected"
		expect_options "/m/$n/a/b" "$expected"
	done <<<"$table"
}

@test "recursive words undo the flags of a whole tree" {
	local filters=() words expected table n=0
	tree ro,nosuid,nodev,noexec,noatime,nodiratime
	table='
		rsuid		ro,nodev,noexec,noatime,nodiratime
		rdev		ro,nosuid,noexec,noatime,nodiratime
		rexec		ro,nosuid,nodev,noatime,nodiratime
		ratime		ro,nosuid,nodev,noexec,nodiratime,relatime
		rdiratime	ro,nosuid,nodev,noexec,noatime
		rnorelatime	ro,nosuid,nodev,noexec,nodiratime,relatime
		rnostrictatime	ro,nosuid,nodev,noexec,nodiratime,relatime
		rsymfollow	ro,nosuid,nodev,noexec,noatime,nodiratime'
	while read -r words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		filters+=("$(bind "/m/$n" "$host/tree" rbind "$words")")
	done <<<"$table"
	bundle "${filters[@]}"
	mkdir rootfs/m
	demo mounts
	expect_status 0
	n=0
	while read -r words expected; do
		[[ -n $words ]] || continue
		n=$((n + 1))
		expect_options "/m/$n" "$expected"
		expect_options "/m/$n/a" "$expected"
		expect_options "/m/$n/a/b" "$expected"
	done <<<"$table"
}

@test "a word for one mount after a recursive one is about the top alone" {
	tree
	bundle "$(bind /a "$host/tree" rbind rro rw)" "$(bind /b "$host/tree" rbind ro rrw)"
	mkdir rootfs/{a,b}
	demo mounts
	expect_options /a rw,relatime
	expect_options /a/a ro,relatime
	expect_options /a/a/b ro,relatime
	expect_options /b rw,relatime
}

@test "bind takes one mount, rbind what is mounted below it" {
	tree
	bundle "$(bind /one "$host/tree" bind)" "$(bind /all "$host/tree" rbind)"
	demo mounts
	expect_line "/all/a/b:"
	expect_no_line "/one/a:"
}

@test "remount changes what is mounted already" {
	bundle "$(new tmpfs /data tmpfs size=8k)" \
		"$(new tmpfs /data tmpfs remount ro nosuid size=16k)"
	demo mounts /data
	expect_status 0
	expect_options /data ro,nosuid,relatime
	[[ $(super_of /data) == *size=16k* ]]
}

@test "a bind remount changes the mount and not its file system" {
	mkdir "$host/src"
	bundle "$(bind /data "$host/src" bind)" "$(bind /data "$host/src" bind remount ro)"
	demo write /data/file text
	expect_status 1
	expect_line EROFS
	echo text >"$host/src/file"
}

@test "nosymfollow forbids links" {
	ln -s /proc/version "$host/link"
	bundle "$(bind /data "$host" bind nosymfollow)"
	demo cat /data/link
	expect_status 1
	expect_line ELOOP
}

# --- propagation -----------------------------------------------------------------------------

@test "propagation words make a mount what they say" {
	mkdir "$host/src"
	mount -t tmpfs -o size=4k tmpfs "$host/src"
	mount --make-shared "$host/src"
	bundle "$(bind /none "$host/src" bind)" \
		"$(bind /private "$host/src" bind private)" \
		"$(bind /shared "$host/src" bind shared)" \
		"$(bind /slave "$host/src" bind slave)" \
		"$(bind /slave-shared "$host/src" bind slave shared)" \
		"$(bind /unbindable "$host/src" bind unbindable)" \
		"$(bind /rprivate "$host/src" rbind rprivate)" \
		"$(bind /rshared "$host/src" rbind rshared)" \
		"$(bind /rslave "$host/src" rbind rslave)" \
		"$(bind /runbindable "$host/src" rbind runbindable)" \
		"$(new tmpfs /new tmpfs shared)"
	demo mounts
	expect_status 0
	[[ $(propagation_of /private) == private ]]
	[[ $(propagation_of /rprivate) == private ]]
	[[ $(propagation_of /shared) == shared:* ]]
	[[ $(propagation_of /rshared) == shared:* ]]
	[[ $(propagation_of /slave) == master:* ]]
	[[ $(propagation_of /rslave) == master:* ]]
	[[ $(propagation_of /slave-shared) == shared:*,master:* ]]
	[[ $(propagation_of /unbindable) == unbindable ]]
	[[ $(propagation_of /runbindable) == unbindable ]]
	[[ $(propagation_of /new) == shared:* ]]
}

@test "a slave bind sees what the host mounts later" {
	mkdir "$host/src"
	mount -t tmpfs -o size=8k tmpfs "$host/src"
	mount --make-shared "$host/src"
	mkdir "$host/src/later"
	standing "$(bind /data "$host/src" rbind rslave)"
	mount -t tmpfs -o size=4k tmpfs "$host/src/later"
	touch "$host/src/later/here"
	run ocirt exec "$id" /bin/demo ls /data/later
	umount "$host/src/later"
	[[ $output == here ]]
}

@test "a private bind does not see what the host mounts later" {
	mkdir "$host/src"
	mount -t tmpfs -o size=8k tmpfs "$host/src"
	mount --make-shared "$host/src"
	mkdir "$host/src/later"
	standing "$(bind /data "$host/src" rbind rprivate)"
	mount -t tmpfs -o size=4k tmpfs "$host/src/later"
	touch "$host/src/later/here"
	run ocirt exec "$id" /bin/demo ls /data/later
	umount "$host/src/later"
	expect_status 0
	[[ -z $output ]]
}

@test "a shared bind shows the host what the container mounts" {
	mkdir "$host/src"
	mount -t tmpfs -o size=8k tmpfs "$host/src"
	mount --make-shared "$host/src"
	mkdir "$host/src/later"
	standing "$(bind /data "$host/src" rbind rshared)" '.linux.rootfsPropagation = "rshared"'
	ocirt exec --cap CAP_SYS_ADMIN "$id" /bin/demo syscall mount tmpfs /data/later tmpfs 0 0
	run findmnt -n "$host/src/later"
	expect_line tmpfs
}

@test "rootfsPropagation is that of the root" {
	local mode
	bundle
	for mode in private rprivate slave rslave; do
		change ".linux.rootfsPropagation = \"$mode\""
		demo mounts /
		expect_status 0
		[[ $(propagation_of /) == private ]] # nobody to hear of: the host's is private
	done
	for mode in shared rshared; do
		change ".linux.rootfsPropagation = \"$mode\""
		demo mounts /
		[[ $(propagation_of /) == shared:* ]]
	done
	for mode in unbindable runbindable; do
		change ".linux.rootfsPropagation = \"$mode\""
		demo mounts /
		[[ $(propagation_of /) == unbindable ]]
	done
}

@test "a slave root hears of what the host mounts, and does not tell" {
	bundle "$(args sleep)" '.linux.rootfsPropagation = "rslave"' '.root.path = "'"$host"'/root"'
	mkdir "$host/root"
	mount --bind "$host/root" "$host/root"
	mount --make-shared "$host/root"
	cp -a rootfs/. "$host/root"
	mkdir "$host"/root/{later,own}
	ocirt create "$id" </dev/null >/dev/null 2>&1
	ocirt start "$id"
	mount -t tmpfs -o size=4k tmpfs "$host/root/later"
	touch "$host/root/later/here"
	run ocirt exec "$id" /bin/demo ls /later
	[[ $output == here ]]
	ocirt exec --cap CAP_SYS_ADMIN "$id" /bin/demo syscall mount tmpfs /own tmpfs 0 0
	run findmnt -n "$host/root/own"
	[[ -z $output ]]
}

# --- sources and destinations ----------------------------------------------------------------

@test "a destination that is missing is made: a directory or a file, as the source is" {
	echo content >"$host/file"
	mkdir "$host/directory"
	bundle "$(bind /made/for/file "$host/file" bind)" \
		"$(bind /made/for/directory "$host/directory" bind)" \
		"$(new tmpfs /made/for/tmpfs tmpfs)"
	demo cat /made/for/file
	[[ $output == content ]]
	[[ -f rootfs/made/for/file && -d rootfs/made/for/directory && -d rootfs/made/for/tmpfs ]]
	[[ $(stat -c %a rootfs/made) == 755 ]]
}

@test "mounts come in the order of the list" {
	echo a >"$host/a"
	echo b >"$host/b"
	bundle "$(bind /file "$host/a" bind)" "$(bind /file "$host/b" bind)" \
		"$(new tmpfs /t tmpfs)" "$(bind /t/file "$host/a" bind)"
	demo cat /file
	[[ $output == b ]]
	demo cat /t/file
	[[ $output == a ]]
}

@test "a relative source is in the bundle" {
	bundle "$(bind /data files bind)"
	mkdir files
	echo here >files/file
	demo cat /data/file
	[[ $output == here ]]
	cd /
	run ocirt run -b "$bundle" "$id"
	[[ $output == here ]]
}

@test "a relative destination is below / and warned of" {
	echo here >"$host/file"
	bundle "$(bind data/file "$host/file" bind)"
	demo cat /data/file
	expect_line here
	expect_line "mounts[7].destination"
}

@test "a source that is missing is an error that names the field" {
	bundle "$(bind /data /missing bind)"
	demo mounts
	expect_status 1
	expect_line "mounts[7].source: cannot open '/missing': No such file or directory"
	expect_no_container "$id"
}

@test "a bind needs no type, and an empty one is nothing else" {
	bundle "$(bind /a "$host" bind)" '.mounts += [{"destination": "/b", "source": "'"$host"'",
		"type": "none", "options": ["rbind"]}]' '.mounts += [{"destination": "/c",
		"source": "'"$host"'", "type": "bind"}]'
	touch "$host/here"
	local at
	for at in a b c; do
		demo ls /$at
		[[ $output == here ]]
	done
}

@test "a source is followed through a link, with src-nofollow the link is bound" {
	echo text >"$host/file"
	ln -s "$host/file" "$host/link"
	bundle "$(bind /followed "$host/link" bind)"
	demo cat /followed
	[[ $output == text ]]
	bundle_again "$(bind /kept "$host/link" bind src-nofollow)"
	ln -s /nowhere rootfs/kept
	change '.mounts[-1].options += ["dest-nofollow"]'
	demo readlink /kept
	expect_line "$host/file"
}

bundle_again() { # FILTER...
	rm -rf --one-file-system "$bundle"
	bundle "$@"
}

@test "copy-symlink makes the same link again" {
	ln -s /some/where "$host/link"
	bundle "$(bind /links/link "$host/link" bind copy-symlink)"
	demo readlink /links/link
	expect_line /some/where
	[[ $(readlink rootfs/links/link) == /some/where ]]
}

@test "a destination that is a link leads somewhere inside" {
	echo text >"$host/file"
	bundle "$(bind /link/file "$host/file" bind)"
	ln -s /../../../inside rootfs/link
	mkdir rootfs/inside
	demo cat /inside/file
	[[ $output == text ]]
	[[ ! -e /inside ]]
}

@test "tmpcopyup begins with what the tmpfs covers" {
	bundle "$(new tmpfs /etc tmpfs tmpcopyup)"
	mkdir -m 2750 rootfs/etc/sub
	echo deep >rootfs/etc/sub/file
	chown 12:34 rootfs/etc/sub/file
	chmod 604 rootfs/etc/sub/file
	ln -s sub/file rootfs/etc/link
	demo cat /etc/link
	[[ $output == deep ]]
	demo stat /etc/sub
	expect_fact mode 2750
	demo stat /etc/sub/file
	expect_fact mode 0604
	expect_fact uid 12
	expect_fact gid 34
	demo write /etc/new text
	expect_status 0
	[[ ! -e rootfs/etc/new ]]
}

# --- the root --------------------------------------------------------------------------------

@test "a read-only root cannot be written to, a writable one can" {
	bundle
	demo write /file text
	expect_status 1
	expect_line EROFS
	change '.root.readonly = false'
	demo write /file text
	expect_status 0
	[[ -e rootfs/file ]]
}

@test "an absolute root.path, and one that is a link" {
	bundle '.root.path = "'"$bundle"'/rootfs"'
	demo exit 3
	expect_status 3
	ln -s rootfs link
	change '.root.path = "link"'
	demo exit 4
	expect_status 4
}

@test "a root.path that is missing or no directory is an error that names it" {
	bundle '.root.path = "nowhere"'
	demo ids
	expect_status 1
	expect_line "root.path: cannot open"
	change '.root.path = "config.json"'
	demo ids
	expect_status 1
	expect_line "root.path:"
	expect_no_container "$id"
}

@test "--no-pivot gives the same view" {
	bundle
	change "$(args mounts)"
	run ocirt run "$id"
	local with_pivot=$output
	run ocirt run --no-pivot "$id"
	expect_status 0
	[[ $(grep -v /sys/fs/cgroup <<<"$output" | cut -d' ' -f1) == $(grep -v /sys/fs/cgroup <<<"$with_pivot" | cut -d' ' -f1) ]] ||
		complain "other mounts: $with_pivot"
	expect_no_line "$host"
}

# The mounts of the host, without those of others who are at work: other tests, managers.
mounts_here() {
	grep -F "$dir" /proc/self/mountinfo || :
	grep -vE '/(bats-run|run/netns)' /proc/self/mountinfo
}

@test "nothing that a container mounts is seen on the host" {
	local before
	before=$(mounts_here)
	standing "$(new tmpfs /data tmpfs)" "$(bind /host "$host" rbind)"
	[[ $(mounts_here) == "$before" ]] || complain "$(diff <(mounts_here) <(echo "$before"))"
	[[ -z $(ls rootfs/proc) ]]
}

# As systemd has it; what is mounted in a test is private for the sake of the other tests.
look_with_each_propagation() {
	local mode pivot before
	for mode in private slave shared unbindable; do
		change ".linux.rootfsPropagation = \"$mode\""
		for pivot in "" --no-pivot; do
			before=$(mounts_here)
			# shellcheck disable=SC2086 # no option or one
			ocirt create $pivot "$id" </dev/null >/dev/null
			ocirt start "$id"
			diff <(mounts_here) <(echo "$before") || echo "leaked: $mode $pivot"
			ocirt delete --force "$id"
		done
	done
}

@test "on a host that shares its mounts nothing is seen either, whatever rootfsPropagation is" {
	bundle "$(args sleep)" "$(bind /host "$host" rbind)" "$(new tmpfs /data tmpfs shared)"
	export OCIRT root id bundle dir
	export -f look_with_each_propagation mounts_here ocirt change
	run unshare --mount --propagation shared bash -c look_with_each_propagation
	expect_status 0
	[[ -z $output ]] || complain "seen on the host"
}

@test "a create that fails half way leaves no mount" {
	local before
	before=$(mounts_here)
	bundle "$(new tmpfs /data tmpfs)" "$(new nosuchfs /other none)"
	demo mounts
	expect_status 1
	expect_line "mounts[8].type"
	expect_line "nosuchfs"
	[[ $(mounts_here) == "$before" ]]
	expect_no_container "$id"
}

# --- an image that lies ----------------------------------------------------------------------

@test "/proc as a symbolic link is refused" {
	bundle
	rmdir rootfs/proc
	mkdir rootfs/elsewhere
	ln -s elsewhere rootfs/proc
	demo mounts
	expect_status 1
	expect_line "mounts[0].destination"
	expect_no_container "$id"
}

@test "/sys as a symbolic link is refused" {
	bundle
	rmdir rootfs/sys
	mkdir rootfs/elsewhere
	ln -s elsewhere rootfs/sys
	demo mounts
	expect_status 1
	expect_line "mounts[5].destination"
	expect_no_container "$id"
}

@test "/dev as a link to the host's creates nothing there" {
	mkdir "$host/canary"
	bundle 'del(.mounts[] | select(.destination | startswith("/dev")))' '.root.readonly = false'
	rmdir rootfs/dev
	ln -s "$host/canary" rootfs/dev
	demo ids
	[[ -z $(ls -A "$host/canary") ]]
	ln -sfn "../../../../../../../../..$host/canary" rootfs/dev
	demo ids
	[[ -z $(ls -A "$host/canary") ]]
}

# --- user namespaces -------------------------------------------------------------------------

@test "in a user namespace a bind mount keeps the flags that its source has" {
	mkdir "$host"/{strict,plain}
	mount -t tmpfs -o size=4k,ro,nosuid,nodev,noexec,noatime tmpfs "$host/strict"
	mount -t tmpfs -o size=4k,nosuid tmpfs "$host/plain"
	bundle '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] |
		.linux.gidMappings = .linux.uidMappings' \
		"$(bind /kept "$host/strict" bind)" "$(bind /more "$host/plain" bind ro)"
	chown -R 100000:100000 rootfs
	chmod 755 "$dir" "${BATS_TEST_TMPDIR:-$dir}" "$host"
	demo mounts
	expect_status 0
	expect_options /kept ro,nosuid,nodev,noexec,noatime
	expect_options /more ro,nosuid,relatime
}

# What was mounted outside of the user namespace that ocirt is in keeps its flags whatever is asked for.
@test "flags that are locked stay, and asking for their opposites says why that fails" {
	local word
	mkdir "$host/strict"
	mount -t tmpfs -o size=4k,ro,nosuid,nodev,noexec tmpfs "$host/strict"
	bundle "$(args mounts)" 'del(.mounts[] | select(.type == "cgroup" or .type == "sysfs"))' \
		"$(bind /kept "$host/strict" rbind ro)" 'del(.linux.resources)'
	inside() {
		unshare --user --map-root-user --mount "$OCIRT" --root "$root" \
			--cgroup-manager disabled run "$id"
	}
	run inside
	expect_status 0
	expect_options /kept ro,nosuid,nodev,noexec,relatime
	for word in rw suid dev exec; do
		change ".mounts[-1].options = [\"rbind\", \"$word\"]"
		run inside
		expect_status 1
		expect_line "mounts[5].options: cannot set the mount's flags: Operation not permitted"
		expect_line "hint: in a user namespace, flags that the host has set"
	done
}

@test "the gid of a devpts that is not mapped is left out" {
	bundle '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 5}] |
		.linux.gidMappings = .linux.uidMappings'
	jq -e '.mounts[] | select(.type == "devpts") | .options | index("gid=5")' config.json
	chown -R 100000:100000 rootfs
	chmod 755 "$dir" "${BATS_TEST_TMPDIR:-$dir}"
	demo mounts /dev/pts
	expect_status 0
	[[ $(super_of /dev/pts) != *gid=* ]]
}
