#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `postburn report` and `postburn diff`: what they show, and what they refuse.

bats_require_minimum_version 1.5.0

setup() {
	guest="$POSTBURN_BUILD/tests/cli/sites.elf"
	report="$BATS_TEST_TMPDIR/report.json"
	"$POSTBURN" patch --dry-run --report="$report" "$guest" >/dev/null
}

# The report with the changes of the jq program $1 as $2.
edit() {
	jq "$1" "$report" >"$BATS_TEST_TMPDIR/$2"
}

# Statistics of the native ROM.
make_stats() {
	cat >"$BATS_TEST_TMPDIR/stats.json" <<-'JSON'
		{"schema": "postburn-stats/1", "rom": "native",
		 "calls": [{"call": "RDMSR", "count": 7}, {"call": "DisableInterrupts", "count": 12345}],
		 "sites": [{"address": "0xc1000000", "count": 12345}],
		 "counts": [{"name": "page-faults", "count": 77}]}
	JSON
}

@test "text counts what the report counts" {
	run "$POSTBURN" report "$report"
	[ "$status" -eq 0 ]
	grep -q '^Sites    10: 8 rewritten, 2 native, 0 unpatched; 3 springboards of ' <<<"$output"
	grep -qE '^By call +sites +native +springboard$' <<<"$output"
	grep -qE '^SetCR3 +1 +1$' <<<"$output"
	[[ "$output" != *$'\033'* ]]
	[[ "$output" != *Unpatched* ]]
}

@test "text lists what is unpatched or trapped" {
	edit '.sites[1] |= (.method = "unpatched" | .reason = "branch") | .sites[2].method = "trap"' bad.json
	run "$POSTBURN" report "$BATS_TEST_TMPDIR/bad.json"
	[ "$(grep -A1 '^Unpatched$' <<<"$output" | tail -1 | tr -s ' ')" = "0xc1000006 _start+0x6 rdmsr branch" ]
	[ "$(grep -A1 '^By trap$' <<<"$output" | tail -1 | tr -s ' ')" = "0xc1000008 _start+0x8 wrmsr " ]
}

@test "several reports, and statistics, hottest first" {
	make_stats
	run "$POSTBURN" report --stats="$BATS_TEST_TMPDIR/stats.json" "$report" "$report"
	[ "$(grep -c '^Kernel   ' <<<"$output")" -eq 2 ]
	[ "$(grep -A1 '^Hottest calls' <<<"$output" | sed -n 2p | tr -s ' ')" = "DisableInterrupts 12345" ]
	grep -qE '^page-faults +77$' <<<"$output"
	edit '.rom.name = "xen"' xen.json
	run "$POSTBURN" report --stats="$BATS_TEST_TMPDIR/stats.json" "$BATS_TEST_TMPDIR/xen.json"
	[[ "$output" != *"Hottest calls"* ]]
}

@test "statistics as tools/rom-stats makes them of a console" {
	printf 'postburn-stats begin 1 native\r\npostburn-stats call 7 RDMSR 7\r\n%s\r\n%s\r\n' \
		'postburn-stats site 0xc1000006 7 7' 'postburn-stats end 3' |
		tools/rom-stats >"$BATS_TEST_TMPDIR/stats.json"
	run "$POSTBURN" report --stats="$BATS_TEST_TMPDIR/stats.json" "$report"
	[ "$status" -eq 0 ]
	[ "$(grep -A1 '^Hottest calls' <<<"$output" | sed -n 2p | tr -s ' ')" = "RDMSR 7" ]
	[ "$(grep -A1 '^Hottest sites' <<<"$output" | sed -n 2p | tr -s ' ')" = "0xc1000006 7" ]
}

@test "json is what was given" {
	make_stats
	run "$POSTBURN" report --format=json --stats="$BATS_TEST_TMPDIR/stats.json" "$report"
	[ "$(jq -S '.reports[0]' <<<"$output")" = "$(jq -S . "$report")" ]
	[ "$(jq -S '.stats[0]' <<<"$output")" = "$(jq -S . "$BATS_TEST_TMPDIR/stats.json")" ]
}

