# SPDX-License-Identifier: LGPL-2.1-or-later
#
# inventory.jq -- what a process has that config.json does not say, or lacks what it says: one line each.
#
#	jq -Rrs --slurpfile config CONFIG --arg fds "3 4" -f inventory.jq INVENTORY
#
# An inventory is the text of `demo all`, or of inventory_of() in sec.bash. The mounts are judged one by
# one: each is of the configuration and has the flags that it asks for, at least.

def caps: "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
	NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
	SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
	AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
	PERFMON BPF CHECKPOINT_RESTORE" | [splits("\\s+")];

# A list of names as /proc/PID/status shows it: 16 digits.
def mask: (. // []) as $names
	| [caps | to_entries[] | select("CAP_" + .value | IN($names[])) | pow(2; .key)] | add // 0
	| [limit(16; recurse(. / 16 | floor)) % 16 | "0123456789abcdef"[.:. + 1]] | reverse | add;

# {"mounts": {"/proc": "options=rw ..."}, "status": {"CapInh": "..."}, ...}
def parts: reduce split("\n")[] as $line ({};
	if $line | test("^\\[[a-z]+\\]$") then .at = $line[1:-1]
	else ($line | capture("^(?<key>[^:]+):\\s*(?<value>.*)$") // {key: $line}) as {$key, $value}
		| .parts[.at // "before"][$key] = $value
	end) | .parts;

# After execve(2) a user other than root has what is ambient.
def wanted_status: (.process.capabilities // {}) as $c
	| (if .process.user.uid == 0 then $c else $c + {permitted: $c.ambient, effective: $c.ambient} end)
	| {CapInh: .inheritable, CapPrm: .permitted, CapEff: .effective, CapBnd: .bounding, CapAmb: .ambient}
	| map_values(mask);

def wanted_flags($point):
	if $point == "/" then if .root.readonly then ["ro"] else [] end
	elif any(.linux.maskedPaths[]?; . == $point) then ["ro", "nosuid", "noexec"]
	elif any(.linux.readonlyPaths[]?; . == $point) then ["ro"]
	elif $point | startswith("/sys/fs/cgroup") then ["ro", "nosuid", "nodev", "noexec"]
	elif $point | test("^/dev/(console|full|null|random|tty|urandom|zero)$") then []
	elif $point | startswith("/vol/") then [] # who shares the volume may rename what is mounted there
	else [.mounts[] | select(.destination == $point)] | last
		| if . then (.options // []) - ((.options // []) - ["ro", "nosuid", "nodev", "noexec"])
		else ["to be expected"] end
	end;

$config[0] as $config | parts as $has
| ($config | wanted_status
	+ {NoNewPrivs: (if .process.noNewPrivileges then "1" else "0" end)}
	+ if .linux.seccomp then {Seccomp: "2"} else {} end
	| to_entries[] | select($has.status[.key] != .value)
	| "\(.key) is \($has.status[.key]) instead of \(.value)"),
($has.mounts | to_entries[]
	| (.value | capture("options=(?<o>[^ ]*)").o / ",") as $flags
	| .key as $point | $config | wanted_flags($point) - $flags
	| select(. != []) | "the mount on \($point) is not \(join(", ")): \($flags | join(","))"),
(["0", "1", "2"] + ($fds / " ") - [""] | sort as $wanted
	| select(($has.fds | keys) != $wanted) | "descriptors: \($has.fds)"),
($has.cwd.cwd | select(. != $config.process.cwd) | "the working directory is \(.)")
