#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# An output is there whole or not at all: when the disk is full, a limit is reached, or the program
# is killed.

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
	folder="$BATS_TEST_TMPDIR/folder"
	mkdir "$folder"
}

# The run before failed to write, said why ($1), and left the folder empty.
failed_to_write() {
	[ "$status" -eq 1 ]
	[[ "$output" == *"$1"*"[E501]"* ]]
	[ -z "$(ls -A "$folder")" ]
}

# Makes a kernel of 40 MB, which takes a while to write.
make_large() {
	{
		cat tests/cli/sites.S
		printf '\t.data\n\t.fill 10000000, 4, 0x12345678\n'
	} >"$BATS_TEST_TMPDIR/large.S"
	gcc -m32 -nostdlib -static -no-pie -Wl,-Ttext=0xc1000000 -o "$BATS_TEST_TMPDIR/large" \
		"$BATS_TEST_TMPDIR/large.S"
}

@test "a file may not become that large: an error, and no file" {
	for command in "patch --allow-unpatched" "scan --format=json"; do
		run bash -c "ulimit -f 1; exec \"\$POSTBURN\" $command -o \"$folder/out\" \"$guest\""
		failed_to_write "File too large"
	done
}

@test "a full disk: an error, and no file" {
	cat >"$BATS_TEST_TMPDIR/run" <<-END
		mount -t tmpfs -o size=16k none "$folder" || exit 99
		"$POSTBURN" patch --allow-unpatched -o "$folder/out" "$guest"
		status=\$?
		ls -A "$folder"
		exit \$status
	END
	local namespace=(unshare --mount)
	[ "$(id -u)" -eq 0 ] || namespace+=(--map-root-user)
	"${namespace[@]}" true || skip "no mount namespace of our own"
	run "${namespace[@]}" sh "$BATS_TEST_TMPDIR/run"
	[ "$status" -eq 99 ] && skip "no tmpfs may be mounted"
	failed_to_write "No space left on device"
	[[ "$output" != *$'\n'out* ]]
}

@test "the old file stays when the new one cannot be written" {
	echo old >"$folder/out"
	run bash -c "ulimit -f 1; exec \"\$POSTBURN\" patch --allow-unpatched -o \"$folder/out\" \"$guest\""
	[ "$status" -eq 1 ]
	[ "$(ls -A "$folder")" = out ]
	[ "$(cat "$folder/out")" = old ]
}

@test "killed at any moment: the whole file, or none, and nothing else" {
	local killed=0 pid delay status
	make_large
	"$POSTBURN" patch --allow-unpatched -o "$BATS_TEST_TMPDIR/expected" \
		"$BATS_TEST_TMPDIR/large" >/dev/null || [ $? -eq 3 ]
	for delay in 0.{00..30..2}; do
		"$POSTBURN" patch --allow-unpatched -o "$folder/out" "$BATS_TEST_TMPDIR/large" \
			>/dev/null 2>&1 &
		pid=$!
		sleep "$delay"
		kill -KILL "$pid" 2>/dev/null || true
		status=0
		wait "$pid" || status=$?
		[ "$status" -ne 137 ] || killed=$((killed + 1))
		if [ -n "$(ls -A "$folder")" ]; then
			[ "$(ls -A "$folder")" = out ]
			cmp "$folder/out" "$BATS_TEST_TMPDIR/expected"
			rm "$folder/out"
		fi
	done
	[ "$killed" -gt 0 ]
}