@test "sarif: a result for each site that is unpatched or trapped" {
	run "$POSTBURN" report --format=sarif "$report"
	[ "$(jq -r '.version, (.runs[0].results | length)' <<<"$output")" = $'2.1.0\n0' ]
	edit '.sites[1] |= (.method = "unpatched" | .reason = "branch") | .sites[2].method = "trap"
		| .input.name = "my kernel"' bad.json
	"$POSTBURN" report --format=sarif -o "$BATS_TEST_TMPDIR/sarif" "$BATS_TEST_TMPDIR/bad.json"
	tests/cli/check-json tests/cli/sarif.schema.json "$BATS_TEST_TMPDIR/sarif"
	[ "$(jq -c '.runs[0].results[0] | [.ruleId, .level, .message.text]' "$BATS_TEST_TMPDIR/sarif")" = \
		'["postburn/unpatched","error","rdmsr (RDMSR) is not rewritten: branch"]' ]
	[ "$(jq -c '.runs[0].results[1] | [.ruleId, .level, .message.text]' "$BATS_TEST_TMPDIR/sarif")" = \
		'["postburn/trap","warning","wrmsr (WRMSR) is rewritten by a trap: no reason is known"]' ]
	[ "$(jq -c '.runs[0].results[0].locations[0] | [.physicalLocation.artifactLocation.uri,
		.physicalLocation.address.absoluteAddress, .logicalLocations[0].fullyQualifiedName]' "$BATS_TEST_TMPDIR/sarif")" = \
		'["my%20kernel",3238002694,"_start+0x6"]' ]
}

@test "html is one file with the report in it, and nothing in the report can leave its place" {
	edit '.input.banner = "</script><script>alert(1)</script>" | .sites[0].symbol = "<b>"' odd.json
	"$POSTBURN" report --format=html -o "$BATS_TEST_TMPDIR/page.html" "$BATS_TEST_TMPDIR/odd.json"
	[ "$(grep -o '</script' "$BATS_TEST_TMPDIR/page.html" | wc -l)" -eq 2 ]
	run ! grep -qE '(src|href)="?(https?:)?//' "$BATS_TEST_TMPDIR/page.html"
	python3 - "$BATS_TEST_TMPDIR/page.html" "$BATS_TEST_TMPDIR/odd.json" <<-'PYTHON'
		import json, re, sys
		page, report = (open(path).read() for path in sys.argv[1:])
		data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1]
		assert json.loads(data) == {"reports": [json.loads(report)], "stats": []}
	PYTHON
}

@test "the same reports give the same bytes, in every format" {
	for format in text html json sarif; do
		"$POSTBURN" report --format=$format -o "$BATS_TEST_TMPDIR/one" "$report"
		"$POSTBURN" report --format=$format "$report" | cmp - "$BATS_TEST_TMPDIR/one"
	done
}

@test "names from a report are escaped" {
	edit '.input.name = "a\u001b[31mb"' odd.json
	run "$POSTBURN" report "$BATS_TEST_TMPDIR/odd.json"
	[[ "${lines[0]}" == 'Kernel   a\x1b[31mb (elf)' ]]
}

@test "diff: a report does not differ from itself" {
	run "$POSTBURN" diff "$report" "$report"
	[ "$status" -eq 0 ]
	[ "${lines[2]}" = "No site differs." ]
}

@test "diff of one kernel: sites lost, gained, rewritten another way" {
	edit 'del(.sites[0]) | .sites[1] |= (.method = "trap" | .reason = "branch")
		| .sites |= map(.window = null) | .windows |= map(.sites = [])' other.json
	run "$POSTBURN" diff "$report" "$BATS_TEST_TMPDIR/other.json"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == "--- $report: sites.elf, SHA-256 "*"ROM native, 10 sites" ]]
	[ "${lines[2]}" = "1 sites lost" ]
	[[ "${lines[3]}" == "- 0xc1000000  _start "*" springboard" ]]
	[ "${lines[4]}" = "1 sites rewritten another way" ]
	[[ "${lines[5]}" == "~ 0xc1000008  _start+0x8 "*" springboard -> trap (branch)" ]]
	run "$POSTBURN" diff "$BATS_TEST_TMPDIR/other.json" "$report"
	[ "$status" -eq 1 ]
	[ "${lines[2]}" = "1 sites gained" ]
	[[ "${lines[3]}" == "+ 0xc1000000  _start "* ]]
}

