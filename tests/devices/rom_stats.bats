#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/rom-stats: from the console to a file that `postburn report --stats` takes.

bats_require_minimum_version 1.5.0

rom_stats="$BATS_TEST_DIRNAME/../../tools/rom-stats"

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# A table as rom/stats/stats.c tells it, with $1 as the count of POPF, among other lines.
console() {
	printf 'Linux version 6.1\r\n'
	printf 'postburn-stats begin 1 xen\r\n'
	printf 'postburn-stats call 36 DisableInterrupts 12\r\n'
	printf '(XEN) something of its own\r\n'
	printf '[    1.0] no line endpostburn-stats call 97 POPF %s\r\n' "$1"
	printf 'postburn-stats site 0xc1001234 97 3\r\n'
	printf 'postburn-stats site 0xc1005678 - 1\r\n'
	printf 'postburn-stats count page-faults 99\r\n'
	printf 'postburn-stats end %s\r\n' "${2:-6}"
	printf '\xff\xfe last words\r\n'
}

@test "a table becomes a file of statistics" {
	console 5 >log
	"$rom_stats" log >stats.json
	[ "$(jq -r .schema stats.json)" = postburn-stats/1 ]
	[ "$(jq -r .rom stats.json)" = xen ]
	[ "$(jq -c '.calls[] | [.call, .count]' stats.json)" = '["DisableInterrupts",12]
["POPF",5]' ]
	[ "$(jq -c '.sites[] | [.address, .call, .count]' stats.json)" = '["0xc1001234",97,3]
["0xc1005678",null,1]' ]
	[ "$(jq -c '.counts[0] | [.name, .count]' stats.json)" = '["page-faults",99]' ]
	"$rom_stats" <log | cmp - stats.json
}

@test "the last whole table counts" {
	{
		console 5
		console 6
		console 7 | grep -v 'call 36'
		console 8 | grep -v ' end '
	} >log
	"$rom_stats" log >stats.json
	[ "$(jq '.calls[1].count' stats.json)" = 6 ]
}

@test "as text, with the most frequent first" {
	console 50 >log
	run -0 "$rom_stats" --text log
	[[ ${lines[0]} =~ ^'POPF (97)'\ +50$ ]]
	[[ ${lines[1]} =~ ^'DisableInterrupts (36)'\ +12$ ]]
	[[ $output =~ 'trap at 0xc1001234' ]]
	[[ $output =~ page-faults\ +99 ]]
}

# The console's text on stdin must be refused with this line.
refused() {
	cat >log
	run --separate-stderr "$rom_stats" log
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	# shellcheck disable=SC2154 # set by run
	echo "stderr: $stderr"
	[ "$stderr" = "rom-stats: error: $1" ]
}

@test "what is not whole is refused" {
	refused "no table: was rom=stats on the guest's command line?" <<<'Linux version 6.1'
	console 5 | grep -v ' end ' | refused 'the last table has no end'
	console 5 7 | refused 'line 9: 6 lines of 7 arrived'
	console five | refused 'line 5: cannot be read: [    1.0] no line endpostburn-stats call 97 POPF five'
	console 5 | sed 's/begin 1/begin 2/' | refused 'line 2: version 2 of the table, not 1'
	console 5 | sed 's/ count / total /' |
		refused 'line 8: cannot be read: postburn-stats total page-faults 99'
}

@test "a console that is not there" {
	run -1 "$rom_stats" nowhere
	[ "$output" = 'rom-stats: error: nowhere: No such file or directory' ]
}

@test "postburn report takes it" {
	console 5 | sed 's/begin 1 xen/begin 1 native/' >log
	"$rom_stats" log >stats.json
	"$POSTBURN" patch --dry-run --report=report.json "$POSTBURN_BUILD/tests/cli/sites.elf" >patch.log
	run -0 "$POSTBURN" report --stats=stats.json report.json
	[[ $output =~ DisableInterrupts\ +12 ]]
	[[ $output =~ 0xc1001234\ +3 ]]
}