@test "diff of two kernels: sites are matched by symbol, wherever they moved" {
	# All addresses differ, and a second cli comes before the first one.
	edit '.input.sha256 = "0" * 64 | .sites |= map(.offset += 16 | .address |= sub("0xc10"; "0xc20"))
		| .sites |= [.[0] + {address: "0xc1fffff0", offset: 0}] + .
		| .sites |= map(.window = null) | .windows |= map(.sites = [])' other.json
	run "$POSTBURN" diff "$report" "$BATS_TEST_TMPDIR/other.json"
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 4 ]
	[ "${lines[2]}" = "1 sites gained" ]
	[[ "${lines[3]}" == "+ 0xc2000000  _start+0x10 "*" cli "* ]]
}

# The edited report is refused with diagnostic $2, and a message that has $3.
refuse() {
	edit "$1" bad.json
	run "$POSTBURN" report "$BATS_TEST_TMPDIR/bad.json"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == "postburn: error: $BATS_TEST_TMPDIR/bad.json: "*"[$2]" ]]
	[[ "${lines[0]}" == *"$3"* ]]
}

@test "what is no report is refused" {
	echo '{"schema": "postburn-report/1"' >"$BATS_TEST_TMPDIR/cut.json"
	run "$POSTBURN" report "$BATS_TEST_TMPDIR/cut.json"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[E583]" ]]
	echo '{"a": 1, "a": 2}' >"$BATS_TEST_TMPDIR/twice.json"
	run "$POSTBURN" report "$BATS_TEST_TMPDIR/twice.json"
	[[ "${lines[0]}" == *"line 1: duplicate object key"*"[E583]" ]]
	refuse '.schema = "postburn-report/2"' E584 "its schema is 'postburn-report/2', not 'postburn-report/1'"
	refuse '[]' E584 "its schema is 'none'"
	run "$POSTBURN" report --stats="$report" "$report"
	[[ "${lines[0]}" == *"[E584]" ]]
	run "$POSTBURN" report "$BATS_TEST_TMPDIR/missing.json"
	[[ "${lines[0]}" == "postburn: error: $BATS_TEST_TMPDIR/missing.json: cannot be opened"*"[E101]" ]]
}

@test "a member that is missing or of another type is refused by its name" {
	refuse 'del(.rom.region.parts)' E585 "rom.region.parts is not an array"
	refuse '.sites[2].text = 5' E585 "sites[2].text is not a string"
	refuse '.sites[2].call = null' E585 "sites[2].call is not a string"
	refuse '.windows[0].before[1] = []' E585 "windows[0].before[1] is not a string"
	refuse '.windows[1].springboard = 1' E585 "windows[1].springboard is not an object"
	refuse '.windows[1] = 1' E585 "windows[1] is not an object"
	refuse '.totals.sites = -1' E585 "totals.sites is not a number"
	refuse '.input.exact_references = 1' E585 "input.exact_references is not true or false"
	refuse '.sites[3].constraints = 1' E585 "sites[3].constraints is not an array"
	refuse '.sites[0].window = 3' E585 "sites[0].window is not the index of a window"
	refuse '.windows[2].sites[0] = 10' E585 "windows[2].sites[0] is not the index of a site"
	run "$POSTBURN" diff "$report" "$BATS_TEST_TMPDIR/bad.json"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"bad.json: "*"[E585]" ]]
}

@test "a file that is too large is refused" {
	truncate -s 257M "$BATS_TEST_TMPDIR/large.json" # a hole
	run "$POSTBURN" report "$BATS_TEST_TMPDIR/large.json"
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == *"[E586]" ]]
}

@test "-o is written whole or not at all" {
	run "$POSTBURN" report --format=html -o /dev/full "$report"
	[ "$status" -eq 1 ]
	run "$POSTBURN" report -o "$BATS_TEST_TMPDIR/missing/page" "$report"
	[ "$status" -eq 1 ]
	run "$POSTBURN" diff -o "$BATS_TEST_TMPDIR/diff" "$report" "$report"
	[ -z "$output" ]
	grep -q 'No site differs' "$BATS_TEST_TMPDIR/diff"
}

@test "usage" {
	run "$POSTBURN" report
	[ "$status" -eq 2 ]
	run "$POSTBURN" diff "$report"
	[ "$status" -eq 2 ]
	run "$POSTBURN" diff "$report" "$report" "$report"
	[ "$status" -eq 2 ]
	run "$POSTBURN" report --format=pdf "$report"
	[ "$status" -eq 2 ]
}
